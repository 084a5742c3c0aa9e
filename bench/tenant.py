"""A whole tenant: its discovery, and a sync of a few streams of its catalog.

    python -m bench.tenant CATALOGUE CHOSEN

selects `CHOSEN` streams of a catalog and no other, in place.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

from bench.runs import PYTHON, run
from bench.tables import rounded, table
from bench.ways import THE_TAP

if TYPE_CHECKING:
    from bench.runs import Server

CHOSEN = 5
_HEAD = ("what", "seconds", "to the first record, s", "peak MB", "requests for metadata", "requests for rows")


def tenant(server: Server, folder: Path, *, latency: int, connections: int, services: str = "Erp.BO.Tenant*") -> str:
    """Return a table of both.

    Args:
        server: the server.
        folder: a place for files.
        latency: milliseconds before each answer.
        connections: `max_connections`.
        services: names of the services, as a pattern.
    """
    tap = replace(THE_TAP, connections=connections, service=services)
    catalog, config = folder / "tenant.json", folder / "tenant-config.json"
    instance = server.instance(100, latency)
    config.write_text(json.dumps(tap.settings(instance.url)))
    found = run([PYTHON, "-m", "tap_epicor", "--config", str(config), "--discover"], instance, into=catalog)
    rows = [_row("`--discover`", found.whole_seconds, found.first_line, found.memory, found.counts)]
    run([PYTHON, "-m", "bench.tenant", str(catalog), str(CHOSEN)])
    # The server renders its rows when it is first asked for some, which takes longer than the tap's start.
    with urlopen(f"{instance.rows_address()}?$top=1") as answer:  # noqa: S310 - our own
        answer.read()
    instance = server.instance(100, latency)
    config.write_text(json.dumps(tap.settings(instance.url)))
    command = [PYTHON, "-m", "tap_epicor", "--config", str(config), "--catalog", str(catalog)]
    read = run(command, instance, to_first_record=True)
    rows.append(_row(f"sync, {CHOSEN} streams selected", read.whole_seconds, read.first_line, read.memory, read.counts))
    size = catalog.stat().st_size / 1_000_000
    note = f"{latency} ms an answer, {connections} connections; the catalog is of {size:.0f} MB."
    return table("A whole tenant", _HEAD, rows, note)


def _row(what: str, seconds: float, first: float | None, memory: float, counts: dict[str, int]) -> tuple[str, ...]:
    times = (f"{seconds:.1f}", "" if first is None else f"{first:.1f}")
    return what, *times, rounded(memory), str(counts["metadata_requests"]), str(counts["requests"])


def choose(catalog: Path, number: int) -> None:
    """Select some streams of a catalog, spread over it, and no other.

    Args:
        catalog: its file.
        number: how many.
    """
    content = json.loads(catalog.read_bytes())
    step = max(1, len(content["streams"]) // number)
    for place, entry in enumerate(content["streams"]):
        chosen = place % step == 0 and place // step < number
        for item in entry["metadata"]:
            if not item["breadcrumb"]:
                item["metadata"]["selected"] = chosen
    catalog.write_text(json.dumps(content))


if __name__ == "__main__":
    choose(Path(sys.argv[1]), int(sys.argv[2]))
