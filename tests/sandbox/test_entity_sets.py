from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest
import requests

if TYPE_CHECKING:
    from tests.sandbox.conftest import Server

CUSTOMERS = "Erp.BO.CustomerSvc/Customers"
MOVEMENTS = "Erp.BO.PartTranSvc/PartTrans"


def test_v1_wraps_rows_in_odata_metadata_and_value(server: Server) -> None:
    body = server.v1(f"{CUSTOMERS}?$top=1").json()
    assert list(body) == ["odata.metadata", "value"]


def test_v2_wraps_rows_in_odata_context_and_value(server: Server) -> None:
    body = server.v2(f"{CUSTOMERS}?$top=1").json()
    assert list(body) == ["@odata.context", "value"]


def test_without_top_an_answer_stops_at_100_rows(server: Server) -> None:
    assert len(server.rows(MOVEMENTS)) == 100


def test_no_next_link_is_given(server: Server) -> None:
    assert "@odata.nextLink" not in server.v2(MOVEMENTS).json()


def test_select_leaves_only_the_chosen_columns(server: Server) -> None:
    assert list(server.rows(f"{CUSTOMERS}?$top=1&$select=CustNum,Name")[0]) == ["CustNum", "Name"]


def test_orderby_sorts_by_several_columns_in_both_directions(server: Server) -> None:
    rows = server.rows("Erp.BO.OrderDtlSearchSvc/OrderDtlSearches?$top=5000&$orderby=OrderLine desc,OrderNum")
    keys = [(-row["OrderLine"], row["OrderNum"]) for row in rows]
    assert keys == sorted(keys)


def test_without_orderby_rows_do_not_come_by_key(server: Server) -> None:
    numbers = [row["CustNum"] for row in server.rows(CUSTOMERS)]
    assert numbers != sorted(numbers)


def test_paging_by_skip_without_orderby_does_not_give_every_row(server: Server) -> None:
    first = server.rows(f"{CUSTOMERS}?$top=5&$select=CustNum")
    second = server.rows(f"{CUSTOMERS}?$top=5&$skip=5&$select=CustNum")
    assert [row["CustNum"] for row in first + second] != [row["CustNum"] for row in server.rows(CUSTOMERS)][:10]


def test_skip_with_orderby_goes_on_where_the_page_ended(server: Server) -> None:
    rows = server.rows(f"{CUSTOMERS}?$top=3&$skip=2&$orderby=CustNum")
    assert [row["CustNum"] for row in rows] == [3, 4, 5]


def test_v2_counts_with_count_true_as_a_number(server: Server) -> None:
    assert server.v2(f"{MOVEMENTS}?$top=1&$count=true").json()["@odata.count"] == 480


def test_v1_counts_with_inlinecount_as_a_string(server: Server) -> None:
    assert server.v1(f"{MOVEMENTS}?$top=1&$inlinecount=allpages").json()["odata.count"] == "480"


def test_v2_counts_by_path(server: Server) -> None:
    assert server.v2(f"{MOVEMENTS}/$count").text == "480"


def test_the_count_of_the_path_obeys_the_filter(server: Server) -> None:
    assert server.v2(f"{CUSTOMERS}/$count?$filter=CustNum le 4").text == "4"


@pytest.mark.parametrize("query", ["$count=true", "$search=x"])
def test_v1_does_not_know_options_of_odata_4(server: Server, query: str) -> None:
    assert server.v1(f"{CUSTOMERS}?{query}").status_code == 400


def test_v2_does_not_know_inlinecount(server: Server) -> None:
    assert server.v2(f"{CUSTOMERS}?$inlinecount=allpages").status_code == 400


def test_apply_is_silently_ignored(server: Server) -> None:
    assert server.rows(f"{CUSTOMERS}?$top=1&$apply=aggregate(CustNum with max as Most)")[0]["CustNum"]


def test_expand_puts_children_into_their_parent(server: Server) -> None:
    row = server.rows("Erp.BO.SalesOrderSvc/SalesOrders?$top=1&$expand=OrderDtls")[0]
    assert {line["OrderNum"] for line in row["OrderDtls"]} == {row["OrderNum"]}


