"""The doctor's verdict goes no further than what it looked at."""

from __future__ import annotations

import pytest

from tap_epicor.commands.doctor.check import Check
from tap_epicor.commands.doctor.report import verdict

OK = Check("service", "read Erp.BO.PartSvc", "ok", "Parts: 2 rows", figures={"left_alone": 0})


def test_a_sync_would_work() -> None:
    assert verdict([OK], 0).startswith("A sync would work (")


@pytest.mark.parametrize(
    "check",
    [
        Check("services", "look at the others", "skipped", "900 more were not asked for"),
        Check("service", "read Erp.BO.PartSvc", "ok", "4 more sets not looked at", figures={"left_alone": 4}),
    ],
)
def test_what_was_left_alone_limits_the_verdict(check: Check) -> None:
    assert verdict([OK, check], 0).startswith("A sync would work, as far as was looked (")
