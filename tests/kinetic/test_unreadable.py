"""Rows that make every answer fail that they would be in: named, and left out where that is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_epicor.kinetic.errors import ServerFailed, TooMuch
from tap_epicor.kinetic.pages import LostPlace, UnreadableRow
from tap_epicor.kinetic.plan import Part, make_plan
from tests.kinetic.stock import Stock, read_all
from tests.scripted import Reply, serving

if TYPE_CHECKING:
    from tap_epicor.kinetic.plan import Plan

KEY = (Part("Num", "Edm.Int32"),)
BY_KEY = make_plan(KEY)
BY_REVISION = make_plan(KEY, Part("SysRevID", "Edm.Int64"), since=-1)
BY_SKIP = make_plan(KEY, filters=False)
SEEKING = pytest.mark.parametrize("plan", [BY_KEY, BY_REVISION], ids=["key", "revision"])
FAILURES = pytest.mark.parametrize("failure", [Reply(status=500), Reply(status=504)], ids=["500", "504"])


def stock(count: int = 40, **faults: Any) -> Stock:
    rows = [{"Num": number, "SysRevID": number + 100} for number in range(count)]
    return Stock(rows, **faults)


@SEEKING
@FAILURES
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_row_that_cannot_be_read_is_named_and_ends_the_read(plan: Plan, failure: Reply, version: str) -> None:
    shelf = stock(poison=frozenset({23}), failure=failure)
    with serving(shelf.answer) as server:
        found, error = read_all(shelf, server.url, plan, 10, version=version)
    assert found == list(range(23))
    assert isinstance(error, UnreadableRow)
    assert "Num 23 can't be read: every answer fails that it would be in (HTTP" in error.message
    assert "`unreadable_rows` skip" in error.cure
    assert error.values


@SEEKING
def test_rows_that_cannot_be_read_are_left_out_with_a_warning(plan: Plan, caplog: pytest.LogCaptureFixture) -> None:
    shelf = stock(poison=frozenset({0, 22, 23, 37}))
    skipped: list[str] = []
    with serving(shelf.answer) as server:
        found, error = read_all(shelf, server.url, plan, 10, skipped=skipped)
    assert error is None
    assert found == [number for number in range(40) if number not in shelf.poison]
    assert [key.split("Num ")[1] for key in skipped] == ["0", "22", "23", "37"]
    assert [record.message for record in caplog.records if "left out" in record.message][1].startswith(
        "Erp.BO.ASvc/As: left out: the row with "
    )


def test_a_last_row_that_cannot_be_read_is_left_out_too() -> None:
    shelf = stock(poison=frozenset({39}))
    skipped: list[str] = []
    with serving(shelf.answer) as server:
        found, error = read_all(shelf, server.url, BY_KEY, 10, skipped=skipped)
    assert (found, error, skipped) == (list(range(39)), None, ["Num 39"])


@SEEKING
def test_a_row_whose_key_cannot_be_read_is_told_by_the_row_before_it(plan: Plan) -> None:
    shelf = stock(poison=frozenset({23}), hides_keys=True)
    skipped: list[str] = []
    with serving(shelf.answer) as server:
        found, error = read_all(shelf, server.url, plan, 10)
        others, none = read_all(shelf, server.url, plan, 10, skipped=skipped)
    assert found == list(range(23))
    assert isinstance(error, UnreadableRow)
    before = "Num 22" if plan is BY_KEY else "SysRevID 122"
    assert f"the row that comes after the one with {before} can't be read, nor its key" in error.message
    assert (others, none) == ([number for number in found_in(shelf) if number != 23], None)
    assert skipped == [f"the one after the one with {before}"]


def found_in(shelf: Stock) -> list[int]:
    return [row["Num"] for row in shelf.rows]


def test_a_read_goes_on_at_full_size_behind_a_row_that_was_left_out() -> None:
    shelf = stock(200, poison=frozenset({5}))
    with serving(shelf.answer) as server:
        read_all(shelf, server.url, BY_KEY, 16, skipped=[])
    assert [int(options["$top"]) for options in shelf.asked].count(17) >= 5


def test_an_interrupted_read_passes_a_row_that_cannot_be_read() -> None:
    shelf = stock(poison=frozenset({23}))
    skipped: list[str] = []
    with serving(shelf.answer) as server:
        found, error = read_all(shelf, server.url, make_plan(KEY, after=(22,)), 10, skipped=skipped)
    assert (found, error, skipped) == (list(range(24, 40)), None, ["Num 23"])


@FAILURES
def test_by_skip_a_row_that_cannot_be_read_is_told_by_its_position(failure: Reply) -> None:
    shelf = stock(poison=frozenset({23}), failure=failure)
    with serving(shelf.answer) as server:
        found, error = read_all(shelf, server.url, BY_SKIP, 10, skipped=[])
    assert found == list(range(23))
    assert isinstance(error, UnreadableRow)
    assert "row 24 in the order of Num can't be read" in error.message


def test_by_skip_a_first_row_that_cannot_be_read_is_told_by_its_position() -> None:
    shelf = stock(poison=frozenset({0}))
    with serving(shelf.answer) as server:
        found, error = read_all(shelf, server.url, BY_SKIP, 10)
    assert found == []
    assert isinstance(error, UnreadableRow)
    assert "row 1 in" in error.message


@SEEKING
@FAILURES
def test_a_server_that_fails_for_a_while_is_not_taken_for_an_unreadable_row(plan: Plan, failure: Reply) -> None:
    down = dict.fromkeys(range(3, 14), lambda _: failure)
    shelf = stock(befalls=down)
    skipped: list[str] = []
    with serving(shelf.answer) as server:
        found, error = read_all(shelf, server.url, plan, 10, skipped=skipped)
    assert skipped == []
    assert found == list(range(40)) if error is None else isinstance(error, ServerFailed | TooMuch)


@pytest.mark.parametrize("outage", range(3, 30))
def test_an_outage_that_ends_at_any_moment_leaves_out_no_row(outage: int) -> None:
    shelf = stock(befalls=dict.fromkeys(range(3, outage), lambda _: Reply(status=500)))
    skipped: list[str] = []
    with serving(shelf.answer) as server:
        found, error = read_all(shelf, server.url, BY_REVISION, 10, skipped=skipped)
    assert skipped == []
    assert found == list(range(40)) or error is not None


def test_a_filter_that_is_refused_with_500_is_not_taken_for_an_unreadable_row() -> None:
    shelf = stock(25)

    def refuse(stock: Stock) -> Reply | None:
        return Reply(status=500) if "Num" in stock.asked[-1].get("$filter", "") else None

    shelf.befalls = dict.fromkeys(range(1, 60), refuse)
    with serving(shelf.answer) as server:
        found, error = read_all(shelf, server.url, BY_KEY, 10, skipped=[])
    assert (found, error) == (list(range(25)), None)
    assert any("$skip" in options for options in shelf.asked)


def test_an_outage_does_not_make_an_interrupted_read_begin_anew() -> None:
    shelf = stock(befalls=dict.fromkeys(range(1, 100), lambda _: Reply(status=500)))
    with serving(shelf.answer) as server:
        _, error = read_all(shelf, server.url, make_plan(KEY, after=(22,)), 10)
    assert isinstance(error, ServerFailed)
    assert not isinstance(error, LostPlace)
