"""Clients for tests: as the tap's, but in a hurry."""

from __future__ import annotations

from typing import Any

from requests.auth import HTTPBasicAuth

from tap_epicor.kinetic.client import Kinetic
from tap_epicor.kinetic.dialect import DIALECTS
from tap_epicor.kinetic.patience import Patience

HURRY = Patience(tries=4, first_tries=2, first_wait=0.01, longest_wait=0.05, in_all=5)


def client(url: str, version: str = "v2", **options: Any) -> Kinetic:
    """Return a client of a test server."""
    given: dict[str, Any] = {"auth": HTTPBasicAuth("manager", "secret-word"), "patience": HURRY, "timeout": (2.0, 2.0)}
    return Kinetic(url, DIALECTS[version], **{**given, **options})
