"""A started server, and what tests do with it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

JSON = {"Accept": "application/json"}


@dataclass
class Server:
    process: subprocess.Popen[str]
    url: str
    database: str
    user: str
    password: str
    api_key: str

    @property
    def origin(self) -> str:
        return "/".join(self.url.split("/")[:3])

    def get(self, path: str, **options: Any) -> requests.Response:
        options.setdefault("auth", (self.user, self.password))
        options.setdefault("headers", JSON)
        return requests.get(self.url + path, timeout=30, **options)

    def v1(self, path: str, **headers: str) -> requests.Response:
        return self.get(f"/api/v1/{path}", headers=JSON | headers)

    def v2(self, path: str, company: str = "EPIC06", **headers: str) -> requests.Response:
        return self.get(f"/api/v2/odata/{company}/{path}", headers=JSON | {"x-api-key": self.api_key} | headers)

    def rows(self, path: str) -> list[dict[str, Any]]:
        answer = self.v2(path)
        assert answer.status_code == 200, answer.text
        rows: list[dict[str, Any]] = answer.json()["value"]
        return rows

    def switch(self, **switches: Any) -> None:
        requests.patch(f"{self.origin}/sandbox/switches", json=switches, timeout=30).raise_for_status()

    def change(self, **demand: Any) -> dict[str, Any]:
        answer = requests.post(f"{self.origin}/sandbox/change", json=demand, timeout=60)
        answer.raise_for_status()
        changed: dict[str, Any] = answer.json()
        return changed

    def fault(self, **fault: Any) -> None:
        requests.post(f"{self.origin}/sandbox/faults", json=[fault], timeout=30).raise_for_status()

    def journal(self) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = requests.get(f"{self.origin}/sandbox/requests", timeout=30).json()
        return entries


def start(*flags: str) -> Server:
    command = [sys.executable, "-m", "tap_epicor.sandbox", *flags]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return Server(process, **json.loads(process.stdout.readline()))


def stop(server: Server) -> int:
    server.process.terminate()
    code = server.process.wait(timeout=10)
    assert server.process.stdout is not None
    server.process.stdout.close()
    return code


@pytest.fixture(scope="session")
def running() -> Iterator[Server]:
    server = start("--scale", "600")
    yield server
    stop(server)


@pytest.fixture
def server(running: Server) -> Iterator[Server]:
    """The server with its first switches, no faults and an empty journal."""
    switches = requests.get(f"{running.origin}/sandbox/switches", timeout=30).json()
    requests.delete(f"{running.origin}/sandbox/requests", timeout=30)
    yield running
    running.switch(**switches)
    requests.delete(f"{running.origin}/sandbox/faults", timeout=30)


@pytest.fixture(scope="module")
def own() -> Iterator[Server]:
    """A server whose rows a module may change."""
    server = start("--scale", "300")
    yield server
    stop(server)
