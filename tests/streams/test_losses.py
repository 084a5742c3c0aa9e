"""Losses that nobody would see: rows that a server leaves out, a database that went back, late transactions."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.equality import differences
from tests.sandboxes import Sandbox, sandbox
from tests.scripted import Reply, Request, serving
from tests.singer import Run, choose, discover, tap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TRANSACTIONS = "erp_parttran_parttrans"
SETS = ["Erp.BO.PartTranSvc/PartTrans"]
VERSIONS = pytest.mark.parametrize("version", ["v1", "v2"])
SHORT: dict[str, Any] = {"overlap": 100, "overlap_minutes": 5}
"""So short that the young database of a test has rows below it."""


MOST_CHANGES = 4


@contextmanager
def lossy(server: Sandbox) -> Iterator[Sandbox]:
    """Stand before a server, leave rows out of the middle of its pages, and let others write meanwhile."""

    changes: list[int] = []

    def answer(request: Request) -> Reply:
        address = server.url.removesuffix("/kinetic") + request.path + f"?{request.raw_query}" * bool(request.raw_query)
        told = requests.get(address, headers=dict(request.headers), timeout=30)
        if not told.headers["Content-Type"].startswith("application/json"):
            return Reply(told.content, told.status_code, {"Content-Type": told.headers["Content-Type"]})
        content = told.json()
        if len(rows := content.get("value", [])) > 10 and len(changes) < MOST_CHANGES:
            content["value"] = [row for place, row in enumerate(rows) if not 5 < place < 10]
            server.change(updates=2, seed=len(changes), sets=SETS)
            changes.append(len(rows))
        return Reply(content, told.status_code)

    with serving(answer) as front:
        yield replace(server, url=front.url)


def missing(run: Run) -> dict[str, Any]:
    (line,) = [line.split("SUMMARY: ", 1)[1] for line in run.log.splitlines() if "SUMMARY: " in line]
    (one,) = json.loads(line)["streams"]
    found: dict[str, Any] = one
    return found


@VERSIONS
def test_a_server_that_leaves_rows_out_is_noticed_though_others_write_a_little_meanwhile(
    tmp_path: Path, version: str
) -> None:
    with sandbox("--company", "EPIC06") as server, lossy(server) as front:
        config = front.config(version, service="Erp.BO.PartTranSvc", company="EPIC06", page_size=50, **SHORT)
        catalog = choose(discover(tmp_path, config), TRANSACTIONS)
        run = tap(tmp_path, config, catalog=catalog)
        assert run.code == 1
        assert missing(run)["outcome"] == "incomplete"
        assert "rows came with a SysRevID up to" in run.log
        again = tap(tmp_path, {**config, "url": server.url}, catalog=catalog, state=run.state)
        assert again.code == 0, again.log
        assert differences(server.database, {TRANSACTIONS: again.rows[TRANSACTIONS]}, ["EPIC06"]) == []


def test_changes_that_a_server_leaves_out_once_are_read_by_the_next_run(tmp_path: Path) -> None:
    with sandbox("--company", "EPIC06") as server, lossy(server) as front:
        config = server.config(service="Erp.BO.PartTranSvc", company="EPIC06", **SHORT)
        catalog = choose(discover(tmp_path, config), TRANSACTIONS)
        first = tap(tmp_path, config, catalog=catalog)
        server.change(updates=200, seed=1, sets=SETS)
        second = tap(tmp_path, {**config, "url": front.url, "page_size": 50}, catalog=catalog, state=first.state)
        assert second.code == 0, second.log
        left_out = [row for run in (first, second) for row in run.rows[TRANSACTIONS]]
        assert differences(server.database, {TRANSACTIONS: left_out}, ["EPIC06"]) != []
        third = tap(tmp_path, config, catalog=catalog, state=second.state)
        assert third.code == 0, third.log
        rows = [row for run in (first, second, third) for row in run.rows[TRANSACTIONS]]
        assert differences(server.database, {TRANSACTIONS: rows}, ["EPIC06"]) == []


def test_a_database_that_went_back_a_little_is_noticed(tmp_path: Path) -> None:
    with sandbox("--company", "EPIC06") as server:
        config = server.config(service="Erp.BO.PartTranSvc", company="EPIC06", **SHORT)
        catalog = choose(discover(tmp_path, config), TRANSACTIONS)
        first = tap(tmp_path, config, catalog=catalog)
        server.keep()
        server.change(updates=10, seed=2, sets=SETS)
        second = tap(tmp_path, config, catalog=catalog, state=first.state)
        server.restore()
        third = tap(tmp_path, config, catalog=catalog, state=second.state)
        assert third.code == 0, third.log
        assert "the database was restored or copied" in third.log
        rows = [row for run in (first, second, third) for row in run.rows[TRANSACTIONS]]
        assert differences(server.database, {TRANSACTIONS: rows}, ["EPIC06"]) == []


def test_a_database_that_went_back_and_was_written_past_the_bookmark_is_noticed(tmp_path: Path) -> None:
    with sandbox("--company", "EPIC06") as server:
        config = server.config(service="Erp.BO.PartTranSvc", company="EPIC06", **SHORT)
        catalog = choose(discover(tmp_path, config), TRANSACTIONS)
        first = tap(tmp_path, config, catalog=catalog)
        server.keep()
        server.change(updates=10, seed=2, sets=SETS)
        second = tap(tmp_path, config, catalog=catalog, state=first.state)
        server.restore()
        # Revisions are counted over the whole database: the bookmark's is one of these, and no transaction has it.
        server.change(updates=20, seed=5, sets=["Erp.BO.CustomerSvc/Customers"])
        server.change(updates=3, seed=6, sets=SETS)
        third = tap(tmp_path, config, catalog=catalog, state=second.state)
        assert third.code == 0, third.log
        assert "of the bookmark, and has" in third.log
        assert "the database was restored or copied" in third.log
        rows = [row for run in (first, second, third) for row in run.rows[TRANSACTIONS]]
        assert differences(server.database, {TRANSACTIONS: rows}, ["EPIC06"]) == []


def test_a_row_that_changed_after_it_was_the_bookmarks_speaks_for_the_database(tmp_path: Path) -> None:
    with sandbox("--company", "EPIC06") as server:
        config = server.config(service="Erp.BO.PartTranSvc", company="EPIC06", **SHORT)
        catalog = choose(discover(tmp_path, config), TRANSACTIONS)
        first = tap(tmp_path, config, catalog=catalog)
        server.change(updates=10, seed=2, sets=SETS)
        second = tap(tmp_path, config, catalog=catalog, state=first.state)
        server.change(updates=5000, seed=3, sets=SETS)
        third = tap(tmp_path, config, catalog=catalog, state=second.state)
        assert third.code == 0, third.log
        assert "restored" not in third.log
        rows = [row for run in (first, second, third) for row in run.rows[TRANSACTIONS]]
        assert differences(server.database, {TRANSACTIONS: rows}, ["EPIC06"]) == []


def test_late_rows_are_read_after_a_start_value_though_its_read_was_interrupted(tmp_path: Path) -> None:
    with sandbox("--company", "EPIC06") as server:
        config = server.config(
            service="Erp.BO.PartTranSvc", company="EPIC06", start_value=1, page_size=20, overlap=0, timeout=2
        )
        catalog = choose(discover(tmp_path, config), TRANSACTIONS)
        server.write(writers=10, shortest=3600, longest=3600, inserts=1, updates=1, sets=SETS)
        server.await_writers("waiting")
        server.change(updates=200, seed=3, sets=SETS)
        server.fault(path=r"PartTrans\?.*SysRevID%20ge", status=400, body='{"ErrorMessage": "No."}', skip=4, times=99)
        first = tap(tmp_path, config, catalog=catalog)
        assert first.code == 1
        assert first.bookmark(TRANSACTIONS)["under_way"][1] == 0
        requests.delete(f"{server.admin}/faults", timeout=10).raise_for_status()
        second = tap(tmp_path, config, catalog=catalog, state=first.state)
        server.commit()
        third = tap(tmp_path, config, catalog=catalog, state=second.state)
        assert (second.code, third.code) == (0, 0)
        rows = [row for run in (first, second, third) for row in run.rows[TRANSACTIONS]]
        assert differences(server.database, {TRANSACTIONS: rows}, ["EPIC06"]) == []


def test_a_row_that_has_the_revision_which_was_another_rows_is_of_another_database(tmp_path: Path) -> None:
    with sandbox("--company", "EPIC06") as server:
        config = server.config(service="Erp.BO.PartTranSvc", company="EPIC06", **SHORT)
        catalog = choose(discover(tmp_path, config), TRANSACTIONS)
        first = tap(tmp_path, config, catalog=catalog)
        server.change(updates=10, seed=4, sets=SETS)
        second = tap(tmp_path, config, catalog=catalog, state=first.state)
        assert second.state
        for part in second.state["bookmarks"][TRANSACTIONS]["partitions"]:
            part["last"][-1] = "0"
        third = tap(tmp_path, config, catalog=catalog, state=second.state)
    assert third.code == 0, third.log
    assert "of the bookmark is another row's now" in third.log
    assert len(third.rows[TRANSACTIONS]) >= len(first.rows[TRANSACTIONS])
