"""The SDK's standard suite against a sandbox, and what that suite lets pass.

Its `primary_keys` compares generators, which are never equal, and its `valid_final_state` looks for a word where it
never stands: both pass whatever the tap writes. The tests below it look at keys and state for real.
"""

from __future__ import annotations

import atexit
import sqlite3
import threading
import time
from collections import Counter
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.testing import SuiteConfig, get_tap_test_class

from tap_epicor.sandbox import model, truth
from tap_epicor.tap import EpicorTap
from tests.equality import COMPANIES, differences, keyed_sets, stream_of
from tests.sandboxes import Sandbox, sandbox
from tests.singer import Run, discover, tap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVICES = "Erp.BO.PartSvc,Erp.BO.SalesOrderSvc"
SETTINGS: dict[str, Any] = {
    "service": SERVICES,
    "baqs": "zCustomer01,GLDetail",
    "streams": {
        "baq_zCustomer01": {"key": "Customer_CustNum"},
        "baq_GLDetail": {
            "key": "GLJrnDtl_FiscalYear,GLJrnDtl_JournalNum,GLJrnDtl_JournalLine",
            "replication_key": "GLJrnDtl_SysRevID",
            "parameters": {"FromDate": "2000-01-01"},
        },
    },
}
REVISION = "replication_key_value"

_open = ExitStack()
atexit.register(_open.close)
SERVER = _open.enter_context(sandbox(scale=60))
"""Runs from the import on, since the suite makes its tests of the streams that it finds."""

CONFIG = SERVER.config(**SETTINGS)

TestStandard = get_tap_test_class(
    EpicorTap,
    config=CONFIG,
    suite_config=SuiteConfig(max_records_limit=None),
    parse_env_config=False,
    # The suite syncs all streams that it is given: those that nobody selects are left out.
    catalog=EpicorTap(config=CONFIG).catalog_dict,
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A first run."""
    done = tap(tmp_path_factory.mktemp("standard"), CONFIG)
    assert done.code == 0, done.log
    return done


def sets() -> Iterator[tuple[str, str, str]]:
    """Yield the streams of keyed sets: name, service, set."""
    for service, name, _ in keyed_sets():
        if service in SERVICES.split(","):
            yield stream_of(service, name), service, name


def revisions(server: Sandbox, service: str, name: str, company: str) -> list[int]:
    return [int(str(row["SysRevID"])) for row in truth.rows(server.database, service, name, company)]


def test_no_key_is_null_and_none_comes_twice(run: Run) -> None:
    assert {"erp_part_parts", "erp_salesorder_orderdtls", "baq_zCustomer01", "baq_GLDetail"} <= run.rows.keys()
    for stream, rows in run.rows.items():
        assert run.keys[stream], stream
        keys = Counter(tuple(row[column] for column in run.keys[stream]) for row in rows)
        assert not [key for key, times in keys.items() if times > 1 or None in key], stream


def test_every_row_comes_after_its_schema_and_every_page_before_its_state(run: Run) -> None:
    assert run.kinds[0] in {"SCHEMA", "STATE"}
    assert run.kinds.index("SCHEMA") < run.kinds.index("RECORD")
    assert run.kinds[-1] == "STATE"


def test_the_final_state_holds_bookmarks_and_nothing_half_done(run: Run) -> None:
    assert run.state is not None
    assert run.state["bookmarks"].keys() == run.rows.keys() | set(run.schemas)
    for bookmarks in run.state["bookmarks"].values():
        for one in bookmarks["partitions"]:
            assert one.keys() <= {"context", "replication_key", REVISION, "filter", "seen"}


def test_every_incremental_stream_has_a_bookmark_or_a_reason(run: Run) -> None:
    for stream, _, _ in sets():
        for company in COMPANIES:
            told = f"{stream} ({company}): changes can't be tracked" in run.log
            assert (REVISION in run.bookmark(stream, company)) != told, stream
    for company in COMPANIES:
        assert run.bookmark("baq_GLDetail", company)[REVISION] > 0


def test_bookmarks_of_a_quiet_database_are_its_highest_revisions(run: Run) -> None:
    for stream, service, name in sets():
        for company in COMPANIES:
            if (told := run.bookmark(stream, company)) and REVISION in told:
                assert told[REVISION] == max(revisions(SERVER, service, name, company)), stream


def test_a_next_run_takes_the_state_and_brings_only_the_overlap(run: Run, tmp_path: Path) -> None:
    again = tap(tmp_path, {**CONFIG, "overlap": 0, "overlap_minutes": 0}, state=run.state)
    assert again.code == 0, again.log
    for stream, _, _ in sets():
        for company in COMPANIES:
            assert again.bookmark(stream, company).get(REVISION) == run.bookmark(stream, company).get(REVISION), stream
    tracked = {stream for stream, _, _ in sets() if REVISION in run.bookmark(stream)}
    assert tracked
    assert not tracked & again.rows.keys()


def test_no_row_below_a_bookmark_is_missing_while_others_write(tmp_path: Path) -> None:
    """A bookmark says: all rows up to here were written as they are. Rows above it are the next run's."""
    with sandbox("--latency-ms", "10", scale=150) as server:
        config = server.config(service=SERVICES, page_size=20, overlap=0, completeness="off")
        catalog = discover(tmp_path, config)
        before = highest(server)
        busy = threading.Event()
        writer = threading.Thread(target=write_until, args=(server, busy))
        writer.start()
        first = tap(tmp_path, config, catalog=catalog)
        busy.set()
        writer.join()
        assert first.code == 0, first.log
        assert highest(server) > before
        for stream, service, name in sets():
            for company in COMPANIES:
                assert_all_below(server, first, stream, (service, name, company))
        second = tap(tmp_path, config, catalog=catalog, state=first.state)
        copies = {stream: first.rows[stream] + second.rows[stream] for stream, _, _ in sets()}
        assert differences(server.database, copies) == []


def write_until(server: Sandbox, enough: threading.Event) -> None:
    changed = [f"{service}/{name}" for _, service, name in sets()]
    seed = 0
    while not enough.is_set():
        seed += 1
        server.change(inserts=2, updates=3, deletes=0, seed=seed, sets=changed)
        time.sleep(0.02)


def assert_all_below(server: Sandbox, run: Run, stream: str, where: tuple[str, str, str]) -> None:
    bookmark = run.bookmark(stream, where[2]).get(REVISION)
    if bookmark is None:
        return
    written = {row["SysRevID"] for row in run.rows[stream]}
    there = revisions(server, *where)
    assert bookmark <= max(there), stream
    assert {revision for revision in there if revision <= bookmark} <= written, stream


def highest(server: Sandbox) -> int:
    tables = [table.name for table in model.load().tables.values() if "SysRevID" in table.columns]
    with closing(sqlite3.connect(server.database, timeout=30)) as connection:
        found = [connection.execute(f'SELECT max(SysRevID) FROM "{table}"').fetchone()[0] for table in tables]
    return max(int(value) for value in found if value is not None)
