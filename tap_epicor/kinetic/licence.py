"""The kinds of licence that a request may claim."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

LICENCES: Final[Mapping[str, str]] = {
    "Default": "00000003-B615-4300-957B-34956697F040",
    "WebService": "00000003-9439-4B30-A6F4-6D2FD4B9FD0F",
    "WebServiceShared": "00000003-231B-4E2B-9B47-13F87EA9A0A3",
    "DataCollection": "00000003-B8EB-40C4-8897-248CB30C5D47",
}
"""Name and id of each kind, as public clients send them."""


def licence_header(kind: str) -> dict[str, str]:
    """Return the header that claims a licence of a kind for the time of one request."""
    return {"License": json.dumps({"ClaimedLicense": LICENCES[kind]})}
