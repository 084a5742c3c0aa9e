"""Query strings, filters and literals."""

from __future__ import annotations

import itertools
from decimal import Decimal
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_epicor.kinetic.dialect import V1, V2
from tap_epicor.kinetic.query import LONGEST_QUERY_STRING, Query, all_of, beyond


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_through_the_query_string(condition: str, value: str) -> None:
    encoded = Query(filter=condition or None, parameters=[("Group", value)]).encode()
    expected = {"Group": value} | ({"$filter": condition} if condition else {})
    assert dict(parse_qsl(encoded, keep_blank_values=True)) == expected
    assert encoded.isascii()
    assert "+" not in encoded


def test_a_list_parameter_repeats_its_name() -> None:
    assert Query(parameters=[("Plant", "LAF"), ("Plant", "MfgSys")]).encode() == "Plant=LAF&Plant=MfgSys"


def test_columns_are_chosen_only_while_iis_takes_the_query_string() -> None:
    few = Query(top=10, select=["CustNum", "Name"])
    many = Query(top=10, select=[f"ColumnNumber{number}" for number in range(200)])
    assert few.encode() == "$top=10&$select=CustNum,Name"
    assert many.encode() == "$top=10"
    assert len(few.encode()) <= LONGEST_QUERY_STRING


def test_a_key_of_twenty_parts_fits_into_the_query_string() -> None:
    key = [(f"KeyColumn{number:02}", "'1234567'") for number in range(20)]
    assert len(Query(filter=beyond(key), top=1000).encode()) < LONGEST_QUERY_STRING


@given(
    st.lists(st.tuples(*[st.integers(0, 3)] * 3), min_size=1, unique=True),
    st.tuples(*[st.integers(0, 3)] * 3),
    st.booleans(),
)
def test_beyond_holds_for_just_the_rows_that_come_after(
    rows: list[tuple[int, int, int]],
    key: tuple[int, int, int],
    inclusive: bool,  # noqa: FBT001
) -> None:
    expression = beyond([(name, str(value)) for name, value in zip("ABC", key, strict=True)], inclusive=inclusive)
    python = expression.replace(" gt ", " > ").replace(" ge ", " >= ").replace(" eq ", " == ")
    chosen = [row for row in rows if eval(python, {}, dict(zip("ABC", row, strict=True)))]  # noqa: S307
    assert chosen == [row for row in rows if (row >= key if inclusive else row > key)]


def test_conditions_are_joined_in_parentheses() -> None:
    assert all_of([None, "A eq 1", "B eq 2 or C eq 3"]) == "(A eq 1) and (B eq 2 or C eq 3)"
    assert all_of([None, "A eq 1"]) == "A eq 1"
    assert all_of([None, ""]) is None


@pytest.mark.parametrize(
    ("edm_type", "value", "v1", "v2"),
    [
        ("Edm.String", "O'Brien & Söhne", "'O''Brien & Söhne'", "'O''Brien & Söhne'"),
        ("Edm.Int64", 9007199254740993, "9007199254740993", "9007199254740993"),
        ("Edm.Int32", "5", "5", "5"),
        ("Edm.Decimal", Decimal("1E-8"), "0.00000001M", "0.00000001"),
        ("Edm.Boolean", True, "true", "true"),
        ("Edm.Guid", "6f1c", "guid'6f1c'", "6f1c"),
        (
            "Edm.DateTimeOffset",
            "2024-01-01T00:00:00",
            "datetimeoffset'2024-01-01T00:00:00Z'",
            "2024-01-01T00:00:00Z",
        ),
        (
            "Edm.DateTimeOffset",
            "2024-01-01T00:00:00+02:00",
            "datetimeoffset'2024-01-01T00:00:00+02:00'",
            "2024-01-01T00:00:00+02:00",
        ),
        ("Edm.DateTime", "2024-01-01T00:00:00Z", "datetime'2024-01-01T00:00:00'", None),
        ("Edm.Date", "2024-01-01", None, "2024-01-01"),
    ],
)
def test_literals_are_those_of_their_version(edm_type: str, value: object, v1: str | None, v2: str | None) -> None:
    for dialect, expected in ((V1, v1), (V2, v2)):
        if expected is not None:
            assert dialect.literal(edm_type, value) == expected


def test_a_type_without_a_literal_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Edm\.Binary"):
        V2.literal("Edm.Binary", "AA==")


def test_names_in_a_path_are_encoded() -> None:
    assert V2.entity_set("A/B C", "Erp.BO.PartSvc", "Parts") == "api/v2/odata/A%2FB%20C/Erp.BO.PartSvc/Parts"
    assert V1.entity_set("EPIC06", "Erp.BO.PartSvc", "Parts") == "api/v1/Erp.BO.PartSvc/Parts"


def test_the_rows_of_a_baq_stand_below_data_in_v2_only() -> None:
    assert V2.baq("EPIC06", "zTop") == "api/v2/odata/EPIC06/BaqSvc/zTop/Data"
    assert V1.baq("", "zTop") == "api/v1/BaqSvc/zTop/"


def test_v1_names_the_company_of_a_baq_behind_its_id() -> None:
    assert V1.baq("EPIC07", "zTop") == "api/v1/BaqSvc/zTop(EPIC07)/"


def test_every_combination_of_conditions_is_valid() -> None:
    for given_ones in itertools.product([None, "A eq 1"], repeat=3):
        joined = all_of(given_ones) or ""
        assert joined.count("(") == joined.count(")")
