"""Rows as parquet: the columns and types of the JSON schema, the same in each file of a stream."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

_DIGITS: Final = 38
_PLACES: Final = 18
"""Of a decimal: as many digits as SQL Server has, and what loaders read; more places than a column of Kinetic has."""
_BLOCK: Final = 1 << 20
_GZIP_LEVEL: Final = 1
"""Ten times as fast as 9, which is pyarrow's, for files a tenth larger."""


class Unfit(Exception):
    """Rows or columns that parquet can't hold, with which and why."""


def parquet(lines: bytes, columns: Mapping[str, Mapping[str, Any]], compression: str | None) -> bytes:
    """Return rows as a parquet file.

    Decimals are exact; dates and times remain text, as Kinetic wrote them.

    Args:
        lines: the rows, a JSON object a line.
        columns: the JSON schema of each column.
        compression: `gzip` or `none`; None for parquet's own choice, snappy.

    Raises:
        Unfit: if a value or a column does not fit.
    """
    import pyarrow as pa  # noqa: PLC0415 - an extra, and slow to import
    import pyarrow.parquet as pq  # noqa: PLC0415

    schema = pa.schema(
        [pa.field(name, _type_of(name, column), metadata=_said(column)) for name, column in columns.items()]
    )
    try:
        table = _read(lines, schema)
    except pa.ArrowInvalid:
        raise _unfit(lines, schema) from None
    file = io.BytesIO()
    level = _GZIP_LEVEL if compression == "gzip" else None
    # pyarrow reads rows without what is said of the columns.
    table = pa.Table.from_arrays(table.columns, schema=schema)
    pq.write_table(table, file, compression=compression or "snappy", compression_level=level)
    return file.getvalue()


def _said(column: Mapping[str, Any]) -> dict[str, str] | None:
    text = column.get("description")
    return {"description": text} if isinstance(text, str) else None


def _read(lines: bytes, schema: pa.Schema) -> pa.Table:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.json as pj  # noqa: PLC0415

    longest = max(map(len, lines.splitlines(keepends=True)))
    return pj.read_json(
        pa.BufferReader(lines),
        # Threads hold a third more memory and are hardly faster; a row that is longer than a block is an error.
        read_options=pj.ReadOptions(use_threads=False, block_size=max(_BLOCK, longest)),
        parse_options=pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
    )


def _unfit(lines: bytes, schema: pa.Schema) -> Unfit:
    """Return what tells the first value that does not fit."""
    import pyarrow as pa  # noqa: PLC0415

    for line in lines.splitlines():
        for column in schema:
            try:
                _read(line, pa.schema([column]))
            except pa.ArrowInvalid as exc:
                return Unfit(f"column {column.name}: {exc}")
    return Unfit("a row is no JSON object")


def _type_of(name: str, column: Mapping[str, Any]) -> pa.DataType:
    """Return the type of a column, or of what is in it.

    Raises:
        Unfit: if there is none: several types, or objects of which the columns are not known.
    """
    import pyarrow as pa  # noqa: PLC0415

    said = column.get("type", [])
    kinds = [kind for kind in ([said] if isinstance(said, str) else said) if kind != "null"]
    if kinds == ["array"] and "items" in column:
        return pa.list_(_type_of(name, column["items"]))
    if kinds == ["object"] and column.get("properties"):
        return pa.struct([(inner, _type_of(f"{name}.{inner}", one)) for inner, one in column["properties"].items()])
    known = {
        "string": pa.string(),
        "integer": pa.int64(),
        "number": pa.decimal128(_DIGITS, _PLACES),
        "boolean": pa.bool_(),
    }
    if len(kinds) == 1 and kinds[0] in known:
        return known[kinds[0]]
    raise Unfit(f"column {name} has no single type, or is an object of which the columns are not known")
