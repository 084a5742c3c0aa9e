"""Runs of `tap-epicor | target-postgres` whose parts may be killed, and what lies in PostgreSQL afterwards."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING, Any, Self

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from tests.equality import keyed_sets, stream_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from tests.postgres import Server

ROOT = Path(__file__).resolve().parents[2]
LOADER = ROOT / ".meltano" / "loaders" / "target-postgres" / "venv" / "bin" / "target-postgres"
SCHEMA = "mixed"
LONGEST = 3600
"""Seconds after which a run is held to be without end."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        code: the tap's exit code.
        killed: whether one of the two was killed.
        rows: rows that the tap wrote.
        log: what the tap said.
    """

    code: int
    killed: bool
    rows: int
    log: str

    def is_clear(self) -> bool:
        """Return whether an error was told in a sentence."""
        return self.code > 0 and bool(self.log.strip()) and "Traceback" not in self.log


class Pipeline:
    """The tap and the loader, with the state that the loader has confirmed.

    Args:
        folder: where their files are kept.
        config: the tap's.
        catalog: the tap's.
        warehouse: where the loader writes.
    """

    def __init__(self, folder: Path, config: Mapping[str, Any], catalog: Mapping[str, Any], warehouse: Server) -> None:
        self._folder = folder
        target = {
            **{name: getattr(warehouse, name) for name in ("host", "port", "user", "password", "database")},
            "default_target_schema": SCHEMA,
            "add_record_metadata": True,
            "sanitize_null_text_characters": True,
            "validate_records": False,
            "batch_size_rows": 10_000,
        }
        for name, content in {"config": config, "catalog": catalog, "target": target, "state": {}}.items():
            self._path(name).write_text(json.dumps(content))

    def run(self, life: int | None, victim: str) -> Outcome:
        """Run both until they end.

        Args:
            life: messages after which one of them is killed; None to let them live.
            victim: which: `tap` or `loader`.
        """
        files = [word for name in ("config", "catalog", "state") for word in (f"--{name}", str(self._path(name)))]
        log, said, heard = (self._folder / name for name in ("tap.log", "loader.log", "loader.out"))
        with (
            log.open("wb") as tap_log,
            said.open("wb") as loader_log,
            heard.open("wb") as loader_out,
            subprocess.Popen(
                [sys.executable, "-m", "tap_epicor", *files], stdout=subprocess.PIPE, stderr=tap_log
            ) as tap,
            subprocess.Popen(
                [LOADER, "--config", self._path("target")],
                stdin=subprocess.PIPE,
                stdout=loader_out,
                stderr=loader_log,
                env={**os.environ, "PGTZ": "UTC"},
            ) as loader,
        ):
            watchdog = Timer(LONGEST, tap.kill)
            watchdog.start()
            killed, rows = _relay(tap, loader, life, victim)
            tap.wait()
            watchdog.cancel()
        self._confirm(heard)
        assert killed or loader.returncode == 0, said.read_text()[-5000:]
        return Outcome(tap.returncode, killed, rows, log.read_text())

    def is_under_way(self) -> bool:
        """Return whether a read of changes was interrupted."""
        return '"under_way"' in self._path("state").read_text()

    def _confirm(self, heard: Path) -> None:
        """Keep the last state that the loader printed whole."""
        states = [
            line for line in heard.read_bytes().splitlines(keepends=True) if line.endswith(b"\n") and line.strip()
        ]
        if states:
            self._path("state").write_bytes(states[-1])

    def _path(self, name: str) -> Path:
        return self._folder / f"mixed-{name}.json"


def _relay(
    tap: subprocess.Popen[bytes], loader: subprocess.Popen[bytes], life: int | None, victim: str
) -> tuple[bool, int]:
    """Hand the tap's messages to the loader; return whether one was killed, and the number of rows."""
    assert tap.stdout
    assert loader.stdin
    killed, rows = False, 0
    with contextlib.suppress(BrokenPipeError), loader.stdin:
        for number, line in enumerate(tap.stdout, 1):
            rows += line.startswith(b'{"type":"RECORD"')
            loader.stdin.write(line)
            if number == life:
                killed = True
                (tap if victim == "tap" else loader).kill()
    tap.stdout.close()
    loader.wait()
    return killed, rows


class Tables(Mapping[str, list[dict[str, Any]]]):
    """The copies of the keyed sets, by stream, one of them in memory at a time; rows that were deleted are left out."""

    def __init__(self, warehouse: Server) -> None:
        self._connection = psycopg.connect(warehouse.url, row_factory=dict_row)
        found = self._connection.execute(
            "select table_name from information_schema.tables where table_schema = %s", [SCHEMA]
        )
        present = {row["table_name"] for row in found}
        self._streams = [stream_of(service, name) for service, name, _ in keyed_sets()]
        assert present >= set(self._streams)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def __getitem__(self, stream: str) -> list[dict[str, Any]]:
        query = sql.SQL("select * from {} where _sdc_deleted_at is null")
        return list(self._connection.execute(query.format(sql.Identifier(SCHEMA, stream))))

    def __iter__(self) -> Iterator[str]:
        return iter(self._streams)

    def __len__(self) -> int:
        return len(self._streams)

    def count(self) -> int:
        """Return the number of rows in all of them."""
        return sum(len(self[stream]) for stream in self)
