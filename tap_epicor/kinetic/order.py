"""Whether the rows of a page stand in the order that was asked for."""

from __future__ import annotations

import reprlib
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from operator import lt, methodcaller
from typing import TYPE_CHECKING, Any

from tap_epicor.kinetic.errors import KineticError
from tap_epicor.kinetic.found import values_of
from tap_epicor.kinetic.plan import MOMENTS, WHOLE_NUMBERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_epicor.kinetic.found import Found
    from tap_epicor.kinetic.plan import Part, Plan

Key = tuple[Any, ...]

_NUMBERS = frozenset({int, Decimal})
_DAY = len("2024-01-31")
_ANY_ZONE = timedelta(days=2)
"""More than lies between any two zones: a moment without a zone is certainly before one that is later by this."""
_ROUNDING = timedelta(seconds=1)
"""More than SQL Server's `datetime` rounds by, which is 3 milliseconds."""
_INTEGERS = WHOLE_NUMBERS - {"Edm.Decimal"}
_MOST_DIGITS = 40
"""Digits of a whole number at the most; those of an Edm.Int64 are 19."""
_BRIEF = reprlib.Repr()
_BRIEF.maxstring = _BRIEF.maxother = 200


@dataclass(frozen=True)
class Page:
    """Rows that came together.

    Attributes:
        rows: the rows, each one new.
        last: the values of the last row that the next page goes on from; None when read by `$skip`.
        repeated: how many of the rows had come before, by their key, in this page or the one before it: rows that
            were written anew while changes were being read.
        at: when they came, in seconds since 1970: the next page is asked for later.
    """

    rows: Found
    last: Key | None
    repeated: int = 0
    at: int = field(default_factory=lambda: int(time.time()))


class BrokenOrder(KineticError):
    """Rows that contradict what was asked for, with the row in the message."""


class Repeats:
    """Counts the rows that come again, by their key, in one page or in two that follow each other.

    Args:
        key: the columns of the key; empty where nothing tells rows apart.
    """

    def __init__(self, key: Sequence[Part]) -> None:
        self._names = [part.name for part in key]
        self._before: set[Key] = set()

    def count(self, rows: Sequence[dict[str, Any]]) -> int:
        """Return how many rows of a page had come before.

        Args:
            rows: the rows of the next page.
        """
        if not self._names:
            return 0
        keys = set(zip(*(values_of(rows, name) for name in self._names), strict=True))
        repeated = len(rows) - len(keys) + len(keys & self._before)
        self._before = keys
        return repeated


def keys_of(rows: Sequence[dict[str, Any]], order: Sequence[Part], path: str) -> list[Key]:
    """Return the values of rows in the columns of an order.

    Args:
        rows: the rows.
        order: the columns.
        path: path of the request, for the message.

    Raises:
        BrokenOrder: if one of them is null or missing: paging by it would lose rows.
    """
    columns = [values_of(rows, part.name) for part in order]
    keys = list(zip(*columns, strict=True))
    if any(None in column for column in columns):
        row, key = next((row, key) for row, key in zip(rows, keys, strict=True) if None in key)
        raise _no_value(row, order[key.index(None)].name, show(order, key), path)
    for part, values in zip(order, columns, strict=True):
        if part.type in _INTEGERS and set(map(type, values)) != {int}:
            for value in values:
                whole(value, part.name, path)
    return keys


def _no_value(row: dict[str, Any], name: str, shown: str, path: str) -> BrokenOrder:
    if name in row.keys():  # noqa: SIM118 - a row need not be a dictionary
        return BrokenOrder(
            f"a row has no value in {name}, which the set is read by: {shown}",
            path=path,
            cure="In `streams`, name a `key` for this stream whose columns are never empty, or an empty one.",
        )
    came = ", ".join(map(_BRIEF.repr, list(row.keys())[:8]))
    return BrokenOrder(
        f"a row came without the column {name}, which the set is read by; it has {came}",
        path=path,
        cure="Run --discover again: names are case-sensitive, and Kinetic or something before it has changed them.",
    )


def check_rising(before: Sequence[Key], keys: Sequence[Key], order: Sequence[Part], path: str) -> None:
    """Check that keys rise, as far as that can be told, and that none comes again.

    Only numbers and moments have but one order; how strings and GUIDs are sorted is the database's own affair.

    Args:
        before: the keys of the page before; empty where there is none.
        keys: the keys of a page, in the order they came.
        order: their columns.
        path: path of the request, for the message.

    Raises:
        BrokenOrder: if a key comes twice or falls.
    """
    chain = [*before[-1:], *keys]
    if _certainly_rises(chain, order) or (_can_not_fall(chain, order) and _are_new(before, keys)):
        return
    seen = set(before)
    for last, key in zip(chain if before else [None, *keys], keys, strict=False):
        if key in seen or (last is not None and falls(last, key, order)):
            what = "comes twice" if key in seen or last is None else f"comes after {show(order, last)}"
            raise BrokenOrder(
                f"the server does not keep to $orderby or $filter: the row with {show(order, key)} {what}",
                path=path,
                cure="If the columns are not unique, name others as the stream's `key` in `streams`, or an empty one.",
            )
        seen.add(key)


