"""Deletes from end to end: what the loader holds to be there is what the database has."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.equality import differences
from tests.faults.test_kills import killed_run
from tests.sandboxes import Sandbox, sandbox
from tests.singer import Run, choose, discover, read_messages, tap

if TYPE_CHECKING:
    from pathlib import Path

TRANSACTIONS = "erp_parttran_parttrans"
LINES = "erp_salesorder_orderdtls"
SETS = {TRANSACTIONS: "Erp.BO.PartTranSvc/PartTrans", LINES: "Erp.BO.SalesOrderSvc/OrderDtls"}


def live(run: Run, stream: str, *before: Run) -> list[dict[str, Any]]:
    """Return the rows of a stream that a loader of all these runs takes to be there."""
    rows: dict[str, dict[str, Any]] = {}
    for row in (row for one in (*before, run) for row in one.rows[stream]):
        rows[json.dumps([row[name] for name in run.keys[stream]], default=str)] = row
    return [row for row in rows.values() if row["_sdc_deleted_at"] is None]


def config_for(server: Sandbox, folder: Path, version: str = "v2", **more: Any) -> dict[str, Any]:
    services = [name.partition("/")[0] for name in SETS.values()]
    streams = {name: {"deletes": "sweep"} for name in SETS}
    given: dict[str, Any] = {"key_store": str(folder / "keys"), "streams": streams, "service": services}
    return server.config(version, **{**given, **more})


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_deletes_reach_the_loader_also_of_a_set_that_can_not_be_filtered(tmp_path: Path, version: str) -> None:
    with sandbox() as server:
        config = config_for(server, tmp_path, version, max_deletes=30)
        catalog = choose(discover(tmp_path, config), *SETS)
        first = tap(tmp_path, config, catalog=catalog)
        told = server.change(deletes=12, seed=4, sets=list(SETS.values()))
        assert set(told["deleted"]) == {"PartTran", "OrderDtl"}
        server.change(inserts=3, updates=6, seed=4, sets=list(SETS.values()))
        second = tap(tmp_path, config, catalog=catalog, state=first.state)
        assert second.code == 0, second.log
        assert sum(told["deleted"].values()) == 12
        for stream in SETS:
            assert first.schemas[stream]["properties"]["_sdc_deleted_at"]["format"] == "date-time"
            assert {row["_sdc_deleted_at"] for row in first.rows[stream]} == {None}
            gone = [row for row in second.rows[stream] if row["_sdc_deleted_at"]]
            assert len(gone) == 6
            assert {tuple(row) for row in gone} == {(*second.keys[stream], "_sdc_deleted_at")}
            assert differences(server.database, {stream: live(second, stream, first)}) == []


def test_a_run_that_would_delete_too_much_deletes_nothing_and_fails(tmp_path: Path) -> None:
    with sandbox("--company", "EPIC06") as server:
        config = config_for(server, tmp_path, company="EPIC06")
        catalog = choose(discover(tmp_path, config), TRANSACTIONS)
        first = tap(tmp_path, config, catalog=catalog)
        server.change(deletes=60, seed=4, sets=[SETS[TRANSACTIONS]])
        second = tap(tmp_path, config, catalog=catalog, state=first.state)
        assert second.code == 1
        assert "60 of 300 rows are gone, and `max_deletes` allows 30" in second.log
        assert "run once with `max_deletes` 20;" in second.log
        assert "Traceback" not in second.log
        allowed = tap(tmp_path, {**config, "max_deletes": 20}, catalog=catalog, state=second.state)
        assert allowed.code == 0, allowed.log
        assert (
            differences(server.database, {TRANSACTIONS: live(allowed, TRANSACTIONS, first, second)}, ["EPIC06"]) == []
        )


def test_rows_that_killed_runs_have_sent_are_deleted_too(tmp_path: Path) -> None:
    with sandbox("--company", "EPIC06") as server:
        config = config_for(server, tmp_path, company="EPIC06", page_size=10, max_deletes=100)
        catalog = choose(discover(tmp_path, config), TRANSACTIONS)
        (tmp_path / "catalog.json").write_text(json.dumps(catalog))
        (tmp_path / "state.json").write_text("{}")
        killed = Run(0, "")
        for lines in (45, 120):
            read_messages(killed_run(tmp_path, config, lines), killed)
            server.change(deletes=60, inserts=20, seed=lines, sets=[SETS[TRANSACTIONS]])
        sent = len(live(killed, TRANSACTIONS)) if killed.keys else 0
        rest = tap(tmp_path, config, catalog=catalog)
        assert rest.code == 0, rest.log
        gone = [row for row in rest.rows[TRANSACTIONS] if row["_sdc_deleted_at"]]
        assert 0 < len(gone) < sent
        assert differences(server.database, {TRANSACTIONS: live(rest, TRANSACTIONS, killed)}, ["EPIC06"]) == []


def test_a_set_that_is_replaced_as_a_whole_needs_no_sweep(kinetic: Sandbox, tmp_path: Path) -> None:
    streams = {TRANSACTIONS: {"deletes": "sweep", "replication_key": ""}}
    more: dict[str, Any] = {"service": "Erp.BO.PartTranSvc", "emit_activate_version_messages": True}
    run = tap(tmp_path, config_for(kinetic, tmp_path, streams=streams, **more))
    assert run.code == 0, run.log
    assert "`deletes` has no effect: the stream is replaced as a whole" in run.log
    assert not (tmp_path / "keys").exists()


def test_a_set_without_a_key_is_read_and_not_swept(kinetic: Sandbox, tmp_path: Path) -> None:
    config = config_for(kinetic, tmp_path, streams={"*": {"deletes": "sweep"}}, service="Erp.BO.PartTranSvc")
    run = tap(tmp_path, config, catalog=choose(discover(tmp_path, config), "erp_parttran_list"))
    assert run.code == 0, run.log
    assert "erp_parttran_list: `deletes` has no effect: it has no key" in run.log
    assert run.count() > 0


def test_a_store_that_can_not_be_written_ends_the_run_before_a_row_is_sent(kinetic: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("")
    run = tap(tmp_path, config_for(kinetic, tmp_path, service="Erp.BO.PartTranSvc"))
    assert run.code == 1
    assert "`key_store`" in run.log
    assert "Traceback" not in run.log
    assert run.count() == 0
