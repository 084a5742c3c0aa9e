"""A plan tells how many requests a run makes, before it makes them."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from tap_epicor.cli import make_command
from tests.sandboxes import Sandbox, sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVICES = "Erp.BO.PartTranSvc,Erp.BO.SalesOrderSvc"
TRANSACTIONS, ORDERS = "erp_parttran_parttrans", "erp_salesorder_salesorders"


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with sandbox(scale=1000) as running:
        yield running


@contextmanager
def switched(server: Sandbox, before: dict[str, Any], **values: Any) -> Iterator[None]:
    server.switch(**values)
    try:
        yield
    finally:
        server.switch(**before)


def planned(folder: Path, server: Sandbox, stream: str, **settings: Any) -> dict[str, Any]:
    """Return what the plan says of a stream."""
    config = server.config(service=SERVICES, company="EPIC06", page_size=100, **settings)
    (folder / "config.json").write_text(json.dumps(config))
    result = CliRunner().invoke(make_command(), ["plan", "--config", str(folder / "config.json"), "--json"])
    assert result.exit_code == 0, result.output
    reads = {one["stream"]: one for one in json.loads(result.stdout)["reads"]}
    said: dict[str, Any] = reads[stream]
    return said


def test_pages_are_those_that_the_server_gives(server: Sandbox, tmp_path: Path) -> None:
    with switched(server, {"top_maximum": 5000}, top_maximum=20):
        assert planned(tmp_path, server, TRANSACTIONS)["pages"] == 40


def test_the_keys_that_are_read_for_deletes_count(server: Sandbox, tmp_path: Path) -> None:
    usual = planned(tmp_path, server, TRANSACTIONS)
    sweeps = {"streams": {"*": {"deletes": "sweep"}}, "key_store": str(tmp_path / "keys")}
    assert planned(tmp_path, server, TRANSACTIONS, **sweeps)["requests"] >= usual["requests"] + usual["pages"]


def test_child_rows_that_are_read_parent_by_parent_count(server: Sandbox, tmp_path: Path) -> None:
    expand = {"streams": {"erp_salesorder_salesorders": {"expand": "OrderDtls"}}}
    usual = planned(tmp_path, server, ORDERS, **expand)
    with switched(server, {"expand": "works"}, expand="refused"):
        nested = planned(tmp_path, server, ORDERS, **expand)
    assert nested["requests"] >= usual["requests"] + 2 * nested["rows"]


def test_why_changes_can_not_be_tracked_stands_beside_the_way_and_not_in_warnings(
    server: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    said = planned(tmp_path, server, "erp_salesorder_orderdtls")["way"]
    assert "; changes can't be tracked: the server's $filter by SysRevID does not find the rows" in said
    assert not caplog.records
