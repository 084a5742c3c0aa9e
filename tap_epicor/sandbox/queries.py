"""The BAQs the server knows, as the package's `queries.json` tells them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from tap_epicor.sandbox.model import Column

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from tap_epicor.sandbox.history import History
    from tap_epicor.sandbox.masters import Row


@dataclass(frozen=True)
class Parameter:
    """A parameter of a BAQ.

    Args:
        name: Its ParameterID.
        kind: Its SQL Server type.
        optional: Whether its condition is skipped when it has no value.
    """

    name: str
    kind: str
    optional: bool


@dataclass(frozen=True)
class Field:
    """A displayed field of a BAQ.

    Args:
        column: Its alias and type.
        source: `Table.Column`, or an expression in parentheses.
        label: What people call it.
    """

    column: Column
    source: str
    label: str

    @property
    def expression(self) -> str:
        """The field in SQL."""
        if self.source.startswith("("):
            return self.source
        table, column = self.source.split(".")
        return f'"{table}"."{column}"'


@dataclass(frozen=True)
class Query:
    """A BAQ.

    Args:
        name: Its QueryID.
        description: Its description.
        fields: What it displays.
        source: The rest of its SQL; conditions of optional parameters stand in braces.
        parameters: Its parameters.
        updatable: Whether it is an updatable BAQ.
    """

    name: str
    description: str
    fields: tuple[Field, ...]
    source: str
    parameters: tuple[Parameter, ...]
    updatable: bool

    @property
    def columns(self) -> dict[str, Column]:
        """Its columns, RowIdent last."""
        columns = {field.column.name: field.column for field in self.fields}
        return columns | {"RowIdent": Column("RowIdent", "String")}


@cache
def load() -> dict[str, Query]:
    """The BAQs by id, read once."""
    text = resources.files(__package__).joinpath("queries.json").read_text(encoding="utf-8")
    loaded = {}
    for spec in json.loads(text):
        fields = tuple(Field(Column.parse(a, kind), source, label) for a, kind, source, label in spec["columns"])
        loaded[spec["id"]] = Query(
            name=spec["id"],
            description=spec["description"],
            fields=fields,
            source=spec["from"],
            parameters=tuple(Parameter(*entry) for entry in spec.get("parameters", [])),
            updatable=spec.get("updatable", False),
        )
    return loaded


def queries(history: History, _rng: Random) -> Iterator[Row]:
    """DynamicQuery: the BAQs as rows."""
    for query in load().values():
        yield {
            "Company": history.company,
            "QueryID": query.name,
            "Description": query.description,
            "AuthorID": "manager",
            "IsShared": True,
            "SystemFlag": query.name.startswith("z"),
            "Updatable": query.updatable,
            "Version": "11.2.400.0",
        }


def parameters(history: History, _rng: Random) -> Iterator[Row]:
    """QueryParameter."""
    for query in load().values():
        for parameter in query.parameters:
            yield {
                "Company": history.company,
                "QueryID": query.name,
                "ParameterID": parameter.name,
                "ParameterLabel": parameter.name,
                "ParameterType": parameter.kind,
                "SkipIfEmpty": parameter.optional,
            }
