from __future__ import annotations

import base64
import datetime as dt
import json
import sqlite3
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tap_epicor.sandbox import truth

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.sandbox.conftest import Server

READERS: dict[str, Callable[[Any], Any]] = {
    "Edm.Decimal": Decimal,
    "Edm.Double": float,
    "Edm.DateTimeOffset": dt.datetime.fromisoformat,
    "Edm.Date": dt.date.fromisoformat,
    "Edm.Guid": uuid.UUID,
    "Edm.Binary": base64.b64decode,
}
SETS = [(service, name, key) for service, name, key in truth.entity_sets() if name != "List"]


def rows(server: Server, service: str, name: str, company: str = "EPIC06") -> list[dict[str, Any]]:
    return list(truth.rows(server.database, service, name, company))


def test_there_are_enough_services_and_sets() -> None:
    assert len({service for service, _, _ in SETS}) >= 15
    assert len(SETS) >= 40


@pytest.mark.parametrize(("service", "name", "key"), SETS)
def test_keys_are_unique_even_without_case(server: Server, service: str, name: str, key: tuple[str, ...]) -> None:
    found = rows(server, service, name)
    assert len({tuple(str(row[part]).lower() for part in key) for row in found}) == len(found)
    assert found or name == "CustBanks"


@pytest.mark.parametrize(("service", "name", "key"), SETS)
def test_the_server_gives_what_the_truth_tells(server: Server, service: str, name: str, key: tuple[str, ...]) -> None:
    text = server.v2(f"{service}/{name}?$top=300&$orderby={','.join(key)}").text
    given = json.loads(text, parse_float=Decimal)["value"]
    told = {tuple(row[part] for part in key): row for row in rows(server, service, name)}
    kinds = truth.columns(service, name)
    for row in given:
        read = {column: _read(value, kinds[column]) for column, value in row.items()}
        assert read == told[tuple(read[part] for part in key)]


def _read(value: Any, kind: str) -> Any:
    return value if value is None or kind not in READERS else READERS[kind](value)


def test_revisions_are_unique_in_the_whole_database_and_above_31_bits(server: Server) -> None:
    revisions = []
    with sqlite3.connect(server.database) as connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            if "SysRevID" in [column[1] for column in connection.execute(f'PRAGMA table_info("{table}")')]:
                revisions += [row[0] for row in connection.execute(f'SELECT "SysRevID" FROM "{table}"')]
    connection.close()
    assert len(set(revisions)) == len(revisions)
    assert min(revisions) > 2**31


def test_the_tables_pasts_overlap(server: Server) -> None:
    orders = [row["SysRevID"] for row in rows(server, "Erp.BO.SalesOrderSvc", "SalesOrders")]
    moves = [row["SysRevID"] for row in rows(server, "Erp.BO.PartTranSvc", "PartTrans")]
    assert min(moves) < max(orders)
    assert min(orders) < max(moves)


def test_revisions_do_not_follow_the_key(server: Server) -> None:
    orders = sorted(rows(server, "Erp.BO.SalesOrderSvc", "SalesOrders"), key=lambda row: row["OrderNum"])
    revisions = [row["SysRevID"] for row in orders]
    assert revisions != sorted(revisions)


def test_an_order_is_the_sum_of_its_lines(server: Server) -> None:
    sums: dict[int, Decimal] = {}
    for line in rows(server, "Erp.BO.SalesOrderSvc", "OrderDtls"):
        sums[line["OrderNum"]] = sums.get(line["OrderNum"], Decimal(0)) + line["ExtPriceDtl"]
    orders = rows(server, "Erp.BO.SalesOrderSvc", "SalesOrders")
    assert {order["OrderNum"]: order["OrderAmt"] for order in orders} == sums


