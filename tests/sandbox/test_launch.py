from __future__ import annotations

import sqlite3
import sys
from typing import TYPE_CHECKING

import pytest
import requests
from click.testing import CliRunner

from tap_epicor.commands.sandbox import sandbox
from tap_epicor.sandbox import guid, truth
from tests.sandbox.conftest import Server, start, stop

if TYPE_CHECKING:
    from pathlib import Path


def test_a_server_stops_quickly_on_sigterm() -> None:
    server = start("--scale", "50")
    requests.get(server.origin, timeout=10)
    assert stop(server) in {0, -15}


def test_a_database_file_is_used_again(tmp_path: Path) -> None:
    database = str(tmp_path / "kinetic.db")
    first = start("--scale", "50", "--database", database)
    changed = first.change(inserts=3)
    stop(first)
    second = start("--scale", "50", "--database", database)
    again = second.change()
    stop(second)
    assert again["revision"] == changed["revision"]


def test_the_same_seed_gives_the_same_rows(tmp_path: Path) -> None:
    pasts = []
    for name, seed in (("a", "7"), ("b", "7"), ("c", "8")):
        database = str(tmp_path / name)
        stop(start("--scale", "50", "--database", database, "--seed", seed))
        pasts.append(list(truth.rows(database, "Erp.BO.PartSvc", "Parts", "EPIC06")))
    assert pasts[0] == pasts[1] != pasts[2]


def test_revisions_may_begin_above_53_bits(tmp_path: Path) -> None:
    database = str(tmp_path / "kinetic.db")
    server = start("--scale", "50", "--database", database, "--first-revision", str(2**53 + 1))
    row = server.rows("Erp.BO.CustomerSvc/Customers?$top=1")[0]
    stop(server)
    assert row["SysRevID"] > 2**53


@pytest.mark.parametrize("scale", [50, 1000])
def test_the_scale_is_the_rows_of_the_biggest_table(tmp_path: Path, scale: int) -> None:
    database = str(tmp_path / "kinetic.db")
    stop(start("--scale", str(scale), "--database", database))
    with sqlite3.connect(database) as connection:
        (rows,) = connection.execute('SELECT count(*) FROM "PartTran"').fetchone()
    connection.close()
    assert rows == scale


def test_user_password_key_companies_and_switches_can_be_chosen() -> None:
    flags = ["--user", "u", "--password", "p", "--api-key", "k", "--company", "166075", "--top-default", "4"]
    server = start("--scale", "50", *flags)
    rows = server.v2("Erp.BO.PartSvc/Parts", company="166075").json()["value"]
    stop(server)
    assert (server.user, server.password, server.api_key, len(rows)) == ("u", "p", "k", 4)


def test_a_stored_guid_shows_as_it_was() -> None:
    text = "00000003-b615-4300-957b-34956697f040"
    assert guid.show(guid.store(text)) == text


def test_the_command_changes_rows_and_tells_them(own: Server) -> None:
    result = CliRunner().invoke(sandbox, ["change", "--url", own.url, "--inserts", "3", "--seed", "1"])
    assert result.exit_code == 0, result.output
    assert "inserted: " in result.output


def test_the_command_tells_when_no_server_is_there() -> None:
    result = CliRunner().invoke(sandbox, ["change", "--url", "http://127.0.0.1:1/kinetic"])
    assert result.exit_code == 1
    assert "did not make the changes" in result.output


def test_the_command_names_the_extra_when_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "tap_epicor.sandbox.server", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    result = CliRunner().invoke(sandbox, [])
    assert (result.exit_code, "pip install 'tap-epicor[sandbox]'" in result.output) == (1, True)


def test_the_commands_help_has_an_example() -> None:
    assert "Example: tap-epicor sandbox" in CliRunner().invoke(sandbox, ["--help"]).output
