"""Whether the rows of a page stand in the order that was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tap_epicor.kinetic.errors import KineticError
from tap_epicor.kinetic.plan import MOMENTS, WHOLE_NUMBERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_epicor.kinetic.plan import Part, Plan

Key = tuple[Any, ...]


@dataclass(frozen=True)
class Page:
    """Rows that came together.

    Attributes:
        rows: the rows, each one new.
        last: the values of the last row that the next page goes on from; None when read by `$skip`.
    """

    rows: list[dict[str, Any]]
    last: Key | None


class BrokenOrder(KineticError):
    """Rows that contradict what was asked for, with the row in the message."""


def key_of(row: dict[str, Any], order: Sequence[Part], path: str) -> Key:
    """Return a row's values in the columns of an order.

    Args:
        row: the row.
        order: the columns.
        path: path of the request, for the message.

    Raises:
        BrokenOrder: if one of them is null or missing: paging by it would lose rows.
    """
    values = tuple(row.get(part.name) for part in order)
    if None in values:
        name = order[values.index(None)].name
        raise BrokenOrder(
            f"a row has no value in {name}, which the set is read by: {show(order, values)}",
            path=path,
            cure="In `streams`, name a `key` for this stream whose columns are never empty, or an empty one.",
        )
    return values


def check_rising(before: Key | None, keys: Sequence[Key], order: Sequence[Part], path: str) -> None:
    """Check that keys rise, as far as that can be told.

    Only numbers and moments have but one order; how strings and GUIDs are sorted is the database's own affair.

    Args:
        before: the key that comes before them.
        keys: the keys, in the order they came.
        order: their columns.
        path: path of the request, for the message.

    Raises:
        BrokenOrder: if a key stands twice or falls.
    """
    last = before
    for key in keys:
        if last is not None and (key == last or _falls(last, key, order)):
            what = "comes twice" if key == last else f"comes after {show(order, last)}"
            raise BrokenOrder(
                f"the server does not keep to $orderby or $filter: the row with {show(order, key)} {what}",
                path=path,
                cure="If the columns are not unique, name others as the stream's `key` in `streams`, or an empty one.",
            )
        last = key


def check_within(plan: Plan, rows: Sequence[dict[str, Any]], path: str) -> None:
    """Check that rows satisfy the filter by which changes are read.

    Args:
        plan: how the set is read.
        rows: the rows.
        path: path of the request, for the message.

    Raises:
        BrokenOrder: if a row lies outside: the server ignores the filter or applies it to something else.
    """
    if plan.cursor is None or plan.cursor.type not in WHOLE_NUMBERS:
        return
    name, since = plan.cursor.name, plan.since
    for row in rows:
        value = row.get(name)
        if value is None or int(value) < since or (int(value) == since and not plan.inclusive):
            sign = "ge" if plan.inclusive else "gt"
            raise BrokenOrder(
                f"the server does not keep to $filter: asked for {name} {sign} {since}, it sent a row with {value}",
                path=path,
                cure="Read this stream whole: set its `replication_key` to an empty string in `streams`.",
            )


def show(order: Sequence[Part], key: Key) -> str:
    """Return a key for people to read."""
    return ", ".join(f"{part.name} {value!r}" for part, value in zip(order, key, strict=True))


def _falls(last: Key, key: Key, order: Sequence[Part]) -> bool:
    for part, old, new in zip(order, last, key, strict=True):
        if old == new:
            continue
        if part.type in WHOLE_NUMBERS:
            return bool(int(new) < int(old)) if part.type != "Edm.Decimal" else False
        return part.type in MOMENTS and _earlier(str(new), str(old))
    return False


def _earlier(new: str, old: str) -> bool:
    """Return whether a moment is certainly before another; without a zone an hour may come twice a year."""
    try:
        moments = datetime.fromisoformat(new), datetime.fromisoformat(old)
    except ValueError:
        return False
    if any(moment.tzinfo is None for moment in moments) and "T" in new:
        return False
    return moments[0] < moments[1]
