"""The reckoning: whether the server's counts leave room for a missing row, and when a run is complete."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_epicor.kinetic.errors import KineticError, PassingError, SignInRefused, Unreachable
from tap_epicor.streams.reckoning import Reckoning, Run, RunIncomplete, judge

NUMBERS = st.integers(0, 50)


@given(stayed=NUMBERS, gone_before=NUMBERS, gone_after=NUMBERS)
def test_a_read_of_which_no_row_is_missing_is_complete_while_rows_go(
    stayed: int, gone_before: int, gone_after: int
) -> None:
    """Rows go before or after the read comes to them."""
    assert judge(stayed + gone_before + gone_after, stayed, stayed + gone_after).complete


@given(before=NUMBERS, missing=st.integers(1, 50))
def test_a_row_that_is_missing_from_a_quiet_set_is_never_explained(before: int, missing: int) -> None:
    total = before + missing
    verdict = judge(total, total, before)
    assert not verdict.complete
    assert verdict.note == (
        f"received {before} rows; the server counted {total} before and {total} after, which nothing explains"
    )


def test_a_count_below_what_came_is_said() -> None:
    verdict = judge(1, 1, 500)
    assert verdict.complete
    assert "which is not right" in verdict.note


def test_a_run_is_complete_when_each_of_its_reads_is() -> None:
    run = Run()
    run.reckonings += [Reckoning("a", "EPIC06", "complete"), Reckoning("b", "", "complete")]
    run.check()
    assert run.complete


def test_a_run_that_is_not_complete_names_the_streams_that_are_not() -> None:
    run = Run()
    run.reckonings += [Reckoning("a", "EPIC06", "complete"), Reckoning("b", "EPIC07", "failed")]
    with pytest.raises(RunIncomplete, match=r"^1 of 2 reads are not complete: b \(EPIC07\): failed\. The reasons"):
        run.check()


@pytest.mark.parametrize("error", [SignInRefused("no"), Unreachable("no")])
def test_after_a_failure_that_is_that_of_all_streams_nothing_more_is_read(error: KineticError) -> None:
    run = Run()
    run.failed(Reckoning("a", ""), error)
    assert run.over


def test_three_streams_in_a_row_that_fail_with_what_should_pass_mean_that_the_server_is_down() -> None:
    run = Run()
    for error in [PassingError("1"), PassingError("2"), KineticError("of this stream"), PassingError("3")]:
        run.failed(Reckoning("a", ""), error)
    assert run.over is None
    for error in [PassingError("4"), PassingError("5")]:
        run.failed(Reckoning("a", ""), error)
    assert run.over == "Nothing more was read, since the server failed 3 streams in a row."
