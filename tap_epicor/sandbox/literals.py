"""Literals of filters and keys, as values of the database."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from tap_epicor.sandbox import guid, zones
from tap_epicor.sandbox.errors import bad_request
from tap_epicor.sandbox.tokens import TYPED

if TYPE_CHECKING:
    from tap_epicor.sandbox.masters import Value
    from tap_epicor.sandbox.model import Column
    from tap_epicor.sandbox.switches import Switches

_NUMBERS = {"Int16", "Int32", "Int64", "Decimal", "Double"}
_DATE = re.compile(r"(\d{4}-\d\d-\d\d)(?:T00:00(?::00(?:\.0+)?)?)?(?:Z|[+-]\d\d:\d\d)?")
_GUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_SHORT_DAY = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True)
class Literal:
    """A literal: what kind it was written as, and its text.

    Args:
        kind: `string`, `number`, `boolean`, or the name of a typed literal.
        text: Its text, without quotes.
    """

    kind: str
    text: str

    @classmethod
    def of_string(cls, text: str) -> Literal:
        """A literal from a string of the one grammar, in which typed literals are marked strings."""
        if not text.startswith(TYPED):
            return cls("string", text)
        kind, _, value = text[1:].partition(TYPED)
        return cls(kind, value)

    @property
    def edm(self) -> str:
        """The Edm type it would have."""
        names = {
            "string": "String",
            "number": "Int32",
            "boolean": "Boolean",
            "guid": "Guid",
            "moment": "DateTimeOffset",
        }
        return f"Edm.{names.get(self.kind, 'DateTime')}"


def store(literal: Literal, column: Column, switches: Switches, version: int) -> Value:
    """The literal as the column keeps it.

    Args:
        literal: To be stored.
        column: It is compared with.
        switches: How times are understood.
        version: Of the API, 1 or 2.

    Raises:
        ServerError: When the column's type cannot be compared with it.
    """
    value: Value = None
    if column.is_text and literal.kind == "string":
        value = literal.text
    elif column.kind in _NUMBERS and literal.kind == "number":
        value = number(literal.text, column)
    elif column.kind == "Boolean" and literal.kind == "boolean":
        value = int(literal.text == "true")
    elif column.kind == "Guid" and literal.kind == "guid" and _GUID.fullmatch(literal.text):
        value = guid.store(literal.text)
    elif column.kind == "DateTimeOffset":
        value = _moment(literal, switches, version)
    elif column.kind == "Date":
        value = _date(literal)
    if value is None:
        raise bad_request(
            "A binary operator with incompatible types was detected. "
            f"Found operand types '{column.edm}' and '{literal.edm}' for operator kind 'Equal'."
        )
    return value


def number(text: str, column: Column | None = None) -> int | float:
    """A number, in the column's scale."""
    exact = Decimal(text)
    if column is not None and column.is_scaled:
        exact = exact.scaleb(column.scale)
    return int(exact) if exact == exact.to_integral_value() else float(exact)


def _moment(literal: Literal, switches: Switches, version: int) -> str | None:
    text = literal.text
    if literal.kind in {"datetime", "datetimeoffset"}:
        if _SHORT_DAY.fullmatch(text):
            text += "T00:00:00"
        if literal.kind == "datetimeoffset" and not zones.has_zone(text):
            return None
        return zones.store(text, switches)
    if literal.kind != "moment" or version == 1:
        return None
    if switches.zone != "none" and not zones.has_zone(text):
        return None
    return zones.store(text, switches)


def _date(literal: Literal) -> str | None:
    if literal.kind not in {"day", "datetime", "datetimeoffset"}:
        return None
    match = _DATE.fullmatch(literal.text)
    return match[1] if match else None
