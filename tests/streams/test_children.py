"""Child rows: every one comes once, with its parent, whatever the server does with `$expand`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from contextlib import closing
from copy import deepcopy
from dataclasses import fields
from sqlite3 import connect
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from tap_epicor.sandbox import truth
from tap_epicor.sandbox.switches import Switches
from tap_epicor.tap import EpicorTap
from tests.equality import COMPANIES, differences
from tests.sandboxes import Sandbox, sandbox
from tests.singer import Run, choose, discover, tap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVICE = "Erp.BO.SalesOrderSvc"
ORDERS, LINES, RELEASES = "erp_salesorder_salesorders", "erp_salesorder_orderdtls", "erp_salesorder_orderrels"
INLINE = {ORDERS: {"expand": "OrderDtls"}}
THROUGH = {LINES: {"through": "SalesOrders"}}
KEY = ("Company", "OrderNum", "OrderLine")
USUAL = {one.name: one.default for one in fields(Switches)}


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with sandbox(scale=150) as server:
        yield server


@pytest.fixture
def server(running: Sandbox) -> Sandbox:
    """A sandbox as it is by default: the child sets are traps, `$expand` works."""
    running.switch(**USUAL)
    running.requests()
    return running


CATALOGS: dict[str, dict[str, Any]] = {}
"""Catalogs by what they were made with."""


class Copy:
    """What a loader has after some runs of the tap.

    Args:
        folder: where the files of the runs are.
        server: the sandbox.
        streams: the streams that are selected, and their settings.
        version: the version of the API.
        given: further settings.
    """

    def __init__(
        self, folder: Path, server: Sandbox, streams: dict[str, Any], version: str = "v2", **given: Any
    ) -> None:
        self._folder = folder
        self._server = server
        self.config = server.config(
            version, **{"service": SERVICE, "overlap": 0, "overlap_minutes": 0, "streams": streams, **given}
        )
        made_with = json.dumps([self.config[name] for name in ("url", "api_version", "service", "streams")])
        if made_with not in CATALOGS:
            CATALOGS[made_with] = json.loads(EpicorTap(config=self.config).catalog_json_text)
        self.catalog = choose(deepcopy(CATALOGS[made_with]), *streams)
        self.state: dict[str, Any] | None = None
        self.rows: dict[str, dict[tuple[Any, ...], dict[str, Any]]] = {stream: {} for stream in streams}
        server.requests()

    def run(self, *, code: int = 0) -> Run:
        """Run the tap, and take what it sends."""
        run = tap(self._folder, self.config, catalog=self.catalog, state=self.state)
        assert run.code == code, run.log
        self.state = run.state or self.state
        for stream, rows in run.rows.items():
            for row in rows:
                key = tuple(row[name] for name in run.keys[stream])
                if row.get("_sdc_deleted_at"):
                    self.rows[stream].pop(key, None)
                else:
                    self.rows[stream][key] = row
        return run

    def differences(self) -> list[str]:
        """Return what is not as in the server's database."""
        found = []
        for stream, rows in self.rows.items():
            copies = {stream: [{name: row[name] for name in row if name != "OrderDtls"} for row in rows.values()]}
            if stream == ORDERS:
                copies[LINES] = [line for row in rows.values() for line in row["OrderDtls"]]
                keys = {tuple(str(line[name]) for name in KEY) for line in copies[LINES]}
                assert len(keys) == len(copies[LINES]), "child rows come twice"
            found += differences(self._server.database, copies)
        return found

    def paths(self) -> list[str]:
        """Return where requests went since the last time."""
        return [request["path"] for request in self._server.requests()]


BEHAVIOURS: list[tuple[str, dict[str, Any]]] = [
    ("v1", {}),
    ("v2", {}),
    ("v1", {"expand": "refused"}),
    ("v2", {"expand": "ignored"}),
    ("v1", {"expand": "capped", "top_default": 3}),
    ("v2", {"top_maximum": 4, "expand": "capped", "count": "refused"}),
    ("v1", {"decimals": "string", "int64": "string", "zone": "none"}),
    ("v2", {"nested": "missing", "child_filter": "own"}),
    ("v2", {"latency_ms": 15}),
]


@pytest.mark.parametrize(("version", "behaviour"), BEHAVIOURS, ids=str)
def test_every_child_row_comes_once(server: Sandbox, tmp_path: Path, version: str, behaviour: dict[str, Any]) -> None:
    copy = Copy(tmp_path, server, {**INLINE, **THROUGH}, version, page_size=5)
    server.switch(**behaviour)
    run = copy.run()
    for stream in (ORDERS, LINES):
        assert len(copy.rows[stream]) == len(run.rows[stream]) > 20
    assert copy.differences() == []


