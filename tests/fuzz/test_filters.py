"""Filters as two parsers understand them that share nothing: the sandbox's, over SQLite, and odatapy's, in Python.

Rows of random values go through JSON; the filter for the rows beyond one of them must choose just those, in both.
"""

from __future__ import annotations

import datetime as dt
import re
import sqlite3
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from odatapy.data import Entity, Property
from odatapy.server.eval import evaluate_filter
from odatapy.server.uri.expression_parser import ExpressionParser

from tap_epicor.kinetic.dialect import V1, V2
from tap_epicor.kinetic.query import Query, all_of, beyond
from tap_epicor.sandbox import filters, guid, literals
from tap_epicor.sandbox.literals import Literal
from tap_epicor.sandbox.model import Column
from tap_epicor.sandbox.switches import Switches

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tap_epicor.kinetic.dialect import Dialect

SWITCHES = Switches(collation="binary")
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes)))
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12) | st.sampled_from(
    [
        "",
        "'",
        "''",
        "O'Brien",
        "a' or 1 eq 1 or 'a' eq '",
        "A and B",
        "guid'x'",
        "%27",
        "a+b&c=d#e",
        "ü😀",
        " a ",
        "\t\n",
    ]
)
INTEGERS = {"Edm.Int16": 15, "Edm.Int32": 31, "Edm.Int64": 63}
DECIMAL = Column("x", "Decimal", 28, 8)


def whole(bits: int) -> st.SearchStrategy[int]:
    near = st.sampled_from([2**53 + 1, 2**53, -(2**53) - 1, 0, 2**bits - 1, -(2**bits)])
    return st.integers(-(2**bits), 2**bits - 1) | near.filter(lambda value: -(2**bits) <= value < 2**bits)


def moment(value: dt.datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")


# Values as they stand in a row's JSON, once decoded.
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "Edm.String": TEXT,
    **{kind: whole(bits) for kind, bits in INTEGERS.items()},
    "Edm.Decimal": st.decimals(-(10**10), 10**10, places=8)
    | st.sampled_from(["1E-8", "-0", "-0.00000001"]).map(Decimal),
    "Edm.Boolean": st.booleans(),
    "Edm.Guid": st.uuids().map(str),
    "Edm.DateTimeOffset": st.datetimes(dt.datetime(1900, 1, 2), dt.datetime(2200, 1, 1), timezones=OFFSETS).map(moment),  # noqa: DTZ001
    "Edm.Date": st.dates().map(dt.date.isoformat),
}


def stored(kind: str, value: Any) -> Any:
    """The value as the sandbox's database keeps it."""
    if kind == "Edm.String":
        return value
    if kind == "Edm.Guid":
        return guid.store(value)
    if kind == "Edm.Decimal":
        return literals.number(format(value, "f"), DECIMAL)
    if kind == "Edm.DateTimeOffset":
        return literals.store(Literal("datetimeoffset", value), Column("x", "DateTimeOffset"), SWITCHES, 2)
    return int(value) if kind == "Edm.Boolean" else value


def in_python(kind: str, value: Any) -> Any:
    """The value as odatapy keeps it."""
    readers: dict[str, Callable[[str], Any]] = {
        "Edm.Guid": uuid.UUID,
        "Edm.DateTimeOffset": dt.datetime.fromisoformat,
        "Edm.Date": dt.date.fromisoformat,
    }
    return readers[kind](value) if kind in readers else value


def chosen_by_sandbox(condition: str, kinds: Sequence[str], rows: Sequence[tuple[Any, ...]], version: int) -> list[int]:
    names = columns_of(kinds)
    columns = {
        name: Column(name, "Decimal", 28, 8) if kind == "Edm.Decimal" else Column(name, kind.removeprefix("Edm."))
        for name, kind in zip(names, kinds, strict=True)
    }
    subject = filters.Subject(columns, "Erp.T", "t", version, SWITCHES)
    sql = filters.condition(filters.read(condition, version), subject)
    with sqlite3.connect(":memory:") as database:
        database.execute(f"CREATE TABLE t (id, {', '.join(names)})")
        held = [(n, *(stored(k, v) for k, v in zip(kinds, row, strict=True))) for n, row in enumerate(rows)]
        database.executemany(f"INSERT INTO t VALUES ({', '.join('?' * (len(names) + 1))})", held)
        found = [number for (number,) in database.execute(f'SELECT id FROM t AS "t" WHERE {sql} ORDER BY id')]
    database.close()
    return found


