"""Rows as the server sent them become rows of Python's own values, of the types that the metadata declares."""

from __future__ import annotations

import logging
import reprlib
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from tap_epicor.kinetic.dialect import MOST_DIGITS
from tap_epicor.kinetic.errors import KineticError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from tap_epicor.kinetic.metadata import Column

logger = logging.getLogger(__name__)

_BRIEF: Final = reprlib.Repr()
_BRIEF.maxstring = _BRIEF.maxother = _BRIEF.maxlong = 200


class ValueMismatch(KineticError):
    """A value that is none of its column's declared type, with the row in the message."""


def whole(value: object) -> int:
    """Return a whole number; some servers send those of 64 bits, and v1 all numbers, as text.

    Raises:
        TypeError: if it is none.
        ValueError: the same.
    """
    if type(value) is int:
        return value
    number = exact(value)
    if number.adjusted() > MOST_DIGITS or number != number.to_integral_value():
        raise ValueError("no whole number")
    return int(number)


def exact(value: object) -> Decimal:
    """Return a decimal with every digit that came.

    Raises:
        TypeError: if it is none.
        ValueError: the same.
    """
    if type(value) is Decimal:
        return value
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError("no number")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise ValueError("no number") from None
    if not number.is_finite():
        raise ValueError("no finite number")
    return number


def binary(value: object) -> float:
    """Return a binary fraction; `INF`, `-INF` and `NaN` come as text.

    Raises:
        TypeError: if it is none.
        ValueError: the same.
    """
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise TypeError("no number")
    return float(value)


NUMBERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    **dict.fromkeys(("Edm.Byte", "Edm.SByte", "Edm.Int16", "Edm.Int32", "Edm.Int64"), whole),
    "Edm.Decimal": exact,
    **dict.fromkeys(("Edm.Double", "Edm.Single"), binary),
}
"""What makes a number of what came, for each type of numbers."""


def of_kind(kind: type, value: Any) -> Any:  # noqa: ANN401 - whatever the kind is
    """Return a value that must be of a kind as it came.

    Args:
        kind: `bool`, `str`, `list` or `dict`.
        value: the value.

    Raises:
        TypeError: if it is of another.
    """
    if type(value) is not kind:
        raise TypeError(f"no {_NAMES[kind]}")
    return value


_NAMES: Final[Mapping[type, str]] = {bool: "truth value", str: "text", list: "list", dict: "structure"}
_TEXTS: Final = ("String", "Guid", "Binary", "Date", "DateTime", "DateTimeOffset", "TimeOfDay")
_KINDS: Final[Mapping[str, type]] = {
    "Complex": dict,
    "Edm.Boolean": bool,
    **dict.fromkeys((f"Edm.{name}" for name in _TEXTS), str),
}
_OWN: Final[Mapping[Callable[[Any], Any], type]] = {whole: int, exact: Decimal}


def kind_of(column: Column) -> tuple[type | None, Callable[[Any], Any] | None]:
    """Return of which kind a column's values are, and what makes one of another; None for what may be anything.

    Args:
        column: the column.
    """
    if column.collection:
        return list, partial(of_kind, list)
    if convert := NUMBERS.get(column.type):
        return _OWN.get(convert), convert
    kind = _KINDS.get(column.type)
    return kind, partial(of_kind, kind) if kind else None


class Columns:
    """The columns that are wanted of rows.

    Args:
        source: name of the set or BAQ, for messages.
        columns: the columns, in order.
        key: columns that tell rows apart, for messages.
        ignored: further columns that are known, and not wanted.
    """

    def __init__(self, source: str, columns: Sequence[Column], key: Sequence[str], ignored: Collection[str]) -> None:
        self.columns = columns
        self._source = source
        self._key = key
        self._known = {*ignored, *(column.name for column in columns)}
        self._convert = [(column.name, *kind_of(column)) for column in columns]
        self._told: set[str] = set()

    def dictionaries(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield the rows of a page.

        Args:
            rows: the rows as the server sent them.

        Raises:
            ValueMismatch: if a value is none of its column's type.
        """
        self.check_names(rows)
        for row in rows:
            made = {}
            for name, kind, convert in self._convert:
                value = row.get(name)
                if value is not None and type(value) is not kind and convert is not None:
                    try:
                        value = convert(value)
                    except (ValueError, TypeError) as exc:
                        raise self.mismatch(row, name, str(exc)) from exc
                made[name] = value
            yield made

    def check_names(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Tell of columns that were declared and do not come, and of others that do.

        Args:
            rows: the rows of a page.

        Raises:
            ValueMismatch: if a declared column comes in other letters: it would be empty without a word.
        """
        wanted = {column.name for column in self.columns}
        if not rows or rows[0].keys() == wanted:
            return
        came = {name for row in rows for name in row}
        absent = sorted(wanted - came)
        others = {name.lower(): name for name in came - self._known}
        for name in absent:
            if other := others.get(name.lower()):
                raise ValueMismatch(f"{self._source}: the column {name} comes as {other!r}", cure="Report it.")
        unknown = sorted(repr(name) for name in others.values() if "@" not in name and not name.startswith("odata."))
        self._tell("no row of a page has columns that the server declares, which are None", absent)
        self._tell("rows have columns that the server does not declare, which are left out", unknown)

    def mismatch(self, row: Mapping[str, Any], name: str, why: str) -> ValueMismatch:
        """Return the error for a value.

        Args:
            row: the row that it is in.
            name: its column.
            why: what is wrong with it.
        """
        (declared,) = (column.type for column in self.columns if column.name == name)
        where = ", ".join(f"{column} {_BRIEF.repr(row.get(column))}" for column in self._key) or "no key"
        return ValueMismatch(
            f"{self._source}: the column {name}, declared as {declared}, holds {_BRIEF.repr(row.get(name))} in the "
            f"row with {where}: {why}",
            cure="Leave the column out by `select`; if the server declares it wrongly, report it.",
        )

    def _tell(self, what: str, names: Sequence[str]) -> None:
        if new := [name for name in names if name not in self._told]:
            self._told.update(new)
            logger.warning("%s: %s: %.500s.", self._source, what, ", ".join(new))