def test_v1_expands_only_what_select_names_too(server: Server) -> None:
    asked = "Erp.BO.SalesOrderSvc/SalesOrders?$top=1&$expand=OrderDtls&$select=OrderNum"
    assert list(server.v1(asked).json()["value"][0]) == ["OrderNum"]
    assert list(server.v1(f"{asked},OrderDtls").json()["value"][0]) == ["OrderNum", "OrderDtls"]
    assert "OrderDtls" in server.rows(asked)[0]


def test_expand_is_refused_where_the_set_has_no_such_children(server: Server) -> None:
    assert server.v2("Erp.BO.PartTranSvc/PartTrans?$expand=Parts").status_code == 400


def test_a_key_in_the_path_gives_one_row(server: Server) -> None:
    assert server.v2(f"{CUSTOMERS}('EPIC06',3)").json()["CustNum"] == 3


def test_a_key_may_name_its_parts(server: Server) -> None:
    assert server.v1(f"{CUSTOMERS}(Company='EPIC06',CustNum=3)").json()["CustNum"] == 3


def test_a_key_with_slash_plus_and_quotes_is_found(server: Server) -> None:
    row = server.v2("Erp.BO.PartSvc/Parts('EPIC06','A%2FB%2BC%201''4%22')").json()
    assert row["PartNum"] == "A/B+C 1'4\""


def test_a_key_that_no_row_has_gives_404(server: Server) -> None:
    assert server.v2(f"{CUSTOMERS}('EPIC06',987654)").status_code == 404


def test_a_nested_path_gives_the_children_of_a_row(server: Server) -> None:
    rows = server.rows(f"{CUSTOMERS}('EPIC06',2)/ShipToes")
    assert {row["CustNum"] for row in rows} == {2}


def test_a_nested_path_filters_by_the_childrens_own_columns(server: Server) -> None:
    rows = server.rows(f"{CUSTOMERS}('EPIC06',2)/ShipToes?$filter=ShipToNum eq '1'")
    assert [row["ShipToNum"] for row in rows] == ["1"]


def test_v1_takes_the_company_from_call_settings(server: Server) -> None:
    rows = server.v1(f"{CUSTOMERS}?$top=1", CallSettings=json.dumps({"Company": "EPIC07"})).json()["value"]
    assert rows[0]["Company"] == "EPIC07"


def test_v1_without_call_settings_serves_the_accounts_company(server: Server) -> None:
    assert server.v1(f"{CUSTOMERS}?$top=1").json()["value"][0]["Company"] == "EPIC06"


def test_an_invalid_plant_is_silently_accepted(server: Server) -> None:
    assert server.v1(f"{CUSTOMERS}?$top=1", CallSettings=json.dumps({"Plant": "Nowhere"})).status_code == 200


def test_v2_takes_the_company_from_the_path(server: Server) -> None:
    assert server.v2(f"{CUSTOMERS}?$top=1", company="EPIC07").json()["value"][0]["Company"] == "EPIC07"


def test_answers_are_zipped_when_the_client_accepts_it(server: Server) -> None:
    answer = server.v2(f"{CUSTOMERS}?$top=5", **{"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"


def test_answers_are_plain_otherwise(server: Server) -> None:
    address = f"{server.url}/api/v1/{CUSTOMERS}?$top=5"
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    with requests.get(address, headers=headers, auth=("manager", "manager"), stream=True, timeout=30) as answer:
        assert not answer.raw.read().startswith(gzip.compress(b"")[:2])


def test_a_list_set_shows_the_same_rows_without_a_key(server: Server) -> None:
    rows = server.rows("Erp.BO.CustomerSvc/List?$top=1&$orderby=CustNum")
    assert rows[0]["CustNum"] == 1


def test_one_table_shows_in_several_services(server: Server) -> None:
    key = "$filter=OrderNum eq 5003&$orderby=OrderLine"
    searched = server.rows(f"Erp.BO.OrderDtlSearchSvc/OrderDtlSearches?{key}")
    assert searched == server.rows(f"Erp.BO.SalesOrderSvc/OrderDtls?{key}")


def test_a_declared_set_may_have_no_rows(server: Server) -> None:
    assert server.rows("Erp.BO.CustomerSvc/CustBanks") == []
