"""Runs of the tap as a pipeline makes them, and what they wrote."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

LONGEST = 120
"""Seconds after which a run is held to be without end."""


@dataclass
class Run:
    """What a run of the tap wrote, and how it ended."""

    code: int
    log: str
    schemas: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: dict[str, list[str]] = field(default_factory=dict)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    kinds: list[str] = field(default_factory=list)
    state: dict[str, Any] | None = None

    def count(self) -> int:
        """Return the number of rows."""
        return sum(len(rows) for rows in self.rows.values())

    def bookmark(self, stream: str, company: str = "EPIC06") -> dict[str, Any]:
        """Return the state of a stream in a company."""
        assert self.state
        partitions = self.state["bookmarks"].get(stream, {}).get("partitions", [])
        return next((one for one in partitions if one["context"] == {"Company": company}), {})


def read_messages(lines: Sequence[str] | Sequence[bytes], run: Run) -> None:
    """Read Singer messages into a run."""
    for line in lines:
        message = json.loads(line, parse_float=Decimal)
        run.kinds.append(message["type"])
        if message["type"] == "SCHEMA":
            run.schemas[message["stream"]] = message["schema"]
            run.keys[message["stream"]] = message["key_properties"]
        elif message["type"] == "RECORD":
            run.rows[message["stream"]].append(message["record"])
        elif message["type"] == "STATE":
            run.state = message["value"]


def tap(folder: Path, config: Mapping[str, Any], *options: str, **files: Any) -> Run:
    """Run the tap in a process of its own; `files` are its catalog and state."""
    for name, content in {"config": config, **files}.items():
        if content is not None:
            (folder / f"{name}.json").write_text(json.dumps(content))
            options = (*options, f"--{name}", str(folder / f"{name}.json"))
    command = [sys.executable, "-m", "tap_epicor", *options]
    done = subprocess.run(command, capture_output=True, check=False, env={**os.environ}, timeout=LONGEST)
    run = Run(done.returncode, done.stderr.decode())
    if "--discover" not in options and "--about" not in options:
        read_messages(done.stdout.splitlines(), run)
    return run


def discover(folder: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the catalog of a tenant."""
    (folder / "config.json").write_text(json.dumps(config))
    command = [sys.executable, "-m", "tap_epicor", "--config", str(folder / "config.json"), "--discover"]
    done = subprocess.run(command, capture_output=True, check=False, timeout=LONGEST)
    assert done.returncode == 0, done.stderr.decode()
    catalog: dict[str, Any] = json.loads(done.stdout)
    return catalog


def choose(catalog: dict[str, Any], *streams: str) -> dict[str, Any]:
    """Return the catalog with just these streams selected."""
    for entry in catalog["streams"]:
        for item in entry["metadata"]:
            if not item["breadcrumb"]:
                item["metadata"]["selected"] = entry["tap_stream_id"] in streams
    return catalog
