"""Which processor core runs what: contenders on one, the server on another, where there are two."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def cores() -> tuple[list[str], list[str]]:
    """Return the cores of the contenders and of the server; empty where processes can't be bound to cores."""
    usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(usable) < 2:  # noqa: PLR2004
        return [], []
    return [str(usable[-1])], [str(usable[0])]


def pin(chosen: Sequence[str]) -> None:
    """Bind this process, and those that it will start, to cores; to none where none is given."""
    if chosen:
        os.sched_setaffinity(0, {int(core) for core in chosen})
