"""Whether a read of everything brought everything: what the server counts then, and what explains a difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_epicor.kinetic.ahead import all_at_once
from tap_epicor.kinetic.probes import count, count_between
from tap_epicor.streams.reckoning import judge

if TYPE_CHECKING:
    from tap_epicor.kinetic.plan import Part
    from tap_epicor.kinetic.source import Rows
    from tap_epicor.streams.bookmark import Left
    from tap_epicor.streams.reckoning import Reckoning, Verdict


def is_whole(  # noqa: PLR0913
    rows: Rows, cursor: Part | None, left: Left, reckoning: Reckoning, *, floor: int | None, asked: bool
) -> tuple[bool, str]:
    """Return whether a read of everything brought everything, and what is to be said of it.

    Args:
        rows: the rows.
        cursor: the column that changes are tracked by; None for none.
        left: how the read began, and what has come.
        reckoning: what became of the read; it gets the counts, and notes.
        floor: where the next read begins; None where that is not known.
        asked: whether the server was to count.
    """
    received = reckoning.received + reckoning.skipped
    settles = cursor is not None and floor is not None and left.settled is not None
    now, there = None, None
    if left.counted is not None:
        below = [lambda: count_between(rows, cursor, None, floor)] if cursor and settles else []
        now, there, *_ = [*all_at_once([lambda: count(rows), *below], rows.kinetic.meanwhile), None]
    reckoning.counted_before, reckoning.counted_after = left.counted, now
    if now is None or left.counted is None:
        if not received and left.high is not None:
            return False, "no row came, though there are some"
        return True, "the server did not count its rows" if asked and left.counted is not None else ""
    verdict = judge(left.counted, now, received)
    if cursor and settles:
        if missing := _missing(cursor, left, floor, there, reckoning):
            return False, missing
        if _explains(rows, cursor, left, verdict, reckoning):
            return True, ""
    return verdict.complete, verdict.note


def _missing(cursor: Part, left: Left, floor: int | None, there: int | None, reckoning: Reckoning) -> str:
    """Return a sentence where rows did not come that the next read would not read either; empty where all did.

    Rows that are written while the set is read move above all values that there were, and rows of transactions
    under way lie above the floor: what lies below it, and is there at the end, has been there all the time. Rows
    that were written after they had come are among those that came and not among those that are there: as many may
    be missing without being noticed here.
    """
    came = (left.settled or 0) + reckoning.skipped
    if there is None or there <= came:
        return ""
    return (
        f"{came} rows came with a {cursor.name} up to {floor}, and the server counts {there} of them, which "
        "nothing explains"
    )


def _explains(rows: Rows, cursor: Part, left: Left, verdict: Verdict, reckoning: Reckoning) -> bool:
    """Return whether rows that were written meanwhile explain the counts; they are read by the next run."""
    if not verdict.note:
        return True
    received = reckoning.received + reckoning.skipped
    now, changed = reckoning.counted_after, count_between(rows, cursor, left.high, None)
    if now is None or changed is None or not now - changed <= received <= now + changed:
        return False
    reckoning.notes.append(f"{verdict.note.partition(', which')[0]}; {changed} were written meanwhile")
    return True
