"""When a run must end: how it is said, and how much time that leaves."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_epicor.checks import problems
from tap_epicor.clock import Clock, duration, quiet_hours
from tap_epicor.settings import PROPERTIES

BERLIN = ZoneInfo("Europe/Berlin")
CONNECTION = {"url": "https://erp.example.com/Live", "service": "*", "user": "reader", "password": "hush-hush"}


@pytest.mark.parametrize(
    ("said", "seconds"), [(90, 5400), ("90", 5400), ("2h30m", 9000), ("45m", 2700), ("2h", 7200), ("90s", 90)]
)
def test_a_duration_is_minutes_or_has_units(said: str | int, seconds: int) -> None:
    assert duration(said) == seconds


@pytest.mark.parametrize("said", ["", "0", 0, -5, "2.5h", "30m2h", "soon", "0h0m", "٣h"])
def test_what_is_no_duration_is_told(said: str | int) -> None:
    with pytest.raises(ValueError, match="2h30m"):
        duration(said)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("7-18", "write it as 07:00-18:30"),
        ("07:00-25:00", "a day has the hours"),
        ("07:00-07:00", "it begins when it ends"),
        ("07:00-18:00 Europe/Atlantis", "knows no time zone 'Europe/Atlantis'"),
        ("07:00-18:00 ../../etc/passwd", "knows no time zone"),
    ],
)
def test_what_are_no_hours_is_a_mistake_of_the_configuration(said: str, why: str) -> None:
    (told,) = problems({**CONNECTION, "quiet_hours": said}, PROPERTIES)
    assert told.startswith("`quiet_hours` is ")
    assert why in told


def test_what_is_no_duration_is_a_mistake_of_the_configuration() -> None:
    (told,) = problems({**CONNECTION, "max_duration": "soon"}, PROPERTIES)
    assert told == '`max_duration` is "soon": write it in minutes, or as 2h30m.'


@pytest.mark.parametrize(
    ("now", "seconds"),
    [
        ("06:00", 3600),
        ("07:00", 0),
        ("18:29", 0),
        ("18:30", 12.5 * 3600),
    ],
)
def test_quiet_hours_begin_with_their_first_minute_and_end_before_their_last(now: str, seconds: float) -> None:
    at = datetime.fromisoformat(f"2026-03-10T{now}").replace(tzinfo=BERLIN)
    assert quiet_hours("07:00-18:30 Europe/Berlin").seconds_until(at.timestamp()) == seconds


@pytest.mark.parametrize(("now", "seconds"), [("23:00", 0), ("05:59", 0), ("06:00", 16 * 3600), ("21:59", 60)])
def test_quiet_hours_go_over_midnight(now: str, seconds: float) -> None:
    at = datetime.fromisoformat(f"2026-03-10T{now}").replace(tzinfo=UTC)
    assert quiet_hours("22:00-06:00 UTC").seconds_until(at.timestamp()) == seconds


def test_a_night_in_which_the_clock_is_set_forward_is_shorter() -> None:
    at = datetime(2026, 3, 28, 19, 0, tzinfo=BERLIN)
    assert quiet_hours("07:00-18:30 Europe/Berlin").seconds_until(at.timestamp()) == 11 * 3600


@given(st.integers(0, 2**32), st.sampled_from(["UTC", "Europe/Berlin", "Asia/Tokyo"]))
def test_when_the_time_until_quiet_hours_has_passed_they_have_begun(now: int, zone: str) -> None:
    hours = quiet_hours(f"07:15-18:30 {zone}")
    left = hours.seconds_until(now)
    assert 0 <= left <= 25 * 3600
    assert hours.seconds_until(now + left) == 0


def test_a_run_without_these_settings_has_all_the_time() -> None:
    assert Clock({}, time.monotonic()).left() == float("inf")


def test_the_earlier_of_both_ends_a_run() -> None:
    soon = datetime.now(tz=UTC) + timedelta(hours=2)
    hours = f"{soon:%H:%M}-{soon + timedelta(hours=1):%H:%M} UTC"
    clock = Clock({"max_duration": 60, "quiet_hours": hours}, time.monotonic())
    assert 3500 < clock.left() <= 3600
    clock = Clock({"max_duration": "9h", "quiet_hours": hours}, time.monotonic())
    assert 7100 < clock.left() <= 7200
