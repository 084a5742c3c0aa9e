"""Any service description is read as it was declared, or refused with a sentence, soon."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_epicor.kinetic.metadata import MetadataError, read_metadata, read_row_type
from tests.fuzz.csdl import NAMESPACE, damaged, document, schemas
from tests.fuzz.targets import check
from tests.kinetic.test_metadata import V4

if TYPE_CHECKING:
    from odatapy.edm.csdl import CsdlEntityType, CsdlProperty, CsdlSchema

    from tap_epicor.kinetic.metadata import Column

SOON = 2.0
"""Seconds of computing after which a document has taken too long."""


def declared(column: CsdlProperty) -> tuple[object, ...]:
    kind = {f"{NAMESPACE}.State": "Enum", f"{NAMESPACE}.Place": "Complex"}.get(column.type, column.type)
    scale = column.scale if isinstance(column.scale, int) else None
    return column.name, kind, column.nullable, column.collection, column.max_length, column.precision, scale


def said(column: Column) -> tuple[object, ...]:
    return (
        column.name,
        column.type,
        column.nullable,
        column.collection,
        column.max_length,
        column.precision,
        column.scale,
    )


@given(schemas())
def test_what_was_declared_is_what_is_read(schema: CsdlSchema) -> None:
    by_name: dict[str, CsdlEntityType] = {f"{NAMESPACE}.{one.name}": one for one in schema.entity_types}
    sets = read_metadata(document(schema))
    assert schema.entity_container
    assert list(sets) == [one.name for one in schema.entity_container.entity_sets]
    for one in schema.entity_container.entity_sets:
        own, read = by_name[one.type], sets[one.name]
        base = by_name[own.base_type] if own.base_type else own
        assert [said(column) for column in read.columns.values()] == [declared(column) for column in base.properties]
        assert read.key == tuple(reference.name for reference in base.key)
        inherited = base.navigation_properties if own.base_type else []
        assert tuple(read.navigation) == tuple(link.name for link in (*inherited, *own.navigation_properties))
        place = read.columns["At9"]
        assert [said(part) for part in place.columns] == [declared(part) for part in schema.complex_types[0].properties]


@given(st.data())
def test_a_damaged_description_is_read_or_refused_soon(data: st.DataObject) -> None:
    whole = data.draw(st.just(V4.encode()) | schemas().map(document))
    started = time.process_time()
    for read in (read_metadata, read_row_type):
        try:
            read(data.draw(damaged(whole)))
        except MetadataError as exc:
            check(exc)
    assert time.process_time() - started < SOON


PROPERTY = '<Property Name="City" Type="Edm.String"/>'


@pytest.mark.parametrize(
    ("name", "shown"),
    [("", "''"), ("a b", "'a b'"), ("&#155;31m", r"'\\x9b31m'"), ("&#8238;x", r"'\\u202ex'"), ("N" * 300, "N…'")],
)
def test_a_name_that_is_none_is_refused(name: str, shown: str) -> None:
    for was in ('Property Name="City"', 'EntitySet Name="POes"'):
        with pytest.raises(MetadataError, match=rf"the name of .* is none: .*{shown}"):
            read_metadata(V4.replace(was, was.replace(was.split('"')[1], name)).encode())


def test_a_property_that_is_declared_in_two_ways_is_refused() -> None:
    twice = V4.replace('<Property Name="Total"', '<Property Name="PONum" Type="Edm.String"/><Property Name="Total"')
    with pytest.raises(MetadataError, match="two properties 'PONum'"):
        read_metadata(twice.encode())


def test_a_set_without_a_type_is_refused() -> None:
    with pytest.raises(MetadataError, match="an entity set has no type"):
        read_metadata(V4.replace('EntityType="Self.POListRow"', "").encode())


def test_of_two_sets_of_one_name_the_last_is_read() -> None:
    twice = V4.replace("<FunctionImport", '<EntitySet Name="List" EntityType="Self.PODetailRow"/><FunctionImport')
    assert list(read_metadata(twice.encode())["List"].columns)[-1] == "POLine"


@pytest.mark.parametrize("length", ["²", "9" * 5000, "-1", "max", ""])
def test_a_length_that_is_no_number_is_not_known(length: str) -> None:
    columns = read_metadata(V4.replace('MaxLength="8"', f'MaxLength="{length}"').encode())["POes"].columns
    assert columns["Company"].max_length is None


@pytest.mark.parametrize("encoding", ["utf-7", "shift_jis", "nonsense"])
def test_an_encoding_that_is_not_known_is_refused(encoding: str) -> None:
    with pytest.raises(MetadataError, match="it is not XML"):
        read_metadata(V4.replace('encoding="utf-8"', f'encoding="{encoding}"').encode())


def bombs() -> dict[str, tuple[str, str]]:
    """Documents that grow when they are read, or are meant to read something else, and what is said of them."""
    head = '<?xml version="1.0"?>'
    lots = "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    wide = "".join(f'<Property Name="P{n}" Type="Self.Address"/>' for n in range(20))
    chain = "".join(
        f'<EntityType Name="T{n}" BaseType="Self.T{n - 1}"><Property Name="P{n}" Type="Edm.Int32"/></EntityType>'
        for n in range(1, 3000)
    )
    sets = "".join(f'<EntitySet Name="S{n}" EntityType="Self.T{n}"/>' for n in range(1, 3000))
    doctype = "document type declaration"
    return {
        "a billion laughs": (f'{head}<!DOCTYPE x [<!ENTITY a "ha">{lots}]><Edmx>&j;</Edmx>', doctype),
        "one large entity": (f'{head}<!DOCTYPE x [<!ENTITY a "{"a" * 100_000}">]><Edmx>{"&a;" * 999}</Edmx>', doctype),
        "an external entity": (
            f'{head}<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><Edmx>&a;</Edmx>',
            doctype,
        ),
        "a parameter entity": (f'{head}<!DOCTYPE x [<!ENTITY % a SYSTEM "http://127.0.0.1:9/x">%a;]><Edmx/>', doctype),
        "an external declaration": (f'{head}<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><Edmx/>', doctype),
        "an entity nobody declared": (f"{head}<Edmx>&a;</Edmx>", "undefined entity"),
        "structures in structures": (V4.replace(PROPERTY, wide), "more than 200,000 properties"),
        "a long lineage, again and again": (
            V4.replace(
                '<EntityType Name="POListRow">', f'<EntityType Name="T0"/>{chain}<EntityType Name="POListRow">'
            ).replace("<EntitySet Name", f"{sets}<EntitySet Name", 1),
            "more than 200,000 properties",
        ),
        "tags without end": ("<Edmx>" + "<a/>" * 1_000_001, "more than 1,000,000 tags"),
        "elements in elements": ("<a>" * 100_000 + "</a>" * 100_000, "its root is 'a'"),
        "a huge name": (f"<{'a' * 10_000_000}/>", "its root is 'a+…'"),
    }


@pytest.mark.parametrize("bomb", bombs())
def test_a_bomb_is_refused_soon(bomb: str) -> None:
    document, said = bombs()[bomb]
    started = time.process_time()
    with pytest.raises(MetadataError, match=said) as caught:
        read_metadata(document.encode())
    assert time.process_time() - started < SOON
    assert len(str(caught.value)) < 300


def test_deep_nesting_and_huge_attributes_do_no_harm() -> None:
    deep = V4.replace("</edmx:DataServices>", "<a>" * 100_000 + "</a>" * 100_000 + "</edmx:DataServices>")
    huge = deep.replace('Nullable="false"', f'Nullable="{"x" * 5_000_000}"')
    started = time.process_time()
    assert read_metadata(huge.encode())["POes"].key == ("Company", "PONum")
    assert time.process_time() - started < SOON


def test_an_address_in_a_description_is_not_asked_for() -> None:
    """No reader of `Uri` attributes exists: the same types come with and without them."""
    elsewhere = '<edmx:Reference Uri="http://127.0.0.1:9/other"><edmx:Include Namespace="Other"/></edmx:Reference>'
    refering = V4.replace("<edmx:DataServices>", f"{elsewhere}<edmx:DataServices>")
    assert read_metadata(refering.encode()) == read_metadata(V4.encode())
