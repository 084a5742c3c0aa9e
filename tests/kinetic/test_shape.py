"""What is declared of rows, held against how they come: which go out by their text, and what is noticed when."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_epicor.kinetic.errors import PassingError, UnreadableAnswer
from tap_epicor.kinetic.found import Row, values_of
from tap_epicor.kinetic.order import BrokenOrder, keys_of
from tap_epicor.kinetic.plan import Part
from tap_epicor.kinetic.shape import ALL_OF, ONE_IN, Shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_epicor.kinetic.found import Found

COLUMNS = {
    "Company": ("string", False),
    "Num": ("integer", False),
    "class": ("string", True),
    "Amount": ("number", True),
    "Flag": ("boolean", True),
    "Lines": ("array", True),
}
KEY = ("Company", "Num")


def row(number: int, **other: Any) -> dict[str, Any]:
    made = {"Company": "EPIC06", "Num": number, "class": "x", "Amount": 1.5, "Flag": True, "Lines": None, **other}
    return {name: value for name, value in made.items() if value is not ...}


def body(rows: Sequence[dict[str, Any]]) -> bytes:
    return json.dumps({"odata.metadata": "x", "value": rows, "odata.nextLink": "]}"}).encode()


def read(shape: Shape, rows: Sequence[dict[str, Any]]) -> Found:
    return shape.read(body(rows), "p")


def texts(found: Found) -> list[Any]:
    return [json.loads(bytes(text)) for text in found.texts or ()]


def assured() -> Shape:
    """Return a shape that has seen so many rows that it looks at some only."""
    shape = Shape(COLUMNS, KEY)
    assert read(shape, [row(number) for number in range(ALL_OF)]).ready
    return shape


def test_rows_as_declared_go_out_by_their_text() -> None:
    rows = [row(1, Lines=[{"Num": 2}, {"Num": 3}]), row(2, Amount=None)]
    found = read(assured(), rows)
    assert texts(found) == rows
    assert [bytes(text) for text in found.texts or ()] == [json.dumps(one).encode() for one in rows]


def test_only_compared_columns_are_read_and_to_ask_for_another_is_an_error() -> None:
    found = read(assured(), [row(1)])
    assert isinstance(found[0], Row)
    assert dict(found[0]) == {"Company": "EPIC06", "Num": 1}
    assert values_of(found, "Num") == [1]
    for ask in (found[0].get, found[0].__getitem__, lambda name: values_of(found, name)):
        with pytest.raises(KeyError):
            ask("Amount")


def test_numbers_that_come_as_strings_are_written_as_numbers_to_the_last_digit() -> None:
    shape = Shape(COLUMNS, KEY)
    for number in range(2):
        found = read(shape, [row(number, Num=str(number), Amount="12345678901234567890.10"), row(9, Amount=None)])
        assert values_of(found, "Num") == [number, 9]
        assert b'"Amount":12345678901234567890.10,' in bytes((found.texts or ())[0])


@pytest.mark.parametrize("value", ["NaN", "sNaN", "-Infinity", "1,5", ""])
def test_text_that_is_no_number_is_left_to_be_refused(value: str) -> None:
    shape = Shape(COLUMNS, KEY)
    read(shape, [row(1, Amount="1.5")])
    found = read(shape, [row(2, Amount="1.5"), row(3, Amount=value)])
    assert not found.ready
    assert found[1]["Amount"] == value


def test_columns_that_nobody_wants_are_left_out_and_named() -> None:
    shape = Shape(COLUMNS, KEY)
    for number in range(2):
        found = read(shape, [row(number, New_c={"a": 1})])
        assert texts(found) == [row(number)]
        assert list(found.unwanted) == ["New_c"]


def test_part_of_the_rows_keep_their_own_text() -> None:
    found = read(assured(), [row(1), row(2), row(3)])
    assert texts(found[1:]) == [row(2), row(3)]
    assert texts(found.chosen([True, False, True])) == [row(1), row(3)]


def changed(**other: Any) -> Found:
    """Return rows that come otherwise than those of a good many answers before."""
    shape = assured()
    assert not read(shape, [row(1)]).news
    return read(shape, [row(number, **other) for number in range(2)])


def test_a_number_that_becomes_a_string_is_noticed_said_and_written_as_a_number() -> None:
    found = changed(Amount="2.50")
    assert "got `str`" in found.news
    assert texts(found) == [row(0, Amount=2.5), row(1, Amount=2.5)]


def test_a_column_that_is_added_is_noticed_said_and_left_out() -> None:
    found = changed(New_c=1)
    assert "unknown field `New_c`" in found.news
    assert texts(found) == [row(0), row(1)]
    assert list(found.unwanted) == ["New_c"]


def test_a_column_that_goes_missing_is_noticed_and_said_and_the_rows_left_to_be_repaired() -> None:
    found = changed(Amount=...)
    assert "missing required field `Amount`" in found.news
    assert not found.ready
    assert list(found) == [row(0, Amount=...), row(1, Amount=...)]


def test_nothing_is_said_where_every_row_before_was_looked_at() -> None:
    shape = Shape(COLUMNS, KEY)
    read(shape, [row(number) for number in range(ALL_OF - 1)])
    assert texts(read(shape, [*map(row, range(20)), row(20, Amount="2.5")]))[-1] == row(20, Amount=2.5)
    assert not read(shape, [row(1)]).news


def test_each_row_is_looked_at_in_one_of_so_many_answers() -> None:
    rows = [row(number) for number in range(ONE_IN)]
    noticed = []
    for place in range(ONE_IN):
        odd, shape = [*rows[:place], row(place, Amount="1.5"), *rows[place + 1 :]], assured()
        read(shape, rows)
        noticed.append([bool(read(shape, odd).news) for _ in range(ONE_IN)].index(True))
    assert sorted(noticed) == list(range(ONE_IN))


@pytest.mark.parametrize("other", [{"Num": "x"}, {"Num": 1.5}, {"Num": ...}, {"Num": None}, {"Company": 7}])
def test_the_compared_columns_of_every_row_are_read_and_checked(other: dict[str, Any]) -> None:
    rows = [row(number) for number in range(100)]
    for place in (0, 50, 99):
        odd = [*rows[:place], row(place, **other), *rows[place + 1 :]]
        assert not read(assured(), odd).ready


def test_a_key_without_a_value_is_refused_with_its_row() -> None:
    shape = Shape({**COLUMNS, "Num": ("integer", True)}, KEY)
    found = read(shape, [row(1), row(2, Num=None)])
    assert found.ready
    with pytest.raises(BrokenOrder, match="no value in Num, which the set is read by: Company 'EPIC06', Num None"):
        keys_of(found, [Part("Company", "Edm.String"), Part("Num", "Edm.Int32")], "p")


@pytest.mark.parametrize("cut", [1, 10, 60, 100])
def test_an_answer_that_is_cut_short_is_never_taken_for_a_whole_one(cut: int) -> None:
    whole = body([row(1), row(2)])
    with pytest.raises(PassingError):
        assured().read(whole[:-cut], "p")


@pytest.mark.parametrize("answer", [b"{}", b'{"value":{}}', b'{"value":[1]}', b'{"value":[[]]}'])
def test_an_answer_without_rows_is_refused(answer: bytes) -> None:
    with pytest.raises(UnreadableAnswer):
        assured().read(answer, "p")


def test_an_empty_answer_is_no_rows() -> None:
    assert read(Shape(COLUMNS, KEY), []) == read(assured(), []) == []


@given(st.integers(0, 2), st.integers(0, 3 * 16384), st.sampled_from(["é", "不", "𝄞"]), st.data())
@settings(max_examples=60, deadline=None)
def test_text_that_is_no_utf_8_never_goes_out(number: int, place: int, letter: str, data: st.DataObject) -> None:
    text = "a" * place + letter + "b" * (3 * 16384 - place)
    rows = [row(one, **{"class": text if one == number else "x"}) for one in range(3)]
    whole = json.dumps({"value": rows}, ensure_ascii=False)
    shape = assured()
    assert texts(shape.read(whole.encode(), "p"))[number]["class"] == text
    encoded = letter.encode()
    spoilt = encoded[: data.draw(st.integers(1, len(encoded) - 1))]
    with pytest.raises(PassingError, match="not a whole JSON object"):
        assured().read(whole.encode().replace(encoded, spoilt), "p")
