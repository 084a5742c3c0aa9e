"""What tests share: a sandbox for all that do not change it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sandboxes import Sandbox, sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def kinetic() -> Iterator[Sandbox]:
    """A sandbox that no test changes."""
    with sandbox() as running:
        yield running
