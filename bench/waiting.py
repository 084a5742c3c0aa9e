"""What is left of the speed where the server takes its time, with one connection and with several."""

from __future__ import annotations

from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING

from bench.runs import run
from bench.tables import rounded, table
from bench.ways import THE_TAP, warm

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.runs import Run, Server

_HEAD = ("milliseconds a page", "× one connection", "connections", "rows/s", "seconds", "requests", "peak MB")
CONNECTIONS = (1, 4)
LONG = 100
"""Milliseconds of an answer from which on one run says enough."""


def waiting(  # noqa: PLR0913
    server: Server, folder: Path, *, latencies: Sequence[int], pages: int, page_size: int, rounds: int
) -> str:
    """Return a table of latencies.

    Args:
        server: the server.
        folder: a place for files.
        latencies: milliseconds before each answer.
        pages: pages of the set.
        page_size: rows of a page: few, so that waiting is most of it.
        rounds: how often each is read, in turn; once where that takes long. The table has medians.
    """
    warm(THE_TAP, server, folder, page_size)
    rows = []
    for latency in latencies:
        taken: dict[int, list[Run]] = {connections: [] for connections in CONNECTIONS}
        for connections in [*CONNECTIONS] * (rounds if latency < LONG else 1):
            instance = server.instance(pages * page_size, latency)
            command = replace(THE_TAP, connections=connections).command(instance, folder, page_size)
            taken[connections].append(run(command, instance))
        alone = median(one.rate for one in taken[CONNECTIONS[0]])
        for connections, runs in taken.items():
            rate, seconds = median(one.rate for one in runs), median(one.seconds for one in runs)
            numbers = (rounded(rate), rounded(seconds), str(runs[0].counts["requests"]), rounded(runs[0].memory))
            rows.append((str(latency), rounded(rate / alone), str(connections), *numbers))
    return table("Waiting for the server", _HEAD, rows, f"{pages} pages of {page_size:,} rows.")