def test_child_rows_that_only_the_servers_count_misses_are_read_after_all(tmp_path: Path) -> None:
    with sandbox("--company", "EPIC06", "--expand", "capped", "--top-default", "1", scale=150) as server:
        with closing(connect(server.database)) as database:
            numbers = [row[0] for row in database.execute("SELECT OrderNum FROM OrderHed ORDER BY OrderNum")]
            # Too late to be among the first arrays of one row, too early to be the 16th.
            database.execute("DELETE FROM OrderDtl WHERE OrderLine > 1 AND OrderNum <> ?", numbers[11:12])
            database.commit()
        for streams in (INLINE, THROUGH):
            copy = Copy(tmp_path, server, streams, company="EPIC06")
            run = copy.run()
            assert re.search(
                r"OrderDtls: received \d+ rows; the server counted (\d+) .* the rows are read once more", run.log
            )
            (stream,) = streams
            lines = [line for row in copy.rows[stream].values() for line in row.get("OrderDtls", [row])]
            assert differences(server.database, {LINES: lines}, ["EPIC06"]) == []
            assert run.bookmark(stream)["cut"] == {"OrderDtls": [1]}
            assert "the rows are read once more" not in copy.run().log


def test_child_rows_that_the_server_counts_and_no_parent_has_make_the_code_say_so_once(tmp_path: Path) -> None:
    with sandbox("--company", "EPIC06", scale=150) as server:
        with closing(connect(server.database)) as database:
            database.execute("DELETE FROM OrderHed WHERE OrderNum = (SELECT max(OrderNum) FROM OrderDtl)")
            database.commit()
        for streams in (INLINE, THROUGH):
            copy = Copy(tmp_path, server, streams, company="EPIC06")
            run = copy.run(code=1)
            assert "which nothing explains, unless rows came and went, or have no parent" in run.log
            assert "1 of 1 reads are not complete" in run.log
            assert "not complete" not in copy.run().log, "the bookmark is that of the parents, and they are whole"


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_server_that_expands_is_asked_for_few_parents_on_their_own(
    server: Sandbox, tmp_path: Path, version: str
) -> None:
    copy = Copy(tmp_path, server, INLINE, version, page_size=5)
    copy.run()
    nested = sum(path.endswith(")/OrderDtls") for path in copy.paths())
    # In two companies eight parents of each number of child rows that was the greatest so far, by two requests each.
    assert 0 < nested <= 2 * 8 * 2 * max(len(row["OrderDtls"]) for row in copy.rows[ORDERS].values())


def test_a_server_that_does_not_expand_is_told_of(server: Sandbox, tmp_path: Path) -> None:
    copy = Copy(tmp_path, server, INLINE)
    server.switch(expand="refused")
    run = copy.run()
    assert "does not bring OrderDtls by $expand (HTTP 400: The property 'OrderDtls' cannot be used" in run.log


def test_child_rows_are_a_column_of_arrays_that_can_be_left_out(server: Sandbox, tmp_path: Path) -> None:
    copy = Copy(tmp_path, server, INLINE)
    (entry,) = [one for one in copy.catalog["streams"] if one["tap_stream_id"] == ORDERS]
    column = entry["schema"]["properties"]["OrderDtls"]
    assert column["type"] == ["array", "null"]
    assert column["items"]["properties"]["OrderQty"] == {"type": ["number", "null"]}
    (chosen,) = [one["metadata"] for one in entry["metadata"] if "OrderDtls" in one["breadcrumb"]]
    chosen["selected"] = False
    run = copy.run()
    assert all("OrderDtls" not in row for row in run.rows[ORDERS])
    assert not any("expand" in request["query"] for request in server.requests())


def test_what_changed_is_read_and_nothing_else(server: Sandbox, tmp_path: Path) -> None:
    server.switch(child_filter="own")
    copy = Copy(tmp_path, server, {**INLINE, **THROUGH}, "v1")
    assert f"{LINES} (EPIC06): the server filters these rows by their own columns: `through` is not n" in copy.run().log
    copy.run()
    server.change(inserts=2, updates=3, seed=11, sets=[f"{SERVICE}/OrderDtls"])
    changed = copy.run()
    assert 0 < len(changed.rows[ORDERS]) <= len(changed.rows[LINES]) <= 5
    assert copy.differences() == []
    server.change(updates=3, seed=12, sets=[f"{SERVICE}/SalesOrders"])
    moved = copy.run()
    assert (len(moved.rows[ORDERS]), len(moved.rows[LINES])) == (3, 0)
    assert copy.differences() == []
    assert copy.run().count() == 0


