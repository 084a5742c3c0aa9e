"""Answers that contradict the request: an error that shows the row, in each way of reading and both API versions."""

from __future__ import annotations

import re
from decimal import Decimal
from itertools import count, pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_epicor.kinetic.errors import UnreadableAnswer
from tap_epicor.kinetic.order import BrokenOrder, Repeats, check_rising, check_within
from tap_epicor.kinetic.pages import read
from tap_epicor.kinetic.plan import Part, make_plan
from tap_epicor.kinetic.source import Rows, Source
from tests.kinetic.clients import client
from tests.kinetic.stock import Stock, read_all
from tests.scripted import Reply, Request, serving

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_epicor.kinetic.plan import Plan

NUM = Part("Num", "Edm.Int32")
CODE = Part("Code", "Edm.String")
DATE = Part("ChangeDate", "Edm.Date")
VERSIONS = pytest.mark.parametrize("version", ["v1", "v2"])
PLANS = {
    "key": make_plan((NUM,)),
    "string key": make_plan((CODE,)),
    "revision": make_plan((NUM,), Part("SysRevID", "Edm.Int64"), since=-1),
    "date": make_plan((NUM,), DATE, since="2024-01-01"),
    "skip, keyed": make_plan((NUM,), filters=False),
    "skip": make_plan(()),
}


def ways(*left_out: str) -> pytest.MarkDecorator:
    plans = {name: plan for name, plan in PLANS.items() if name not in left_out}
    return pytest.mark.parametrize("plan", plans.values(), ids=plans.keys())


def rows(*numbers: int) -> list[dict[str, Any]]:
    return [
        {"Num": number, "Code": f"C{number}", "SysRevID": number, "ChangeDate": f"2024-01-{number + 1:02d}"}
        for number in numbers
    ]


def error_of(reply: Callable[[Request], Any], plan: Plan, version: str) -> BrokenOrder:
    shelf = Stock(rows(*range(20)))

    def answer(request: Request) -> Reply:
        return Reply({"value": reply(request)})

    with serving(answer) as server:
        _, error = read_all(shelf, server.url, plan, 10, version=version)
    assert isinstance(error, BrokenOrder), error
    return error


@VERSIONS
@ways()
def test_a_page_that_comes_again_and_again(plan: Plan, version: str) -> None:
    error = error_of(lambda _: rows(*range(10)), plan, version)
    assert "comes twice" in error.message or "ignores $skip" in error.message


@VERSIONS
@ways()
def test_a_key_that_stands_still(plan: Plan, version: str) -> None:
    error = error_of(lambda _: rows(3), plan, version)
    assert "comes twice" in error.message or "ignores $skip" in error.message


@VERSIONS
@ways("skip", "string key")
def test_rows_that_fall(plan: Plan, version: str) -> None:
    message = error_of(lambda _: rows(1, 2, 5, 4), plan, version).message
    assert "ChangeDate '2024-01-05', Num 4 comes after" in message or " 4 comes after " in message


@VERSIONS
@ways("skip")
def test_a_row_that_comes_twice_in_a_page(plan: Plan, version: str) -> None:
    assert re.search("2'? comes twice", error_of(lambda _: rows(1, 2, 2, 3), plan, version).message)


@VERSIONS
def test_a_row_with_a_key_of_any_type_that_comes_again_in_the_next_page(version: str) -> None:
    pages = iter([rows(1, 2, 3), rows(3, 4, 2)])
    assert "Code 'C2' comes twice" in error_of(lambda _: next(pages), PLANS["string key"], version).message


@VERSIONS
@pytest.mark.parametrize(
    ("cursor", "since", "value"),
    [
        (Part("SysRevID", "Edm.Int64"), 10, 10),
        (Part("SysRevID", "Edm.Int64"), 10, "9"),
        (Part("Count", "Edm.Int32"), 10, 9),
        (DATE, "2024-01-10", "2024-01-09"),
        (DATE, "2024-01-10T00:00:00Z", "2024-01-07T00:00:00"),
        (Part("ChangedOn", "Edm.DateTimeOffset"), "2024-01-10T00:00:00Z", "2024-01-09T22:00:00Z"),
        (Part("ChangedOn", "Edm.DateTimeOffset"), "2024-01-10T00:00:00Z", "2024-01-10T01:59:00+02:00"),
        (Part("ChangedOn", "Edm.DateTime"), "2024-01-10T00:00:00", "2023-12-31T00:00:00"),
    ],
)
def test_a_row_outside_of_the_filter(cursor: Part, since: Any, value: Any, version: str) -> None:
    plan = make_plan((NUM,), cursor, since=since)
    error = error_of(lambda _: [{"Num": 1, cursor.name: value}], plan, version)
    assert f"it sent a row with {value}" in error.message


