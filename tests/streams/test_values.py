"""Rows are made to fit their schema without losing a digit, or refused with the row in the message."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_epicor.streams.values import Repair, ValueMismatch

SCHEMA = {
    "properties": {
        "Company": {"type": "string"},
        "Num": {"type": "integer"},
        "Count": {"type": ["integer", "null"]},
        "Amount": {"type": ["number", "null"]},
        "Name": {"type": ["string", "null"]},
    },
}


def repaired(row: dict[str, Any], **added: Any) -> dict[str, Any]:
    (result,) = Repair(SCHEMA, ["Company", "Num"], added).rows([dict(row)])
    return result


@given(st.integers())
def test_any_whole_number_survives_as_text(number: int) -> None:
    assert repaired({"Num": str(number), "Amount": str(number)}) == {"Num": number, "Amount": number}


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_any_decimal_survives_as_text_to_the_last_digit(number: Decimal) -> None:
    assert str(repaired({"Amount": str(number)})["Amount"]) == str(number)


@given(st.integers(), st.integers(0, 12))
def test_a_whole_number_written_with_a_point_survives(number: int, zeros: int) -> None:
    text = f"{number}.{'0' * zeros}"
    assert repaired({"Count": text})["Count"] == number
    assert repaired({"Count": Decimal(text)})["Count"] == number


@pytest.mark.parametrize(
    "text", ["9007199254740993", "9223372036854775807", "-9223372036854775808", "123456789012345678901234567890123"]
)
def test_integers_above_53_bits_are_exact(text: str) -> None:
    value = repaired({"Count": text})["Count"]
    assert (type(value), str(value)) == (int, text)


@pytest.mark.parametrize("text", ["12345678901234567890.123456789012345678", "0.10", "-0.000000000000000001"])
def test_fractions_keep_every_digit(text: str) -> None:
    value = repaired({"Amount": text})["Amount"]
    assert (type(value), format(value, "f")) == (Decimal, text)


def test_values_of_the_right_type_are_left_alone() -> None:
    row = {"Company": "EPIC06", "Num": 2**63 - 1, "Count": 0, "Amount": Decimal("1.50"), "Name": "12"}
    assert repaired(row) == row
    assert str(repaired(row)["Amount"]) == "1.50"


def test_nulls_are_kept_and_missing_columns_not_invented() -> None:
    assert repaired({"Count": None, "Amount": None, "Name": None}) == {"Count": None, "Amount": None, "Name": None}
    assert repaired({"Company": "EPIC06"}) == {"Company": "EPIC06"}


@pytest.mark.parametrize("column", ["Count", "Amount"])
@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "-inf", "", " ", "abc", "1,5", "0x10", "12 34"])
def test_text_that_is_no_number_is_refused_naming_column_value_and_row(column: str, value: str) -> None:
    with pytest.raises(ValueMismatch) as caught:
        repaired({"Company": "EPIC06", "Num": 17, column: value})
    assert f"column {column} holds {value!r} in the row with Company 'EPIC06', Num 17" in str(caught.value)


@pytest.mark.parametrize("value", ["1.5", Decimal("1.5"), True, [], {}])
def test_what_is_no_whole_number_is_refused_in_a_whole_numbers_column(value: object) -> None:
    with pytest.raises(ValueMismatch, match=r"column Count holds .* where a whole number was declared"):
        repaired({"Company": "EPIC06", "Num": 17, "Count": value})


@pytest.mark.parametrize("value", [True, [], {}])
def test_what_is_no_number_is_refused_in_a_numbers_column(value: object) -> None:
    with pytest.raises(ValueMismatch, match=r"column Amount holds .* where a number was declared"):
        repaired({"Company": "EPIC06", "Num": 17, "Amount": value})


def test_a_refused_row_is_named_by_the_company_that_is_added_to_it_too() -> None:
    with pytest.raises(ValueMismatch, match="Company 'EPIC07', Num 17"):
        repaired({"Num": 17, "Count": "abc"}, Company="EPIC07")


def test_a_refused_row_of_a_set_without_a_key_says_so() -> None:
    with pytest.raises(ValueMismatch, match="in the row with no key"):
        list(Repair(SCHEMA, (), {}).rows([{"Count": "abc"}]))


def test_columns_that_the_catalog_does_not_know_are_dropped_and_told() -> None:
    repair = Repair(SCHEMA, ["Num"], {})
    rows = list(repair.rows([{"Num": 1, "New_c": "x"}, {"Num": 2}, {"Num": 3, "Other_c": None}]))
    assert rows == [{"Num": 1}, {"Num": 2}, {"Num": 3}]
    assert repair.unknown == {"New_c", "Other_c"}


@pytest.mark.parametrize("name", ["@odata.etag", "odata.type", "odata.editLink", "Amount@odata.type"])
def test_annotations_are_dropped_without_a_word(name: str) -> None:
    repair = Repair(SCHEMA, ["Num"], {})
    assert list(repair.rows([{"Num": 1, name: "x"}])) == [{"Num": 1}]
    assert repair.unknown == set()


def test_the_company_is_added_to_each_row() -> None:
    repair = Repair(SCHEMA, ["Num"], {"Company": "EPIC07"})
    assert [row["Company"] for row in repair.rows([{"Num": 1}, {"Num": 2}])] == ["EPIC07", "EPIC07"]


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["Num", "Count", "Amount", "Name", "X_c"]), st.none() | st.text() | st.integers()
        )
    )
)
def test_whatever_comes_is_made_to_fit_or_refused(rows: list[dict[str, Any]]) -> None:
    try:
        results = list(Repair(SCHEMA, ["Num"], {}).rows(rows))
    except ValueMismatch:
        return
    for row in results:
        assert row.keys() <= SCHEMA["properties"].keys()
        assert all(row.get(name) is None or type(row[name]) is int for name in ("Num", "Count"))
        assert isinstance(row.get("Amount"), Decimal | int | None)


def test_columns_that_no_row_of_a_page_has_are_named() -> None:
    rows = [{"Company": "E", "Num": 1, "Count": 2}, {"Company": "E", "Num": 2, "Amount": 1}]
    repair = Repair(SCHEMA, ["Company", "Num"], {})
    assert repair.absent(rows, ["Company", "Num", "Count", "Amount", "Name"]) == ["Name"]
    assert repair.absent(rows, ["Company", "Num", "Count", "Amount"]) == []
    assert repair.absent([], ["Company"]) == []


def test_a_column_that_comes_in_other_letters_is_refused_instead_of_ending_as_nulls() -> None:
    with pytest.raises(ValueMismatch, match=r"column Name comes as 'NAME'\. .*run --discover again"):
        Repair(SCHEMA, ["Num"], {}).absent([{"Num": 1, "NAME": "x"}], ["Num", "Name"])


CHILDREN = {"properties": {**SCHEMA["properties"], "Lines": {"type": ["array", "null"], "items": SCHEMA}}}


def with_children(children: Any) -> tuple[dict[str, Any], Repair]:
    repair = Repair(CHILDREN, ["Company", "Num"], {})
    (row,) = repair.rows([{"Company": "EPIC06", "Num": 17, "Lines": children}])
    return row, repair


def test_child_rows_are_repaired_too() -> None:
    row, repair = with_children([{"Count": "9007199254740993", "Amount": "0.10", "New": 1, "odata.id": "x"}, {}])
    assert row["Lines"] == [{"Count": 9007199254740993, "Amount": Decimal("0.10")}, {}]
    assert str(row["Lines"][0]["Amount"]) == "0.10"
    assert repair.unknown == {"Lines.New"}
    assert with_children(None)[0]["Lines"] is None


@pytest.mark.parametrize("children", ["x", {}, [1], [None], 5])
def test_child_rows_that_are_none_are_refused(children: Any) -> None:
    with pytest.raises(ValueMismatch, match=r"column Lines holds .* Num 17, where a list of rows was declared"):
        with_children(children)


def test_a_value_of_a_child_row_is_refused_naming_its_parent() -> None:
    with pytest.raises(ValueMismatch, match="in Lines of the row with Company 'EPIC06', Num 17: column Count holds"):
        with_children([{"Count": "x"}])