def test_a_change_of_a_child_alone_waits_for_a_read_of_everything_where_the_set_is_a_trap(
    server: Sandbox, tmp_path: Path
) -> None:
    copy = Copy(tmp_path, server, {ORDERS: {"expand": "OrderDtls", "full_every": 7}})
    copy.run()
    server.change(updates=4, seed=21, sets=[f"{SERVICE}/OrderDtls"])
    unnoticed = copy.run()
    assert unnoticed.count() == 0
    assert "a change of OrderDtls that leaves its parent alone is not noticed" in unnoticed.log
    assert copy.differences() != []
    assert copy.state
    for partition in copy.state["bookmarks"][ORDERS]["partitions"]:
        partition["read_whole"] -= 8 * 24 * 60 * 60
    assert "everything is read again, as `full_every` says" in copy.run().log
    assert copy.differences() == []
    assert copy.run().count() == 0


def test_a_stream_that_is_to_carry_child_rows_from_now_on_is_read_whole(server: Sandbox, tmp_path: Path) -> None:
    without = Copy(tmp_path, server, {ORDERS: {}})
    copy = Copy(tmp_path, server, INLINE)
    copy.state = without.run().state
    assert "(EPIC06): its rows have come without OrderDtls so far: everything is read" in copy.run().log
    assert copy.differences() == []
    assert copy.run().count() == 0


def test_a_clock_that_was_set_back_does_not_put_off_a_read_of_everything(server: Sandbox, tmp_path: Path) -> None:
    copy = Copy(tmp_path, server, {ORDERS: {"full_every": 7}}, company="EPIC06")
    now = copy.run().bookmark(ORDERS)["read_whole"]
    assert copy.state
    copy.state["bookmarks"][ORDERS]["partitions"][0]["read_whole"] = now + 365 * 24 * 60 * 60
    assert now <= copy.run().bookmark(ORDERS)["read_whole"] < now + 60


def test_children_of_parents_that_moved_are_read_through_them_and_no_others(server: Sandbox, tmp_path: Path) -> None:
    copy = Copy(tmp_path, server, THROUGH)
    first = copy.run()
    assert all({"Company", "OrderNum", "OrderLine"} <= row.keys() for row in first.rows[LINES])
    assert copy.run().count() == 0
    server.change(updates=2, seed=31, sets=[f"{SERVICE}/SalesOrders"])
    second = copy.run()
    assert {row["OrderNum"] for row in second.rows[LINES]} <= {row["OrderNum"] for row in first.rows[LINES]}
    assert 0 < second.count() < first.count() / 4
    assert copy.differences() == []


@pytest.mark.parametrize("streams", [INLINE, THROUGH], ids=["inline", "through"])
def test_a_first_load_that_was_interrupted_goes_on(server: Sandbox, tmp_path: Path, streams: Any) -> None:
    copy = Copy(tmp_path, server, streams, page_size=3, max_connections=1)
    server.fault(path=r"EPIC06/.*SalesOrders\?.*expand", status=404, skip=3)
    (first,) = copy.run(code=1).rows.values()
    (rest,) = copy.run().rows.values()
    keys = [tuple(row[name] for name in KEY if name in row) for row in [*first, *rest]]
    assert 0 < len(first) < len(keys) == len(set(keys))
    assert copy.differences() == []


def test_a_trap_is_told_with_the_way_out_of_it(server: Sandbox, tmp_path: Path) -> None:
    run = Copy(tmp_path, server, {LINES: {}}).run()
    assert "changes can't be tracked" in run.log
    assert "`through`" in run.log


def test_a_set_that_has_become_a_trap_is_read_whole(tmp_path: Path) -> None:
    with sandbox("--company", "EPIC06", "--child-filter", "own", scale=150) as server:
        copy = Copy(tmp_path, server, {LINES: {}}, company="EPIC06")
        copy.run()
        server.switch(child_filter="parent")
        server.change(updates=3, seed=5, sets=[f"{SERVICE}/OrderDtls"])
        assert "(EPIC06): changes can't be tracked: the server's $filter by SysRevID does not find" in copy.run().log
        assert differences(server.database, {LINES: copy.rows[LINES].values()}, ["EPIC06"]) == []


def test_a_parent_that_is_a_trap_itself_is_no_way(server: Sandbox, tmp_path: Path) -> None:
    run = Copy(tmp_path, server, {RELEASES: {"through": "OrderDtls"}}).run()
    assert "not read through OrderDtls, but from its own set: the server's $filter by SysRevID" in run.log


