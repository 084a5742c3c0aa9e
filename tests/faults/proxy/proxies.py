"""mitmproxy in a process of its own, with the addon that spoils answers."""

from __future__ import annotations

import os
import re
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

ROOT = Path(__file__).parents[3]
PROGRAM = ROOT / ".mitmproxy" / "bin" / "mitmdump"
ADDON = Path(__file__).with_name("addon.py")


@dataclass(frozen=True)
class Proxy:
    """A running proxy."""

    url: str

    def order(self, seed: int = 0, share: float = 0.0, without: Collection[str] = ()) -> dict[str, Any]:
        """Set the faults to come, and return those that were injected since the last order.

        Args:
            seed: what decides which answers are spoilt.
            share: the share of the answers to spoil, 0 to 1.
            without: kinds of faults to leave out.
        """
        response = requests.post(
            "http://faults.test/",
            json={"seed": seed, "share": share, "without": list(without)},
            proxies={"http": self.url},
            timeout=10,
        )
        response.raise_for_status()
        told: dict[str, Any] = response.json()
        return told


@contextmanager
def proxy(folder: Path) -> Iterator[Proxy]:
    """Run a proxy until the block ends.

    Args:
        folder: where it keeps its own files.
    """
    command = [str(PROGRAM), "--listen-host", "127.0.0.1", "--listen-port", "0", "--scripts", str(ADDON)]
    command += ["--set", f"confdir={folder}", "--set", "flow_detail=0"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    log = folder / "proxy.log"
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
        try:
            yield Proxy(_address(process, log))
        finally:
            process.terminate()
            process.wait(10)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    while process.poll() is None:
        if found := re.search(r"proxy listening at (?:http://)?(127\.0\.0\.1:\d+)", log.read_text()):
            return f"http://{found[1]}"
        time.sleep(0.05)
    raise AssertionError(f"the proxy ended before it listened: {log.read_text()}")
