"""The data model: services, their entity sets, and the tables behind them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from typing import TypedDict

_WIDEST_NATURAL = 15
"""Digits that SQLite's own numbers keep exactly; wider decimals are stored as scaled integers."""
_SPEC = re.compile(r"(?P<kind>\w+)(?:\((?P<size>\d+)(?:,(?P<scale>\d+))?\))?")


@dataclass(frozen=True)
class Column:
    """A column: its name, the kind of its values, and their size.

    Args:
        name: As the server spells it.
        kind: The Edm type without its prefix; `Fixed` is a string that the database pads.
        size: Most characters or digits.
        scale: Decimal places.
        stored: The name it has in the table, where that is another.
    """

    name: str
    kind: str
    size: int = 0
    scale: int = 0
    stored: str = ""

    @classmethod
    def parse(cls, name: str, spec: str) -> Column:
        """A column from a spec such as `Decimal(12,2)`."""
        match = _SPEC.fullmatch(spec)
        if match is None:
            raise ValueError(f"{name}: no such column type: {spec}")
        return cls(name, match["kind"], int(match["size"] or 0), int(match["scale"] or 0))

    @property
    def edm(self) -> str:
        """The Edm type in full."""
        return "Edm.String" if self.kind == "Fixed" else f"Edm.{self.kind}"

    @property
    def is_text(self) -> bool:
        """Whether it holds strings."""
        return self.kind in {"String", "Fixed"}

    @property
    def is_scaled(self) -> bool:
        """Whether the table keeps it as an integer, times ten to its scale."""
        return self.kind == "Decimal" and self.size > _WIDEST_NATURAL


@dataclass(frozen=True)
class Table:
    """A table of the database.

    Args:
        name: Its name.
        columns: By name, in the order of the rows' JSON.
        key: The columns of its primary key.
    """

    name: str
    columns: dict[str, Column]
    key: tuple[str, ...]

    @cached_property
    def company(self) -> str | None:
        """The column that names the row's company."""
        return next((name for name in ("Company", "Company1") if name in self.columns), None)

    @cached_property
    def user_columns(self) -> tuple[str, ...]:
        """The columns that the customer added."""
        return tuple(name for name in self.columns if name.endswith("_c"))


@dataclass(frozen=True)
class EntitySet:
    """An entity set of a service.

    Args:
        service: The service's full name.
        name: The set's name.
        type_name: The entity type's name, without its namespace.
        table: The table behind it.
        columns: The columns it shows.
        key: Its key; empty for `List`.
        expandable: Whether it takes `$expand`.
        parent: The name of the set it is a child of.
        children: The names of its own children.
    """

    service: str
    name: str
    type_name: str
    table: Table
    columns: dict[str, Column]
    key: tuple[str, ...]
    expandable: bool
    parent: str | None
    children: tuple[str, ...]

    @property
    def namespace(self) -> str:
        """The namespace of its entity type."""
        return f"{self.service.split('.')[0]}.Tablesets"

    @property
    def full_type(self) -> str:
        """The full name of its entity type."""
        return f"{self.namespace}.{self.type_name}"


class _SetSpec(TypedDict, total=False):
    table: str
    type: str
    key: list[str]
    columns: str
    expand: bool
    parent: str


class _TableSpec(TypedDict):
    key: list[str]
    columns: list[str]


class Model:
    """All services and tables, as the package's `model.json` tells them."""

    def __init__(self, tables: dict[str, _TableSpec], services: dict[str, dict[str, _SetSpec]]) -> None:
        self.tables = {name: _table(name, spec) for name, spec in tables.items()}
        self.services = {
            service: {name: self._entity_set(service, name, sets) for name in sets}
            for service, sets in services.items()
        }

    def _entity_set(self, service: str, name: str, sets: dict[str, _SetSpec]) -> EntitySet:
        spec = sets[name]
        table = self.tables[spec["table"]]
        shown = spec["columns"].split() if "columns" in spec else list(table.columns)
        return EntitySet(
            service=service,
            name=name,
            type_name=spec["type"],
            table=table,
            columns={column: table.columns[column] for column in shown},
            key=tuple(spec.get("key", [])),
            expandable=spec.get("expand", False),
            parent=spec.get("parent"),
            children=tuple(child for child, other in sets.items() if other.get("parent") == name),
        )


def link(parent: EntitySet, child: EntitySet) -> dict[str, str]:
    """The parent's key columns and the child's columns that refer to them, whatever their case."""
    spelled = {name.lower(): name for name in child.table.columns}
    return {name: spelled[name.lower()] for name in parent.key if name.lower() in spelled}


@cache
def load() -> Model:
    """The model, read once."""
    text = resources.files(__package__).joinpath("model.json").read_text(encoding="utf-8")
    document = json.loads(text)
    return Model(document["tables"], document["services"])


def _table(name: str, spec: _TableSpec) -> Table:
    columns = {}
    for entry in ", ".join(spec["columns"]).split(", "):
        column, _, kind = entry.partition(" ")
        columns[column] = Column.parse(column, kind)
    return Table(name, columns, tuple(spec["key"]))