def test_where_no_way_leads_to_child_rows_that_is_said(server: Sandbox, tmp_path: Path) -> None:
    inline = Copy(tmp_path, server, INLINE)
    through = Copy(tmp_path, server, THROUGH)
    server.switch(expand="ignored", nested="missing")
    run = inline.run(code=1)
    assert "OrderDtls can't be read: not by $expand (it is ignored), nor by nested paths (HTTP 404" in run.log
    assert run.count() == 0
    assert "not read through SalesOrders, but from its own set: the child rows OrderDtls" in through.run().log
    assert through.differences() == []


def test_a_backfill_of_child_rows_goes_by_their_own_set_and_warns_of_nothing(server: Sandbox, tmp_path: Path) -> None:
    server.switch(child_filter="own")
    run = Copy(tmp_path, server, THROUGH, backfill={LINES: {"since": 1}}).run()
    assert run.count() > 20
    assert "WARNING" not in run.log


def test_deletes_are_found_in_what_is_read_through_parents(server: Sandbox, tmp_path: Path) -> None:
    streams = {LINES: {"through": "SalesOrders", "deletes": "sweep"}}
    copy = Copy(tmp_path, server, streams, key_store=str(tmp_path / "keys"), max_deletes=50)
    copy.run()
    server.change(deletes=4, seed=41, sets=[f"{SERVICE}/OrderDtls"])
    assert sum(bool(row["_sdc_deleted_at"]) for row in copy.run().rows[LINES]) == 4
    assert copy.differences() == []


def test_a_sweep_asks_for_keys_without_child_rows(server: Sandbox, tmp_path: Path) -> None:
    streams = {"erp_part_parts": {"expand": "PartWhses", "deletes": "sweep"}}
    copy = Copy(tmp_path, server, streams, service="Erp.BO.PartSvc", key_store=str(tmp_path / "keys"))
    assert all(isinstance(row["PartWhses"], list) for row in copy.run().rows["erp_part_parts"])
    asked = [unquote(request["query"]) for request in server.requests()]
    keys = [query for query in asked if "$top=1000" in query and query.endswith("$select=Company,PartNum")]
    assert keys
    assert not any("$expand" in query for query in keys)


@pytest.mark.parametrize("format_", ["jsonl", "parquet"])
def test_files_hold_child_rows_too(server: Sandbox, tmp_path: Path, format_: str) -> None:
    batch = {"encoding": {"format": format_}, "storage": {"root": (tmp_path / "files").as_uri()}}
    copy = Copy(tmp_path, server, INLINE, batch_config=batch)
    copy.run()
    if format_ == "parquet":
        import pyarrow.parquet as pq  # noqa: PLC0415

        files = (tmp_path / "files").glob("*.parquet")
        rows = [row for file in files for row in pq.read_table(file).to_pylist()]
    else:
        files = (tmp_path / "files").glob("*.json*")
        rows = [json.loads(line) for file in files for line in file.read_bytes().splitlines()]
    assert len(rows) > 20
    lines = [line for company in COMPANIES for line in truth.rows(server.database, SERVICE, "OrderDtls", company)]
    assert sum(len(row["OrderDtls"]) for row in rows) == len(lines)


def test_shards_of_a_stream_with_child_rows_bring_all_of_them(tmp_path: Path) -> None:
    streams = {**INLINE, **THROUGH}
    with sandbox("--company", "EPIC06", "--expand", "refused", scale=600) as server:
        config = server.config(service=SERVICE, company="EPIC06", streams=streams, page_size=20)
        catalog = choose(discover(tmp_path, config), ORDERS, LINES)
        for name, content in {"config": config, "catalog": catalog}.items():
            (tmp_path / f"{name}.json").write_text(json.dumps(content))
        files = [option for name in ("config", "catalog") for option in (f"--{name}", str(tmp_path / f"{name}.json"))]
        into = tmp_path / "shards"
        command = [sys.executable, "-m", "tap_epicor", "plan", "--shards", "2", "--into", str(into), *files]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        orders: list[dict[str, Any]] = []
        lines: list[dict[str, Any]] = []
        for number in (1, 2):
            run = tap(tmp_path, config, "--shard", str(into / f"shard-{number}.json"), catalog=catalog)
            assert run.code == 0, run.log
            orders += run.rows[ORDERS]
            lines += run.rows[LINES]
        nested = [line for order in orders for line in order.pop("OrderDtls")]
        for copies in ({ORDERS: orders, LINES: nested}, {LINES: lines}):
            assert differences(server.database, copies, ["EPIC06"]) == []
