from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
import requests

if TYPE_CHECKING:
    from tests.sandbox.conftest import Server

CUSTOMERS = "Erp.BO.CustomerSvc/Customers"
ORDERS = "Erp.BO.SalesOrderSvc/SalesOrders"


def test_the_childrens_own_columns_may_be_filtered(server: Server) -> None:
    server.switch(child_filter="own")
    rows = server.rows("Erp.BO.SalesOrderSvc/OrderDtls?$filter=OrderLine eq 1")
    assert {row["OrderLine"] for row in rows} == {1}


def test_expand_may_be_cut_ignored_or_refused(server: Server) -> None:
    server.switch(expand="capped", top_default=2)
    sizes = [len(row["OrderDtls"]) for row in server.rows(f"{ORDERS}?$top=20&$expand=OrderDtls")]
    assert max(sizes) == 2
    server.switch(expand="ignored")
    assert "OrderDtls" not in server.rows(f"{ORDERS}?$top=1&$expand=OrderDtls")[0]
    server.switch(expand="refused")
    assert server.v2(f"{ORDERS}?$top=1&$expand=OrderDtls").status_code == 400


def test_there_may_be_no_nested_paths(server: Server) -> None:
    assert server.rows(f"{ORDERS}('EPIC06',5001)/OrderDtls")
    server.switch(nested="missing")
    assert server.v2(f"{ORDERS}('EPIC06',5001)/OrderDtls").status_code == 404


def test_top_has_a_maximum(server: Server) -> None:
    server.switch(top_maximum=7)
    assert len(server.rows(f"{ORDERS}?$top=50")) == 7


def test_rows_without_top_may_be_fewer(server: Server) -> None:
    server.switch(top_default=3)
    assert len(server.rows(ORDERS)) == 3


def test_queries_have_a_default_of_their_own(server: Server) -> None:
    server.switch(baq_top_default=5, top_default=9)
    assert len(server.rows("BaqSvc/OpenOrders/Data")) == 5


def test_queries_may_give_all_rows_without_top(server: Server) -> None:
    server.switch(baq_top_default=0, top_default=9)
    assert len(server.rows("BaqSvc/OpenOrders/Data")) > 9


def test_absolute_next_links_lead_through_all_rows(server: Server) -> None:
    server.switch(next_link="absolute", top_maximum=20)
    answer = server.v2(f"{ORDERS}?$orderby=OrderNum&$select=OrderNum&$top=50").json()
    numbers = [row["OrderNum"] for row in answer["value"]]
    while link := answer.get("@odata.nextLink"):
        path = link.removeprefix(server.url)
        answer = server.get(path, headers={"Accept": "application/json", "x-api-key": server.api_key}).json()
        numbers += [row["OrderNum"] for row in answer["value"]]
    assert numbers == list(range(5001, 5051))


def test_relative_next_links_begin_with_the_set(server: Server) -> None:
    server.switch(next_link="relative")
    link = server.v2("Erp.BO.PartTranSvc/PartTrans").json()["@odata.nextLink"]
    assert link == "PartTrans?$skip=100"


@pytest.mark.parametrize(
    ("zone", "offset", "shown"),
    [
        ("Z", 120, "T00:00:00Z"),
        ("none", 0, "T00:00:00"),
        ("none", 120, "T02:00:00"),
        ("offset", 0, "T00:00:00+00:00"),
        ("offset", -330, "T18:30:00-05:30"),
    ],
)
def test_times_end_in_a_zone_or_not(server: Server, zone: str, offset: int, shown: str) -> None:
    server.switch(zone=zone, offset_minutes=offset)
    assert server.rows(f"{ORDERS}?$top=1&$select=OrderDate")[0]["OrderDate"][10:] == shown


@pytest.mark.parametrize(("zone", "status"), [("Z", 400), ("none", 200), ("offset", 400)])
def test_times_without_zone_are_understood_where_they_are_shown_so(server: Server, zone: str, status: int) -> None:
    server.switch(zone=zone)
    assert server.v2(f"{ORDERS}?$filter=OrderDate ge 2022-01-01T00:00:00").status_code == status


def test_a_time_without_zone_is_the_servers(server: Server) -> None:
    server.switch(zone="none", offset_minutes=120)
    shown = server.rows(f"{ORDERS}?$top=1")[0]
    rows = server.rows(f"{ORDERS}?$top=5000&$filter=OrderDate eq {shown['OrderDate']}")
    assert shown["OrderNum"] in [row["OrderNum"] for row in rows]


def test_decimals_may_be_strings(server: Server) -> None:
    server.switch(decimals="string")
    row = server.rows(f"{CUSTOMERS}?$top=1&$filter=CustNum eq 1")[0]
    assert row["CreditLimit"].endswith(".000")


def test_big_integers_may_be_strings(server: Server) -> None:
    server.switch(int64="string")
    assert isinstance(server.rows(f"{CUSTOMERS}?$top=1")[0]["SysRevID"], str)


@pytest.mark.parametrize(("count", "status"), [("right", 200), ("page-only", 200), ("refused", 400)])
def test_counts_may_be_refused(server: Server, count: str, status: int) -> None:
    server.switch(count=count)
    assert server.v2(f"{ORDERS}?$count=true&$top=5").status_code == status


def test_counts_may_be_of_the_page_alone(server: Server) -> None:
    server.switch(count="page-only")
    assert server.v2(f"{ORDERS}?$count=true&$top=5").json()["@odata.count"] == 5


def test_strings_may_compare_exactly(server: Server) -> None:
    server.switch(collation="binary")
    assert server.rows("Erp.BO.PartSvc/Parts?$filter=PartNum eq 'gear-000015'") == []


def test_strings_sort_without_case(server: Server) -> None:
    names = [row["PartNum"] for row in server.rows("Erp.BO.PartSvc/Parts?$orderby=PartNum&$select=PartNum")]
    assert names == sorted(names, key=str.lower)


def test_more_requests_than_licences_give_the_captured_400(server: Server) -> None:
    server.switch(seats=1, latency_ms=100)

    def ask(_: int) -> requests.Response:
        return server.v2(f"{CUSTOMERS}?$top=1")

    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(ask, range(3)))
    refused = [answer.json() for answer in answers if answer.status_code == 400]
    assert len(refused) == 2
    assert "Maximum users exceeded" in refused[0]["ErrorMessage"]
    assert refused[0]["ErrorType"].endswith("LicenseAccessException")


def test_answers_may_be_late(server: Server) -> None:
    server.switch(latency_ms=150)
    started = time.monotonic()
    server.rows(f"{CUSTOMERS}?$top=1")
    assert time.monotonic() - started > 0.15


def test_v1_may_want_the_key_too(server: Server) -> None:
    server.switch(v1_key="required")
    assert server.v1(CUSTOMERS).status_code == 401
    assert server.v1(CUSTOMERS, **{"x-api-key": server.api_key}).status_code == 200


def test_a_filter_by_revision_may_fail_emptily(server: Server) -> None:
    server.switch(revision_filter="fails")
    answer = server.v1(f"{CUSTOMERS}?$filter=SysRevID gt 5")
    assert (answer.status_code, answer.content) == (500, b"")


@pytest.mark.parametrize("patch", [{"zone": "Mars"}, {"no_such_switch": 1}, {"seats": "many"}])
def test_a_wrong_switch_is_refused(server: Server, patch: dict[str, object]) -> None:
    assert requests.patch(f"{server.origin}/sandbox/switches", json=patch, timeout=30).status_code == 400
