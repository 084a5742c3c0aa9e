from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.sandbox.conftest import Server

ORDERS = "Erp.BO.SalesOrderSvc/SalesOrders"
PARTS = "Erp.BO.PartSvc/Parts"
LINES = "Erp.BO.SalesOrderSvc/OrderDtls"
GUID = "00000003-b615-4300-957b-34956697f040"

BOTH = [
    (ORDERS, "OrderNum eq 5003", 1),
    (ORDERS, "(OrderNum gt 5003) or (OrderNum eq 5003 and CustNum gt 0)", 84),
    (ORDERS, "OrderNum ge 5003 and not (OrderNum gt 5004)", 2),
    (ORDERS, "OrderNum add 1 eq 5004", 1),
    (ORDERS, "SysRevID gt 0 and OrderNum lt 5002", 1),
    (ORDERS, "PONum eq null", 0),
    (PARTS, "startswith(PartNum,'gear')", 1),
    (PARTS, "PartNum eq 'A/B%2BC 1''4\"'", 1),
    (PARTS, "PartNum eq 'A/B+C 1''4\"'", 1),
    (PARTS, "PartNum eq 'gear-000015'", 1),
    (PARTS, "length(PartNum) eq 8", 2),
    ("Erp.BO.CustomerSvc/Customers", "CustID eq 'DALTON001'", 1),
]


@pytest.mark.parametrize(("path", "condition", "rows"), BOTH)
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_both_versions_understand(server: Server, version: str, path: str, condition: str, rows: int) -> None:
    ask = server.v1 if version == "v1" else server.v2
    answer = ask(f"{path}?$top=5000&$filter={condition}")
    assert len(answer.json()["value"]) == rows


@pytest.mark.parametrize(
    "condition",
    [
        "OrderDate ge datetime'2022-01-01T00:00:00'",
        "OrderDate ge datetimeoffset'2022-01-01T00:00:00Z'",
        f"SysRowID ne guid'{GUID}'",
        "SysRevID gt 5L",
        "OrderAmt ge 1.5M",
        "substringof('PO-',PONum)",
    ],
)
def test_only_v1_understands_the_literals_of_odata_3(server: Server, condition: str) -> None:
    statuses = [ask(f"{ORDERS}?$filter={condition}").status_code for ask in (server.v1, server.v2)]
    assert statuses == [200, 400]


@pytest.mark.parametrize(
    "condition",
    [
        "OrderDate ge 2022-01-01T00:00:00Z",
        "OrderDate ge 2022-01-01T00:00:00%2B02:00",
        "OrderDate ge 2022-01-01T00:00:00+02:00",
        f"SysRowID ne {GUID}",
        "contains(PONum,'PO-')",
        "OrderNum in (5001,5002)",
    ],
)
def test_only_v2_understands_the_literals_of_odata_4(server: Server, condition: str) -> None:
    statuses = [ask(f"{ORDERS}?$filter={condition}").status_code for ask in (server.v1, server.v2)]
    assert statuses == [400, 200]


@pytest.mark.parametrize(
    "condition",
    [
        "OrderDate ge '2022-01-01'",
        "OrderDate ge 2022-01-01",
        "OrderDate ge 2022-01-01T00:00:00",
        "OrderNum eq '5001'",
        "PONum eq 5",
        "OpenOrder eq 1",
        "OrderNum EQ 5001",
        "orderNum eq 5001",
        "OrderNum",
        "OrderNum eq",
        "OrderNum+eq+5001",
        "",
        "PONum eq 'unfinished",
        "nonsense(PONum) eq 1",
    ],
)
def test_v2_refuses(server: Server, condition: str) -> None:
    assert server.v2(f"{ORDERS}?$filter={condition}").status_code == 400


def test_an_unknown_column_is_named_with_its_type(server: Server) -> None:
    message = server.v2(f"{ORDERS}?$filter=Nothing eq 1").json()["ErrorMessage"]
    assert message == "Could not find a property named 'Nothing' on type 'Erp.Tablesets.OrderHedRow'."


def test_substringof_takes_the_sought_text_first(server: Server) -> None:
    found = server.v1(f"{PARTS}?$filter=substringof('GEAR-0000',PartNum)").json()["value"]
    assert [row["PartNum"][:9] for row in found] == ["GEAR-0000"]


def test_a_filter_on_a_child_set_chooses_the_children_of_matching_parents(server: Server) -> None:
    orders = {row["OrderNum"] for row in server.rows(f"{ORDERS}?$filter=CustNum eq 4&$top=5000")}
    lines = server.rows(f"{LINES}?$filter=CustNum eq 4&$top=5000")
    assert {line["OrderNum"] for line in lines} == orders


def test_a_revision_on_a_child_set_is_the_parents(server: Server) -> None:
    middle = server.rows(f"{ORDERS}?$orderby=SysRevID&$skip=40&$top=1")[0]["SysRevID"]
    orders = {row["OrderNum"] for row in server.rows(f"{ORDERS}?$filter=SysRevID gt {middle}&$top=5000")}
    lines = server.rows(f"{LINES}?$filter=SysRevID gt {middle}&$top=5000")
    assert {line["OrderNum"] for line in lines} == orders


def test_a_filter_on_a_child_set_by_a_column_its_parent_lacks_gives_an_empty_500(server: Server) -> None:
    answer = server.v2(f"{LINES}?$filter=OrderLine eq 1")
    assert (answer.status_code, answer.content) == (500, b"")


def test_names_of_columns_may_begin_with_words_of_the_grammar(server: Server) -> None:
    server.switch(child_filter="own")
    assert server.v2("Erp.BO.PartSvc/PartWhses?$filter=AllocatedQty ge 0 and not CalcQty").status_code == 200


def test_long_filters_are_refused_by_iis(server: Server) -> None:
    answer = server.v2(f"{ORDERS}?$filter=PONum eq '{'x' * 2048}'")
    assert (answer.status_code, "404.15" in answer.text) == (404, True)
