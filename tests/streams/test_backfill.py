"""A backfill reads a range of some streams once more, and leaves the state as it was."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.sandboxes import Sandbox, sandbox
from tests.singer import Run, choose, discover, tap
from tests.streams.test_runs import reckoning, summary_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PARTS = "erp_part_parts"
TRANSACTIONS = "erp_parttran_parttrans"
LINES = "erp_salesorder_orderdtls"
SERVICES = "Erp.BO.PartSvc,Erp.BO.PartTranSvc,Erp.BO.SalesOrderSvc"
YEAR = {"column": "TranDate", "since": "2024-01-01", "until": "2025-01-01"}


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with sandbox("--company", "EPIC06", scale=300) as running:
        yield running


@pytest.fixture(scope="module", params=["v1", "v2"])
def loaded(
    request: pytest.FixtureRequest, server: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], dict[str, Any], Run]:
    """A configuration, a catalog, and the run that read everything."""
    folder = tmp_path_factory.mktemp("loaded")
    config = server.config(request.param, company="EPIC06", service=SERVICES)
    catalog = choose(discover(folder, config), PARTS, TRANSACTIONS, LINES)
    run = tap(folder, config, catalog=catalog)
    assert run.code == 0, run.log
    return config, catalog, run


Loaded = tuple[dict[str, Any], dict[str, Any], Run]


def keys(rows: list[dict[str, Any]]) -> set[int]:
    return {row["TranNum"] for row in rows}


def test_the_rows_of_a_range_come_again_and_the_state_stays_as_it_was(loaded: Loaded, tmp_path: Path) -> None:
    config, catalog, first = loaded
    config = {**config, "backfill": {TRANSACTIONS: YEAR}, "page_size": 20}
    run = tap(tmp_path, config, catalog=catalog, state=first.state)
    assert run.code == 0, run.log
    wanted = [row for row in first.rows[TRANSACTIONS] if str(row["TranDate"]).startswith("2024")]
    assert 0 < len(wanted) < len(first.rows[TRANSACTIONS])
    assert keys(run.rows[TRANSACTIONS]) == keys(wanted)
    assert run.rows.keys() == {TRANSACTIONS}
    assert json.dumps(run.state) == json.dumps(first.state)
    assert run.kinds[-1] == "STATE"
    one = reckoning(summary_of(run), TRANSACTIONS)
    assert one["notes"][0].startswith("backfill of the rows with TranDate ge ")


def test_a_backfill_without_a_state_writes_none(loaded: Loaded, tmp_path: Path) -> None:
    config, catalog, _ = loaded
    run = tap(tmp_path, {**config, "backfill": {"*parttrans": YEAR}}, catalog=catalog)
    assert run.code == 0, run.log
    assert run.state is None
    assert run.rows[TRANSACTIONS]


def test_without_a_column_it_goes_by_the_replication_key(loaded: Loaded, tmp_path: Path) -> None:
    config, catalog, first = loaded
    revisions = sorted(int(row["SysRevID"]) for row in first.rows[PARTS])
    since = revisions[len(revisions) // 2]
    run = tap(tmp_path, {**config, "backfill": {PARTS: {"since": since}}}, catalog=catalog, state=first.state)
    assert run.code == 0, run.log
    assert sorted(int(row["SysRevID"]) for row in run.rows[PARTS]) == [one for one in revisions if one >= since]
    assert run.state == first.state


def test_a_backfill_needs_no_catalog(loaded: Loaded, tmp_path: Path) -> None:
    config, _, first = loaded
    run = tap(tmp_path, {**config, "backfill": {TRANSACTIONS: YEAR}}, state=first.state)
    assert run.code == 0, run.log
    assert run.rows.keys() == {TRANSACTIONS}
    assert run.state == first.state


@pytest.mark.parametrize(
    ("backfill", "said"),
    [
        (
            {TRANSACTIONS: {"column": "PartNum", "since": "A"}},
            "is of type Edm.String: name a whole number or a date",
        ),
        ({TRANSACTIONS: {"column": "Nothing", "since": 1}}, "has no column 'Nothing'"),
        ({TRANSACTIONS: {"column": "trandate", "since": "2024-01-01"}}, "'trandate'; did you mean 'TranDate'?"),
        ({TRANSACTIONS: {"column": "TranDate", "since": "soon"}}, "'soon' is no value of TranDate"),
        ({TRANSACTIONS: {"since": "2024-01-01"}}, "SysRevID (Edm.Int64): write a whole number"),
        (
            {TRANSACTIONS: {"column": "TranDate", "since": "2025-01-01", "until": "2025-01-01T02:00:00+02:00"}},
            "`since` is not before `until`",
        ),
        ({LINES: {"since": 1}}, "`backfill` can't be done: the server"),
        ({"erp_nothing": {"since": 1}}, "erp_nothing is not read: `backfill` names it"),
        ({TRANSACTIONS: {"column": "TranDate"}}, "has neither `since` nor `until`"),
    ],
)
def test_what_can_not_be_done_is_told_and_moves_no_bookmark(
    loaded: Loaded, tmp_path: Path, backfill: dict[str, Any], said: str
) -> None:
    config, catalog, first = loaded
    run = tap(tmp_path, {**config, "backfill": backfill}, catalog=catalog, state=first.state)
    assert run.code == 1
    assert said in run.log
    assert "Traceback" not in run.log
    assert run.count() == 0
    assert run.state in (None, first.state)


def test_a_stream_that_is_replaced_as_a_whole_can_have_no_backfill(loaded: Loaded, tmp_path: Path) -> None:
    config, _, _ = loaded
    whole = {**config, "streams": {PARTS: {"replication_key": ""}}, "emit_activate_version_messages": True}
    whole["backfill"] = {PARTS: {"column": "CreatedOn", "since": "2024-01-01"}}
    run = tap(tmp_path, whole)
    assert run.code == 1
    assert "each run replaces all of its rows" in run.log
    assert run.count() == 0
    assert "ACTIVATE_VERSION" not in run.kinds


def test_rows_that_are_not_in_the_range_are_not_taken_for_deleted(loaded: Loaded, tmp_path: Path) -> None:
    config, catalog, _ = loaded
    config = {**config, "key_store": str(tmp_path / "keys"), "streams": {TRANSACTIONS: {"deletes": "sweep"}}}
    choose(catalog, TRANSACTIONS)
    first = tap(tmp_path, config, catalog=catalog)
    again = tap(tmp_path, {**config, "backfill": {TRANSACTIONS: YEAR}}, catalog=catalog, state=first.state)
    choose(catalog, PARTS, TRANSACTIONS, LINES)
    assert again.code == 0, again.log
    assert again.rows[TRANSACTIONS]
    assert all(row["_sdc_deleted_at"] is None for row in again.rows[TRANSACTIONS])
    assert again.state == first.state
