"""The provider and the sandbox that the tests of whole flows share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.auth.provider import Provider, provider
from tests.sandboxes import Sandbox, sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def entra(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with provider(tmp_path_factory.mktemp("provider")) as running:
        yield running


@pytest.fixture(scope="session")
def server(entra: Provider) -> Iterator[Sandbox]:
    with sandbox(*entra.sandbox_flags, scale=60) as running:
        yield running
