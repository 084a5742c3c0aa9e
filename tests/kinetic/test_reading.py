"""Reading under faults: what was there all the time comes once, or the read fails and says so."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tap_epicor.kinetic.plan import Part, make_plan
from tests.kinetic.stock import Stock, read_all
from tests.scripted import Reply, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NUM = Part("Num", "Edm.Int32")
REVISION = Part("SysRevID", "Edm.Int64")
PLANS = {
    "number": make_plan((NUM,)),
    "company and number": make_plan((Part("Company", "Edm.String"), NUM)),
    "string": make_plan((Part("Code", "Edm.String"),)),
    "revision": make_plan((NUM,), REVISION, since=0),
    "date and number": make_plan((NUM,), Part("ChangeDate", "Edm.Date"), since="2024-01-01"),
    "skip, keyed": make_plan((NUM,), filters=False),
    "skip": make_plan(()),
}
SEEKING = [name for name, plan in PLANS.items() if plan.seeks]


def examples(count: int) -> settings:
    return settings(
        max_examples=int(os.environ.get("EXAMPLES", count)), deadline=None, suppress_health_check=list(HealthCheck)
    )


def row(number: int) -> dict[str, Any]:
    return {
        "Company": "EPIC06" if number < 20 else "EPIC07",
        "Num": number,
        "Code": f"{number * 7 % 100:02d}"[::-1] + f"x{number}",
        "SysRevID": number + 1,
        "ChangeDate": f"2024-01-{1 + number // 5:02d}",
    }


def backwards(value: Any) -> Any:
    """Sort strings as Python does not, and dates as it does."""
    return value[::-1] if isinstance(value, str) and "x" in value else value


class Shelf:
    """The stock of the moment, behind one server."""

    stock: Stock
    url: str

    def answer(self, request: Any) -> Reply:
        return self.stock.answer(request)


@pytest.fixture(scope="module")
def shelf() -> Iterator[Shelf]:
    shelf = Shelf()
    with serving(shelf.answer) as server:
        shelf.url = server.url
        yield shelf


numbers = st.sets(st.integers(0, 40), max_size=30)
failures = st.sampled_from([Reply(status=500), Reply(status=504), Reply(status=413)])


@given(
    numbers=numbers,
    plan=st.sampled_from(sorted(PLANS)),
    page_size=st.integers(1, 12),
    most=st.integers(1, 14),
    fails_from=st.integers(3, 16),
    failure=failures,
    version=st.sampled_from(["v1", "v2"]),
)
@examples(70)
def test_limits_and_failures_at_many_rows_cost_no_row(shelf: Shelf, **drawn: Any) -> None:
    stock = Stock(
        [row(number) for number in drawn["numbers"]],
        backwards,
        drawn["most"],
        drawn["fails_from"],
        failure=drawn["failure"],
    )
    shelf.stock = stock
    found, error = read_all(stock, shelf.url, PLANS[drawn["plan"]], drawn["page_size"], version=drawn["version"])
    assert error is None
    assert sorted(found) == sorted(drawn["numbers"])


@given(
    numbers=numbers,
    data=st.data(),
    plan=st.sampled_from(SEEKING),
    page_size=st.integers(1, 12),
    most=st.integers(1, 14),
    failure=failures,
)
@examples(40)
def test_unreadable_rows_are_left_out_and_no_others(shelf: Shelf, data: st.DataObject, **drawn: Any) -> None:
    plan = PLANS[drawn["plan"]]
    poison = data.draw(st.sets(st.sampled_from(sorted(drawn["numbers"])), max_size=3)) if drawn["numbers"] else set()
    last = max(drawn["numbers"], key=lambda one: [backwards(row(one)[part.name]) for part in plan.order], default=None)
    # A set of which neither the first row nor the last can be read proves nothing.
    assume(last not in poison)
    stock = Stock(
        [row(number) for number in drawn["numbers"]],
        backwards,
        drawn["most"],
        poison=frozenset(poison),
        failure=drawn["failure"],
    )
    shelf.stock = stock
    skipped: list[str] = []
    found, error = read_all(stock, shelf.url, plan, drawn["page_size"], skipped=skipped)
    assert error is None
    assert sorted(found) == sorted(drawn["numbers"] - poison)
    assert len(skipped) == len(poison)
    assert {int(re.split("x|Num ", key)[-1].strip("'")) for key in skipped} == poison


@pytest.mark.parametrize("plan", SEEKING)
@pytest.mark.parametrize("nth", range(1, 8))
def test_an_answer_that_is_empty_once_ends_no_read_of_a_server_that_gives_one_row_at_a_time(
    shelf: Shelf, plan: str, nth: int
) -> None:
    shelf.stock = stock = Stock([row(number) for number in (3, 8, 21)], backwards, most=1, befalls={nth: empty})
    found, error = read_all(stock, shelf.url, PLANS[plan], 1)
    assert sorted(found) == [3, 8, 21] or error is not None


def insert(number: int) -> Callable[[Stock], Reply | None]:
    def happen(stock: Stock) -> None:
        if number not in {one["Num"] for one in stock.rows}:
            stock.rows.append(row(number))

    return happen


def delete(number: int) -> Callable[[Stock], Reply | None]:
    def happen(stock: Stock) -> None:
        stock.gone.add(number)
        stock.rows = [one for one in stock.rows if one["Num"] != number]

    return happen


def empty(_: Stock) -> Reply:
    return Reply({"value": []})


events = st.one_of(
    st.integers(0, 40).map(insert),
    st.integers(0, 40).map(delete),
    st.sampled_from([500, 503, 504]).map(lambda status: lambda _: Reply(status=status)),
    st.just(empty),
    st.just(lambda _: Reply(drop=True)),
)


@given(
    numbers=numbers,
    plan=st.sampled_from(sorted(PLANS)),
    page_size=st.integers(1, 12),
    most=st.integers(1, 14),
    fails_from=st.integers(2, 30),
    poison=st.sets(st.integers(0, 40), max_size=2),
    hides_keys=st.booleans(),
    befalls=st.dictionaries(st.integers(1, 25), events, max_size=6),
)
@examples(70)
def test_whatever_befalls_rows_that_stay_come_once_or_the_read_fails(shelf: Shelf, **drawn: Any) -> None:
    # Two empty answers one after the other can't be told from an empty set.
    assume(list(drawn["befalls"].values()).count(empty) < 2)
    stock = Stock(
        [row(number) for number in drawn["numbers"]],
        backwards,
        drawn["most"],
        drawn["fails_from"],
        frozenset(drawn["poison"]),
        drawn["hides_keys"],
        befalls=drawn["befalls"],
    )
    shelf.stock = stock
    skipped: list[str] = []
    found, error = read_all(stock, shelf.url, PLANS[drawn["plan"]], drawn["page_size"], skipped=skipped)
    if PLANS[drawn["plan"]].order:
        assert len(found) == len(set(found))
    if error is None:
        assert drawn["numbers"] - stock.gone - drawn["poison"] <= set(found)
        assert not drawn["poison"] & set(found)
