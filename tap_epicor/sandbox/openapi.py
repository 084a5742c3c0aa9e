"""What the services say of themselves in OpenAPI: Swagger 2 for version 1, OpenAPI 3 for version 2."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_epicor.sandbox.model import Column, EntitySet

_TYPES: dict[str, dict[str, str]] = {
    "Boolean": {"type": "boolean"},
    "Date": {"type": "string", "format": "date-time"},
    "DateTimeOffset": {"type": "string", "format": "date-time"},
    "Decimal": {"type": "number", "format": "decimal"},
    "Double": {"type": "number", "format": "double"},
    "Guid": {"type": "string", "format": "uuid"},
    "Int16": {"type": "integer", "format": "int32"},
    "Int32": {"type": "integer", "format": "int32"},
    "Int64": {"type": "integer", "format": "int64"},
}
_TEXTS = {
    "Company": "Company Identifier.",
    "CustNum": "Contains a unique number that identifies the customer. It is assigned by the system, and is the same"
    " wherever the customer is referred to.",
    "PartNum": "A unique part number that identifies this part.",
    "SysRevID": "Revision identifier for this row. It is incremented upon each write.",
    "SysRowID": "Unique identifier for this row. The value is a GUID.",
}
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def of_service(sets: Iterable[EntitySet], version: int, *, described: bool) -> dict[str, Any]:
    """The OpenAPI document of a service."""
    listed = list(sets)
    where = "#/definitions/" if version == 1 else "#/components/schemas/"
    rows = {_row(entity_set): _schema(entity_set, described=described) for entity_set in listed}
    answers = {_answer(entity_set): _list_of(f"{where}{_row(entity_set)}", version) for entity_set in listed}
    paths = {f"/{entity_set.name}": _path(f"{where}{_answer(entity_set)}", version) for entity_set in listed}
    info = {"title": listed[0].service, "version": f"v{version}"}
    if version == 1:
        return {"swagger": "2.0", "info": info, "paths": paths, "definitions": answers | rows}
    return {"openapi": "3.0.1", "info": info, "paths": paths, "components": {"schemas": answers | rows}}


def _row(entity_set: EntitySet) -> str:
    return entity_set.full_type.replace(".", "_")


def _answer(entity_set: EntitySet) -> str:
    return f"Epicor_RESTApi_Help_ODataSetResponse_System_Collections_Generic_List_{_row(entity_set)}"


def _list_of(reference: str, version: int) -> dict[str, Any]:
    context = "odata.metadata" if version == 1 else "@odata.context"
    rows = {"type": "array", "items": {"$ref": reference}}
    return {"type": "object", "properties": {context: {"type": "string"}, "value": rows}}


def _path(reference: str, version: int) -> dict[str, Any]:
    schema = {"schema": {"$ref": reference}}
    answer = schema if version == 1 else {"content": {"application/json": schema}}
    return {"get": {"responses": {"200": {"description": "OK", **answer}}}}


def _schema(entity_set: EntitySet, *, described: bool) -> dict[str, Any]:
    columns = {name: _property(column, described=described) for name, column in entity_set.columns.items()}
    return {"type": "object", "required": list(entity_set.key), "properties": columns}


def _property(column: Column, *, described: bool) -> dict[str, Any]:
    schema: dict[str, Any] = {**_TYPES.get(column.kind, {"type": "string"})}
    if column.is_text and column.size:
        schema["maxLength"] = column.size
    if described:
        schema["description"] = _TEXTS.get(column.name) or _in_words(column.name)
    return schema


def _in_words(name: str) -> str:
    """A description of the sort that says little: some columns have their name alone, those of users nothing."""
    words = " ".join(_WORDS.findall(name))
    if name.endswith("_c"):
        return ""
    return f"The {words.lower()} of this row." if len(words) > len(name) else words
