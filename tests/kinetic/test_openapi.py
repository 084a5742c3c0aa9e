"""Descriptions in OpenAPI documents of both versions, of any shape, and what must not be read as such."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_epicor.kinetic.errors import UnreadableAnswer
from tap_epicor.kinetic.metadata import Column, EntityType
from tap_epicor.kinetic.openapi import LONGEST_DESCRIPTION, read_openapi
from tests.fuzz.csdl import damaged

if TYPE_CHECKING:
    from collections.abc import Mapping

ROW = "Erp_Tablesets_CustomerRow"
SAYS = {"CustNum": {"type": "integer", "description": "The customer's number."}, "Name": {"type": "string"}}
SOON = 2.0


def row_type(*columns: str, name: str = "Erp.Tablesets.CustomerRow") -> EntityType:
    return EntityType(name, (), {column: Column(column, "Edm.String") for column in columns or ("CustNum", "Name")})


def read(schemas: Mapping[str, Any], *columns: str) -> dict[str, str]:
    """The descriptions of a row's columns, of which both versions must say the same."""
    old = json.dumps({"swagger": "2.0", "paths": {}, "definitions": schemas})
    new = json.dumps({"openapi": "3.0.1", "paths": {}, "components": {"schemas": schemas}})
    found, same = (read_openapi(text.encode(), {"Customers": row_type(*columns)})["Customers"] for text in (old, new))
    assert found == same
    return found


@pytest.mark.parametrize(
    "name", [ROW, "Erp.Tablesets.CustomerRow", "CustomerRow", "Kinetic_v5_CustomerRow", "Erp.Rows.CustomerRow"]
)
def test_a_row_is_found_whatever_stands_before_its_name(name: str) -> None:
    assert read({name: {"properties": SAYS}}) == {"CustNum": "The customer's number."}


def test_a_list_of_rows_that_ends_in_the_same_name_is_not_taken_for_one() -> None:
    wrapped = {"properties": {"value": {"description": "The rows."}}}
    assert read({f"List_{ROW}": wrapped, f"A_{ROW}": {"properties": SAYS}}) == {"CustNum": "The customer's number."}
    assert read({"A_ShipToRow": {"properties": SAYS}}) == {}


def test_sets_of_one_type_have_the_same_descriptions() -> None:
    document = json.dumps({"definitions": {ROW: {"properties": SAYS}}}).encode()
    found = read_openapi(document, {"Customers": row_type(), "Others": row_type()})
    assert found["Customers"] == found["Others"] == {"CustNum": "The customer's number."}


def test_references_are_followed_and_what_stands_nearer_comes_first() -> None:
    schemas = {
        ROW: {"allOf": [{"$ref": "#/definitions/Base"}, {"properties": {"Name": {"description": "Of the row."}}}]},
        "Base": {"properties": {**SAYS, "Name": {"description": "Of the base."}, "State": {"$ref": "#/x/State"}}},
        "State": {"type": "string", "description": "Open or closed."},
    }
    assert read(schemas, "CustNum", "Name", "State") == {
        "CustNum": "The customer's number.",
        "Name": "Of the row.",
        "State": "Open or closed.",
    }


def test_schemas_that_refer_to_each_other_in_circles_come_to_an_end() -> None:
    circle = [{"$ref": f"#/definitions/{ROW}"}] * 50
    schemas = {ROW: {"$ref": f"#/definitions/{ROW}", "allOf": circle, "properties": {"Name": {"allOf": circle}}}}
    started = time.process_time()
    assert read(schemas) == {}
    assert time.process_time() - started < SOON


@pytest.mark.parametrize("text", ["", " ", "Cust Num", "custnum.", "CUST_NUM", "-", None, 7, ["x"], {"en": "x"}])
def test_what_says_no_more_than_the_name_is_no_description(text: object) -> None:
    assert read({ROW: {"properties": {"CustNum": {"description": text}, "Name": {"description": "Its name."}}}}) == {
        "Name": "Its name."
    }


def test_a_description_is_one_line_without_control_characters_and_of_bounded_length() -> None:
    texts = {"CustNum": "a\r\n\tb\x1b[31m\u202e\u00a0c\x00", "Name": "x" * 100_000}
    found = read({ROW: {"properties": {name: {"description": text} for name, text in texts.items()}}})
    assert found["CustNum"] == "a b [31m c"
    assert len(found["Name"]) == LONGEST_DESCRIPTION
    assert found["Name"].endswith("…")


@pytest.mark.parametrize(
    "odd",
    [{}, {"definitions": 1}, {"definitions": {ROW: 1}}, {"definitions": {ROW: {"properties": [1]}}}, {"components": 0}],
)
def test_a_document_without_rows_describes_nothing(odd: dict[str, Any]) -> None:
    assert read_openapi(b"\xef\xbb\xbf" + json.dumps(odd).encode(), {"Customers": row_type()}) == {"Customers": {}}


@pytest.mark.parametrize("text", [b"", b"<html></html>", b"[1]", b'{"definitions": ', b"[" * 100_000, b"\xff{}"])
def test_what_is_no_openapi_document_is_refused(text: bytes) -> None:
    with pytest.raises(UnreadableAnswer, match="no OpenAPI document"):
        read_openapi(text, {"Customers": row_type()})


WORDS = st.sampled_from([ROW, "definitions", "components", "schemas", "properties", "description", "$ref", "allOf"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.just(f"#/definitions/{ROW}"),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.sampled_from(["CustNum", "Name"]), inner, max_size=5)
    ),
    max_leaves=25,
)


@given(st.data())
def test_any_document_is_read_or_refused(data: st.DataObject) -> None:
    schemas = {ROW: {"properties": {"CustNum": data.draw(JSON), "Name": data.draw(JSON)}, "allOf": data.draw(JSON)}}
    whole = json.dumps(data.draw(st.just({"definitions": schemas}) | JSON)).encode("utf-8", "surrogatepass")
    try:
        found = read_openapi(data.draw(st.just(whole) | damaged(whole)), {"Customers": row_type()})["Customers"]
    except UnreadableAnswer:
        return
    assert found.keys() <= {"CustNum", "Name"}
    for text in found.values():
        assert text.isprintable()
        assert 0 < len(text) <= LONGEST_DESCRIPTION
