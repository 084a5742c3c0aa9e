"""CSDL of both OData versions, and what must not be read as such."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_epicor.kinetic.metadata import Column, MetadataError, read_metadata, read_row_type

V4 = """<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="Erp.Tablesets" Alias="Self" xmlns="http://docs.oasis-open.org/odata/ns/edm">
<EntityType Name="POHeaderRow"><Key><PropertyRef Name="Company"/><PropertyRef Name="PONum"/></Key>
<Property Name="Company" Type="Edm.String" Nullable="false" MaxLength="8"/>
<Property Name="PONum" Type="Edm.Int32" Nullable="false"/>
<Property Name="Total" Type="Edm.Decimal" Precision="17" Scale="5"/>
<Property Name="Rate" Type="Edm.Decimal" Scale="Variable"/>
<Property Name="State" Type="Self.POState"/>
<Property Name="Address" Type="Self.Address"/>
<Property Name="Tags" Type="Collection(Edm.String)"/>
<NavigationProperty Name="PODetails" Type="Collection(Erp.Tablesets.POHeaderRow)"/></EntityType>
<EntityType Name="POListRow"><Property Name="PONum" Type="Edm.Int32"/></EntityType>
<EntityType Name="PODetailRow" BaseType="Erp.Tablesets.POHeaderRow"><Property Name="POLine" Type="Edm.Int32"/>
</EntityType>
<EnumType Name="POState"><Member Name="Open" Value="0"/></EnumType>
<ComplexType Name="Address"><Property Name="City" Type="Edm.String"/></ComplexType>
</Schema><Schema Namespace="Erp.BO" xmlns="http://docs.oasis-open.org/odata/ns/edm"><EntityContainer Name="POSvc">
<EntitySet Name="POes" EntityType="Erp.Tablesets.POHeaderRow"/><EntitySet Name="List" EntityType="Self.POListRow"/>
<EntitySet Name="PODetails" EntityType="Self.PODetailRow"/>
<FunctionImport Name="GetList" Function="Erp.BO.GetList"/></EntityContainer></Schema>
</edmx:DataServices></edmx:Edmx>"""

V3 = (
    V4.replace('Version="4.0"', 'Version="1.0"')
    .replace("http://docs.oasis-open.org/odata/ns/edmx", "http://schemas.microsoft.com/ado/2007/06/edmx")
    .replace("http://docs.oasis-open.org/odata/ns/edm", "http://schemas.microsoft.com/ado/2009/11/edm")
)


@pytest.mark.parametrize("document", [V3, V4], ids=["OData 3", "OData 4"])
def test_sets_have_their_keys_in_order(document: str) -> None:
    sets = read_metadata(document.encode())
    assert list(sets) == ["POes", "List", "PODetails"]
    assert sets["POes"].key == ("Company", "PONum")
    assert sets["List"].key == ()


def test_columns_have_type_length_and_digits() -> None:
    columns = read_metadata(V4.encode())["POes"].columns
    assert columns["Company"] == Column("Company", "Edm.String", nullable=False, max_length=8)
    assert columns["Total"] == Column("Total", "Edm.Decimal", precision=17, scale=5)
    assert columns["Rate"].scale is None


def test_enumerations_structures_and_collections_are_known() -> None:
    columns = read_metadata(V4.encode())["POes"].columns
    assert columns["State"].type == "Enum"
    assert columns["Address"].type == "Complex"
    assert [part.name for part in columns["Address"].columns] == ["City"]
    assert columns["Tags"].collection


def test_a_derived_type_has_key_and_columns_of_its_base() -> None:
    detail = read_metadata(V4.encode())["PODetails"]
    assert detail.key == ("Company", "PONum")
    assert list(detail.columns)[-1] == "POLine"


def test_a_key_without_its_property_is_refused() -> None:
    with pytest.raises(MetadataError, match="names a property that it does not have"):
        read_metadata(V4.replace('<PropertyRef Name="PONum"/>', '<PropertyRef Name="PONUM"/>').encode())


def test_navigation_is_no_column() -> None:
    header = read_metadata(V4.encode())["POes"]
    assert tuple(header.navigation) == ("PODetails",)
    assert "PODetails" not in header.columns


def test_a_baq_is_found_by_its_only_entity_type() -> None:
    document = V4.replace("<EntitySet", "<Singleton").replace('"PODetailRow"', '"x"')
    with pytest.raises(MetadataError, match="3 entity types"):
        read_row_type(document.encode())
    one = V4[: V4.index('<EntityType Name="POListRow"')] + V4[V4.index("<EnumType") :].replace("<EntitySet", "<Other")
    assert read_row_type(one.encode()).key == ("Company", "PONum")


BOMB = """<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>
<edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">&b;</edmx:Edmx>"""


def test_a_document_with_entities_of_its_own_is_refused() -> None:
    with pytest.raises(MetadataError, match="document type declaration"):
        read_metadata(BOMB.encode())


def test_a_login_page_is_no_metadata() -> None:
    with pytest.raises(MetadataError, match="not CSDL: its root is 'html'"):
        read_metadata(b"<html><body/></html>")


def test_a_type_that_derives_from_itself_ends() -> None:
    document = V4.replace(
        '<EntityType Name="POHeaderRow">', '<EntityType Name="POHeaderRow" BaseType="Self.PODetailRow">'
    )
    assert read_metadata(document.encode())["PODetails"].key


def test_structures_within_themselves_end() -> None:
    document = V4.replace('<Property Name="City" Type="Edm.String"/>', '<Property Name="In" Type="Self.Address"/>')
    assert read_metadata(document.encode())["POes"].columns["Address"].columns


@given(st.binary(max_size=400))
def test_whatever_the_server_sends_it_is_read_or_refused(document: bytes) -> None:
    with pytest.raises(MetadataError):
        read_metadata(document)


@given(st.data())
def test_a_damaged_document_is_read_or_refused(data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(V4) - 1))
    length = data.draw(st.integers(0, 40))
    damaged = (V4[:position] + V4[position + length :]).encode()
    try:
        read_metadata(damaged)
    except MetadataError:
        return
