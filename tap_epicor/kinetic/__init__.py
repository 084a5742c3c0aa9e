"""Epicor's REST API as a library: knows nothing of Singer.

`Kinetic` is the client for Python (docs/python.md). It takes the settings of the tap, checks them and signs in, which
this room knows nothing of: it lives in `tap_epicor.python`, and is fetched from there when someone asks for it, so that
no module of this room imports what stands to its right, or waits for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_epicor.kinetic.errors import KineticError

if TYPE_CHECKING:
    from tap_epicor.python.client import Kinetic

__all__ = ["Kinetic", "KineticError"]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name != "Kinetic":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from tap_epicor.python.client import Kinetic  # noqa: PLC0415 - see above

    return Kinetic
