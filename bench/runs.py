"""One program, run once in a process of its own, and what it took."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, Final
from urllib.request import urlopen

from bench.metadata import SERVICE, SET
from bench.rows import COMPANY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT: Final = Path(__file__).parent.parent
PYTHON: Final = sys.executable

_LONGEST = 1_800
_numbers = count()
_ENVIRONMENT: Final = {
    **{name: value for name, value in os.environ.items() if not name.startswith("TAP_EPICOR_")},
    "PYTHONPATH": str(ROOT),
    "NO_PROXY": "127.0.0.1",
}
# Without it, whatever is not installed is compiled anew at each start.
_ENVIRONMENT.pop("PYTHONDONTWRITEBYTECODE", None)


class RunFailed(Exception):
    """A program that did not do what it was run for, with the end of what it said."""


@dataclass(frozen=True)
class Instance:
    """A server with sets of so many rows.

    Attributes:
        url: its address, without `/api`.
        server: the bench's server.
        rows: rows of each set.
    """

    url: str
    server: Server
    rows: int

    def rows_address(self, version: str = "v2", service: str = SERVICE) -> str:
        """Return the address of the order lines."""
        root = f"odata/{COMPANY}" if version == "v2" else ""
        return "/".join(part for part in (self.url, "api", version, root, service, SET) if part)

    def counts(self) -> dict[str, Any]:
        """Return what the instance was asked for so far."""
        name = self.url.rpartition("/")[2]
        with urlopen(f"{self.server.address}/counts/{name}") as response:  # noqa: S310 - our own
            counted: dict[str, Any] = json.load(response)
            return counted


@dataclass(frozen=True)
class Server:
    """The running server.

    Attributes:
        address: its address.
    """

    address: str

    def instance(self, rows: int, wait: int = 0) -> Instance:
        """Return an instance that nobody has asked yet.

        Args:
            rows: rows of each set.
            wait: milliseconds before each answer.
        """
        return Instance(f"{self.address}/{rows}-{wait}-n{next(_numbers)}", self, rows)


@dataclass(frozen=True)
class Run:
    """What a run took.

    Attributes:
        seconds: from the first request for rows to the end of the process; the whole run where there was none.
        whole_seconds: the whole run.
        first_line: seconds to the first RECORD line; None where it was not looked for.
        cpu: seconds of processor time, user and system.
        memory: the most memory that it held, in MB.
        counts: what the server was asked for.
        output: what it wrote; empty where it went to /dev/null.
        log: what it said on standard error.
    """

    seconds: float
    whole_seconds: float
    cpu: float
    memory: float
    counts: dict[str, Any] = field(default_factory=dict)
    output: bytes = b""
    log: str = ""
    first_line: float | None = None

    @property
    def rate(self) -> float:
        """Rows a second."""
        return float(self.counts["rows"]) / self.seconds


@contextmanager
def serving(core: Sequence[str]) -> Iterator[Server]:
    """Run the server until the block ends.

    Args:
        core: processor cores to bind it to.
    """
    command = [PYTHON, "-m", "bench.server", *core]
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, env=_ENVIRONMENT, text=True, **streams) as process:  # type: ignore[call-overload]
        address = process.stdout.readline().strip()
        if not address:
            raise RunFailed("the server did not start; see above")
        try:
            yield Server(address)
        finally:
            process.stdin.close()


def run(  # noqa: PLR0913
    command: Sequence[str],
    instance: Instance | None = None,
    *,
    keep: bool = False,
    to_first_record: bool = False,
    through_pipe: bool = False,
    into: Path | None = None,
) -> Run:
    """Run a program to its end, its output thrown away.

    The kernel counts this process's own memory as the child's, too, for the moment that it starts: keep it small.

    Args:
        command: the program and its arguments.
        instance: whom it asks.
        keep: whether to return its output instead.
        to_first_record: whether to note when its first RECORD line came.
        through_pipe: whether the output goes through a pipe to `cat`, as to a loader.
        into: file that the output goes to.

    Raises:
        RunFailed: if it does not end with 0.
    """
    piped = keep or to_first_record
    with (into or Path(os.devnull)).open("wb") as nowhere:
        reader = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=nowhere) if through_pipe else None  # noqa: S607
        target: Any = subprocess.PIPE if piped else reader.stdin if reader else nowhere
        with TemporaryFile() as log:
            began = time.monotonic()
            process = subprocess.Popen(command, cwd=ROOT, env=_ENVIRONMENT, stdout=target, stderr=log)
            output, first_line = _collect(process, began, keep=keep) if piped else (b"", None)
            _, status, used = os.wait4(process.pid, 0)
            ended = time.monotonic()
            process.returncode = os.waitstatus_to_exitcode(status)
            log.seek(0)
            said = log.read().decode(errors="replace")
        if reader and reader.stdin:
            reader.stdin.close()
            reader.wait(_LONGEST)
    if process.returncode:
        raise RunFailed(f"{' '.join(command)} ended with {process.returncode}:\n{said[-2000:]}")
    counts = instance.counts() if instance else {}
    return Run(
        seconds=ended - (counts.get("began") or began),
        whole_seconds=ended - began,
        cpu=used.ru_utime + used.ru_stime,
        memory=used.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10),
        counts=counts,
        output=output,
        log=said,
        first_line=first_line,
    )


def _collect(process: subprocess.Popen[bytes], began: float, *, keep: bool) -> tuple[bytes, float | None]:
    lines: list[bytes] = []
    first_record = None
    if process.stdout:
        for line in process.stdout:
            if first_record is None and b'"RECORD"' in line[:100]:
                first_record = time.monotonic() - began
            if keep:
                lines.append(line)
        process.stdout.close()
    return b"".join(lines), first_record
