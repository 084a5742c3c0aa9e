"""Runs of `source-epicor` as Airbyte's platform makes them, and what they wrote."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from airbyte_protocol_dataclasses.models import AirbyteMessage

from tests.singer import LONGEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

EXECUTABLE = str(Path(sys.executable).parent / "source-epicor")


@dataclass
class Output:
    """What a run wrote, and how it ended."""

    code: int
    messages: list[dict[str, Any]]

    def of(self, kind: str) -> list[Any]:
        """Return what the messages of a kind say."""
        name = "connectionStatus" if kind == "CONNECTION_STATUS" else kind.lower()
        return [message[name] for message in self.messages if message["type"] == kind]

    @property
    def streams(self) -> dict[str, dict[str, Any]]:
        """The streams of the catalog."""
        (catalog,) = self.of("CATALOG")
        return {stream["name"]: stream for stream in catalog["streams"]}

    @property
    def rows(self) -> dict[str, list[dict[str, Any]]]:
        """The rows by stream."""
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for record in self.of("RECORD"):
            found[record["stream"]].append(record["data"])
        return found

    @property
    def states(self) -> list[dict[str, Any]]:
        """The last state of each stream."""
        return list({state["stream"]["stream_descriptor"]["name"]: state for state in self.of("STATE")}.values())

    @property
    def statuses(self) -> dict[str, list[str]]:
        """What each stream said of itself."""
        found: dict[str, list[str]] = defaultdict(list)
        for trace in self.of("TRACE"):
            if trace["type"] == "STREAM_STATUS":
                said = trace["stream_status"]
                found[said["stream_descriptor"]["name"]].append(said["status"])
        return found

    @property
    def errors(self) -> list[dict[str, Any]]:
        """What went wrong."""
        return [trace["error"] for trace in self.of("TRACE") if trace["type"] == "ERROR"]

    def log(self, *levels: str) -> str:
        """Return what was logged at some levels, at all where none is named."""
        return "\n".join(log["message"] for log in self.of("LOG") if not levels or log["level"] in levels)


def parse(lines: Iterable[bytes]) -> list[dict[str, Any]]:
    """Return messages, each of which fits the protocol's models and holds no null but in a row, a schema or a state."""
    found = []
    for line in lines:
        msgspec.json.decode(line, type=AirbyteMessage)
        message = json.loads(line, parse_float=Decimal)
        assert not nulls({name: part for name, part in message.items() if name not in {"record", "spec", "catalog"}})
        found.append(message)
    return found


def nulls(value: Any) -> bool:
    """Return whether a message holds a null where the platform takes none."""
    if isinstance(value, dict):
        return any(nulls(part) for name, part in value.items() if name != "stream_state")
    return value is None


def source(folder: Path, command: str, *options: str, **files: Any) -> Output:
    """Run a command of the connector; `files` are its configuration, catalog and state, as text where they are text."""
    for name, content in files.items():
        path = folder / f"{name}.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content, default=float))
        options = (*options, f"--{name}", str(path))
    line = [EXECUTABLE, command, *options]
    done = subprocess.run(line, cwd=folder, capture_output=True, check=False, env={**os.environ}, timeout=LONGEST)
    assert done.stderr == b""
    assert b"Traceback" not in done.stdout
    return Output(done.returncode, parse(done.stdout.splitlines()))


def choose(
    streams: Mapping[str, dict[str, Any]], *names: str, mode: str = "incremental", into: str = "append_dedup"
) -> dict[str, Any]:
    """Return the configured catalog of some streams, of all where none is named."""
    chosen = [
        {
            "stream": dict(stream),
            "sync_mode": mode if mode in stream["supported_sync_modes"] else "full_refresh",
            "destination_sync_mode": into,
            "cursor_field": stream.get("default_cursor_field", []),
            "primary_key": stream.get("source_defined_primary_key", []),
            "generation_id": 3,
            "minimum_generation_id": 0,
            "sync_id": 7,
        }
        for name, stream in streams.items()
        if not names or name in names
    ]
    return {"streams": chosen}
