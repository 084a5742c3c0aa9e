"""Writers that take a revision at once and commit later."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tap_epicor.sandbox import truth

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.sandbox.conftest import Server

COMPANIES = ("EPIC06", "EPIC07")
HOUR = 3600
Rows = dict[Any, dict[str, Any]]


@pytest.fixture(autouse=True)
def none_left(own: Server) -> Iterator[None]:
    yield
    commit(own)


def rows(server: Server, service: str, name: str) -> Rows:
    """Return the rows of both companies by SysRowID."""
    found = (row for company in COMPANIES for row in truth.rows(server.database, service, name, company))
    return {row["SysRowID"]: row for row in found}


def every_row(server: Server) -> dict[tuple[str, Any], dict[str, Any]]:
    """Return the rows of all sets that changes may touch."""
    keyed = [(service, name) for service, name, key in truth.entity_sets() if key]
    return {(name, row): values for service, name in keyed for row, values in rows(server, service, name).items()}


def highest(server: Server) -> int:
    """Return the highest revision given so far, to a row or to none."""
    revision: int = server.change()["revision"]
    return revision


def begin(server: Server, writers: int = 1, **plan: Any) -> None:
    """Start writers that commit when they are told to, and wait until all have taken their revisions."""
    begun = writing(server)["open"] + writers
    start(server, {"shortest": HOUR, "longest": HOUR, "writers": writers, **plan})
    while writing(server)["waiting"] or writing(server)["open"] < begun:
        time.sleep(0.01)


def start(server: Server, plan: dict[str, Any]) -> None:
    requests.post(f"{server.origin}/sandbox/writers", json=plan, timeout=30).raise_for_status()


def commit(server: Server) -> dict[str, Any]:
    tally: dict[str, Any] = requests.post(f"{server.origin}/sandbox/writers/commit", timeout=60).json()
    return tally


def writing(server: Server) -> dict[str, Any]:
    tally: dict[str, Any] = requests.get(f"{server.origin}/sandbox/writers", timeout=30).json()
    assert tally["failed"] == []
    return tally


def test_a_writers_changes_are_not_to_be_seen_before_it_commits(own: Server) -> None:
    before = every_row(own)
    begin(own, inserts=2, updates=2, deletes=2)
    assert every_row(own) == before
    commit(own)
    after = every_row(own)
    assert len(set(after) - set(before)) >= 2
    assert len(set(before) - set(after)) >= 2


def test_a_late_commit_brings_revisions_below_ones_already_seen(own: Server) -> None:
    before = rows(own, "Erp.BO.PartTranSvc", "PartTrans")
    begin(own, inserts=2, updates=2, sets=["PartTrans"])
    own.change(updates=1, sets=["PartTrans"])
    seen = max(row["SysRevID"] for row in rows(own, "Erp.BO.PartTranSvc", "PartTrans").values())
    started = max(row["SysRevID"] for row in before.values())
    commit(own)
    after = rows(own, "Erp.BO.PartTranSvc", "PartTrans")
    late = [row["SysRevID"] for key, row in after.items() if row["SysRevID"] != before.get(key, row)["SysRevID"]]
    late += [row["SysRevID"] for key, row in after.items() if key not in before]
    assert len(late) == 5
    assert max(late) == seen
    assert all(started < revision < seen for revision in sorted(late)[:-1])


def test_revisions_count_up_for_everyone(own: Server) -> None:
    before = highest(own)
    begin(own, updates=3)
    held = highest(own)
    assert held > before
    own.change(updates=1)
    after = highest(own)
    commit(own)
    assert highest(own) == after > held


def test_no_row_ends_with_a_lower_revision_than_it_had(own: Server) -> None:
    parts = ("Erp.BO.PartSvc", "Parts")
    seen = [rows(own, *parts)]
    for number in range(5):
        begin(own, writers=5, updates=2, seed=number, sets=["Parts"])
        own.change(updates=10, late=5, seed=number, sets=["Parts"])
        seen.append(rows(own, *parts))
        commit(own)
        seen.append(rows(own, *parts))
    for before, after in pairwise(seen):
        assert all(after[key]["SysRevID"] >= row["SysRevID"] for key, row in before.items())
    assert seen[0] != seen[-1]


def test_revisions_stay_unique(own: Server) -> None:
    start(own, {"writers": 60, "over": 0.5, "longest": 0.5, "inserts": 1, "updates": 2, "seed": 3})
    while writing(own)["waiting"] + writing(own)["open"]:
        own.change(updates=5, inserts=1)
    moved = [row["SysRevID"] for row in rows(own, "Erp.BO.PartTranSvc", "PartTrans").values()]
    assert len(moved) == len(set(moved))
    assert max(moved) <= highest(own)


def test_hundreds_of_writers_commit_out_of_order(own: Server) -> None:
    done = writing(own)["committed"]
    before = rows(own, "Erp.BO.PartTranSvc", "PartTrans")
    start(own, {"writers": 200, "shortest": 0.0, "longest": 1.0, "seed": 1, "inserts": 1, "sets": ["PartTrans"]})
    while writing(own)["waiting"] + writing(own)["open"]:
        time.sleep(0.02)
    assert writing(own)["committed"] == done + 200
    after = rows(own, "Erp.BO.PartTranSvc", "PartTrans")
    came = [row["SysRevID"] for key, row in after.items() if key not in before]
    assert len(came) == 200
    with closing(sqlite3.connect(own.database)) as connection:
        newest = 'SELECT "SysRevID" FROM "PartTran" ORDER BY rowid DESC LIMIT 200'
        by_commit = [revision for (revision,) in connection.execute(newest)]
    assert set(by_commit) == set(came)
    steps = [later > sooner for later, sooner in pairwise(by_commit)]
    assert 50 < sum(steps) < 150


def test_references_stay_right_under_writers(own: Server) -> None:
    for number in range(4):
        begin(own, writers=10, inserts=2, deletes=3, seed=number, sets=["OrderDtls", "OrderRels"])
        own.change(inserts=20, deletes=30, seed=number, sets=["OrderDtls", "OrderRels"])
        commit(own)
    for company in COMPANIES:
        lines = {
            (row["OrderNum"], row["OrderLine"])
            for row in truth.rows(own.database, "Erp.BO.SalesOrderSvc", "OrderDtls", company)
        }
        releases = list(truth.rows(own.database, "Erp.BO.SalesOrderSvc", "OrderRels", company))
        assert {(row["OrderNum"], row["OrderLine"]) for row in releases} <= lines


def test_a_wrong_plan_is_refused(own: Server) -> None:
    answer = requests.post(f"{own.origin}/sandbox/writers", json={"writers": "many"}, timeout=30)
    assert answer.status_code == 400


def test_a_restored_database_has_its_rows_and_revisions_of_before(own: Server) -> None:
    requests.post(f"{own.origin}/sandbox/keep", timeout=30).raise_for_status()
    kept, revision = every_row(own), highest(own)
    begin(own, updates=2)
    own.change(inserts=20, updates=50, deletes=5)
    assert every_row(own) != kept
    requests.post(f"{own.origin}/sandbox/restore", timeout=30).raise_for_status()
    assert every_row(own) == kept
    assert highest(own) == revision
    commit(own)
    assert every_row(own) == kept
    assert len(own.rows("Erp.BO.CustomerSvc/Customers?$top=5000")) > 0


def test_a_restore_without_a_copy_is_refused(server: Server) -> None:
    answer = requests.post(f"{server.origin}/sandbox/restore", timeout=30)
    assert (answer.status_code, answer.json()) == (400, {"error": "no copy was kept: POST /sandbox/keep first"})
