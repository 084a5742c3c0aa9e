"""What tests share: a sandbox for all that do not change it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.sandboxes import Sandbox, sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator


# How many inputs a property is tried with; a machine that is busy is no failure.
settings.register_profile(
    "tap-epicor",
    max_examples=int(os.environ.get("EXAMPLES", "100")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("tap-epicor")


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the settings of whoever runs the tests out of them."""
    for name in [name for name in os.environ if name.startswith("TAP_EPICOR_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def kinetic() -> Iterator[Sandbox]:
    """A sandbox that no test changes."""
    with sandbox() as running:
        yield running
