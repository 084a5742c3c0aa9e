"""Rows of any values come out as they went in, to the last digit, or are refused."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_epicor.kinetic.errors import KineticError
from tap_epicor.streams.values import ValueMismatch
from tests.fuzz.targets import lines

INTEGERS = st.integers(-(10**20), 10**20) | st.sampled_from([2**53 + 1, 2**63 - 1, -(2**63), 2**64, 10**20, 0])
FRACTIONS = st.decimals(allow_nan=False, allow_infinity=False) | st.sampled_from(
    ["1E-8", "-0.0", "0.1", "12345678901234567890.12345678", "1E+308", "1E-400"]
).map(Decimal)
TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(
    ["\x1b[31m", "\x00", "\u2028", "\ud83d\ude00"]
)


def body(rows: list[dict[str, str]]) -> bytes:
    """An answer; each value stands in it as it is written."""
    objects = ("{" + ",".join(f"{json.dumps(name)}:{text}" for name, text in row.items()) + "}" for row in rows)
    return ('{"value":[' + ",".join(objects) + "]}").encode()


def record(line: bytes) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(line, parse_float=Decimal)["record"]
    return read


@given(
    st.lists(
        st.tuples(INTEGERS, FRACTIONS, TEXT.map(lambda text: text.encode("utf-16", "surrogatepass").decode("utf-16"))),
        min_size=1,
        max_size=4,
    ),
    st.booleans(),
)
def test_values_come_out_as_they_went_in_whether_numbers_are_written_as_such_or_as_text(
    rows: list[tuple[int, Decimal, str]],
    as_text: bool,  # noqa: FBT001
) -> None:
    quote = '"' if as_text else ""
    sent = [
        {"Num": f"{quote}{number}{quote}", "Amount": f"{quote}{fraction}{quote}", "Name": json.dumps(text)}
        for number, fraction, text in rows
    ]
    got = [record(line) for _, line in lines(body(sent))]
    assert [(row["Num"], Decimal(row["Amount"]), row["Name"]) for row in got] == rows
    signs = [Decimal(row["Amount"]).is_signed() for row in got if isinstance(row["Amount"], Decimal)]
    assert signs == [
        fraction.is_signed()
        for row, (_, fraction, _) in zip(got, rows, strict=True)
        if isinstance(row["Amount"], Decimal)
    ]


def test_of_a_name_that_comes_twice_the_last_value_holds() -> None:
    """As in every reader of JSON that Kinetic's own client programs use; the standard leaves it open."""
    ((row, _),) = lines(b'{"value":[{"Num":1,"Name":"a","Name":"b"}]}')
    assert row == {"Num": 1, "Name": "b"}


@pytest.mark.parametrize(
    "value",
    [
        '{"Num":NaN}',
        '{"Amount":Infinity}',
        '{"Name":"\\ud800"}',
        '{"Amount":"NaN"}',
        '{"Amount":"-Infinity"}',
        '{"Num":1e999999999}',
        '{"Num":"1e999999999"}',
        '{"Num":"sNaN"}',
        '{"Num":' + "1" * 5000 + "}",
        '{"Num":"' + "1" * 5000 + '"}',
        '{"Num":0.5}',
        '{"Num":1}]}{"value":[{"Num":2}',
        '{"Amount":1e99999999999999999999}',
        '{"Amount":1e999999999}',
        '{"X":' + "[" * 50_000 + "]" * 50_000 + "}",
        '{"Name":"\xff"}',
    ],
    ids=lambda value: value[:40],
)
def test_a_row_that_can_not_be_made_is_refused_with_a_sentence(value: str) -> None:
    with pytest.raises((KineticError, ValueMismatch)) as caught:
        lines(f'{{"value":[{value}]}}'.encode("latin-1"))
    assert len(str(caught.value)) < 700


def test_columns_that_are_not_known_are_told_in_letters_and_within_bounds() -> None:
    from tap_epicor.streams.values import Repair  # noqa: PLC0415

    repair = Repair({"properties": {"Num": {"type": "integer"}}}, ["Num"], {})
    names = ["\x1b]0;owned\x07", "N" * 10_000, *(f"C{number}" for number in range(5000))]
    list(repair.rows([dict.fromkeys(names)]))
    assert 0 < len(repair.unknown) <= 100
    assert all(name.isprintable() and len(name) <= 500 for name in repair.unknown)
