"""`DynamicQuerySvc/GetByID`: what a BAQ is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tap_epicor.sandbox import queries
from tap_epicor.sandbox.errors import ServerError, business

if TYPE_CHECKING:
    from tap_epicor.sandbox.queries import Field, Query

SERVICE = "Ice.BO.DynamicQuerySvc"
_TYPES = {
    "String": "nvarchar",
    "Fixed": "nchar",
    "Boolean": "bit",
    "Int16": "smallint",
    "Int32": "int",
    "Int64": "bigint",
    "Decimal": "decimal",
    "Double": "float",
    "DateTimeOffset": "date",
    "Date": "date",
    "Guid": "uniqueidentifier",
    "Binary": "varbinary",
}


class _Arguments(msgspec.Struct):
    queryID: str  # noqa: N815 - the server's spelling


def get_by_id(body: bytes, company: str) -> dict[str, object]:
    """The answer of the method.

    Args:
        body: What was posted: `{"queryID": …}`.
        company: The caller's.

    Raises:
        ServerError: When there is no such BAQ.
    """
    try:
        name = msgspec.json.decode(body, type=_Arguments).queryID
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise business("Parameter queryID is not found in the input object") from error
    query = queries.load().get(name)
    if query is None:
        raise ServerError(404, f"Dynamic query is not found {name}", "Epicor.RESTApi.ErrorHandling.ApiException")
    return {"returnObj": _tables(query, company), "parameters": {}}


def _tables(query: Query, company: str) -> dict[str, list[dict[str, object]]]:
    common: dict[str, object] = {"Company": company, "QueryID": query.name}
    return {
        "DynamicQuery": [{**common, "Description": query.description, "Updatable": query.updatable}],
        "QueryField": [_field(field, number, common) for number, field in enumerate(query.fields, start=1)],
        "QueryParameter": [
            {
                **common,
                "ParameterID": parameter.name,
                "ParameterLabel": parameter.name,
                "ParameterType": parameter.kind,
                "SkipIfEmpty": parameter.optional,
            }
            for parameter in query.parameters
        ],
        "ExtensionTables": [],
    }


def _field(field: Field, number: int, common: dict[str, object]) -> dict[str, object]:
    calculated = field.column.name.startswith("Calculated_")
    table, _, name = field.column.name.partition("_")
    return {
        **common,
        "SubQueryID": "00000000-0000-0000-0000-000000000001",
        "TableID": table if name else "",
        "FieldName": name or table,
        "Seq": number,
        "Alias": field.column.name,
        "DataType": _TYPES[field.column.kind],
        "FieldLabel": field.label,
        "IsCalculated": calculated,
    }
