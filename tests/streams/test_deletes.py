"""Deletes from end to end: what the loader holds to be there is what the database has."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from operator import eq, ge, gt
from typing import TYPE_CHECKING, Any

import pytest

from tap_epicor.streams.deletes import why_kept
from tap_epicor.streams.reckoning import Reckoning
from tests.equality import differences
from tests.faults.test_kills import killed_run
from tests.sandboxes import Sandbox, sandbox
from tests.scripted import Reply, Request, serving
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


def summary_of(run: Run) -> list[dict[str, Any]]:
    """Return the reckonings in the log."""
    streams: list[dict[str, Any]] = json.loads(run.log.split("SUMMARY: ", 1)[1].splitlines()[0])["streams"]
    return streams


def test_deletes_pass_by_what_stream_maps_say_of_whole_rows(tmp_path: Path) -> None:
    """Two loaders' tables: one renamed with a column that fails without a row, one with a key of its own, filtered."""
    maps = {
        TRANSACTIONS: {"__alias__": "moves", "Upper": "PartNum.upper()"},
        "numbers": {
            "__source__": TRANSACTIONS,
            "__key_properties__": ["Number"],
            "__filter__": "PartNum > 'A'",
            "__else__": None,
            "Number": "'no. ' + str(TranNum)",
        },
    }
    with sandbox("--company", "EPIC06") as server:
        config = config_for(server, tmp_path, company="EPIC06", stream_maps=maps)
        catalog = choose(discover(tmp_path, config), TRANSACTIONS)
        first = tap(tmp_path, config, catalog=catalog)
        assert first.code == 0, first.log
        server.change(deletes=5, updates=7, seed=4, sets=[SETS[TRANSACTIONS]])
        second = tap(tmp_path, config, catalog=catalog, state=first.state)
        assert second.code == 0, second.log
        assert set(second.rows) == {"moves", "numbers"}
        left = [{**row} for row in live(second, "moves", first)]
        assert all(row.pop("Upper") == row["PartNum"].upper() for row in left)
        assert differences(server.database, {TRANSACTIONS: left}, ["EPIC06"]) == []
        numbers = {row["Number"] for row in live(second, "numbers", first)}
        assert numbers == {f"no. {row['TranNum']}" for row in left if row["PartNum"] > "A"}
        gone = [row for rows in second.rows.values() for row in rows if row["_sdc_deleted_at"]]
        (reckoned,) = summary_of(second)
        assert (reckoned["deleted"], reckoned["written"]) == (10, second.count() - 10)
        assert len(gone) == 10


def test_what_a_filter_of_stream_maps_keeps_back_is_not_counted_as_written(kinetic: Sandbox, tmp_path: Path) -> None:
    maps = {TRANSACTIONS: {"__filter__": "TranNum % 3 == 0"}}
    config = kinetic.config(service="Erp.BO.PartTranSvc", stream_maps=maps)
    run = tap(tmp_path, config, catalog=choose(discover(tmp_path, config), TRANSACTIONS))
    assert run.code == 0, run.log
    reckoned = summary_of(run)
    assert sum(one["written"] for one in reckoned) == run.count() > 0
    assert sum(one["received"] for one in reckoned) > 2 * run.count()


def test_a_run_without_deletes_in_between_is_told_by_it_and_by_the_next_one_with_them(tmp_path: Path) -> None:
    with sandbox("--company", "EPIC06") as server:
        config = config_for(server, tmp_path, company="EPIC06")
        catalog = choose(discover(tmp_path, config), TRANSACTIONS)
        first = tap(tmp_path, config, catalog=catalog)
        off = tap(tmp_path, {**config, "streams": {}}, catalog=catalog, state=first.state)
        assert "it had `deletes` before, and has none now" in off.log
        again = tap(tmp_path, {**config, "streams": {}}, catalog=catalog, state=off.state)
        assert "it had `deletes` before" not in again.log
        on = tap(tmp_path, config, catalog=catalog, state=again.state)
        assert on.code == 0, on.log
        assert "since the last sweep it was read without `deletes`" in on.log
        assert "without `deletes`" in summary_of(on)[0]["notes"][0]
        last = tap(tmp_path, config, catalog=catalog, state=on.state)
        assert "without `deletes`" not in last.log


