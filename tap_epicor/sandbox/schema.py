"""The tables and indexes of the database, as SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from tap_epicor.sandbox.model import Column, Table

_TYPES = {
    "Boolean": "INTEGER",
    "Int16": "INTEGER",
    "Int32": "INTEGER",
    "Int64": "INTEGER",
    "Double": "REAL",
    "Binary": "BLOB",
}
REFERENCES = {
    "ShipDtl": ("Company", "OrderNum", "OrderLine"),
    "InvcDtl": ("Company", "OrderNum", "OrderLine"),
    "RcvDtl": ("Company", "PONum", "POLine"),
}
"""Columns by which tables refer to others, apart from their keys."""


def create(connection: sqlite3.Connection, tables: Iterable[Table], collation: str) -> None:
    """Creates the empty tables, and where the server keeps its own facts.

    Args:
        connection: To the new database.
        tables: To create.
        collation: How strings compare: `nocase` or `binary`.
    """
    connection.execute("CREATE TABLE _facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID")
    for table in tables:
        columns = ", ".join(f'"{column.name}" {_declared(column, collation)}' for column in table.columns.values())
        connection.execute(f'CREATE TABLE "{table.name}" ({columns})')


def create_indexes(connection: sqlite3.Connection, tables: Iterable[Table]) -> None:
    """Creates the indexes, once the rows are there."""
    for table in tables:
        _create_index(connection, f"{table.name}_key", table, table.key, "UNIQUE")
        if "SysRevID" in table.columns and table.company:
            _create_index(connection, f"{table.name}_revision", table, (table.company, "SysRevID"))
        if table.name in REFERENCES:
            _create_index(connection, f"{table.name}_reference", table, REFERENCES[table.name])


def _create_index(
    connection: sqlite3.Connection, name: str, table: Table, columns: Iterable[str], kind: str = ""
) -> None:
    listed = ", ".join(f'"{column}"' for column in columns)
    connection.execute(f'CREATE {kind} INDEX "{name}" ON "{table.name}" ({listed})')


def _declared(column: Column, collation: str) -> str:
    if column.is_text:
        return f"TEXT COLLATE {collation.upper()}"
    if column.kind == "Decimal":
        return "INTEGER" if column.is_scaled else "NUMERIC"
    return _TYPES.get(column.kind, "TEXT")
