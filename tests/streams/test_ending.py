"""Runs that the clock ends: between pages, with a state to go on from, and a code of their own."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.equality import differences
from tests.sandboxes import Sandbox, sandbox
from tests.singer import Run, choose, discover, tap
from tests.streams.test_runs import reckoning, summary_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PARTS = "erp_part_parts"
TRANSACTIONS = "erp_parttran_parttrans"
LINES = "erp_salesorder_orderdtls"
STOPPED = 75


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with sandbox("--company", "EPIC06", scale=300) as running:
        yield running


def run_slowly(server: Sandbox, folder: Path, config: dict[str, Any], stream: str) -> tuple[Run, dict[str, Any]]:
    """Return a run against a server that a few seconds are too little for, and the catalog that it had."""
    catalog = choose(discover(folder, config), stream)
    server.switch(latency_ms=150)
    try:
        return tap(folder, config, catalog=catalog), catalog
    finally:
        server.switch(latency_ms=0)


def config_of(server: Sandbox, **settings: Any) -> dict[str, Any]:
    return server.config(company="EPIC06", service="Erp.BO.PartTranSvc", page_size=10, max_connections=1, **settings)


def now() -> str:
    """Return quiet hours that it is within."""
    at = datetime.now(tz=UTC)
    return f"{at - timedelta(hours=1):%H:%M}-{at + timedelta(hours=1):%H:%M} UTC"


def check_stopped(run: Run, why: str) -> dict[str, Any]:
    """Check that the clock ended a run, and nothing else; return the summary."""
    assert run.code == STOPPED, run.log
    assert "Traceback" not in run.log
    assert "ERROR" not in run.log
    assert why in run.log
    summary = summary_of(run)
    assert not summary["complete"]
    assert why in summary["over"]
    return summary


@pytest.mark.parametrize("maps", [None, {TRANSACTIONS: {"PartNum": "PartNum"}}], ids=["by page", "row by row"])
def test_a_run_that_has_too_little_time_is_gone_on_with_by_the_next_ones(
    server: Sandbox, tmp_path: Path, maps: dict[str, Any] | None
) -> None:
    config = config_of(server, max_duration="3s", **({"stream_maps": maps} if maps else {}))
    run, catalog = run_slowly(server, tmp_path, config, TRANSACTIONS)
    one = reckoning(check_stopped(run, "its `max_duration` (3s) is over"), TRANSACTIONS)
    assert one["outcome"] == "stopped"
    assert one["notes"] == ["stopped, since its `max_duration` (3s) is over; the next run goes on from there"]
    assert run.kinds[-1] == "STATE"
    assert run.bookmark(TRANSACTIONS)["resume"]["received"] == run.count() > 0
    rest = tap(tmp_path, {**config, "max_duration": 5}, catalog=catalog, state=run.state)
    assert rest.code == 0, rest.log
    rows = [*run.rows[TRANSACTIONS], *rest.rows[TRANSACTIONS]]
    assert differences(server.database, {TRANSACTIONS: rows}, ["EPIC06"]) == []
    assert len(rows) == summary_of(rest)["streams"][0]["counted_after"]


def test_a_stream_that_can_not_go_on_in_the_middle_is_said_never_to_end(server: Sandbox, tmp_path: Path) -> None:
    config = {**config_of(server, max_duration="4s"), "service": "Erp.BO.SalesOrderSvc"}
    run, _ = run_slowly(server, tmp_path, config, LINES)
    one = reckoning(check_stopped(run, "`max_duration`"), LINES)
    assert one["received"] > 0
    assert "it can't go on in the middle, and the next run begins it anew: it never ends" in one["notes"][-1]


def test_a_page_whose_child_rows_take_longer_than_the_run_is_said_never_to_end(server: Sandbox, tmp_path: Path) -> None:
    orders = "erp_salesorder_salesorders"
    given = {"service": "Erp.BO.SalesOrderSvc", "streams": {orders: {"expand": "OrderDtls"}}}
    server.switch(expand="refused")
    run, _ = run_slowly(server, tmp_path, {**config_of(server, max_duration="3s"), **given}, orders)
    server.switch(expand="works")
    one = reckoning(check_stopped(run, "`max_duration`"), orders)
    assert one["written"] == 0
    assert "the next run begins it anew: it never ends, unless it gets more time" in one["notes"][-1]


def test_within_quiet_hours_nothing_is_asked_for_and_the_state_is_kept(server: Sandbox, tmp_path: Path) -> None:
    config = config_of(server, quiet_hours=now())
    catalog = choose(discover(tmp_path, config), TRANSACTIONS)
    state: dict[str, Any] = {"bookmarks": {PARTS: {"partitions": [{"context": {"Company": "EPIC06"}, "resume": {}}]}}}
    server.requests()
    run = tap(tmp_path, config, catalog=catalog, state=state)
    assert server.requests() == []
    assert run.count() == 0
    assert run.bookmark(PARTS) == state["bookmarks"][PARTS]["partitions"][0]
    one = reckoning(check_stopped(run, "within the `quiet_hours`"), TRANSACTIONS)
    assert one["outcome"] == "stopped"
    assert one["notes"] == ["not begun, since no time was left; the next run reads it"]


def test_outside_of_quiet_hours_all_is_read(server: Sandbox, tmp_path: Path) -> None:
    soon = datetime.now(tz=UTC) + timedelta(hours=1)
    run = tap(tmp_path, config_of(server, quiet_hours=f"{soon:%H:%M}-{soon + timedelta(hours=1):%H:%M} UTC"))
    assert run.code == 0, run.log


def test_a_connection_can_be_tested_within_quiet_hours(server: Sandbox, tmp_path: Path) -> None:
    run = tap(tmp_path, config_of(server, quiet_hours=now()), "--test")
    assert run.code == 0, run.log


def test_the_wait_before_another_try_ends_with_the_time(server: Sandbox, tmp_path: Path) -> None:
    config = config_of(server, max_duration="2s")
    catalog = choose(discover(tmp_path, config), TRANSACTIONS)
    server.fault(path=r"PartTrans\?", status=503, headers={"Retry-After": "300"}, body="Down.", times=1)
    began = time.monotonic()
    run = tap(tmp_path, config, catalog=catalog)
    assert time.monotonic() - began < 20
    one = reckoning(check_stopped(run, "`max_duration`"), TRANSACTIONS)
    assert one["notes"][-1].endswith("the next run begins where this one did")


def test_a_failure_outweighs_too_little_time(server: Sandbox, tmp_path: Path) -> None:
    config = {**config_of(server, max_duration="2s"), "service": "Erp.BO.PartSvc,Erp.BO.PartTranSvc"}
    catalog = choose(discover(tmp_path, config), PARTS, TRANSACTIONS)
    server.fault(path=r"Erp\.BO\.PartSvc/Parts\?", status=400, body='{"ErrorMessage": "It is broken."}', times=99)
    server.fault(path=r"PartTrans\?", status=503, headers={"Retry-After": "300"}, body="Down.", times=1)
    run = tap(tmp_path, config, catalog=catalog)
    assert run.code == 1
    summary = summary_of(run)
    assert reckoning(summary, PARTS)["outcome"] == "failed"
    assert reckoning(summary, TRANSACTIONS)["outcome"] == "stopped"
