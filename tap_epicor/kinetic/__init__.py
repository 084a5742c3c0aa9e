"""Epicor's REST API as a library: knows nothing of Singer.

`Kinetic` is the client for Python (docs/python.md). It takes the settings of the tap, checks them and signs in, which
this room knows nothing of: it lives in `tap_epicor.python`, as its errors do, and is fetched from there when someone
asks for it, so that no module of this room imports what stands to its right, or waits for it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from tap_epicor.kinetic.errors import KineticError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_epicor.python.client import Kinetic
    from tap_epicor.python.names import NoSuchName
    from tap_epicor.python.settings import WrongSettings
    from tap_epicor.python.values import ValueMismatch

__all__ = ["Kinetic", "KineticError", "NoSuchName", "ValueMismatch", "WrongSettings"]

_ELSEWHERE: Final[Mapping[str, str]] = {
    "Kinetic": "client",
    "NoSuchName": "names",
    "ValueMismatch": "values",
    "WrongSettings": "settings",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name not in _ELSEWHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"tap_epicor.python.{_ELSEWHERE[name]}"), name)
