"""Rows of the database as rows of JSON."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from tap_epicor.sandbox import guid, zones

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Mapping

    from tap_epicor.sandbox.model import Column
    from tap_epicor.sandbox.switches import Switches

JsonRow = dict[str, Any]
_SIMPLE: dict[str, Callable[[Any], Any]] = {"Boolean": (False, True).__getitem__, "Guid": guid.show}


class Shape:
    """How the columns of one answer are read and shown.

    Args:
        columns: By name.
        version: Of the API, 1 or 2.
        switches: How times, decimals and big integers are shown.
    """

    def __init__(self, columns: Mapping[str, Column], version: int, switches: Switches) -> None:
        self._columns = columns
        self._version = version
        self._switches = switches
        shown = ((name, self._converter(column)) for name, column in columns.items())
        self._converters = [(name, convert) for name, convert in shown if convert is not None]

    def expressions(self, alias: str) -> str:
        """The columns in SQL."""
        columns = self._columns.values()
        return ", ".join(self._expression(one, f'"{alias}"."{one.stored or one.name}"') for one in columns)

    def rows(self, cursor: Iterable[sqlite3.Row | tuple[Any, ...]]) -> list[JsonRow]:
        """The rows of a cursor over the expressions; further columns are left out."""
        names = tuple(self._columns)
        rows = [dict(zip(names, values, strict=False)) for values in cursor]
        for name, convert in self._converters:
            for row in rows:
                value = row[name]
                if value is not None:
                    row[name] = convert(value)
        return rows

    def _expression(self, column: Column, sql: str) -> str:
        if column.kind == "DateTimeOffset" and self._switches.zone == "Z":
            return f"{sql} || 'Z'"
        if column.kind == "Date" and self._version == 1:
            return f"{sql} || 'T00:00:00'"
        return sql

    def _converter(self, column: Column) -> Callable[[Any], Any] | None:
        """What to make of the column's values in Python; nothing where SQL did it all."""
        if column.kind in _SIMPLE:
            return _SIMPLE[column.kind]
        if column.kind == "DateTimeOffset" and self._switches.zone != "Z":
            return partial(zones.show, switches=self._switches)
        if column.kind == "Int64" and self._switches.int64 == "string":
            return str
        if column.kind == "Decimal" and self._switches.decimals == "string":
            return partial(_written, column=column)
        return partial(exact, scale=column.scale) if column.is_scaled else None


def exact(units: int, scale: int) -> int | Decimal:
    """A scaled integer as the number it stands for, without zeros at its end."""
    unit: int = 10**scale
    whole, rest = divmod(abs(units), unit)
    if not rest:
        return whole if units >= 0 else -whole
    sign = "-" if units < 0 else ""
    return Decimal(f"{sign}{whole}.{rest:0{scale}d}".rstrip("0"))


def _written(value: float | str, column: Column) -> str:
    number = exact(int(value), column.scale) if column.is_scaled else Decimal(str(value))
    return f"{number:.{column.scale}f}"
