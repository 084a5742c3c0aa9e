from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.sandbox.conftest import Server

EDM = {
    "v1": "{http://schemas.microsoft.com/ado/2009/11/edm}",
    "v2": "{http://docs.oasis-open.org/odata/ns/edm}",
}
EDMX = {
    "v1": "{http://schemas.microsoft.com/ado/2007/06/edmx}Edmx",
    "v2": "{http://docs.oasis-open.org/odata/ns/edmx}Edmx",
}


def tree(server: Server, version: str, service: str) -> ET.Element:
    ask = server.v1 if version == "v1" else server.v2
    return ET.fromstring(ask(f"{service}/$metadata").content)  # noqa: S314 - our own


def entity_type(server: Server, version: str, service: str, name: str) -> ET.Element:
    found = tree(server, version, service).find(f".//{EDM[version]}EntityType[@Name='{name}']")
    assert found is not None
    return found


def types(server: Server, version: str, service: str, name: str) -> dict[str, str]:
    found = entity_type(server, version, service, name)
    return {one.attrib["Name"]: one.attrib["Type"] for one in found.iter(f"{EDM[version]}Property")}


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_metadata_has_the_versions_namespaces(server: Server, version: str) -> None:
    assert tree(server, version, "Erp.BO.CustomerSvc").tag == EDMX[version]


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_key_is_told(server: Server, version: str) -> None:
    found = entity_type(server, version, "Erp.BO.PartTranSvc", "PartTranRow")
    refs = [ref.attrib["Name"] for ref in found.iter(f"{EDM[version]}PropertyRef")]
    assert refs == ["Company", "SysDate", "SysTime", "TranNum"]


def test_a_list_has_no_key(server: Server) -> None:
    found = entity_type(server, "v2", "Erp.BO.PartTranSvc", "PartTranListRow")
    assert found.find(f"{EDM['v2']}Key") is None


@pytest.mark.parametrize(
    ("service", "name", "column", "edm"),
    [
        ("Erp.BO.PlantSvc", "PlantRow", "LogoImageContent", "Edm.Binary"),
        ("Erp.BO.PlantSvc", "PlantRow", "ACWPercentage", "Edm.Double"),
        ("Erp.BO.LaborSvc", "LaborHedRow", "PayrollDate", "Edm.Date"),
        ("Erp.BO.CustomerSvc", "CustomerRow", "SysRevID", "Edm.Int64"),
        ("Erp.BO.CustomerSvc", "CustomerRow", "SysRowID", "Edm.Guid"),
        ("Erp.BO.CustomerSvc", "CustomerRow", "EstDate", "Edm.DateTimeOffset"),
        ("Erp.BO.CustomerSvc", "CustomerRow", "CreditHold", "Edm.Boolean"),
        ("Erp.BO.PartSvc", "PartRow", "UD_SysRevID", "Edm.String"),
    ],
)
def test_columns_have_types(server: Server, service: str, name: str, column: str, edm: str) -> None:
    assert types(server, "v2", service, name)[column] == edm


def test_v1_has_no_edm_date(server: Server) -> None:
    assert types(server, "v1", "Erp.BO.LaborSvc", "LaborHedRow")["PayrollDate"] == "Edm.DateTime"


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_rows_have_the_columns_of_the_metadata(server: Server, version: str) -> None:
    ask = server.v1 if version == "v1" else server.v2
    row = ask("Erp.BO.PartSvc/Parts?$top=1").json()["value"][0]
    assert list(row) == list(types(server, version, "Erp.BO.PartSvc", "PartRow"))


def test_the_service_document_lists_the_sets(server: Server) -> None:
    names = [entry["name"] for entry in server.v1("Erp.BO.CustomerSvc/").json()["value"]]
    assert {"Customers", "ShipToes", "List"} <= set(names)


def test_the_root_of_v1_is_an_atom_document(server: Server) -> None:
    root = ET.fromstring(server.v1("").content)  # noqa: S314 - our own
    assert "Erp.BO.CustomerSvc/" in [one.attrib["href"] for one in root.iter("{http://www.w3.org/2007/app}collection")]


def test_services_are_listed_by_type(server: Server) -> None:
    listed = server.get("/api/helppage/services?serviceType=BO").json()
    assert "Erp.BO.CustomerSvc" in [one["name"] for one in listed]
    assert server.get("/api/helppage/services?serviceType=Rpt").json() == []


@pytest.mark.parametrize(("shape", "kind"), [("objects", list), ("names", list), ("value", dict)])
def test_the_list_of_services_has_several_shapes(server: Server, shape: str, kind: type) -> None:
    server.switch(list_shape=shape)
    assert isinstance(server.get("/api/helppage/services").json(), kind)


@pytest.mark.parametrize("path", ["/api/helppage/services", "/api/v1/"])
def test_the_list_of_services_may_be_denied(server: Server, path: str) -> None:
    server.switch(service_list="denied")
    assert server.get(path).status_code == 401
