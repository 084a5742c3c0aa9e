"""Parquet files: the types of the schema, and what they can't hold."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tap_epicor.streams.parquet import Unfit, parquet


def test_parquet_has_the_types_of_the_schema_whatever_the_rows_of_a_file_hold() -> None:
    kinds = {"Key": "integer", "Amount": "number", "Flag": "boolean", "Text": "string"}
    columns: dict[str, Any] = {name: {"type": [kind, "null"]} for name, kind in kinds.items()}
    columns["Many"] = {"type": ["array", "null"], "items": {"type": "string"}}
    columns["Inner"] = {"type": ["object", "null"], "properties": {"Count": {"type": "integer"}}}
    empty = pq.read_table(io.BytesIO(parquet(b'{"Key":1}\n', columns, None)))
    whole = b'{"Text":"\\u00e9\\u0000","Flag":true,"Key":9223372036854775807,"Amount":%b,"Many":["a"],'
    whole += b'"Inner":{"Count":2}}'
    for amount in ("-0", "1e-8", "1E+3", "9007199254740993", "12345678901234567890", "0.10", "12345678901234.12345678"):
        full = pq.read_table(io.BytesIO(parquet(whole % amount.encode(), columns, "gzip")))
        assert full.schema == empty.schema
        (row,) = full.to_pylist()
        assert row == {
            "Key": 2**63 - 1,
            "Amount": Decimal(amount),
            "Flag": True,
            "Text": "é\x00",
            "Many": ["a"],
            "Inner": {"Count": 2},
        }
    assert empty.schema.field("Amount").type == pa.decimal128(38, 18)


def test_parquet_holds_rows_of_any_length() -> None:
    long = b'{"Text":"%b"}\n' % (b"x" * 3_000_000)
    file = io.BytesIO(parquet(b'{"Text":"y"}\n' + long + b'{"Text":"z"}\n' + long, {"Text": {"type": "string"}}, None))
    assert [len(row["Text"]) for row in pq.read_table(file).to_pylist()] == [1, 3_000_000, 1, 3_000_000]


@pytest.mark.parametrize(
    ("columns", "line", "said"),
    [
        ({"A": "integer", "B": "number"}, b'{"A":1,"B":1e-19}', "column B: .*1e-19"),
        ({"A": "integer", "B": "number"}, b'{"A":9223372036854775808,"B":1}', "column A: .*9223372036854775808"),
        ({"A": "object"}, b'{"A":{}}', "column A has no single type, or is an object"),
    ],
)
def test_what_parquet_can_not_hold_is_told_by_its_column(columns: dict[str, str], line: bytes, said: str) -> None:
    with pytest.raises(Unfit, match=said):
        parquet(
            b'{"A":1}\n' * ("object" not in columns.values()) + line, {n: {"type": k} for n, k in columns.items()}, None
        )


def test_what_is_said_of_a_column_is_in_the_metadata_of_its_field() -> None:
    columns = {"A": {"type": "string", "description": "What A is."}, "B": {"type": "string"}}
    schema = pq.read_schema(io.BytesIO(parquet(b'{"A":"x","B":"y"}\n', columns, None)))
    assert (schema.field("A").metadata, schema.field("B").metadata) == ({b"description": b"What A is."}, None)
