"""Whether the cost of a row stays the same while a set grows: of the tap, and of what it asks of the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.contenders import HAND_LOOP, THE_TAP, warm
from bench.runs import run
from bench.tables import rounded, table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.runs import Server

_HEAD = ("way", "of its rate at the first size", "touched per row", "rows", "rows/s", "peak MB", "requests")
_NOTE = (
    "Touched: rows that a database goes over, those sent and those skipped. Counts and the highest `SysRevID`, asked "
    "for once or twice a stream, come from an index and are left out."
)


def growth(server: Server, folder: Path, *, sizes: Sequence[int], page_size: int) -> str:
    """Return a table of sets of several sizes, read by key and, for comparison, by `$skip`.

    Args:
        server: the server.
        folder: a place for files.
        sizes: rows of the sets.
        page_size: rows of a page.
    """
    rows = []
    for contender in (THE_TAP, HAND_LOOP):
        warm(contender, server, folder, page_size)
        first = None
        for size in sizes:
            instance = server.instance(size)
            done = run(contender.command(instance, folder, page_size), instance)
            first = first or done.rate
            cells = (done.rate / first, done.counts["touched"] / done.counts["rows"])
            numbers = (f"{size:,}", rounded(done.rate), rounded(done.memory), f"{done.counts['requests']:,}")
            rows.append((contender.name, *map(rounded, cells), *numbers))
    return table("Growth", _HEAD, rows, _NOTE)
