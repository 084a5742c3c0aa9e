"""OpenAPI documents: Swagger 2 of version 1, OpenAPI 3 of version 2, and what stands in the way of reading them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.sandbox.conftest import Server

PART = "odata/Erp.BO.PartSvc.json"


def document(server: Server, version: str) -> dict[str, Any]:
    answer = server.get(f"/api/swagger/{version}/{PART}", headers={"x-api-key": server.api_key})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_each_version_has_its_own_form(server: Server) -> None:
    old, new = document(server, "v1"), document(server, "v2")
    assert (old["swagger"], new["openapi"]) == ("2.0", "3.0.1")
    assert old["definitions"]["Erp_Tablesets_PartRow"] == new["components"]["schemas"]["Erp_Tablesets_PartRow"]


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_row_has_the_columns_of_its_set(server: Server, version: str) -> None:
    content = document(server, version)
    schemas = content["definitions"] if version == "v1" else content["components"]["schemas"]
    (row,) = server.rows("Erp.BO.PartSvc/Parts?$top=1")
    assert list(schemas["Erp_Tablesets_PartRow"]["properties"]) == list(row)
    assert schemas["Erp_Tablesets_PartRow"]["properties"]["PartNum"]["description"]


def test_version_2_wants_the_key(server: Server) -> None:
    assert server.get(f"/api/swagger/v1/{PART}").status_code == 200
    assert server.get(f"/api/swagger/v2/{PART}").status_code == 401


def test_what_has_not_changed_does_not_come_again(server: Server) -> None:
    tag = server.get(f"/api/swagger/v1/{PART}").headers["ETag"]
    again = server.get(f"/api/swagger/v1/{PART}", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


def test_they_may_be_bare_denied_or_missing(server: Server) -> None:
    server.switch(openapi="bare")
    assert "description" not in document(server, "v1")["definitions"]["Erp_Tablesets_PartRow"]["properties"]["PartNum"]
    server.switch(openapi="denied", denied_status=403)
    assert server.get(f"/api/swagger/v1/{PART}").status_code == 403
    server.switch(openapi="missing")
    assert server.get(f"/api/swagger/v1/{PART}").status_code == 404
