"""What is left of the speed where the server takes its time, with one connection and with several."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bench.contenders import THE_TAP, warm
from bench.runs import run
from bench.tables import rounded, table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.runs import Server

_HEAD = ("milliseconds a page", "× one connection", "connections", "rows/s", "seconds", "requests", "peak MB")
CONNECTIONS = (1, 4)


def waiting(server: Server, folder: Path, *, latencies: Sequence[int], pages: int, page_size: int) -> str:
    """Return a table of latencies.

    Args:
        server: the server.
        folder: a place for files.
        latencies: milliseconds before each answer.
        pages: pages of the set.
        page_size: rows of a page: few, so that waiting is most of it.
    """
    warm(THE_TAP, server, folder, page_size)
    rows = []
    for latency in latencies:
        alone = None
        for connections in CONNECTIONS:
            contender = replace(THE_TAP, connections=connections)
            instance = server.instance(pages * page_size, latency)
            done = run(contender.command(instance, folder, page_size), instance)
            alone = alone or done.rate
            numbers = (done.rate, done.seconds, done.counts["requests"], done.memory)
            rows.append((str(latency), rounded(done.rate / alone), str(connections), *map(rounded, numbers)))
    return table("Waiting for the server", _HEAD, rows, f"{pages} pages of {page_size:,} rows; one run each.")
