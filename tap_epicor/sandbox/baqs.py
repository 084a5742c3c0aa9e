"""Rows of BAQs: parameters into SQL, and the query string's filter on what came out."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_epicor.sandbox import filters, guid, literals, zones
from tap_epicor.sandbox.errors import bad_request, business
from tap_epicor.sandbox.filters import Subject
from tap_epicor.sandbox.pages import Page, is_cut, order_by, page_size
from tap_epicor.sandbox.shapes import Shape

if TYPE_CHECKING:
    from tap_epicor.sandbox.masters import Value
    from tap_epicor.sandbox.options import Options
    from tap_epicor.sandbox.queries import Parameter, Query
    from tap_epicor.sandbox.switches import Switches

TYPE_NAME = "Epicor.QueryItem"
_OPTIONAL = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r":(\w+)")
_ALL = 1 << 40


@dataclass(frozen=True)
class Baqs:
    """Runs BAQs for one request.

    Args:
        connection: To the database.
        company: Whose rows.
        options: The query string's.
        switches: The server's behaviour.
    """

    connection: sqlite3.Connection
    company: str
    options: Options
    switches: Switches

    def page(self, query: Query) -> Page:
        """A page of a BAQ's rows."""
        columns = {name: column for name, column in query.columns.items() if name != "RowIdent"}
        chosen = self.options.select(list(query.columns), TYPE_NAME, [])
        shape = Shape({name: columns[name] for name in chosen if name in columns}, self.options.version, self.switches)
        subject = Subject(columns, TYPE_NAME, "q", self.options.version, self.switches)
        condition = "1"
        if self.options.filter is not None:
            condition = filters.condition(filters.read(self.options.filter, self.options.version), subject)
        inner = f"({self._inner(query)}) AS q WHERE {condition}"
        order = order_by(self.options, columns, TYPE_NAME, "q", self.switches).removesuffix(", ")
        sorting = f"ORDER BY {order}" if order else ""
        skip = self.options.skip if self.switches.baq_skip == "honoured" else 0
        limit = page_size(self.options, self.switches.baq_top_default or _ALL, self.switches.top_maximum)
        shown = shape.expressions("q") or "1"
        sql = f"SELECT {shown} FROM {inner} {sorting} LIMIT {limit + 1} OFFSET {skip}"  # noqa: S608
        found = self._run(sql)
        rows = shape.rows(found[:limit])
        if "RowIdent" in chosen:
            for number, row in enumerate(rows, start=1):
                row["RowIdent"] = str(number)
        return Page(rows, self._count(inner, len(rows)), is_cut(self.options, len(found), limit))

    def _run(self, sql: str) -> list[tuple[Value, ...]]:
        try:
            return self.connection.execute(sql).fetchall()
        except sqlite3.OperationalError as error:
            raise business(f"BAQ execution failed with error:\r\n{error}") from error

    def _count(self, inner: str, rows: int) -> int | None:
        if not self.options.wants_count:
            return None
        if self.switches.count == "refused":
            raise bad_request("The query option '$count' is not allowed.")
        if self.switches.count == "page-only":
            return rows
        ((total,),) = self._run(f"SELECT count(*) FROM {inner}")  # noqa: S608
        return int(str(total))

    def _inner(self, query: Query) -> str:
        fields = ", ".join(f'{field.expression} AS "{field.column.name}"' for field in query.fields)
        return f"SELECT {fields} FROM {self._bound(query)}"  # noqa: S608

    def _bound(self, query: Query) -> str:
        """The query's source with the parameters' values in it."""
        values = {"Company": filters.quoted(self.company)}
        for parameter in query.parameters:
            given = [text for text in self.options.parameters.get(parameter.name, []) if text != ""]
            if given:
                values[parameter.name] = ", ".join(filters.quoted(self._value(parameter, text)) for text in given)
            elif not parameter.optional:
                raise business(f"Parameter '{parameter.name}' is configured as mandatory but no value is specified")
        source = _OPTIONAL.sub(lambda block: block[1] if _names(block[1]) <= set(values) else "", query.source)
        return _NAME.sub(lambda name: values[name[1]], source)

    def _value(self, parameter: Parameter, text: str) -> Value:
        try:
            return self._converted(parameter, text)
        except (ValueError, ArithmeticError) as error:
            raise business(
                f"BAQ execution failed with error:\r\nError converting data type nvarchar to {parameter.kind}."
            ) from error

    def _converted(self, parameter: Parameter, text: str) -> Value:
        if parameter.kind in {"int", "bigint"}:
            return int(text)
        if parameter.kind == "decimal":
            return literals.number(text)
        if parameter.kind == "bit":
            return ["false", "true"].index(text.lower()) if not text.isdigit() else int(text)
        if parameter.kind == "uniqueidentifier":
            return guid.store(text)
        if parameter.kind in {"date", "datetime"}:
            stored = zones.store(text if "T" in text else f"{text}T00:00:00", self.switches)
            if stored is None:
                raise ValueError(text)
            return stored
        return text


def _names(text: str) -> set[str]:
    return set(_NAME.findall(text))
