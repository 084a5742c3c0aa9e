"""Pages as Arrow tables: one schema for all pages of a read, from what the server declares and never from the rows."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from tap_epicor.python.values import NUMBERS, of_kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tap_epicor.kinetic.metadata import Column
    from tap_epicor.python.values import Columns

    Convert = Callable[[Any], Any]

_MOST_DIGITS: Final = 38
"""Of SQL Server's decimals, and of Arrow's with 128 bits."""
_PLACES: Final = 18
"""Places of a decimal whose own are not declared: more than a column of Kinetic has."""
_UNFIT: Final = (ValueError, TypeError, OverflowError)
"""What pyarrow raises where a value does not fit a type; its own errors are kinds of these."""


class Pages:
    """Makes tables of pages.

    Args:
        columns: the columns wanted.

    Attributes:
        schema: the schema of each table.
    """

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        types = [_type_of(column) for column in columns.columns]
        self._convert = [(column.name, *made) for column, made in zip(columns.columns, types, strict=True)]
        self.schema = pa.schema([(name, kind) for name, kind, _ in self._convert])

    def table(self, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
        """Return the rows of a page as a table.

        Args:
            rows: the rows as the server sent them.

        Raises:
            ValueMismatch: if a value does not fit its column.
        """
        self._columns.check_names(rows)
        arrays = [self._array(rows, name, kind, convert) for name, kind, convert in self._convert]
        return pa.Table.from_arrays(arrays, schema=self.schema)

    def _array(self, rows: Sequence[Mapping[str, Any]], name: str, kind: pa.DataType, convert: Convert) -> pa.Array:
        try:
            return _made([row.get(name) for row in rows], kind, convert)
        except _UNFIT as failure:
            for row in rows:
                try:
                    _made([row.get(name)], kind, convert)
                except _UNFIT as exc:
                    raise self._columns.mismatch(row, name, str(exc)) from exc
            raise self._columns.mismatch(rows[0], name, str(failure)) from failure


def _made(values: Iterable[Any], kind: pa.DataType, convert: Convert) -> pa.Array:
    return pa.array([value if value is None else convert(value) for value in values], kind)


def _type_of(column: Column) -> tuple[pa.DataType, Convert]:
    """Return the type of a column, and what makes a value for it of what came."""
    kind, convert = _single(column)
    if not column.collection:
        return kind, convert
    return pa.list_(kind), lambda values: [
        value if value is None else convert(value) for value in of_kind(list, values)
    ]


def _single(column: Column) -> tuple[pa.DataType, Convert]:
    if column.type == "Edm.Decimal":
        kind = _decimal(column.precision, column.scale)
    elif column.type == "Complex" and column.columns:
        parts = [(part.name, *_type_of(part)) for part in column.columns]
        return pa.struct([(name, kind) for name, kind, _ in parts]), lambda value: {
            name: None if part is None else convert(part)
            for name, _, convert in parts
            for part in [of_kind(dict, value).get(name)]
        }
    else:
        kind = _TYPES.get(column.type, pa.string())
    return kind, NUMBERS.get(column.type) or _MOMENTS.get(column.type, _as_it_came)


def _decimal(precision: int | None, scale: int | None) -> pa.DataType:
    if precision is None or scale is None or not 0 < precision <= _MOST_DIGITS or scale > precision:
        return pa.decimal128(_MOST_DIGITS, _PLACES)
    return pa.decimal128(precision, scale)


def _instant(text: str) -> datetime:
    """Return a moment; one without a zone is taken for UTC, as in `$filter`."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _wall_clock(text: str) -> datetime:
    """Return what the clock on the wall shows: the type has no zone, though some servers send one."""
    return datetime.fromisoformat(text).replace(tzinfo=None)


def _as_it_came(value: object) -> object:
    return value


_MOMENTS: Final[Mapping[str, Convert]] = {
    "Edm.DateTimeOffset": _instant,
    "Edm.DateTime": _wall_clock,
    "Edm.Date": lambda text: date.fromisoformat(text[:10]),
    "Edm.TimeOfDay": time.fromisoformat,
}
_TYPES: Final[Mapping[str, pa.DataType]] = {
    "Edm.Byte": pa.uint8(),
    "Edm.SByte": pa.int8(),
    "Edm.Int16": pa.int16(),
    "Edm.Int32": pa.int32(),
    "Edm.Int64": pa.int64(),
    "Edm.Double": pa.float64(),
    "Edm.Single": pa.float32(),
    "Edm.Boolean": pa.bool_(),
    "Edm.DateTimeOffset": pa.timestamp("us", tz="UTC"),
    "Edm.DateTime": pa.timestamp("us"),
    "Edm.Date": pa.date32(),
    "Edm.TimeOfDay": pa.time64("us"),
}
"""Types but those of decimals; all others (GUIDs, enumerations, bytes in base64, durations) are text as it came."""