_OF_3 = re.compile(r"('(?:[^']|'')*')|\b(?:guid|datetimeoffset|datetime)'([^']*)'|(-?\d+(?:\.\d+)?)M\b")


def chosen_by_odatapy(condition: str, kinds: Sequence[str], rows: Sequence[tuple[Any, ...]], version: int) -> list[int]:
    """Rows that odatapy's filter chooses; it reads OData 4, so that the typed literals of OData 3 are unwrapped."""
    if version == 1:
        condition = _OF_3.sub(lambda found: found[1] or found[2] or found[3], condition)
    expression = ExpressionParser.parse_string(condition, strict=False)
    names = columns_of(kinds)

    def holds(row: tuple[Any, ...]) -> bool:
        values = [in_python(kind, value) for kind, value in zip(kinds, row, strict=True)]
        return evaluate_filter(
            Entity(properties=[Property(n, v) for n, v in zip(names, values, strict=True)]), expression
        )

    return [number for number, row in enumerate(rows) if holds(row)]


def columns_of(kinds: Sequence[str]) -> list[str]:
    return [f"{'Allocated' if number else 'And'}{number}_c" for number in range(len(kinds))]


@st.composite
def keyed_rows(draw: st.DrawFn) -> tuple[list[str], list[tuple[Any, ...]], int]:
    """Types of a key's columns, rows of such values, and the number of the row that the last page ended with."""
    kinds = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=3))
    columns = [draw(st.lists(VALUES[kind], min_size=1, max_size=3)) for kind in kinds]
    rows = draw(st.lists(st.tuples(*map(st.sampled_from, columns)), min_size=1, max_size=6))
    return kinds, rows, draw(st.integers(0, len(rows) - 1))


@pytest.mark.parametrize("dialect", [V1, V2], ids=lambda dialect: dialect.version)
@given(drawn=keyed_rows(), inclusive=st.booleans())
def test_just_the_rows_beyond_a_key_are_chosen(
    dialect: Dialect,
    drawn: tuple[list[str], list[tuple[Any, ...]], int],
    inclusive: bool,  # noqa: FBT001
) -> None:
    kinds, rows, at = drawn
    version = int(dialect.version[1:])
    key = list(zip(columns_of(kinds), map(dialect.literal, kinds, rows[at]), strict=True))
    first = f"{key[0][0]} ge {key[0][1]}"
    condition = all_of([first, beyond(key, inclusive=inclusive)])
    sent = dict(parse_qsl(Query(condition).encode(), keep_blank_values=True))["$filter"]

    def wanted(order: Callable[[str, Any], Any]) -> list[int]:
        keys = [tuple(map(order, kinds, row)) for row in rows]
        return [n for n, one in enumerate(keys) if one > keys[at] or (inclusive and one == keys[at])]

    assert chosen_by_sandbox(sent, kinds, rows, version) == wanted(stored)
    assert chosen_by_odatapy(sent, kinds, rows, version) == wanted(in_python)


@pytest.mark.parametrize("dialect", [V1, V2], ids=lambda dialect: dialect.version)
@pytest.mark.parametrize("kind", VALUES)
@given(data=st.data())
def test_a_value_finds_its_own_row_and_no_other(dialect: Dialect, kind: str, data: st.DataObject) -> None:
    values = data.draw(st.lists(VALUES[kind], min_size=1, max_size=5))
    condition = f"And0_c eq {dialect.literal(kind, values[0])}"
    version = int(dialect.version[1:])
    rows = [(value,) for value in values]
    for chosen, form in ((chosen_by_sandbox, stored), (chosen_by_odatapy, in_python)):
        same = [number for number, value in enumerate(values) if form(kind, value) == form(kind, values[0])]
        assert chosen(condition, [kind], rows, version) == same


@pytest.mark.parametrize("number", ["1E+999999999", "-1E-999999999"])
def test_a_number_of_a_billion_digits_is_not_written_out(number: str) -> None:
    assert len(V2.literal("Edm.Decimal", Decimal(number))) < 20