@pytest.mark.parametrize(
    ("child", "parent", "columns"),
    [
        (("Erp.BO.SalesOrderSvc", "SalesOrders"), ("Erp.BO.CustomerSvc", "Customers"), ["CustNum"]),
        (("Erp.BO.SalesOrderSvc", "OrderRels"), ("Erp.BO.SalesOrderSvc", "OrderDtls"), ["OrderNum", "OrderLine"]),
        (("Erp.BO.SalesOrderSvc", "OrderDtls"), ("Erp.BO.PartSvc", "Parts"), ["PartNum"]),
        (("Erp.BO.CustShipSvc", "ShipDtls"), ("Erp.BO.SalesOrderSvc", "OrderDtls"), ["OrderNum", "OrderLine"]),
        (("Erp.BO.ARInvoiceSvc", "InvcDtls"), ("Erp.BO.ARInvoiceSvc", "ARInvoices"), ["InvoiceNum"]),
        (("Erp.BO.JobEntrySvc", "JobMtls"), ("Erp.BO.JobEntrySvc", "JobAsmbls"), ["JobNum", "AssemblySeq"]),
        (("Erp.BO.LaborSvc", "LaborDtls"), ("Erp.BO.LaborSvc", "Labors"), ["LaborHedSeq"]),
        (("Erp.BO.POSvc", "POes"), ("Erp.BO.VendorSvc", "Vendors"), ["VendorNum"]),
    ],
)
def test_rows_refer_to_rows_that_are_there(
    server: Server, child: tuple[str, str], parent: tuple[str, str], columns: list[str]
) -> None:
    there = {tuple(row[column] for column in columns) for row in rows(server, *parent)}
    assert {tuple(row[column] for column in columns) for row in rows(server, *child)} <= there


def test_decimals_of_18_digits_are_exact(server: Server) -> None:
    text = server.v2("Ice.BO.UD01Svc/UD01s?$top=100&$select=Key1,Number01").text
    given = {row["Key1"]: row["Number01"] for row in json.loads(text, parse_float=Decimal, parse_int=Decimal)["value"]}
    assert given == {row["Key1"]: row["Number01"] for row in rows(server, "Ice.BO.UD01Svc", "UD01s")}
    assert max(len(number.as_tuple().digits) for number in given.values()) == 18


def test_strings_hold_quotes_unicode_and_line_breaks(server: Server) -> None:
    numbers = {row["PartNum"] for row in rows(server, "Erp.BO.PartSvc", "Parts")}
    assert {"A/B+C 1'4\"", "LINE\nBREAK", "50% OFF & MORE", "日本-部品"} <= numbers


def test_padding_is_kept(server: Server) -> None:
    assert server.rows("Erp.BO.CustomerSvc/Customers?$filter=CustNum eq 1")[0]["CustID"] == "DALTON001 "


@pytest.mark.parametrize("column", ["UD_SysRevID", "ForeignSysRowID", "Color_c"])
def test_user_columns_stand_in_the_base_row(column: str) -> None:
    assert column in truth.columns("Erp.BO.PartSvc", "Parts")


def test_guids_sort_as_sql_server_sorts_them(server: Server) -> None:
    found = server.rows("Erp.BO.CustomerSvc/NAMembers?$orderby=SysRowID&$select=SysRowID")
    guids = [uuid.UUID(row["SysRowID"]).bytes_le for row in found]
    assert guids == sorted(guids, key=lambda raw: raw[10:] + raw[8:10] + raw[6:8] + raw[4:6] + raw[:4])


def test_a_set_keyed_by_a_guid_can_be_paged_by_it(server: Server) -> None:
    path = "Erp.BO.CustomerSvc/NAMembers?$orderby=SysRowID&$select=SysRowID&$top=2"
    server.switch(child_filter="own")
    seen = [row["SysRowID"] for row in server.rows(path)]
    while page := server.rows(f"{path}&$filter=SysRowID gt {seen[-1]}"):
        seen += [row["SysRowID"] for row in page]
    assert len(set(seen)) == len(seen) == len(rows(server, "Erp.BO.CustomerSvc", "NAMembers"))