def check_within(plan: Plan, rows: Sequence[dict[str, Any]], path: str) -> None:
    """Check that rows satisfy the filter by which changes are read.

    Args:
        plan: how the set is read.
        rows: the rows.
        path: path of the request, for the message.

    Raises:
        BrokenOrder: if a row lies outside: the server ignores the filter or applies it to something else.
    """
    if plan.cursor is None:
        return
    name, since = plan.cursor.name, plan.since
    outside = _below if plan.cursor.type in WHOLE_NUMBERS else _earlier_by_far
    values = values_of(rows, name)
    if set(map(type, values)) == {type(since)} and _certainly_within(min(values), values, since):
        return
    for value in values:
        number = whole(value, name, path) if value is not None and plan.cursor.type in WHOLE_NUMBERS else value
        if number is None or outside(number, since) or (number == since and not plan.inclusive):
            sign = "ge" if plan.inclusive else "gt"
            raise BrokenOrder(
                f"the server does not keep to $filter: asked for {name} {sign} {since}, it sent a row with {number}",
                path=path,
                cure="Read this stream whole: set its `replication_key` to an empty string in `streams`.",
            )


def falls(last: Key, key: Key, order: Sequence[Part]) -> bool:
    """Return whether a key certainly stands before another one.

    Args:
        last: the other one.
        key: the key.
        order: their columns.
    """
    for part, old, new in zip(order, last, key, strict=True):
        if old == new:
            continue
        if part.type in WHOLE_NUMBERS:
            return Decimal(str(new)) < Decimal(str(old))
        return part.type in MOMENTS and _earlier(str(new), str(old))
    return False


def whole(value: object, name: str, path: str) -> int:
    """Return a number that may be written as text, or with a point.

    Args:
        value: the number.
        name: its column, for the message.
        path: path of the request, for the message.

    Raises:
        BrokenOrder: if it is none.
    """
    if type(value) is int:
        return value
    number = None
    with suppress(InvalidOperation):
        number = Decimal(value) if isinstance(value, str | Decimal) else None
    if number is None or not number.is_finite() or number.adjusted() > _MOST_DIGITS or number != int(number):
        raise BrokenOrder(
            f"a row has {_BRIEF.repr(value)} in {name}, which is declared as a whole number",
            path=path,
            cure="Run --discover again; if it stays, report it.",
        )
    return int(number)


def show(order: Sequence[Part], key: Key) -> str:
    """Return a key for people to read."""
    return ", ".join(f"{part.name} {_BRIEF.repr(value)}" for part, value in zip(order, key, strict=True))


def _certainly_rises(keys: Sequence[Key], order: Sequence[Part]) -> bool:
    """Return whether keys rise by Python's order, where that is the server's too: else it takes a closer look."""
    for part, values in zip(order, zip(*keys, strict=True), strict=True):
        if not (part.type in WHOLE_NUMBERS and _NUMBERS.issuperset(map(type, values))) and len(set(values)) > 1:
            return False
    return all(map(lt, keys, keys[1:]))


def _can_not_fall(keys: Sequence[Key], order: Sequence[Part]) -> bool:
    """Return whether no column varies by which rows could be said to stand in the wrong order."""
    return not any(
        part.type in WHOLE_NUMBERS | MOMENTS and len(set(values)) > 1
        for part, values in zip(order, zip(*keys, strict=True), strict=True)
    )


def _are_new(before: Sequence[Key], keys: Sequence[Key]) -> bool:
    new = set(keys)
    return len(new) == len(keys) and new.isdisjoint(before)


def _certainly_within(lowest: Any, values: Sequence[Any], since: Any) -> bool:  # noqa: ANN401
    if isinstance(lowest, str):
        return bool(lowest > since) and since.endswith("Z") and all(map(methodcaller("endswith", "Z"), values))
    return isinstance(lowest, int) and bool(lowest > since)


def _below(value: Any, since: Any) -> bool:  # noqa: ANN401
    return int(value) < int(since)


def _earlier(new: str, old: str) -> bool:
    """Return whether a moment is certainly before another; without a zone an hour may come twice a year."""
    try:
        moments = datetime.fromisoformat(new), datetime.fromisoformat(old)
    except ValueError:
        return False
    if any(moment.tzinfo is None for moment in moments) and "T" in new:
        return False
    return moments[0] < moments[1]


def _earlier_by_far(value: Any, since: Any) -> bool:  # noqa: ANN401
    """Return whether a moment is before another whatever zones and roundings may explain."""
    text, bound = str(value), str(since)
    if text >= bound and text.endswith("Z") and bound.endswith("Z"):
        return False
    try:
        new, old = datetime.fromisoformat(text), datetime.fromisoformat(bound)
    except ValueError:
        return False
    certain = (new.tzinfo and old.tzinfo) or len(text) == len(bound) == _DAY
    new, old = (moment if moment.tzinfo else moment.replace(tzinfo=UTC) for moment in (new, old))
    return old - new > (_ROUNDING if certain else _ANY_ZONE)
