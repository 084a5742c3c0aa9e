"""Columns of an entity type become a JSON schema that loaders make tables from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from tap_epicor.kinetic.metadata import Column

_TYPES: Final[Mapping[str, Mapping[str, Any]]] = {
    "Edm.Byte": {"type": "integer"},
    "Edm.SByte": {"type": "integer"},
    "Edm.Int16": {"type": "integer"},
    "Edm.Int32": {"type": "integer"},
    "Edm.Int64": {"type": "integer"},
    "Edm.Decimal": {"type": "number"},
    "Edm.Double": {"type": "number"},
    "Edm.Single": {"type": "number"},
    "Edm.Boolean": {"type": "boolean"},
    "Edm.Guid": {"type": "string", "format": "uuid"},
    "Edm.DateTime": {"type": "string", "format": "date-time"},
    "Edm.DateTimeOffset": {"type": "string", "format": "date-time"},
    "Edm.Date": {"type": "string", "format": "date"},
    "Edm.TimeOfDay": {"type": "string", "format": "time"},
    "Edm.Binary": {"type": "string", "contentEncoding": "base64"},
}
_STRING: Final[Mapping[str, Any]] = {"type": "string"}


def json_schema(columns: Iterable[Column], required: Collection[str] = ()) -> dict[str, Any]:
    """Return the schema of rows with these columns.

    A column may be null unless it is part of the key: Kinetic declares columns that are never null and sends nulls in
    them all the same.

    Args:
        columns: the columns.
        required: names of those that are never null.
    """
    properties = {column.name: _property(column, nullable=column.name not in required) for column in columns}
    return {"type": "object", "properties": properties}


def _property(column: Column, *, nullable: bool) -> dict[str, Any]:
    schema = _value(column)
    if column.collection:
        schema = {"type": "array", "items": schema}
    if nullable:
        schema["type"] = [schema["type"], "null"]
    if column.description:
        schema["description"] = column.description
    return schema


def _value(column: Column) -> dict[str, Any]:
    if column.type == "Complex":
        return {**json_schema(column.columns)}
    return dict(_TYPES.get(column.type, _STRING))
