"""What a perfect copy of the server's sets would hold, read straight from its database."""

from __future__ import annotations

import datetime as dt
import sqlite3
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tap_epicor.sandbox import guid, model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_epicor.sandbox.model import Column


def rows(database: str, service: str, entity_set: str, company: str) -> Iterator[dict[str, object]]:
    """The rows of a company in an entity set, in no order.

    Args:
        database: The server's file.
        service: The service's full name.
        entity_set: The set's name.
        company: The company's id.

    Yields:
        Each row as Python's own values: times with zone UTC, decimals exact.
    """
    shown = model.load().services[service][entity_set]
    readers = [_reader(column) for column in shown.columns.values()]
    listed = ", ".join(f'"{name}"' for name in shown.columns)
    where = f'WHERE "{shown.table.company}" = ?' if shown.table.company else "WHERE ? IS NOT NULL"
    connection = sqlite3.connect(database, timeout=30)
    try:
        for values in connection.execute(f'SELECT {listed} FROM "{shown.table.name}" {where}', (company,)):  # noqa: S608
            read = (None if value is None else reader(value) for reader, value in zip(readers, values, strict=True))
            yield dict(zip(shown.columns, read, strict=True))
    finally:
        connection.close()


def entity_sets() -> list[tuple[str, str, tuple[str, ...]]]:
    """Every entity set: its service, its name, and its key columns."""
    services = model.load().services.values()
    return [(one.service, one.name, one.key) for sets in services for one in sets.values()]


def columns(service: str, entity_set: str) -> dict[str, str]:
    """The columns of an entity set with their Edm types."""
    return {name: column.edm for name, column in model.load().services[service][entity_set].columns.items()}


def _reader(column: Column) -> Callable[[Any], object]:
    """What makes Python's own value of a stored one."""
    if column.is_scaled:
        return lambda units: Decimal(units).scaleb(-column.scale)
    if column.kind == "Decimal":
        return lambda number: Decimal(str(number))
    return _READERS.get(column.kind, lambda value: value)


def _moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


_READERS: dict[str, Callable[[Any], object]] = {
    "Boolean": bool,
    "Double": float,
    "Date": dt.date.fromisoformat,
    "DateTimeOffset": _moment,
    "Guid": lambda stored: uuid.UUID(guid.show(stored)),
}
