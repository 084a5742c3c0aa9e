from __future__ import annotations

import base64
import json
import xml.etree.ElementTree as ET
from typing import Any

import pytest
import requests

from tests.sandbox.conftest import JSON, Server

CUSTOMERS = "/api/v1/Erp.BO.CustomerSvc/Customers?$top=1"


def token(server: Server, **options: Any) -> requests.Response:
    options.setdefault("headers", JSON)
    return requests.post(f"{server.url}/TokenResource.svc/", timeout=30, **options)


def access_token(server: Server) -> str:
    return str(token(server, auth=("manager", "manager")).json()["AccessToken"])


@pytest.mark.parametrize("authorization", ["", "Basic bWFuYWdlcjp3cm9uZw==", "Bearer a.b.c", "Basic !"])
def test_wrong_credentials_give_the_captured_401(server: Server, authorization: str) -> None:
    answer = server.get(CUSTOMERS, auth=None, headers=JSON | {"Authorization": authorization})
    assert (answer.status_code, answer.json()["ErrorMessage"]) == (401, "Invalid username or password.")


def test_a_wrong_key_is_repeated_in_the_401(server: Server) -> None:
    answer = server.v2("Erp.BO.CustomerSvc/Customers", **{"x-api-key": "wrong"})
    assert (answer.status_code, answer.json()["ErrorMessage"]) == (401, "Invalid API Key wrong.\r\nCompany EPIC06.")


def test_v2_wants_the_key(server: Server) -> None:
    assert server.get("/api/v2/odata/EPIC06/Erp.BO.CustomerSvc/Customers").status_code == 401


def test_v2_takes_the_key_from_the_query_string(server: Server) -> None:
    path = f"/api/v2/odata/EPIC06/Erp.BO.CustomerSvc/Customers?api-key={server.api_key}"
    assert server.get(path).status_code == 200


@pytest.mark.parametrize(
    "options",
    [
        {"headers": JSON | {"username": "manager", "password": "manager"}},
        {"auth": ("manager", "manager")},
        {"data": {"username": "manager", "password": "manager"}},
    ],
)
def test_a_token_is_given_for_headers_basic_and_form(server: Server, options: dict[str, Any]) -> None:
    bearer = token(server, **options).json()["AccessToken"]
    assert server.get(CUSTOMERS, auth=None, headers=JSON | {"Authorization": f"Bearer {bearer}"}).status_code == 200


def test_no_token_is_given_for_a_wrong_password(server: Server) -> None:
    assert token(server, auth=("manager", "wrong")).status_code == 401


def test_the_token_is_xml_without_accept_json(server: Server) -> None:
    root = ET.fromstring(token(server, headers={}, auth=("manager", "manager")).content)  # noqa: S314 - our own
    assert root.findtext("ExpiresIn") == "3600"


def test_the_tokens_times_are_strings(server: Server) -> None:
    payload = access_token(server).split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    assert isinstance(claims["exp"], str)
    assert isinstance(claims["iat"], str)


def test_a_token_past_its_life_gives_401(server: Server) -> None:
    server.switch(token_seconds=0)
    headers = JSON | {"Authorization": f"Bearer {access_token(server)}"}
    assert server.get(CUSTOMERS, auth=None, headers=headers).status_code == 401


def test_a_bearer_of_v2_still_needs_the_key(server: Server) -> None:
    headers = JSON | {"Authorization": f"Bearer {access_token(server)}"}
    path = "/api/v2/odata/EPIC06/Erp.BO.CustomerSvc/Customers"
    assert server.get(path, auth=None, headers=headers).status_code == 401


def test_a_denied_service_gives_the_captured_401(server: Server) -> None:
    server.switch(denied="Erp.BO.CompanySvc")
    answer = server.v1("Erp.BO.CompanySvc/Companies")
    assert (answer.status_code, answer.json()["ErrorMessage"]) == (401, "Access denied (Erp.BO.Company.GetRows).")


def test_a_denial_may_be_403(server: Server) -> None:
    server.switch(denied="Erp.BO.CompanySvc", denied_status=403)
    assert server.v1("Erp.BO.CompanySvc/Companies").status_code == 403
