"""The bench works, and its server plays the sets that it says it does; how fast anything is, is not tested here."""

from __future__ import annotations

import cProfile
import json
import pstats
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from bench.metadata import DEAF_SERVICE
from bench.ranges import NotServed, ranges
from bench.rows import BLOCK, COLUMNS, KEY, digest, key_of, revision_of
from bench.runs import ROOT, Server, serving
from bench.stages import by_stage
from bench.ways import DLT_PYTHON
from tap_epicor.kinetic.query import beyond

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = 3 * BLOCK


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving([]) as running:
        yield running


def page(server: Server, version: str = "v2", service: str = "", **options: object) -> list[dict[str, Any]]:
    instance = server.instance(ROWS)
    address = instance.rows_address(version, service) if service else instance.rows_address(version)
    response = requests.get(address, {f"${name}": str(value) for name, value in options.items()}, timeout=30)
    response.raise_for_status()
    rows: list[dict[str, Any]] = response.json()["value"]
    return rows


def test_the_quick_run_finds_that_all_contenders_deliver_the_same_rows() -> None:
    command = [sys.executable, "-m", "bench", "--quick"]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    told, *others = done.stdout.split("###")[1:]
    assert [one.split("\n")[0].strip() for one in others] == ["Growth", "Waiting for the server"]
    lines = [line.split("|") for line in told.splitlines() if "`" in line]
    assert len(lines) == 12 + DLT_PYTHON.exists()
    assert {(line[2].strip(), line[3].strip()) for line in lines} == {("3,000", lines[0][3].strip())}


def test_a_page_across_blocks_holds_each_row_in_its_place(server: Server) -> None:
    rows = page(server, skip=BLOCK - 7, top=BLOCK + 20)
    assert [list(row) for row in rows[:1]] == [list(COLUMNS)]
    numbers = range(BLOCK - 7, 2 * BLOCK + 13)
    assert [tuple(row[name] for name in KEY) for row in rows] == [key_of(number) for number in numbers]
    assert [row["SysRevID"] for row in rows] == [revision_of(number) for number in numbers]


def test_only_columns_asked_for_come_unless_the_service_is_deaf(server: Server) -> None:
    assert list(page(server, select="OrderLine,OrderNum", top=1)[0]) == ["OrderNum", "OrderLine"]
    assert list(page(server, service=DEAF_SERVICE, select="OrderLine,OrderNum", top=1)[0]) == list(COLUMNS)


def test_in_version_1_decimals_and_long_integers_are_strings(server: Server) -> None:
    first, same = page(server, "v1", top=1)[0], page(server, top=1)[0]
    quoted = {name for name, value in first.items() if value != same[name]}
    assert quoted == {name for name, kind in COLUMNS.items() if kind in {"Edm.Decimal", "Edm.Int64"}}
    assert first["SysRevID"] == str(same["SysRevID"])


def test_rows_skipped_are_counted_as_touched(server: Server) -> None:
    instance = server.instance(ROWS)
    requests.get(instance.rows_address(), {"$skip": "100", "$top": "10"}, timeout=30).raise_for_status()
    counts = instance.counts()
    assert (counts["requests"], counts["rows"], counts["touched"]) == (1, 10, 110)


def test_a_condition_that_it_can_not_serve_is_refused(server: Server) -> None:
    address = server.instance(ROWS).rows_address()
    refused = requests.get(address, {"$filter": "PartNum eq 'EA'"}, timeout=30)
    assert refused.status_code == 400
    assert "PartNum" in refused.json()["ErrorMessage"]
    with pytest.raises(NotServed):
        ranges("OrderLine ge 2", ROWS)


@given(number=st.integers(0, ROWS - 1), inclusive=st.booleans(), company=st.booleans())
def test_what_lies_beyond_a_key_is_found_by_arithmetic(number: int, *, inclusive: bool, company: bool) -> None:
    literals = [json.dumps(value).replace('"', "'") for value in key_of(number)]
    parts = [*zip(KEY, literals, strict=True)][not company :]
    found = ranges(beyond(parts, inclusive=inclusive), ROWS)
    assert [row for one in found for row in one] == list(range(number + (not inclusive), ROWS))


@given(
    revision=st.integers(revision_of(0) - 3, revision_of(ROWS) + 3),
    sign=st.sampled_from(["gt", "ge", "lt", "le", "eq", "ne"]),
)
def test_revisions_are_compared_as_numbers(revision: int, sign: str) -> None:
    rows = range(400)
    holds = {
        "gt": int.__gt__, "ge": int.__ge__, "lt": int.__lt__, "le": int.__le__, "eq": int.__eq__, "ne": int.__ne__,
    }[sign]  # fmt: skip
    found = ranges(f"SysRevID {sign} {revision}", len(rows))
    assert [row for one in found for row in one] == [row for row in rows if holds(revision_of(row), revision)]


def test_time_in_what_is_built_in_counts_for_the_module_that_calls_it() -> None:
    profile = cProfile.Profile()
    profile.runcall(digest, [("EPIC06", 1, 2)] * 100)
    seconds = by_stage(pstats.Stats(profile))
    assert {"bench/rows.py", "bench/rows.py: method 'update' of '_hashlib.HASH' objects"} <= seconds.keys()