def test_a_run_that_is_ended_while_it_sweeps_is_not_complete(tmp_path: Path) -> None:
    with sandbox("--company", "EPIC06") as server:
        config = config_for(server, tmp_path, company="EPIC06", page_size=10)
        files = {"config": config, "catalog": choose(discover(tmp_path, config), TRANSACTIONS)}
        command = [sys.executable, "-m", "tap_epicor"]
        for name, content in files.items():
            (tmp_path / name).write_text(json.dumps(content))
            command += [f"--{name}", str(tmp_path / name)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout
            assert process.stderr
            for line in process.stdout:
                if '"STATE"' in line and '"replication_key_value"' in line:
                    break
            server.switch(latency_ms=500)
            time.sleep(0.1)
            process.send_signal(signal.SIGTERM)
            log = process.communicate(timeout=20)[1]
        assert process.returncode == 143
        assert summary_of(Run(143, log))[0]["outcome"] == "interrupted"


def replaced(server: Sandbox, **more: Any) -> dict[str, Any]:
    """Return a configuration in which the parts are replaced as a whole."""
    streams = {"erp_part_parts": {"replication_key": ""}}
    given = {"service": "Erp.BO.PartSvc", "company": "EPIC06", "emit_activate_version_messages": True}
    return server.config(**{**given, "streams": streams, **more})


def test_an_answer_without_rows_that_no_count_bears_out_removes_nothing_from_the_loader(tmp_path: Path) -> None:
    with sandbox("--count", "refused") as server:
        config = replaced(server)
        catalog = choose(discover(tmp_path, config), "erp_part_parts")
        assert tap(tmp_path, config, catalog=catalog).kinds.count("ACTIVATE_VERSION") == 1
        empty = {"Content-Type": "application/json"}
        server.fault(path="Parts", status=200, body='{"value": []}', headers=empty, times=20)
        run = tap(tmp_path, config, catalog=catalog)
        assert "ACTIVATE_VERSION" not in run.kinds
        assert "no row of erp_part_parts (EPIC06) came, and no count says that there is none" in run.log


def test_a_set_that_the_server_counts_as_empty_is_emptied_in_the_loader(kinetic: Sandbox, tmp_path: Path) -> None:
    streams = {"erp_part_parts": {"replication_key": "", "filter": "PartNum eq 'no such part'"}}
    config = replaced(kinetic, streams=streams)
    run = tap(tmp_path, config, catalog=choose(discover(tmp_path, config), "erp_part_parts"))
    assert run.code == 0, run.log
    assert run.kinds.count("ACTIVATE_VERSION") == 1
    assert run.count() == 0


METADATA = b"""<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="Erp" xmlns="http://docs.oasis-open.org/odata/ns/edm"><EntityType Name="Part">
<Key><PropertyRef Name="Num"/></Key><Property Name="Num" Type="Edm.Int32" Nullable="false"/>
<Property Name="Text" Type="Edm.String"/></EntityType><EntityContainer Name="Erp">
<EntitySet Name="Parts" EntityType="Erp.Part"/></EntityContainer></Schema></edmx:DataServices></edmx:Edmx>"""


def ten_parts_of_which_the_third_fails(request: Request) -> Reply:
    """Answer as a server on whose third part a calculated column fails; its key can be read."""
    if request.path.endswith("$metadata"):
        return Reply(METADATA, headers={"Content-Type": "application/xml"})
    there = list(range(1, 11))
    for sign, value in re.findall(r"Num (ge|gt|eq) (\d+)", request.options.get("$filter", "")):
        there = [number for number in there if {"ge": ge, "gt": gt, "eq": eq}[sign](number, int(value))]
    rows = [{"Num": number, "Text": ""} for number in there][: int(request.options["$top"])]
    if any(row["Num"] == 3 for row in rows) and request.options.get("$select") != "Num":
        return Reply(status=500)
    return Reply({"value": rows, "@odata.count": len(there)})


def test_a_row_that_was_left_out_keeps_its_copy_in_the_loader(tmp_path: Path) -> None:
    with serving(ten_parts_of_which_the_third_fails) as server:
        signed = {"url": server.url, "api_version": "v2", "api_key": "k", "user": "u", "password": "p", "company": "A"}
        more = {"service": "Erp.BO.PartSvc", "unreadable_rows": "skip", "emit_activate_version_messages": True}
        run = tap(tmp_path, {**signed, **more})
    assert run.code == 0, run.log
    assert (run.count(), summary_of(run)[0]["skipped"]) == (9, 1)
    assert "ACTIVATE_VERSION" not in run.kinds
    assert "1 rows of erp_part_parts (A) that the server can't give were left out" in run.log


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (Reckoning("things", "B", "complete", counted_after=0), None),
        (Reckoning("things", "B", "complete", received=1), None),
        (Reckoning("things", "B", "complete"), "no row of things (B) came"),
        (Reckoning("things", "B", "complete", counted_after=2, received=1, skipped=1), "left out"),
        (Reckoning("things", "B", "failed", received=1, counted_after=1), "things (B) is failed"),
        (Reckoning("things", "B", "not read"), "things (B) is not read"),
        (Reckoning("things", "B", "incomplete", received=1, counted_after=3), "things (B) is incomplete"),
    ],
)
def test_a_loader_removes_rows_only_after_a_read_of_all_companies_that_is_proved(
    one: Reckoning, why: str | None
) -> None:
    told = why_kept([Reckoning("things", "A", "complete", received=3, counted_after=3), one])
    assert told is None if why is None else why in str(told)
