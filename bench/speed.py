"""Rows a second, side by side."""

from __future__ import annotations

import sys
from collections import defaultdict
from statistics import median
from typing import TYPE_CHECKING

from bench.rows import digest, key_of
from bench.runs import RunFailed, run
from bench.tables import rounded, table
from bench.ways import CONTENDERS, DOWNLOAD, PLAIN, keys, warm

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bench.runs import Run, Server
    from bench.ways import Contender

_HEAD = ("way", "× plain", "of the download", "rows/s", "peak MB", "CPU s per 100,000 rows", "start-up s", "rows read")


def compare(  # noqa: PLR0913
    server: Server, folder: Path, *, rows: int, page_size: int, rounds: int, through_pipe: bool
) -> str:
    """Return a table of all contenders, run in turn, several times over.

    Args:
        server: the server.
        folder: a place for files.
        rows: rows that the ordinary contender reads.
        page_size: rows of a page.
        rounds: how often each runs; the table has medians.
        through_pipe: whether output goes to `cat` instead of /dev/null.
    """
    present = _present()
    for contender in present:
        warm(contender, server, folder, page_size)
    # So that the server has the rows of the largest sets at hand.
    run(DOWNLOAD.command(server.instance(int(rows * DOWNLOAD.share)), folder, page_size))
    taken: dict[str, list[Run]] = defaultdict(list)
    for number in range(rounds):
        for contender in present:
            print(f"\rround {number + 1} of {rounds}: {contender.name:60}", end="", file=sys.stderr, flush=True)
            instance = server.instance(int(rows * contender.share))
            command = contender.command(instance, folder, page_size)
            taken[contender.name].append(run(command, instance, through_pipe=through_pipe))
    print(file=sys.stderr)
    return _table(present, taken, rounds, page_size)


def check(server: Server, folder: Path, *, rows: int, page_size: int) -> str:
    """Return a table of what each contender delivered: how many rows, and a digest of their keys.

    Args:
        server: the server.
        folder: a place for files.
        rows: rows to read.
        page_size: rows of a page.

    Raises:
        RunFailed: if one delivered other rows than there are.
    """
    expected = digest(map(key_of, range(rows)))
    cells = []
    for contender in _present():
        contender.prepare(folder, server)
        instance = server.instance(rows)
        done = run(contender.command(instance, folder, page_size, keep=True), instance, keep=True)
        delivered = digest(sorted(keys(done.output)))
        if delivered != expected:
            raise RunFailed(f"{contender.name} delivered {delivered}, where there are {expected}\n{done.log[-2000:]}")
        cells.append((contender.name, f"{delivered[0]:,}", f"`{delivered[1]}`"))
    return table("Rows delivered", ("way", "rows", "digest of their keys"), cells)


def _present() -> list[Contender]:
    """Return the contenders that can be run here; of the others it is said why not."""
    for contender in CONTENDERS:
        if contender.missing:
            print(f"{contender.name} is left out: {contender.missing}.", file=sys.stderr)
    return [contender for contender in CONTENDERS if not contender.missing]


def _table(present: Sequence[Contender], taken: Mapping[str, Sequence[Run]], rounds: int, page_size: int) -> str:
    rates = {name: median(one.rate for one in runs) for name, runs in taken.items()}
    rows = []
    for contender in present:
        runs = taken[contender.name]
        read = runs[0].counts["rows"]
        rows.append(
            (
                contender.name,
                rounded(rates[contender.name] / rates[PLAIN.name]),
                f"{rates[contender.name] / rates[DOWNLOAD.name]:.1%}",
                rounded(rates[contender.name]),
                rounded(max(one.memory for one in runs)),
                rounded(median(one.cpu for one in runs) / read * 100_000),
                rounded(median(one.whole_seconds - one.seconds for one in runs)),
                f"{read:,}",
            )
        )
    size = median(one.counts["sent"] / one.counts["rows"] for one in taken[DOWNLOAD.name])
    note = f"Medians of {rounds} rounds; pages of {page_size:,} rows, {size:,.0f} bytes a row."
    return table("Rows a second", _HEAD, rows, note)
