"""Bookmarks: they never go back, hold only for what they were made of, and survive JSON."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_epicor.kinetic.plan import Part
from tap_epicor.kinetic.ranges import Range
from tap_epicor.streams.bookmark import Bookmark, BookmarkError, Left

if TYPE_CHECKING:
    from decimal import Decimal

REVISION = Part("SysRevID", "Edm.Int64")
CHANGED = Part("ChangedOn", "Edm.DateTimeOffset")
DAY = Part("ChangeDate", "Edm.Date")
KEY = (Part("Company", "Edm.String"), Part("Num", "Edm.Int32"))

OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes)))
MOMENTS = st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2200, 1, 1), timezones=OFFSETS)  # noqa: DTZ001 - zones are drawn


BEGAN = 1_700_000_000
"""When the reads of these tests began, in seconds since 1970."""


def bookmark(state: dict[str, Any], cursor: Part | None = REVISION, condition: str | None = None) -> Bookmark:
    return Bookmark(state, cursor, condition, "erp_part_parts (EPIC06)")


def at(value: object, cursor: Part = REVISION, **more: Any) -> dict[str, Any]:
    return {"replication_key": cursor.name, "replication_key_value": value, **more}


def through_json(state: dict[str, Any]) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(json.dumps(state))
    return read


@given(values=st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1), as_text=st.booleans())
def test_a_number_is_the_highest_that_was_written_whether_it_comes_as_number_or_text(
    values: list[int], *, as_text: bool
) -> None:
    state: dict[str, Any] = {}
    for value in values:
        bookmark(state).advance(str(value) if as_text else value, BEGAN, 0)
    assert through_json(state) == at(max(values), under_way=[BEGAN, 0])


def test_numbers_above_53_bits_are_exact() -> None:
    state: dict[str, Any] = {}
    bookmark(state).advance("9223372036854775806", BEGAN, 0)
    bookmark(state).advance(9223372036854775807, BEGAN, 0)
    assert bookmark(through_json(state)).value == 9223372036854775807


@given(st.lists(MOMENTS, min_size=1), st.sampled_from(["seconds", "milliseconds", "microseconds"]))
def test_a_moment_never_goes_back_whatever_its_zone_and_precision(moments: list[dt.datetime], timespec: str) -> None:
    state: dict[str, Any] = {}
    for index, moment in enumerate(moments):
        bookmark(state, CHANGED).advance(moment.isoformat(timespec=timespec if index % 2 else "auto"), BEGAN, 0)
    reached = dt.datetime.fromisoformat(state["replication_key_value"])
    assert max(moments) - reached < dt.timedelta(seconds=1)


@pytest.mark.parametrize(
    ("before", "value", "after"),
    [
        ("2024-06-01T00:00:00Z", "2024-06-01T01:00:00+02:00", "2024-06-01T00:00:00Z"),
        ("2024-06-01T00:00:00Z", "2024-05-31T23:00:00-02:00", "2024-05-31T23:00:00-02:00"),
        ("2024-06-01T00:00:00Z", "2024-06-01T00:00:00.0000001Z", "2024-06-01T00:00:00Z"),
        ("2024-06-01T00:00:00.5Z", "2024-06-01T00:00:00Z", "2024-06-01T00:00:00.5Z"),
        ("2024-06-01T00:00:00", "2024-06-01T00:00:00.5", "2024-06-01T00:00:00.5"),
    ],
)
def test_moments_are_compared_as_such_and_not_as_text(before: str, value: str, after: str) -> None:
    state = at(before, CHANGED)
    bookmark(state, CHANGED).advance(value, BEGAN, 0)
    assert state["replication_key_value"] == after


def test_a_moment_without_a_zone_counts_as_utc_beside_one_with_a_zone() -> None:
    state = at("2024-06-01T00:00:00.5", CHANGED)
    bookmark(state, CHANGED).advance("2024-06-01T00:00:00Z", BEGAN, 0)
    assert state["replication_key_value"] == "2024-06-01T00:00:00.5"


@given(st.lists(st.dates(), min_size=1))
def test_a_day_never_goes_back(days: list[dt.date]) -> None:
    state: dict[str, Any] = {}
    for day in days:
        bookmark(state, DAY).advance(day.isoformat(), BEGAN, 0)
    assert state["replication_key_value"] == max(days).isoformat()


@pytest.mark.parametrize(("cursor", "value"), [(REVISION, 7), (CHANGED, "2024-06-01T00:00:00Z")])
def test_a_null_moves_no_bookmark(cursor: Part, value: object) -> None:
    state = at(value, cursor)
    bookmark(state, cursor).advance(None, BEGAN, 0)
    assert state == at(value, cursor)


def test_without_a_cursor_there_is_no_bookmark() -> None:
    state: dict[str, Any] = {}
    bookmark(state, None).advance(5, BEGAN, 0)
    bookmark(state, None).finish(5)
    assert state == {}


@pytest.mark.parametrize(
    ("cursor", "value"),
    [
        (REVISION, "2024-01-01"),
        (REVISION, "12.5"),
        (REVISION, 12.5),
        (REVISION, True),
        (REVISION, [5]),
        (REVISION, {"value": 5}),
        (REVISION, float("inf")),
        (CHANGED, "yesterday"),
        (CHANGED, 20240101),
        (DAY, {"value": "2024-01-01"}),
    ],
)
def test_a_value_of_the_wrong_type_is_told_with_stream_column_and_cure(cursor: Part, value: object) -> None:
    with pytest.raises(BookmarkError, match=rf"erp_part_parts \(EPIC06\).*{cursor.name}.*--full-refresh"):
        _ = bookmark(at(value, cursor), cursor).value


@pytest.mark.parametrize(
    "resume",
    [
        {"key": ["Company", "Num"], "cursor": "SysRevID", "high": 9},
        {"key": ["Company", "Num"], "ranges": [[["EPIC06"], None]], "cursor": "SysRevID", "high": 9},
        {"key": ["Company", "Num"], "ranges": [[["EPIC06", 17]]], "cursor": "SysRevID", "high": 9},
        ["EPIC06", 17],
    ],
    ids=["no place", "half a key", "half a range", "a list"],
)
def test_a_place_that_can_not_be_understood_is_told_as_such(resume: object) -> None:
    with pytest.raises(BookmarkError, match="erp_part_parts"):
        bookmark({"resume": resume}).left_off(KEY)


def test_another_replication_key_makes_everything_be_read_again(caplog: pytest.LogCaptureFixture) -> None:
    state = at("2024-01-01", DAY)
    assert bookmark(state, REVISION).value is None
    assert state == {}
    assert "ChangeDate, and changes are now tracked by SysRevID" in caplog.text


@pytest.mark.parametrize(("was", "now"), [(None, "A eq 1"), ("A eq 1", None), ("A eq 1", "A eq 2")])
def test_another_filter_makes_everything_be_read_again(
    was: str | None, now: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    state: dict[str, Any] = {}
    bookmark(state, condition=was).advance(5, BEGAN, 0)
    assert bookmark(state, condition=now).value is None
    assert state == {}
    assert "the filter or the parameters have changed" in caplog.text


def test_the_same_filter_keeps_the_bookmark(caplog: pytest.LogCaptureFixture) -> None:
    state: dict[str, Any] = {}
    bookmark(state, condition="A eq 1").advance(5, BEGAN, 0)
    assert bookmark(through_json(state), condition="A eq 1").value == 5
    assert caplog.text == ""


def test_a_first_run_warns_of_nothing(caplog: pytest.LogCaptureFixture) -> None:
    assert bookmark({}, condition="A eq 1").value is None
    assert caplog.text == ""


@given(st.text(), st.integers(-(2**63), 2**63 - 1), st.decimals(allow_nan=False, allow_infinity=False))
def test_the_place_of_an_interrupted_read_survives_json(text: str, number: int, decimal: Decimal) -> None:
    order = (*KEY, Part("Rate", "Edm.Decimal"))
    state: dict[str, Any] = {}
    key = (text, number, decimal)
    left = Left((Range(None, key), Range(key)), 2**63 - 1, BEGAN, received=7, counted=9)
    bookmark(state).left_at(order, left)
    found = bookmark(through_json(state)).left_off(order)
    assert found == left
    assert found.ranges[1].after
    assert str(found.ranges[1].after[2]) == str(decimal)


@pytest.mark.parametrize(
    ("order", "cursor"),
    [(KEY[:1], REVISION), (KEY[::-1], REVISION), (KEY, DAY), (KEY, None)],
    ids=["shorter key", "other order", "other cursor", "no cursor"],
)
def test_a_place_found_by_other_columns_is_given_up(
    order: tuple[Part, ...], cursor: Part | None, caplog: pytest.LogCaptureFixture
) -> None:
    state: dict[str, Any] = {}
    bookmark(state).left_at(KEY, Left((Range(("EPIC06", 17)),), 99))
    assert bookmark(state, cursor).left_off(order) is None
    assert "resume" not in state
    assert "it starts again" in caplog.text


def test_another_filter_gives_up_the_place() -> None:
    state: dict[str, Any] = {}
    bookmark(state, condition="A eq 1").left_at(KEY, Left((Range(("EPIC06", 17)),), 99))
    assert bookmark(state, condition="A eq 2").left_off(KEY) is None


def test_the_end_of_a_read_leaves_its_low_water_mark_and_no_place() -> None:
    state: dict[str, Any] = {}
    bookmark(state).left_at(KEY, Left((Range(("EPIC06", 17)),), "99"))
    bookmark(state).finish("99")
    assert state == at(99)


def test_the_end_of_a_read_of_no_rows_leaves_no_bookmark() -> None:
    state: dict[str, Any] = {}
    bookmark(state).finish(None)
    assert state == {}
    assert bookmark(state).value is None


@pytest.mark.parametrize(
    ("cursor", "value", "highest", "above"),
    [
        (REVISION, 2**62, None, False),
        (REVISION, 50_000, 50_000, False),
        (REVISION, 50_000, 50_001, False),
        (REVISION, 50_000, 49_999, True),
        (DAY, "2024-06-10", "2024-06-10", False),
        (DAY, "2024-06-10", "2024-06-09", True),
        (DAY, "2024-06-10", "2024-05-01", True),
    ],
)
def test_a_bookmark_above_all_rows_is_not_of_this_database(
    cursor: Part,
    value: Any,
    highest: Any,
    above: bool,  # noqa: FBT001
) -> None:
    assert bookmark(at(value, cursor), cursor).is_above(highest) is above


def test_a_mark_of_zero_is_a_bookmark() -> None:
    state: dict[str, Any] = {}
    bookmark(state).finish(0)
    assert bookmark(state).value == 0
