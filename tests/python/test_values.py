"""Values as Python has them: exact, however the server writes them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_epicor.python.values import binary, exact, whole


@given(st.integers(-(2**63), 2**63 - 1))
def test_whole_numbers_are_exact_however_they_are_written(number: int) -> None:
    assert [whole(number), whole(str(number)), whole(Decimal(f"{number}.0"))] == [number] * 3


@given(st.decimals(allow_nan=False, allow_infinity=False, places=8))
def test_decimals_keep_every_digit_however_they_are_written(number: Decimal) -> None:
    assert str(exact(str(number))) == str(number)
    assert exact(number) is number


@pytest.mark.parametrize("value", ["", "much", True, [1], "1.5", Decimal("0.1"), "NaN", "1E999"])
def test_what_is_no_whole_number_is_refused(value: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        whole(value)


@pytest.mark.parametrize(("value", "number"), [("INF", float("inf")), (Decimal("0.5"), 0.5), (3, 3.0), ("1e3", 1e3)])
def test_binary_fractions_are_floats(value: object, number: float) -> None:
    assert binary(value) == number
