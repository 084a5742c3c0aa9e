from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
import requests

from tests.sandbox.conftest import JSON, Server


def test_v1_gives_rows_below_the_id(server: Server) -> None:
    assert "Customer_CustNum" in server.v1("BaqSvc/zCustomer01/").json()["value"][0]


def test_v1_takes_another_company_in_parentheses(server: Server) -> None:
    rows = server.v1("BaqSvc/zCustomer01(EPIC07)/").json()["value"]
    assert {row["Customer_Company"] for row in rows} == {"EPIC07"}


def test_v2_gives_rows_below_data(server: Server) -> None:
    assert "Customer_CustNum" in server.rows("BaqSvc/zCustomer01/Data")[0]


def test_v2_gives_a_descriptor_for_the_bare_id(server: Server) -> None:
    assert [entry["name"] for entry in server.rows("BaqSvc/zCustomer01")] == ["Data"]


def test_row_idents_count_anew_in_each_answer(server: Server) -> None:
    pages = [server.rows(f"BaqSvc/zCustomer01/Data?$top=2&$skip={skip}") for skip in (0, 2)]
    assert [[row["RowIdent"] for row in page] for page in pages] == [["1", "2"], ["1", "2"]]


def test_the_metadata_declares_no_key(server: Server) -> None:
    root = ET.fromstring(server.v2("BaqSvc/zCustomer01/$metadata").content)  # noqa: S314 - our own
    assert root.find(".//*[@Name='QueryItem']") is not None
    assert not [element for element in root.iter() if element.tag.endswith("}Key")]


def test_a_query_without_rows_shows_its_columns_in_its_metadata(server: Server) -> None:
    assert server.rows("BaqSvc/NoRows/Data") == []
    assert "Part_NetWeight" in server.v1("BaqSvc/NoRows/$metadata").text


def test_an_unknown_query_gives_404(server: Server) -> None:
    answer = server.v2("BaqSvc/Nope/Data")
    assert (answer.status_code, answer.json()["ErrorMessage"]) == (404, "Dynamic query is not found Nope")


def test_a_missing_mandatory_parameter_gives_the_captured_400(server: Server) -> None:
    answer = server.v2("BaqSvc/zPartBin/Data")
    message = "Parameter 'CurrentPlant' is configured as mandatory but no value is specified"
    assert (answer.status_code, answer.json()["ErrorMessage"]) == (400, message)


def test_a_list_parameter_repeats_its_name(server: Server) -> None:
    rows = server.rows("BaqSvc/zPartBin/Data?CurrentPlant=MfgSys&PartNum=GEAR-000015&PartNum=50%25 OFF %26 MORE")
    assert {row["PartBin_PartNum"] for row in rows} == {"GEAR-000015", "50% OFF & MORE"}


def test_an_optional_parameter_may_be_left_out(server: Server) -> None:
    assert len(server.rows("BaqSvc/zPartBin/Data?CurrentPlant=MfgSys")) > 2


def test_a_date_parameter_filters_in_sql(server: Server) -> None:
    rows = server.rows("BaqSvc/GLDetail/Data?FromDate=2023-01-01&Year=2023")
    assert {row["GLJrnDtl_FiscalYear"] for row in rows} == {2023}


def test_a_parameter_of_the_wrong_type_fails_the_query(server: Server) -> None:
    answer = server.v2("BaqSvc/GLDetail/Data?FromDate=2023-01-01&Year=x")
    assert answer.json()["ErrorMessage"].startswith("BAQ execution failed with error:")


def test_a_filter_works_on_what_came_out(server: Server) -> None:
    rows = server.rows("BaqSvc/OpenOrders/Data?$filter=Calculated_Lines eq 2")
    assert {row["Calculated_Lines"] for row in rows} == {2}


@pytest.mark.parametrize("query", ["$filter=Nope eq 1", "$orderby=Nope", "$select=Nope"])
def test_an_unknown_column_gives_the_captured_400(server: Server, query: str) -> None:
    answer = server.v2(f"BaqSvc/zCustomer01/Data?{query}")
    message = "Could not find a property named 'Nope' on type 'Epicor.QueryItem'."
    assert (answer.status_code, answer.json()["ErrorMessage"]) == (400, message)


def test_a_broken_query_says_that_it_failed(server: Server) -> None:
    assert server.v2("BaqSvc/Broken/Data").json()["ErrorMessage"].startswith("BAQ execution failed with error:")


def test_expand_is_not_for_queries(server: Server) -> None:
    assert server.v2("BaqSvc/zCustomer01/Data?$expand=x").status_code == 400


def test_an_updatable_query_has_rowmod_and_sysrowid(server: Server) -> None:
    assert {"RowMod", "SysRowID"} <= set(server.rows("BaqSvc/UserTable/Data?$top=1")[0])


def test_skip_may_be_ignored(server: Server) -> None:
    server.switch(baq_skip="ignored")
    pages = [server.rows(f"BaqSvc/zCustomer01/Data?$top=2&$orderby=Customer_CustNum&$skip={skip}") for skip in (0, 2)]
    assert pages[0] == pages[1]


def test_the_queries_are_entity_sets_too(server: Server) -> None:
    names = {row["QueryID"] for row in server.rows("Ice.BO.DynamicQuerySvc/DynamicQueries")}
    assert names == {row["QueryID"] for row in server.rows("Ice.BO.BAQDesignerSvc/BAQDesigners")}
    assert {"zCustomer01", "zPartBin"} <= names


def test_their_parameters_are_an_entity_set(server: Server) -> None:
    rows = server.rows("Ice.BO.DynamicQuerySvc/QueryParameters")
    found = {(row["QueryID"], row["ParameterID"], row["SkipIfEmpty"]) for row in rows}
    assert ("zPartBin", "CurrentPlant", False) in found


@pytest.mark.parametrize(("query", "status"), [("zCustomer01", 200), ("Nope", 404)])
def test_get_by_id_tells_the_fields(server: Server, query: str, status: int) -> None:
    address = f"{server.url}/api/v1/Ice.BO.DynamicQuerySvc/GetByID"
    answer = requests.post(address, json={"queryID": query}, auth=("manager", "manager"), headers=JSON, timeout=30)
    assert answer.status_code == status
    if status == 200:
        field = answer.json()["returnObj"]["QueryField"][1]
        assert [field[name] for name in ("Alias", "DataType", "FieldLabel")] == [
            "Customer_CustID",
            "nvarchar",
            "Cust. ID",
        ]
