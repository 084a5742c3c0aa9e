"""Values of the columns that mean nothing: a pool of rows to take them from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_epicor.sandbox import guid, words
from tap_epicor.sandbox.history import DATES, DAY_TIMES
from tap_epicor.sandbox.masters import random_guid

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from tap_epicor.sandbox.masters import Value
    from tap_epicor.sandbox.model import Column

_SHORT = ("", "", "", "", "MAIN", "A", "b", "N/A", "0", "x & y", "Ø", "2024-02-30")


def pool(columns: Sequence[Column], size: int, rng: Random) -> list[tuple[Value, ...]]:
    """Rows of values for the columns.

    Args:
        columns: To give values.
        size: How many rows.
        rng: Where chance comes from.
    """
    return list(zip(*([value(column, rng) for _ in range(size)] for column in columns), strict=True)) or [()] * size


def value(column: Column, rng: Random) -> Value:
    """A value that a column may hold, as the database keeps it."""
    if column.name in {"BitFlag", "RowMod"}:
        return 0 if column.name == "BitFlag" else ""
    if column.is_text:
        return _text(column, rng)
    fill: Callable[[Column, Random], Value] = _OTHERS.get(column.kind, _number)
    return fill(column, rng)


def _text(column: Column, rng: Random) -> Value:
    if rng.random() < 0.05:  # noqa: PLR2004 - the share of nulls
        return None
    text: str = rng.choice(words.COMMENTS if not column.size else _SHORT)
    return text.ljust(column.size) if column.kind == "Fixed" else text


def _number(column: Column, rng: Random) -> Value:
    if rng.random() < 0.6:  # noqa: PLR2004 - the share of zeros
        return 0
    if column.kind != "Decimal":
        return rng.randrange(100)
    units: int = rng.randrange(-(10 ** (column.size - 2)), 10 ** (column.size - 1))
    if column.is_scaled:
        return int(units % 10**18)
    return float(units % 10**6 / 10 ** min(column.scale, 3))


def _day_time(_column: Column, rng: Random) -> Value:
    return None if rng.random() < 0.4 else rng.choice(DAY_TIMES)  # noqa: PLR2004 - the share of nulls


def _date(_column: Column, rng: Random) -> Value:
    return rng.choice(DATES)


def _boolean(_column: Column, rng: Random) -> Value:
    return int(rng.random() < 0.15)  # noqa: PLR2004 - the share of true ones


def _guid(_column: Column, rng: Random) -> Value:
    return guid.EMPTY if rng.random() < 0.5 else guid.store(random_guid(rng))  # noqa: PLR2004 - the share of empty ones


def _binary(_column: Column, rng: Random) -> Value:
    return rng.randbytes(6)


def _double(_column: Column, rng: Random) -> Value:
    return rng.random() * 100


_OTHERS = {
    "DateTimeOffset": _day_time,
    "Date": _date,
    "Boolean": _boolean,
    "Guid": _guid,
    "Binary": _binary,
    "Double": _double,
}
