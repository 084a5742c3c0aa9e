"""The sandbox in a process of its own, as a user starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox."""

    url: str
    database: str
    api_key: str

    @property
    def admin(self) -> str:
        """Address of its own affairs, which no Kinetic has."""
        return self.url.rsplit("/", 1)[0] + "/sandbox"

    def config(self, version: str = "v2", **settings: Any) -> dict[str, Any]:
        """Return a configuration for the tap that reads it."""
        return {
            "url": self.url,
            "api_version": version,
            "api_key": self.api_key,
            "company": "EPIC06,EPIC07",
            "service": "*",
            "user": "manager",
            "password": "manager",
            **settings,
        }

    def change(self, **numbers: Any) -> dict[str, Any]:
        """Insert, update and delete rows."""
        response = requests.post(f"{self.admin}/change", json=numbers, timeout=60)
        response.raise_for_status()
        told: dict[str, Any] = response.json()
        return told

    def write(self, **plan: Any) -> None:
        """Start long transactions, which commit later."""
        requests.post(f"{self.admin}/writers", json=plan, timeout=10).raise_for_status()

    def writing(self) -> dict[str, Any]:
        """Return how many long transactions wait, are open, and have committed."""
        tally: dict[str, Any] = requests.get(f"{self.admin}/writers", timeout=60).json()
        assert tally["failed"] == []
        return tally

    def await_writers(self, *states: str) -> None:
        """Wait until no long transaction is in one of these states: `waiting`, `open`."""
        while any(self.writing()[state] for state in states):
            time.sleep(0.02)

    def commit(self) -> None:
        """Let all long transactions commit."""
        requests.post(f"{self.admin}/writers/commit", timeout=60).raise_for_status()

    def keep(self) -> None:
        """Keep a copy of the database."""
        requests.post(f"{self.admin}/keep", timeout=60).raise_for_status()

    def restore(self) -> None:
        """Go back to the copy, and to the revisions of then."""
        requests.post(f"{self.admin}/restore", timeout=60).raise_for_status()

    def fault(self, **fault: Any) -> None:
        """Put something in the way of the next requests."""
        requests.post(f"{self.admin}/faults", json=[fault], timeout=10).raise_for_status()

    def switch(self, **values: Any) -> None:
        """Change what it does where real servers differ."""
        requests.patch(f"{self.admin}/switches", json=values, timeout=10).raise_for_status()

    def requests(self) -> list[dict[str, Any]]:
        """Return the requests that it got since the last time."""
        got: list[dict[str, Any]] = requests.get(f"{self.admin}/requests", timeout=10).json()
        requests.delete(f"{self.admin}/requests", timeout=10).raise_for_status()
        return got


@contextmanager
def sandbox(*flags: str, scale: int = 300, database: str = "") -> Iterator[Sandbox]:
    """Run a sandbox until the block ends."""
    command = [sys.executable, "-m", "tap_epicor.sandbox", "--scale", str(scale), *flags]
    if database:
        command += ["--database", database]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ}) as process:
        assert process.stdout
        ready = json.loads(process.stdout.readline())
        try:
            yield Sandbox(ready["url"], ready["database"], ready["api_key"])
        finally:
            process.terminate()
            process.wait(10)
