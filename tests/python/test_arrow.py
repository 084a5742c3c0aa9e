"""Pages as Arrow tables: exact, of one schema that the metadata gives, whatever the rows of a page hold."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_epicor.kinetic.metadata import Column
from tap_epicor.python.arrow import Pages
from tap_epicor.python.values import Columns, ValueMismatch
from tests.equality import differences, stream_of
from tests.kinetic.stock import Stock
from tests.python.test_client import CUSTOMERS, SETS, VERSIONS, answering, client, of, slowly
from tests.scripted import Reply, in_turn, serving

if TYPE_CHECKING:
    from tests.sandboxes import Sandbox


def pages(*columns: Column) -> Pages:
    return Pages(Columns("Erp.BO.ASvc/As", columns, ["Num"], ()))


def made(column: Column, *values: Any) -> pa.Table:
    return pages(column).table([{"Num": number, column.name: value} for number, value in enumerate(values)])


@VERSIONS
def test_tables_are_the_rows_of_the_database_in_every_column(kinetic: Sandbox, version: str) -> None:
    reader = client(kinetic, version, page_size=50)
    copies = {
        stream_of(*name.split("/")): [row for table in reader.pages(name) for row in table.to_pylist()] for name in SETS
    }
    assert differences(kinetic.database, copies, ["EPIC06"]) == []


def test_each_page_is_a_table_of_the_same_schema(kinetic: Sandbox) -> None:
    read = client(kinetic, page_size=5).rows(CUSTOMERS)
    tables = list(read.pages())
    assert [table.num_rows for table in tables] == [5, 5, 2]
    assert {table.schema for table in tables} == {read.schema}


def test_pages_that_need_no_order_come_from_several_ranges() -> None:
    stock = Stock([{"Num": number} for number in range(300)])
    with serving(answering(slowly(stock, []))) as server:
        tables = list(of(server.url, page_size=10).pages("Erp.BO.ASvc/As", ordered=False))
    assert sorted(pa.concat_tables(tables)["Num"].to_pylist()) == list(range(300))
    assert any(" le " in options.get("$filter", "") for options in stock.asked)


def test_a_baq_has_pages_too_and_one_without_rows_has_a_schema(kinetic: Sandbox) -> None:
    read = client(kinetic).baq("NoRows")
    assert list(read.pages()) == []
    assert read.schema.names


def test_pages_begin_at_the_first_row_whatever_was_taken_before(kinetic: Sandbox) -> None:
    read = client(kinetic).rows(CUSTOMERS, select="CustNum")
    next(read)
    (table,) = read.pages()
    assert table["CustNum"].to_pylist() == list(range(1, 13))


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (Column("A", "Edm.Int64"), pa.int64()),
        (Column("A", "Edm.Int16"), pa.int16()),
        (Column("A", "Edm.Decimal", precision=15, scale=3), pa.decimal128(15, 3)),
        (Column("A", "Edm.Decimal", precision=15), pa.decimal128(38, 18)),
        (Column("A", "Edm.Decimal"), pa.decimal128(38, 18)),
        (Column("A", "Edm.Decimal", precision=60, scale=2), pa.decimal128(38, 18)),
        (Column("A", "Edm.Decimal", precision=2, scale=5), pa.decimal128(38, 18)),
        (Column("A", "Edm.Double"), pa.float64()),
        (Column("A", "Edm.Boolean"), pa.bool_()),
        (Column("A", "Edm.DateTimeOffset"), pa.timestamp("us", tz="UTC")),
        (Column("A", "Edm.DateTime"), pa.timestamp("us")),
        (Column("A", "Edm.Date"), pa.date32()),
        (Column("A", "Edm.TimeOfDay"), pa.time64("us")),
        (Column("A", "Edm.Guid"), pa.string()),
        (Column("A", "Edm.Binary"), pa.string()),
        (Column("A", "Enum"), pa.string()),
        (Column("A", "Edm.Decimal", collection=True), pa.list_(pa.decimal128(38, 18))),
        (Column("A", "Complex", columns=(Column("B", "Edm.Int32"),)), pa.struct([("B", pa.int32())])),
    ],
    ids=str,
)
def test_the_metadata_gives_each_column_its_type_also_where_all_is_null(column: Column, kind: pa.DataType) -> None:
    assert made(column, None, None).schema == pa.schema([("A", kind)])


@pytest.mark.parametrize(
    ("column", "came", "value"),
    [
        (Column("A", "Edm.Int64"), "9223372036854775807", 9223372036854775807),
        (Column("A", "Edm.Decimal", precision=12, scale=2), "1.500000", Decimal("1.50")),
        (Column("A", "Edm.Decimal", precision=38, scale=0), 10**38 - 1, Decimal(10**38 - 1)),
        (Column("A", "Edm.Double"), "-INF", float("-inf")),
        (Column("A", "Edm.Date"), "2024-01-31T00:00:00", dt.date(2024, 1, 31)),
        (Column("A", "Edm.DateTime"), "2024-01-31T08:30:00+02:00", dt.datetime(2024, 1, 31, 8, 30)),  # noqa: DTZ001
        (Column("A", "Edm.DateTimeOffset"), "0001-01-01T00:00:00Z", dt.datetime(1, 1, 1, tzinfo=dt.UTC)),
        (Column("A", "Edm.DateTimeOffset"), "2024-01-31T08:30:00", dt.datetime(2024, 1, 31, 8, 30, tzinfo=dt.UTC)),
        (
            Column("A", "Edm.DateTimeOffset"),
            "2024-01-31T08:30:00.1234567+02:00",
            dt.datetime(2024, 1, 31, 6, 30, 0, 123456, tzinfo=dt.UTC),
        ),
        (Column("A", "Edm.TimeOfDay"), "08:30:00.5000000", dt.time(8, 30, 0, 500000)),
        (Column("A", "Edm.Int32", collection=True), [1, "2", None], [1, 2, None]),
        (
            Column("A", "Complex", columns=(Column("B", "Edm.Decimal", precision=4, scale=1), Column("C", "Edm.Date"))),
            {"B": "1.5", "D": 1},
            {"B": Decimal("1.5"), "C": None},
        ),
    ],
    ids=str,
)
def test_values_are_exact_however_they_came(column: Column, came: object, value: object) -> None:
    assert made(column, came)["A"].to_pylist() == [value]


@given(
    st.integers(1, 38).flatmap(
        lambda digits: st.tuples(
            st.just(digits), st.integers(0, digits), st.lists(st.integers(-(10**digits) + 1, 10**digits - 1))
        )
    )
)
def test_every_decimal_of_the_declared_digits_is_kept(case: tuple[int, int, list[int]]) -> None:
    digits, places, units = case
    # Of the text, since arithmetic would round to 28 digits.
    values = [Decimal((number < 0, tuple(map(int, str(abs(number)))), -places)) for number in units]
    column = Column("A", "Edm.Decimal", precision=digits, scale=places)
    assert made(column, *values)["A"].to_pylist() == values
    assert made(column, *map(str, values))["A"].to_pylist() == values


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (Column("A", "Edm.Int32"), 2**31),
        (Column("A", "Edm.Int64"), 2**63),
        (Column("A", "Edm.Int64"), Decimal("1.5")),
        (Column("A", "Edm.Decimal", precision=12, scale=2), Decimal("1.505")),
        (Column("A", "Edm.Decimal", precision=5, scale=2), Decimal("1234.5")),
        (Column("A", "Edm.Boolean"), "yes"),
        (Column("A", "Edm.String"), 5),
        (Column("A", "Edm.String"), "\ud800"),
        (Column("A", "Edm.DateTimeOffset"), "soon"),
        (Column("A", "Edm.DateTimeOffset"), 5),
        (Column("A", "Edm.Date"), 5),
        (Column("A", "Edm.Int32", collection=True), 5),
    ],
    ids=str,
)
def test_a_value_that_does_not_fit_is_told_with_its_row_and_never_changed(column: Column, value: object) -> None:
    with pytest.raises(ValueMismatch) as caught:
        made(column, None, value, None)
    assert f"the column A, declared as {column.type}, holds " in str(caught.value)
    assert "in the row with Num 1: " in str(caught.value)


def test_the_schema_is_not_that_of_the_first_page() -> None:
    replies = in_turn(
        Reply({"value": [{"Num": 1, "Big": None}]}),
        Reply({"value": [{"Num": 1, "Big": None}, {"Num": 2, "Big": "7.5"}]}),
        Reply({"value": [{"Num": 2, "Big": "7.5"}]}),
        Reply({"value": []}),
    )
    with serving(answering(replies, '<Property Name="Big" Type="Edm.Decimal"/>')) as server:
        tables = list(of(server.url, page_size=1).pages("Erp.BO.ASvc/As"))
    assert pa.concat_tables(tables)["Big"].to_pylist() == [None, Decimal("7.5")]


def test_without_pyarrow_rows_can_be_had_and_pages_say_what_is_missing(kinetic: Sandbox) -> None:
    script = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from tap_epicor.kinetic import Kinetic, KineticError\n"
        f"reader = Kinetic(url={kinetic.url!r}, user='manager', password='manager')\n"
        f"print(len(list(reader.rows({CUSTOMERS!r}))))\n"
        "try:\n"
        f"    reader.pages({CUSTOMERS!r})\n"
        "except KineticError as exc:\n"
        "    print(exc)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env={**os.environ}
    )
    assert done.stdout.splitlines() == ["12", "Arrow tables need pyarrow. pip install 'tap-epicor[arrow]'."]
