"""Whether the cost of a row stays the same while a set grows: of the tap, and of what it asks of the server."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from bench.runs import run
from bench.tables import rounded, table
from bench.ways import HAND_LOOP, THE_TAP, warm

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.runs import Run, Server

_HEAD = (
    "way",
    "of its rate at the first size",
    "touched per row",
    "rows",
    "rows/s",
    "CPU s per 100,000 rows",
    "peak MB",
    "requests",
)
_NOTE = (
    "Touched: rows that a database goes over, those sent and those skipped. Counts and the highest `SysRevID`, asked "
    "for once or twice a stream, come from an index and are left out."
)


def growth(server: Server, folder: Path, *, sizes: Sequence[int], page_size: int, rounds: int) -> str:
    """Return a table of sets of several sizes, read by key and, for comparison, by `$skip`.

    Args:
        server: the server.
        folder: a place for files.
        sizes: rows of the sets.
        page_size: rows of a page.
        rounds: how often each is read, in turn; the table has medians.
    """
    rows = []
    for contender in (THE_TAP, HAND_LOOP):
        warm(contender, server, folder, page_size)
        taken: dict[int, list[Run]] = {size: [] for size in sizes}
        for size in [*sizes] * rounds:
            instance = server.instance(size)
            taken[size].append(run(contender.command(instance, folder, page_size), instance))
        rates = [median(one.rate for one in runs) for runs in taken.values()]
        for (size, runs), rate in zip(taken.items(), rates, strict=True):
            counts, memory = runs[0].counts, max(one.memory for one in runs)
            cells = (rate / rates[0], counts["touched"] / counts["rows"])
            cpu = median(one.cpu for one in runs) / size * 100_000
            numbers = (f"{size:,}", *map(rounded, (rate, cpu, memory)), f"{counts['requests']:,}")
            rows.append((contender.name, *map(rounded, cells), *numbers))
    return table("Growth", _HEAD, rows, _NOTE)
