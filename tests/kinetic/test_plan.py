"""How a set will be read: a pure choice."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_epicor.kinetic.plan import COMPARABLE, CURSORS, Part, less_overlap, make_plan, parse_cursor_value, parts

REVISION = Part("SysRevID", "Edm.Int64")
CHANGED = Part("ChangedOn", "Edm.DateTimeOffset")
DAY = Part("ChangeDate", "Edm.Date")
KEY = (Part("Company", "Edm.String"), Part("Num", "Edm.Int32"))
UNSEEKABLE = (Part("Photo", "Edm.Binary"),)


def test_the_first_time_everything_is_read_by_key() -> None:
    plan = make_plan(KEY, REVISION)
    assert (plan.order, plan.seeks, plan.cursor, plan.since) == (KEY, True, None, None)


def test_an_interrupted_read_goes_on_by_key() -> None:
    plan = make_plan(KEY, REVISION, after=("EPIC06", 17))
    assert (plan.order, plan.seeks, plan.after) == (KEY, True, ("EPIC06", 17))


def test_without_a_usable_filter_everything_is_read_by_skip_in_the_order_of_the_key() -> None:
    plan = make_plan(KEY, REVISION, filters=False)
    assert (plan.order, plan.seeks, plan.cursor) == (KEY, False, None)


@pytest.mark.parametrize("key", [(), UNSEEKABLE, (*KEY, *UNSEEKABLE)])
@pytest.mark.parametrize("filters", [True, False])
def test_without_a_usable_key_everything_is_read_by_skip(key: tuple[Part, ...], *, filters: bool) -> None:
    plan = make_plan(key, filters=filters)
    assert (plan.order, plan.seeks) == ((), False)


def test_changes_by_revision_are_read_above_it_since_it_is_unique() -> None:
    plan = make_plan(KEY, REVISION, since=99)
    assert (plan.order, plan.seeks, plan.cursor, plan.since, plan.inclusive) == ((REVISION,), True, REVISION, 99, False)


@pytest.mark.parametrize("since", [0, -1])
def test_a_bookmark_of_zero_or_less_is_one(since: int) -> None:
    assert make_plan(KEY, REVISION, since=since).since == since


def test_changes_by_date_are_read_from_it_on_in_the_order_of_date_and_key() -> None:
    plan = make_plan(KEY, DAY, since="2024-01-01")
    assert (plan.order, plan.seeks, plan.inclusive) == ((DAY, *KEY), True, True)


def test_a_cursor_that_is_part_of_the_key_stands_once_in_the_order() -> None:
    plan = make_plan((KEY[0], DAY, KEY[1]), DAY, since="2024-01-01")
    assert plan.order == (DAY, *KEY)


def test_changes_by_date_without_a_key_are_read_by_skip() -> None:
    plan = make_plan((), DAY, since="2024-01-01")
    assert (plan.order, plan.seeks, plan.cursor, plan.inclusive) == ((DAY,), False, DAY, True)


@pytest.mark.parametrize(
    "plan",
    [
        make_plan(KEY),
        make_plan(KEY, filters=False),
        make_plan(()),
        make_plan(KEY, REVISION, since=9),
        make_plan(KEY, DAY, since="2024-01-01"),
        make_plan((), DAY, since="2024-01-01"),
    ],
)
def test_every_plan_says_what_it_goes_by(plan: Any) -> None:
    assert all(part.name in plan.why for part in plan.order)
    assert plan.seeks != ("$skip" in plan.why)


def test_every_cursor_can_be_sought_by() -> None:
    assert CURSORS < COMPARABLE


def test_a_column_of_unknown_type_is_an_error() -> None:
    assert parts(["A"], {"A": "Edm.Int32"}) == (Part("A", "Edm.Int32"),)
    with pytest.raises(KeyError, match="B"):
        parts(["A", "B"], {"A": "Edm.Int32"})


@given(st.integers(), st.integers(min_value=0))
def test_the_overlap_of_a_number_is_in_revisions(value: int, revisions: int) -> None:
    assert less_overlap(REVISION, value, revisions, 1) == value - revisions
    assert less_overlap(REVISION, str(value), revisions, 1) == value - revisions


@pytest.mark.parametrize(
    ("value", "earlier"),
    [
        ("2024-03-01T12:00:00Z", "2024-02-28T12:00:00Z"),
        ("2024-03-01T12:00:00+00:00", "2024-02-28T12:00:00+00:00"),
        ("2024-03-01T00:30:00+02:00", "2024-02-28T00:30:00+02:00"),
        ("2024-03-01T12:00:00", "2024-02-28T12:00:00"),
        ("2024-03-01T12:00:00.123Z", "2024-02-28T12:00:00.123000Z"),
        ("2024-03-01", "2024-02-28"),
    ],
)
def test_the_overlap_of_a_date_is_in_days_and_its_form_stays(value: str, earlier: str) -> None:
    assert less_overlap(CHANGED, value, 10000, 2) == earlier


@pytest.mark.parametrize("value", ["yesterday", "", "2024-13-01", "0001-01-01", "0001-01-01T00:00:00Z"])
def test_a_date_that_can_not_be_reckoned_with_stays_as_it_is(value: str) -> None:
    assert less_overlap(CHANGED, value, 10000, 2) == value


@given(
    st.datetimes(dt.datetime(1900, 1, 1), timezones=st.just(dt.UTC) | st.timezones()),  # noqa: DTZ001 - zones are drawn
    st.integers(0, 3650),
)
def test_the_overlap_never_leads_to_a_later_moment(moment: dt.datetime, days: int) -> None:
    text = moment.isoformat()
    earlier = dt.datetime.fromisoformat(less_overlap(CHANGED, text, 0, days))
    assert dt.datetime.fromisoformat(text) - earlier == dt.timedelta(days=days)


@given(st.text())
def test_whatever_a_bookmark_holds_the_overlap_breaks_nothing(text: str) -> None:
    assert isinstance(less_overlap(CHANGED, text, 0, 1), str)


@pytest.mark.parametrize("value", [2**63 - 1, str(2**63 - 1), f" {2**63 - 1} "])
def test_a_start_value_of_a_number_is_exact(value: object) -> None:
    assert parse_cursor_value(REVISION, value) == 2**63 - 1


@pytest.mark.parametrize("value", ["2024-01-01", "12.5", "", "x", None, "9" * 5000])
def test_a_start_value_that_is_no_number_is_refused_for_a_number(value: object) -> None:
    with pytest.raises(ValueError, match=r"int|digit"):
        parse_cursor_value(REVISION, value)


@pytest.mark.parametrize(
    ("value", "moment", "day"),
    [
        ("2024-01-05", "2024-01-05T00:00:00Z", "2024-01-05"),
        (" 2024-01-05 ", "2024-01-05T00:00:00Z", "2024-01-05"),
        ("2024-01-05T10:30:00Z", "2024-01-05T10:30:00Z", "2024-01-05"),
        ("2024-01-05T10:30:00+02:00", "2024-01-05T10:30:00+02:00", "2024-01-05"),
        ("2024-01-05T10:30:00", "2024-01-05T10:30:00", "2024-01-05"),
    ],
)
def test_a_start_value_of_a_date_has_the_form_of_its_column(value: str, moment: str, day: str) -> None:
    assert parse_cursor_value(CHANGED, value) == moment
    assert parse_cursor_value(DAY, value) == day


@pytest.mark.parametrize("value", ["2024-01-05 00:30:00+02:00", "2024-01-05 10:30:00", "2024-01-05T00:30:00+02:00"])
def test_a_start_value_never_becomes_a_later_moment(value: str) -> None:
    def moment(text: str) -> dt.datetime:
        read = dt.datetime.fromisoformat(text)
        return read if read.tzinfo else read.replace(tzinfo=dt.UTC)

    assert moment(parse_cursor_value(CHANGED, value)) <= moment(value)


@pytest.mark.parametrize("cursor", [CHANGED, DAY])
@pytest.mark.parametrize("value", [45, 20240105, "20240105", "2024-W01-5", "2024-01", "tomorrow", "", None])
def test_a_start_value_that_is_no_date_is_refused_for_a_date(cursor: Part, value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_cursor_value(cursor, value)
