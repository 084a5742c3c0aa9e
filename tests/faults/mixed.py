"""The long mixed run: a sandbox of two companies is copied into PostgreSQL again and again while everything happens.

Rows come, change and (with `--deletes`) go; long transactions commit late and out of order; answers fail in all ways;
the tap and the loader are killed and started again with the last state that the loader has confirmed. After a last,
quiet run every row and column in PostgreSQL is held against the database.

    python -m tests.faults.mixed --rows 200000 --runs 30 --seed 1 --version v2
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.equality import differences, keyed_sets, stream_of
from tests.faults.mixed_pipeline import Pipeline, Tables
from tests.faults.mixed_weather import put_faults, take_faults, weather
from tests.postgres import postgres
from tests.sandboxes import sandbox
from tests.singer import choose, discover

if TYPE_CHECKING:
    from tests.faults.mixed_pipeline import Outcome

ROWS_OF_SCALE = 4.9
"""Rows of all tables together for each row of the biggest."""
OVERLAP = 50_000
"""Ten times this is where a read after a first load begins: longer ago than the longest transaction is open."""
OVERLAP_MINUTES = 2
SHOWN = 20
KILLED_RUNS = 0.5


@dataclass(frozen=True)
class Scenario:
    """What is to happen.

    Attributes:
        rows: rows of all tables together, at the beginning.
        runs: runs of the pipeline before the last, quiet one.
        seed: where chance comes from.
        version: of the API, `v1` or `v2`.
        deletes: whether rows go too, and are swept.
        overlap: revisions below a bookmark that are read again.
    """

    rows: int
    runs: int
    seed: int
    version: str
    deletes: bool = False
    overlap: int = OVERLAP


@dataclass
class Reckoning:
    """What has happened.

    Attributes:
        runs: runs, the quiet ones included.
        complete: those that ended well.
        kills: those of which a part was killed.
        failures: what the tap said in the end of those that failed.
        unclear: logs of those whose error was no clear sentence.
        faults: requests that went wrong on purpose.
        changed: rows that were inserted, updated or deleted at once.
        late: long transactions that were committed.
        sent: rows that the tap wrote in all runs.
        rows: rows in PostgreSQL at the end.
        differences: what differs there from the database.
        seconds: how long it took.
    """

    runs: int = 0
    complete: int = 0
    kills: int = 0
    failures: list[str] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)
    faults: int = 0
    changed: int = 0
    late: int = 0
    sent: int = 0
    rows: int = 0
    differences: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, outcome: Outcome) -> None:
        """Count a run."""
        self.runs += 1
        self.sent += outcome.rows
        if outcome.killed:
            self.kills += 1
        elif outcome.code == 0:
            self.complete += 1
        else:
            self.failures.append(outcome.log.strip().rpartition("\n")[2])
            if not outcome.is_clear():
                self.unclear.append(outcome.log)

    def __str__(self) -> str:
        """Return it as a table, with what went wrong below."""
        counts = {name: len(value) if isinstance(value, list) else value for name, value in asdict(self).items()}
        table = [f"{name:12}{value:>12,.0f}" for name, value in counts.items()]
        logs = [log[-2000:] for log in self.unclear[:3]]
        return "\n".join([*table, *self.failures, *self.differences[:SHOWN], *logs])


def happen(scenario: Scenario, folder: Path) -> Reckoning:
    """Let it happen, and tell what did.

    Args:
        scenario: what is to happen.
        folder: where logs, states and keys are kept.
    """
    chance = random.Random(scenario.seed)
    reckoning = Reckoning()
    begun = time.monotonic()
    flags = ("--child-filter", chance.choice(("own", "parent")), "--seed", str(scenario.seed))
    with sandbox(*flags, scale=int(scenario.rows / ROWS_OF_SCALE)) as server, postgres() as warehouse:
        minutes = OVERLAP_MINUTES if scenario.overlap else 0
        settings: dict[str, Any] = {"overlap": scenario.overlap, "overlap_minutes": minutes}
        if scenario.deletes:
            sweep = {"streams": {"*": {"deletes": "sweep"}}, "max_deletes": 100}
            settings |= {**sweep, "key_store": str(folder / "keys")}
        config = server.config(scenario.version, **settings)
        catalog = choose(discover(folder, config), *(stream_of(service, name) for service, name, _ in keyed_sets()))
        pipeline = Pipeline(folder, config, catalog, warehouse)
        with weather(server, chance.randrange(2**31), deletes=scenario.deletes) as told:
            for _ in range(scenario.runs):
                reckoning.faults += put_faults(server, chance)
                life = int(scenario.rows ** chance.random()) if chance.random() < KILLED_RUNS else None
                reckoning.add(pipeline.run(life, chance.choice(("tap", "tap", "loader"))))
                reckoning.faults -= take_faults(server)
        server.commit()
        # What came late below where an interrupted read goes on comes with the run after the one that ends it.
        for _ in range(2 if pipeline.is_under_way() else 1):
            quiet = pipeline.run(None, "tap")
            reckoning.add(quiet)
            assert quiet.code == 0, quiet.log
        reckoning.changed, reckoning.late = told.changed, server.writing()["committed"]
        with Tables(warehouse) as tables:
            reckoning.differences = differences(server.database, tables)
            reckoning.rows = tables.count()
    reckoning.seconds = time.monotonic() - begun
    return reckoning


def main() -> None:
    """Do as the command line says; print the reckoning; exit 1 if there are differences or unclear errors."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.mixed", description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=200_000, help="rows of all tables together, at the beginning")
    parser.add_argument("--runs", type=int, default=30, help="runs of the pipeline before the last, quiet one")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--version", choices=("v1", "v2"), default="v2")
    parser.add_argument("--overlap", type=int, default=OVERLAP, help="with 0, rows of long transactions are lost")
    parser.add_argument("--deletes", action="store_true", help="let rows go too")
    chosen = Scenario(**vars(parser.parse_args()))
    print(json.dumps(vars(chosen)), flush=True)
    with tempfile.TemporaryDirectory(prefix="mixed-") as folder:
        reckoning = happen(chosen, Path(folder))
    print(reckoning)
    sys.exit(bool(reckoning.differences or reckoning.unclear))


if __name__ == "__main__":
    main()
