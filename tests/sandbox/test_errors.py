from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
import requests

from tests.sandbox.conftest import Server

FIELDS = {"HttpStatus", "ReasonPhrase", "ErrorMessage", "ErrorType", "ErrorDetails", "CorrelationId"}


def test_an_error_has_the_captured_fields(server: Server) -> None:
    assert set(server.v1("Erp.BO.NoSuchSvc/Things").json()) == FIELDS


def test_an_error_is_xml_without_accept_json(server: Server) -> None:
    answer = server.get("/api/v1/Erp.BO.NoSuchSvc/Things", headers={})
    assert {element.tag for element in ET.fromstring(answer.content)} == FIELDS  # noqa: S314 - our own


@pytest.mark.parametrize("path", ["Erp.BO.NoSuchSvc", "erp.bo.customersvc", "Erp.BO.CustomerSvc/customers"])
def test_a_name_that_is_not_there_gives_404_with_its_segment(server: Server, path: str) -> None:
    answer = server.v1(path)
    segment = path.rpartition("/")[2]
    assert answer.json()["ErrorMessage"] == f"Resource not found for the segment '{segment}'."
    assert answer.status_code == 404


def test_the_404_has_the_api_exception_type(server: Server) -> None:
    assert server.v2("Erp.BO.NoSuchSvc").json()["ErrorType"] == "Epicor.RESTApi.ErrorHandling.ApiException"


def test_outside_the_instance_iis_answers_in_html(server: Server) -> None:
    address = server.url.replace("/kinetic", "/other")
    answer = _moved(server, address).get("/api/v1/")
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (404, "text/html")


def _moved(server: Server, url: str) -> Server:
    return Server(server.process, url, server.database, server.user, server.password, server.api_key)


def test_an_unknown_company_is_an_error(server: Server) -> None:
    assert server.v2("Erp.BO.CustomerSvc/Customers", company="NOPE").status_code == 400


@pytest.mark.parametrize("query", ["$top=x", "$top=-1", "$skip=1.5", "$orderby=Nope", "$select=Nope", "$foo=1"])
def test_a_wrong_option_gives_400(server: Server, query: str) -> None:
    assert server.v2(f"Erp.BO.CustomerSvc/Customers?{query}").status_code == 400


def test_rows_cannot_be_posted(server: Server) -> None:

    address = f"{server.url}/api/v1/Erp.BO.CustomerSvc/Customers"
    assert requests.post(address, json={}, auth=(server.user, server.password), timeout=30).status_code == 405
