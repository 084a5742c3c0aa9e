"""`discover` and `read`: the streams of the tap, its rows and its bookmarks, in Airbyte's protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests import singer
from tests.airbyte.connector import Output, choose, source
from tests.equality import differences, keyed_sets, stream_of
from tests.sandboxes import Sandbox, sandbox

if TYPE_CHECKING:
    from pathlib import Path

PARTS = "erp_part_parts"
TRANSACTIONS = "erp_parttran_parttrans"
LINES = "erp_salesorder_orderdtls"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("airbyte")


@pytest.fixture(scope="module")
def streams(kinetic: Sandbox, folder: Path) -> dict[str, dict[str, Any]]:
    return source(folder, "discover", config=kinetic.config(baqs="zCustomer01")).streams


@pytest.fixture(scope="module")
def first(kinetic: Sandbox, folder: Path, streams: dict[str, Any]) -> Output:
    """A first sync of everything."""
    return source(folder, "read", config=kinetic.config(baqs="zCustomer01"), catalog=choose(streams))


@pytest.fixture(scope="module")
def catalog(kinetic: Sandbox, folder: Path) -> dict[str, dict[str, Any]]:
    """What the tap itself discovers."""
    found = singer.discover(folder, kinetic.config(baqs="zCustomer01"))
    return {entry["tap_stream_id"]: entry for entry in found["streams"]}


def test_the_streams_are_those_of_the_tap(streams: dict[str, Any], catalog: dict[str, Any]) -> None:
    assert set(streams) == set(catalog)
    for name, stream in streams.items():
        assert list(stream["json_schema"]["properties"]) == list(catalog[name]["schema"]["properties"])
        assert stream.get("source_defined_primary_key", []) == [[key] for key in catalog[name]["key_properties"]]


def test_changes_can_be_read_where_the_tap_tracks_them(streams: dict[str, Any], catalog: dict[str, Any]) -> None:
    for name, stream in streams.items():
        tracked = catalog[name].get("replication_key") is not None
        assert stream["supported_sync_modes"] == ["full_refresh", *(["incremental"] if tracked else [])]
        assert stream["source_defined_cursor"] == tracked
        assert "default_cursor_field" not in stream, "the row that comes last is the one to keep"
        assert stream["is_resumable"] is False


def test_the_rows_are_those_that_the_tap_writes(
    kinetic: Sandbox, first: Output, catalog: dict[str, Any], folder: Path
) -> None:
    entries = {"streams": list(catalog.values())}
    for entry in entries["streams"]:
        for item in entry["metadata"]:
            if not item["breadcrumb"]:
                item["metadata"]["selected"] = True
    run = singer.tap(folder, kinetic.config(baqs="zCustomer01"), catalog=entries)
    assert run.code == 0, run.log
    assert first.code == 0, first.log("ERROR")
    assert {name: sorted(map(str, rows)) for name, rows in first.rows.items()} == {
        name: sorted(map(str, rows)) for name, rows in run.rows.items()
    }


def test_the_copy_equals_the_database(kinetic: Sandbox, first: Output) -> None:
    assert {stream_of(service, name) for service, name, _ in keyed_sets()} <= set(first.statuses)
    assert differences(kinetic.database, first.rows) == []


def test_each_stream_begins_runs_and_is_complete(first: Output) -> None:
    assert first.code == 0
    for name, said in first.statuses.items():
        assert said == ["STARTED", *(["RUNNING"] if first.rows[name] else []), "COMPLETE"], name
    assert first.errors == []


def test_each_state_is_its_streams_own_and_counts_the_rows_before_it(first: Output) -> None:
    counts: dict[str, int] = {}
    for message in first.messages:
        if message["type"] == "RECORD":
            counts[message["record"]["stream"]] = counts.get(message["record"]["stream"], 0) + 1
        if message["type"] == "STATE":
            state = message["state"]
            assert state["type"] == "STREAM"
            name = state["stream"]["stream_descriptor"]["name"]
            assert state["sourceStats"]["recordCount"] == counts.pop(name, 0)
            assert set(state["stream"]["stream_state"]) == {"columns", "partitions", "written"}
    assert counts == {}, "the last state of a stream stands behind its last row"


def test_each_stream_has_a_state_and_none_twice_in_a_row(first: Output) -> None:
    last: dict[str, Any] = {}
    for state in first.of("STATE"):
        name = state["stream"]["stream_descriptor"]["name"]
        assert state["stream"]["stream_state"] != last.get(name), "the platform fails a sync for that"
        last[name] = state["stream"]["stream_state"]
    assert set(last) == set(first.statuses)


def test_a_stream_says_nothing_more_after_it_is_complete(first: Output) -> None:
    done: set[str] = set()
    for message in first.messages:
        said = message.get("trace", {}).get("stream_status")
        if message["type"] == "STATE":
            assert message["state"]["stream"]["stream_descriptor"]["name"] not in done
        if message["type"] == "RECORD":
            assert message["record"]["stream"] not in done
        if said and said["status"] == "COMPLETE":
            done.add(said["stream_descriptor"]["name"])
    assert done


def test_a_later_page_of_a_stream_is_emitted_later(kinetic: Sandbox, folder: Path, streams: dict[str, Any]) -> None:
    config = kinetic.config(page_size=20, max_connections=1)
    done = source(folder, "read", config=config, catalog=choose(streams, TRANSACTIONS))
    moments = [record["emitted_at"] for record in done.of("RECORD")]
    assert moments == sorted(moments)
    assert len(set(moments)) >= len(moments) / 20


def test_the_next_sync_goes_on_from_the_states(tmp_path: Path) -> None:
    with sandbox(scale=60) as kinetic:
        config = kinetic.config(service="Erp.BO.PartSvc,Erp.BO.PartTranSvc", overlap=0, overlap_minutes=0)
        chosen = choose(source(tmp_path, "discover", config=config).streams, PARTS, TRANSACTIONS)
        before = source(tmp_path, "read", config=config, catalog=chosen)
        told = kinetic.change(inserts=4, updates=6, deletes=0, seed=3, sets=["Erp.BO.PartTranSvc/PartTrans"])
        after = source(tmp_path, "read", config=config, catalog=chosen, state=before.states)
        assert len(after.rows[TRANSACTIONS]) <= told["inserted"]["PartTran"] + told["updated"]["PartTran"]
        assert after.rows[PARTS] == []
        assert after.statuses == {PARTS: ["STARTED", "COMPLETE"], TRANSACTIONS: ["STARTED", "RUNNING", "COMPLETE"]}
        both = {name: before.rows[name] + after.rows[name] for name in (PARTS, TRANSACTIONS)}
        assert differences(kinetic.database, both) == []


def test_an_interrupted_first_load_goes_on_where_it_was(tmp_path: Path) -> None:
    with sandbox("--company", "EPIC06", scale=300) as kinetic:
        config = kinetic.config(
            service="Erp.BO.PartTranSvc", company="EPIC06", page_size=50, max_connections=1, completeness="off"
        )
        chosen = choose(source(tmp_path, "discover", config=config).streams, TRANSACTIONS)
        kinetic.fault(path="PartTrans", status=403, skip=6, times=100)
        before = source(tmp_path, "read", config=config, catalog=chosen)
        assert (before.code, before.statuses) == (1, {TRANSACTIONS: ["STARTED", "RUNNING", "INCOMPLETE"]})
        requests.delete(f"{kinetic.admin}/faults", timeout=10).raise_for_status()
        after = source(tmp_path, "read", config=config, catalog=chosen, state=before.states)
        assert after.code == 0, after.log("ERROR")
        rows = before.rows[TRANSACTIONS] + after.rows[TRANSACTIONS]
        assert 0 < len(before.rows[TRANSACTIONS]) < len(rows)
        assert len({row["SysRowID"] for row in rows}) == len(rows), "no row came twice"
        assert differences(kinetic.database, {TRANSACTIONS: rows}, ("EPIC06",)) == []


def test_a_full_refresh_reads_everything_whatever_the_state(
    kinetic: Sandbox, first: Output, folder: Path, streams: dict[str, Any]
) -> None:
    chosen = choose(streams, PARTS, mode="full_refresh", into="overwrite")
    done = source(folder, "read", config=kinetic.config(), catalog=chosen, state=first.states)
    assert len(done.rows[PARTS]) == len(first.rows[PARTS])
    partitions = done.states[0]["stream"]["stream_state"]["partitions"]
    assert partitions == [{"context": {"Company": "EPIC06"}}, {"context": {"Company": "EPIC07"}}]


def test_only_the_chosen_columns_are_asked_for_and_written(
    kinetic: Sandbox, folder: Path, streams: dict[str, Any]
) -> None:
    chosen = choose(streams, PARTS)
    wanted = ["Company", "PartNum", "PartDescription", "SysRevID"]
    schema = chosen["streams"][0]["stream"]["json_schema"]
    chosen["streams"][0]["stream"]["json_schema"] = {
        **schema,
        "properties": {name: schema["properties"][name] for name in wanted},
    }
    kinetic.requests()
    done = source(folder, "read", config=kinetic.config(), catalog=chosen)
    assert {tuple(row) for row in done.rows[PARTS]} == {tuple(wanted)}
    assert any("PartDescription" in entry["query"] for entry in kinetic.requests())


def test_a_stream_is_read_by_columns_that_were_not_chosen(
    kinetic: Sandbox, first: Output, folder: Path, streams: dict[str, Any]
) -> None:
    chosen = choose(streams, PARTS)
    schema = chosen["streams"][0]["stream"]["json_schema"]
    chosen["streams"][0]["stream"]["json_schema"] = {
        **schema,
        "properties": {"PartDescription": schema["properties"]["PartDescription"]},
    }
    done = source(folder, "read", config=kinetic.config(), catalog=chosen)
    assert done.code == 0, done.log("ERROR")
    assert {tuple(sorted(row)) for row in done.rows[PARTS]} == {("Company", "PartDescription", "PartNum", "SysRevID")}
    assert len(done.rows[PARTS]) == len(first.rows[PARTS])
    again = source(folder, "read", config=kinetic.config(overlap=0), catalog=chosen, state=done.states)
    assert len(again.rows[PARTS]) < len(first.rows[PARTS])


def test_services_that_were_not_chosen_are_not_missed(kinetic: Sandbox, folder: Path, streams: dict[str, Any]) -> None:
    config = kinetic.config(service="Erp.BO.PartSvc,Erp.BO.PartTranSvc", baqs="zCustomer01")
    done = source(folder, "read", config=config, catalog=choose(streams, PARTS))
    assert done.code == 0, done.log("ERROR")


def test_a_catalog_that_lost_what_the_streams_carry_is_read_all_the_same(
    kinetic: Sandbox, first: Output, folder: Path, streams: dict[str, Any]
) -> None:
    bare = {
        **streams[PARTS],
        "json_schema": {"type": "object", "properties": streams[PARTS]["json_schema"]["properties"]},
    }
    done = source(folder, "read", config=kinetic.config(), catalog=choose({PARTS: bare}))
    assert done.rows[PARTS] == first.rows[PARTS]


def test_a_catalog_with_what_streams_carry_costs_no_discovery(
    kinetic: Sandbox, folder: Path, streams: dict[str, Any]
) -> None:
    kinetic.requests()
    assert source(folder, "read", config=kinetic.config(), catalog=choose(streams, PARTS)).code == 0
    assert len([entry for entry in kinetic.requests() if "metadata" in entry["path"]]) == 1


def test_rows_that_are_gone_are_marked_as_airbytes_destinations_want(tmp_path: Path) -> None:
    with sandbox(scale=60) as kinetic:
        sweep = '{"*_parttrans": {"deletes": "sweep"}}'
        config = kinetic.config(service="Erp.BO.PartTranSvc", key_store=str(tmp_path / "keys"), streams=sweep)
        found = source(tmp_path, "discover", config=config).streams
        assert found[TRANSACTIONS]["json_schema"]["properties"]["_ab_cdc_deleted_at"]["format"] == "date-time"
        chosen = choose(found, TRANSACTIONS)
        before = source(tmp_path, "read", config=config, catalog=chosen)
        assert not any("deleted_at" in column for row in before.rows[TRANSACTIONS] for column in row)
        told = kinetic.change(deletes=5, seed=7, sets=["Erp.BO.PartTranSvc/PartTrans"])
        assert told["deleted"] == {"PartTran": 5}
        after = source(tmp_path, "read", config=config, catalog=chosen, state=before.states)
        rows = [*before.rows[TRANSACTIONS], *after.rows[TRANSACTIONS]]
        assert len([row for row in rows if row.get("_ab_cdc_deleted_at")]) == 5
        key = [name for (name,) in found[TRANSACTIONS]["source_defined_primary_key"]]
        last = {tuple(row[name] for name in key): row for row in rows}
        live = {TRANSACTIONS: [row for row in last.values() if not row.get("_ab_cdc_deleted_at")]}
        assert differences(kinetic.database, live) == []
