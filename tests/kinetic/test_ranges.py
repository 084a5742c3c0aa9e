"""A set read in several ranges of its key at once: each row once, in order within its range, and resumed anywhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tap_epicor.kinetic.ahead import ahead, together
from tap_epicor.kinetic.found import Found
from tap_epicor.kinetic.load import Load
from tap_epicor.kinetic.order import Page
from tap_epicor.kinetic.pages import LostPlace
from tap_epicor.kinetic.plan import Part, make_plan
from tap_epicor.kinetic.ranges import Range, Spread, cut
from tap_epicor.kinetic.source import Rows, Source
from tests.kinetic.clients import client
from tests.kinetic.stock import Stock
from tests.scripted import Reply, serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

AT = Part("At", "Edm.DateTimeOffset")
COMPANY, NUM, CODE = Part("Company", "Edm.String"), Part("Num", "Edm.Int32"), Part("Code", "Edm.String")
KEYS = {"number": (NUM,), "company and number": (COMPANY, NUM), "string": (CODE,)}


def row(number: int) -> dict[str, Any]:
    return {"Company": "EPIC06", "Num": number, "Code": f"{number * 7 % 100:02d}"[::-1] + f"x{number}"}


def backwards(value: Any) -> Any:
    """Sort codes as Python does not."""
    return value[::-1] if isinstance(value, str) else value


class Shelf:
    """The stock of the moment, behind one server that takes some time to answer."""

    stock: Stock
    url: str
    seconds = 0.0
    under_way = 0
    most_under_way = 0

    def answer(self, request: Any) -> Reply:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        time.sleep(self.seconds)
        try:
            return self.stock.answer(request)
        finally:
            self.under_way -= 1


@pytest.fixture(scope="module")
def shelf() -> Iterator[Shelf]:
    shelf = Shelf()
    with serving(shelf.answer) as server:
        shelf.url = server.url
        yield shelf


def rows_of(url: str, connections: int = 4, version: str = "v2") -> Rows:
    kinetic = client(url, version, load=Load(connections))
    kinetic.readers.enter()
    return Rows(kinetic, Source("Erp.BO.ASvc", "As"), "EPIC06")


def numbers_by_page(
    rows: Rows, order: tuple[Part, ...], ranges: Sequence[Range], left: int | None, page_size: int = 5
) -> Iterator[tuple[list[int], tuple[Range, ...]]]:
    spread = Spread(rows, make_plan(order), page_size, skipped=None, ranges=ranges, left=left)
    for page, still in spread.pages():
        found = [one["Num"] for one in page.rows]
        page.rows.let_go()
        yield found, still


@given(
    numbers=st.sets(st.integers(0, 300), min_size=1, max_size=200),
    key=st.sampled_from(sorted(KEYS)),
    page_size=st.integers(1, 12),
    most=st.integers(2, 14),
    version=st.sampled_from(["v1", "v2"]),
    connections=st.integers(1, 5),
    interrupted_after=st.lists(st.integers(1, 8), max_size=3),
)
@settings(max_examples=int(os.environ.get("EXAMPLES", "60")), deadline=None, suppress_health_check=list(HealthCheck))
def test_each_row_comes_once_however_often_the_read_is_interrupted(shelf: Shelf, **drawn: Any) -> None:
    shelf.stock = Stock([row(number) for number in drawn["numbers"]], backwards, drawn["most"])
    rows = rows_of(shelf.url, drawn["connections"], drawn["version"])
    found: list[int] = []
    ranges: tuple[Range, ...] = (Range(),)
    for pages in [*drawn["interrupted_after"], None]:
        left = len(drawn["numbers"]) - len(found)
        read = numbers_by_page(rows, KEYS[drawn["key"]], ranges, left, drawn["page_size"])
        for number, (page, still) in enumerate(read, start=1):
            found += page
            ranges = still
            if number == pages:
                break
    assert sorted(found) == sorted(drawn["numbers"])


def test_ranges_hold_about_as_many_rows_each_and_all_of_them(shelf: Shelf) -> None:
    shelf.stock = Stock([row(number**2) for number in range(100)])
    ranges = cut(rows_of(shelf.url), (COMPANY, NUM), Range(("EPIC06", 19**2)), 80, 4)
    # A place counts from zero, so that a range may have a row more than another.
    assert [one.after for one in ranges] == [("EPIC06", 19**2), *(one.upto for one in ranges[:-1])]
    assert ranges[-1].upto is None
    ends = [one.upto[1] for one in ranges if one.upto]
    assert all(abs(end**0.5 - expected) <= 1 for end, expected in zip(ends, (39, 59, 79), strict=True))


def test_a_server_that_takes_its_time_is_asked_for_several_ranges_at_once(shelf: Shelf) -> None:
    shelf.stock = Stock([row(number) for number in range(200)])
    shelf.seconds, shelf.most_under_way = 0.05, 0
    began = time.monotonic()
    alone = [number for page, _ in numbers_by_page(rows_of(shelf.url, 1), (NUM,), [Range()], 200) for number in page]
    apart = time.monotonic()
    assert shelf.most_under_way == 1
    found = [number for page, _ in numbers_by_page(rows_of(shelf.url, 4), (NUM,), [Range()], 200) for number in page]
    shelf.seconds = 0.0
    assert shelf.most_under_way == 4
    assert sorted(found) == alone == list(range(200))
    assert time.monotonic() - apart < 0.75 * (apart - began)


def test_pages_that_came_at_once_are_not_in_what_is_cut(shelf: Shelf) -> None:
    stock = shelf.stock = Stock([row(number) for number in range(300)])
    found: list[int] = []
    for page, _ in numbers_by_page(rows_of(shelf.url), (NUM,), [Range()], 300):
        found += page
        if len(found) >= 100:
            shelf.seconds = 0.02
            continue
        began = time.thread_time()
        while time.thread_time() - began < 0.02:
            pass
    shelf.seconds = 0.0
    cuts = [(options["$filter"], int(options["$skip"])) for options in stock.asked if "$skip" in options]
    assert sorted(found) == list(range(300))
    assert len(cuts) == 3
    for condition, place in cuts:
        assert int(condition.rpartition(" ")[2]) + place < 270


def test_a_small_set_is_read_in_one(shelf: Shelf) -> None:
    shelf.stock = Stock([row(number) for number in range(30)])
    shelf.seconds, shelf.most_under_way = 0.01, 0
    list(numbers_by_page(rows_of(shelf.url), (NUM,), [Range()], 30))
    shelf.seconds = 0.0
    assert not any("$skip" in one for one in shelf.stock.asked)


def test_a_server_that_does_not_skip_is_read_in_one(shelf: Shelf) -> None:
    stock = shelf.stock = Stock([row(number) for number in range(100)])
    stock.answers = lambda options: Reply({"ErrorMessage": "no"}, status=400) if "$skip" in options else None
    shelf.seconds = 0.01
    found = [number for page, _ in numbers_by_page(rows_of(shelf.url), (NUM,), [Range()], 100) for number in page]
    shelf.seconds = 0.0
    assert found == list(range(100))


@pytest.mark.parametrize("sign", ["lt", "le"])
def test_an_upper_bound_that_the_server_ignores_is_noticed(shelf: Shelf, sign: str) -> None:
    stock = shelf.stock = Stock([row(number) for number in range(100)])
    stock.understands = lambda condition: condition.replace(f"Num {sign} ", "Num ne -").replace("Num le ", "Num ne -")
    with pytest.raises(LostPlace, match="rows that come after Num 49"):
        list(numbers_by_page(rows_of(shelf.url), (NUM,), [Range(None, (49,)), Range((49,))], None, 7))


def test_rows_that_an_upper_bound_leaves_out_too_many_are_noticed(shelf: Shelf) -> None:
    stock = shelf.stock = Stock([row(number) for number in range(100)])
    stock.understands = lambda condition: condition.replace("Num le 49", "Num le 40")
    with pytest.raises(LostPlace, match="leaves rows out that come before Num 49"):
        list(numbers_by_page(rows_of(shelf.url), (NUM,), [Range(None, (49,)), Range((49,))], None, 7))


def test_the_last_row_of_a_range_may_be_deleted_meanwhile(shelf: Shelf) -> None:
    stock = shelf.stock = Stock([row(number) for number in range(100)])
    found: list[int] = []
    for page, _ in numbers_by_page(rows_of(shelf.url), (NUM,), [Range(None, (49,))], None, 7):
        found += page
        stock.rows = [one for one in stock.rows if one["Num"] != 49]
    assert found == list(range(49))


def rounded(number: int) -> dict[str, Any]:
    """A row whose time is compared more exactly than it is shown, as SQL Server does with a `datetime`."""
    return {"At": f"2024-01-01T00:{number // 60:02d}:{number % 60:02d}.003Z", "Num": number}


@pytest.mark.parametrize("order", [(AT,), (AT, NUM)])
def test_no_row_is_lost_at_a_bound_whose_moment_is_rounded(shelf: Shelf, order: tuple[Part, ...]) -> None:
    stock = shelf.stock = Stock([rounded(number) for number in range(200)])
    stock.understands = lambda condition: re.sub(r"At (le|eq) (\S+)", r"At lt \2", condition)
    shelf.seconds = 0.01
    found = [number for page, _ in numbers_by_page(rows_of(shelf.url), order, [Range()], 200) for number in page]
    shelf.seconds = 0.0
    assert sorted(found) == list(range(200))


def test_the_process_ends_though_a_question_is_never_answered() -> None:
    code = (
        "import contextlib, threading, sys\n"
        "from tap_epicor.kinetic.ahead import all_at_once\n"
        "def fails(): raise SystemExit(7)\n"
        "all_at_once([threading.Event().wait, fails], contextlib.nullcontext)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=30).returncode == 7


def test_what_ends_one_range_ends_the_read() -> None:
    def fails() -> Iterator[Page]:
        yield page(1)
        raise LostPlace("gone", path="As")

    def goes_on() -> Iterator[Page]:
        for number in range(1000):
            time.sleep(0.001)
            yield page(number)

    with pytest.raises(LostPlace, match="gone"):
        list(together([goes_on(), fails()], nullcontext, at_once=2))


def test_places_are_given_back_one_by_one() -> None:
    left: list[int] = []
    reads = [iter([page(number)] * number) for number in range(1, 4)]
    came = list(together(reads, nullcontext, at_once=3, leave=lambda: left.append(1)))
    assert len(came) == 6 + 3
    assert len(left) == 2


def test_pages_are_fetched_while_the_one_before_is_written() -> None:
    fetching: list[str] = []

    def slow() -> Iterator[Page]:
        for number in range(4):
            fetching.append(threading.current_thread().name)
            time.sleep(0.02)
            yield page(number)

    assert [one.rows[0]["Num"] for one in ahead(slow(), nullcontext)] == [0, 1, 2, 3]
    assert fetching[0] == threading.current_thread().name
    assert set(fetching[3:]) != {threading.current_thread().name}


def test_pages_that_come_at_once_are_not_fetched_ahead() -> None:
    fetching: list[str] = []

    def quick() -> Iterator[Page]:
        for number in range(4):
            fetching.append(threading.current_thread().name)
            yield page(number)

    for _ in ahead(quick(), nullcontext):
        time.sleep(0.005)
    assert set(fetching) == {threading.current_thread().name}


def page(number: int) -> Page:
    return replace(Page(Found([{"Num": number}]), (number,)))
