"""Rows as the server sent them become rows as the schema has them."""

from __future__ import annotations

import reprlib
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from tap_epicor.kinetic.dialect import MOST_DIGITS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence


MOST_NAMES = 100
"""Columns that are told by name when the catalog does not know them."""
LONGEST_NAME = 128

_CURE = "The catalog says otherwise: run --discover again; if it stays, report it."
_BRIEF = reprlib.Repr()
_BRIEF.maxstring = _BRIEF.maxother = _BRIEF.maxlong = 200


class ValueMismatch(ValueError):
    """A value that is none of its column's type, with the row in the message."""


class Repair:
    """Makes rows, and the child rows in them, fit a schema: no other columns, numbers as numbers.

    v1 may send numbers as strings, some servers send 64-bit integers so; both are accepted (facts of grade C).

    Args:
        schema: JSON schema of the rows.
        key: columns that tell rows apart, for messages.
        added: columns to add to each row.
        ignored: columns to drop without a word.
    """

    def __init__(
        self,
        schema: Mapping[str, Any],
        key: Iterable[str],
        added: Mapping[str, Any],
        ignored: Collection[str] = (),
    ) -> None:
        properties = schema["properties"]
        self._columns = set(properties)
        self._integers = [name for name, value in properties.items() if "integer" in value["type"]]
        self._numbers = [name for name, value in properties.items() if "number" in value["type"]]
        self._nested = {
            name: Repair(value["items"], (), {})
            for name, value in properties.items()
            if "properties" in value.get("items", ())
        }
        self._key = tuple(key)
        self._added = dict(added)
        self._ignored = ignored
        self.unknown: set[str] = set()

    def rows(self, rows: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
        """Yield each row, changed in place.

        Raises:
            ValueMismatch: if a number is none, or child rows are no rows.
        """
        for row in rows:
            if not row.keys() <= self._columns:
                self._drop_unknown(row)
            for name in self._integers:
                value = row.get(name)
                if type(value) is not int and value is not None:
                    row[name] = self._integer(value, name, row)
            for name in self._numbers:
                value = row.get(name)
                if type(value) is not int and type(value) is not Decimal and value is not None:
                    row[name] = self._number(value, name, row)
            for name, nested in self._nested.items():
                self._repair_nested(row, name, nested)
            row.update(self._added)
            yield row

    def absent(self, rows: Sequence[Mapping[str, Any]], wanted: Collection[str]) -> list[str]:
        """Return the columns that no row has, though the server declares them: they would end as nulls.

        Args:
            rows: the rows of a page, before they are repaired.
            wanted: the columns that were asked for.

        Raises:
            ValueMismatch: if such a column came in other letters.
        """
        if not rows or rows[0].keys() >= set(wanted):
            return []
        came = {name for row in rows for name in row}
        absent = [name for name in wanted if name not in came]
        others = {name.lower(): name for name in came - self._columns}
        for name in absent:
            if name.lower() in others:
                raise ValueMismatch(f"column {name} comes as {_BRIEF.repr(others[name.lower()])}. {_CURE}")
        return absent

    def _drop_unknown(self, row: dict[str, Any]) -> None:
        unknown = row.keys() - self._columns
        for name in unknown:
            del row[name]
        self.note_unknown(unknown)

    def note_unknown(self, names: Iterable[str]) -> None:
        """Note columns that the schema does not have.

        Args:
            names: columns, some of which it may have.
        """
        for name in names:
            if name in self._columns:
                continue
            if name in self._ignored or name.startswith("odata.") or "@" in name or len(self.unknown) >= MOST_NAMES:
                continue
            brief = name[:LONGEST_NAME]
            self.unknown.add(brief if brief.isprintable() else repr(brief))

    def _repair_nested(self, row: dict[str, Any], name: str, nested: Repair) -> None:
        children = row.get(name)
        if children is None:
            return
        if not isinstance(children, list) or not all(isinstance(child, dict) for child in children):
            raise self._mismatch(children, name, row, "a list of rows")
        try:
            row[name] = list(nested.rows(children))
        except ValueMismatch as exc:
            raise ValueMismatch(f"in {name} of the row with {self._where(row)}: {exc}") from None
        if nested.unknown:
            self.note_unknown(f"{name}.{column}" for column in nested.unknown)
            nested.unknown.clear()

    def _integer(self, value: object, name: str, row: Mapping[str, Any]) -> int:
        try:
            number = Decimal(str(value))
            small = number.is_finite() and number.adjusted() < MOST_DIGITS
            if small and not isinstance(value, bool) and number == number.to_integral_value():
                return int(number)
        except (InvalidOperation, OverflowError):
            pass
        raise self._mismatch(value, name, row, "a whole number")

    def _number(self, value: object, name: str, row: Mapping[str, Any]) -> Decimal:
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            raise self._mismatch(value, name, row, "a number") from None
        if not number.is_finite():
            raise self._mismatch(value, name, row, "a finite number")
        return number

    def _mismatch(self, value: object, name: str, row: Mapping[str, Any], wanted: str) -> ValueMismatch:
        return ValueMismatch(
            f"column {name} holds {_BRIEF.repr(value)} in the row with {self._where(row)}, where {wanted} was "
            f"declared. {_CURE}"
        )

    def _where(self, row: Mapping[str, Any]) -> str:
        said = [f"{column} {_BRIEF.repr(self._added.get(column, row.get(column)))}" for column in self._key]
        return ", ".join(said) or "no key"
