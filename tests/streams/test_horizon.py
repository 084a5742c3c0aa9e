"""Where a read of changes begins: no row that its last read could not see lies below."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from tap_epicor.streams.horizon import Horizon

MINUTES = 10
SHORTEST, LONGEST = 0, MINUTES * 60
"""Seconds that a transaction lasts."""


@dataclass(frozen=True)
class Write:
    """A row that is written at one time and visible from another on; its revision is its place in time."""

    written: int
    life: int

    @property
    def visible(self) -> int:
        return self.written + self.life


WRITES = st.builds(Write, st.integers(0, 20_000), st.integers(SHORTEST, LONGEST - 1))
READS = st.lists(st.integers(0, 20_000), min_size=1, max_size=30, unique=True).map(sorted)


@given(st.lists(WRITES, max_size=60), READS)
def test_every_row_is_read_however_late_it_appears_and_however_seldom_one_reads(
    writes: list[Write], reads: list[int]
) -> None:
    ordered = sorted(set(writes), key=lambda write: (write.written, write.life))
    revision = {write: number for number, write in enumerate(ordered, 1)}

    def visible(at: int) -> dict[Write, int]:
        return {write: number for write, number in revision.items() if write.visible <= at}

    first = reads[0]
    high = max(visible(first).values(), default=0)
    horizon = Horizon(first, ()).later(first, first, high, MINUTES)
    seen = {write for write, number in visible(first).items() if number <= high}
    # What was under way while the first read began is what `overlap` in revisions is for.
    known = {write for write in ordered if write.written >= first} | seen
    for at in [*reads[1:], 30_000]:
        since = horizon.start(MINUTES)
        new = {write: number for write, number in visible(at).items() if number > since}
        seen |= set(new)
        high = max([high, *new.values()])
        horizon = horizon.later(at, at, high, MINUTES)
    assert known - seen == set()


@given(READS, st.integers(1, 120))
def test_what_is_remembered_stays_short(reads: list[int], minutes: int) -> None:
    horizon = Horizon(0, ())
    for value, at in enumerate(reads):
        horizon = horizon.later(at, at, value, minutes)
    assert len(horizon.highest) <= 7


def test_a_run_every_five_minutes_goes_back_little_more_than_it_must() -> None:
    horizon = Horizon(0, ())
    for number in range(100):
        horizon = horizon.later(number * 300, number * 300, number, 60)
    assert 12 <= 99 - horizon.start(60) <= 16


def test_values_of_a_database_that_was_restored_are_forgotten() -> None:
    horizon = Horizon(0, ()).later(0, 0, 500, 60).later(9000, 9000, 20, 60)
    assert horizon.highest == ((9000, 20),)


def test_a_clock_that_was_set_back_forgets_no_value() -> None:
    horizon = Horizon(0, ()).later(90_000, 90_000, 500, 60).later(3600, 3600, 520, 60)
    assert horizon.highest == ((3600, 500), (3600, 520))
    assert horizon.start(60) == 500
