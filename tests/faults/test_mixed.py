"""A small mixed run: everything at once, and the copy equals the database. The long one: `tests.faults.mixed`."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from tests.faults.mixed import Scenario, happen

if TYPE_CHECKING:
    from pathlib import Path


def test_under_changes_faults_and_kills_the_copy_equals_the_database(tmp_path: Path, capsys: Any) -> None:
    seed = random.SystemRandom().randrange(10**6)
    scenario = Scenario(rows=3000, runs=5, seed=seed, version="v1" if seed % 2 else "v2")
    with capsys.disabled():
        print(f"\n{scenario}")
        reckoning = happen(scenario, tmp_path)
        print(reckoning)
    assert reckoning.changed > 0
    assert reckoning.late > 0
    assert reckoning.unclear == []
    assert reckoning.differences == []