@pytest.mark.parametrize(
    ("since", "value"),
    [
        ("2024-01-10T00:00:00Z", "2024-01-10T01:30:00+02:00"),
        ("2024-01-10T00:00:00", "2024-01-09T00:00:00"),
        ("2024-01-10T00:00:00Z", "2024-01-09T11:00:00"),
        ("2024-01-10T00:00:00.998Z", "2024-01-10T00:00:00.997Z"),
        ("2024-01-10", "2024-01-10"),
        ("2024-01-10", "no date"),
    ],
)
def test_what_a_zone_or_rounding_may_explain_is_not_held_against_the_server(since: str, value: str) -> None:
    if value.endswith("+02:00"):
        since = "2024-01-09T23:30:00Z"
    plan = make_plan((NUM,), Part("ChangedOn", "Edm.DateTimeOffset"), since=since)
    check_within(plan, [{"Num": 1, "ChangedOn": value}], "path")


def linked(version: str, reply: Callable[[int], tuple[list[dict[str, Any]], str | None]]) -> BrokenOrder | list[Any]:
    pages = count()
    name = "@odata.nextLink" if version == "v2" else "odata.nextLink"

    def answer(_: Request) -> Reply:
        found, link = reply(next(pages))
        return Reply({"value": found, **({name: link} if link else {})})

    with serving(answer) as server:
        source = Rows(client(server.url, version), Source("Erp.BO.ASvc", "As"), "EPIC06", columns=("Num",))
        numbers = []
        try:
            for page in read(source, PLANS["skip"], 10):
                numbers += [row["Num"] for row in page.rows]
                page.rows.let_go()
        except BrokenOrder as exc:
            return exc
        return numbers


@VERSIONS
def test_next_links_that_differ_and_bring_the_same_rows(version: str) -> None:
    error = linked(version, lambda page: (rows(1, 2), f"As?%24skiptoken={page}"))
    assert "leads to the same rows again under another address" in str(error)


@VERSIONS
def test_next_links_that_go_round_in_a_circle_under_ever_new_addresses(version: str) -> None:
    error = linked(version, lambda page: (rows(page % 3, 9), f"As?%24skiptoken={page}"))
    assert "leads to the same rows again" in str(error)
    assert "after 6 rows" in str(error)


@VERSIONS
def test_next_links_without_end_and_without_rows(version: str) -> None:
    error = linked(version, lambda page: (rows(1) if not page else [], f"As?%24skiptoken={page}"))
    assert "led to 101 pages without rows" in str(error)


@VERSIONS
def test_a_next_link_that_leads_back(version: str) -> None:
    error = linked(version, lambda page: (rows(page), "As?%24skiptoken=a"))
    assert "leads back to a page that was read" in str(error)


@VERSIONS
@pytest.mark.parametrize("link", ["http://elsewhere.example/kinetic/As", "//elsewhere.example/As", "http://[bad/As"])
def test_a_next_link_that_leaves_the_host(version: str, link: str) -> None:
    with pytest.raises(UnreadableAnswer, match="next link"):
        linked(version, lambda _: (rows(1), link))


@VERSIONS
def test_the_last_page_of_next_links_is_no_end_without_proof(version: str) -> None:
    pages = [(rows(0, 1), "As?%24skiptoken=a"), (rows(), None), (rows(1, 2, 3), None), (rows(3), None)]
    assert linked(version, lambda page: pages[page]) == [0, 1, 2, 3]


def test_a_row_written_anew_while_changes_are_read_is_counted() -> None:
    shelf = Stock(rows(*range(12)))

    def write(stock: Stock) -> None:
        stock.rows[4]["SysRevID"] = 50

    shelf.befalls = {2: write}
    with serving(shelf.answer) as server:
        source = Rows(client(server.url), Source("Erp.BO.ASvc", "As"), "EPIC06")
        pages = list(read(source, PLANS["revision"], 10))
    assert [len(page.rows) for page in pages] == [10, 3]
    assert [page.repeated for page in pages] == [0, 1]


def test_repeats_within_a_page_and_in_the_next_are_counted_and_older_ones_forgotten() -> None:
    repeats = Repeats((NUM,))
    assert [repeats.count(rows(*page)) for page in ([1, 2, 2], [2, 3], [1, 4], [5])] == [1, 1, 0, 0]
    assert Repeats(()).count(rows(1, 1)) == 0


NUMBERS = st.lists(st.tuples(st.integers(0, 3), st.integers(-(2**60), 2**60)), min_size=1, max_size=6)


@given(NUMBERS, st.sampled_from([int, str, Decimal]))
def test_keys_of_numbers_are_taken_as_rising_just_when_they_do(keys: list[tuple[int, int]], as_sent: Any) -> None:
    order = (NUM, Part("Line", "Edm.Decimal"))
    rises = all(one < other for one, other in pairwise(keys))
    sent = [tuple(map(as_sent, key)) for key in keys]
    try:
        check_rising(sent[:1], sent[1:], order, "path")
    except BrokenOrder:
        assert not rises
    else:
        assert rises
