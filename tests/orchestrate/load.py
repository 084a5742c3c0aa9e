"""The DAG of orchestrate/ in a real Airflow: a load into PostgreSQL while a tap or a whole worker is killed.

`make airflow` runs it, and tells how long it took beside one process. Airflow lives in an environment of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from tests.equality import COMPANIES, differences
from tests.pipeline.projects import ROOT
from tests.postgres import Server, postgres
from tests.sandboxes import Sandbox, sandbox
from tests.singer import choose, discover

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

STREAMS = ("erp_parttran_parttrans", "erp_orderdtlsearch_orderdtlsearches", "erp_customer_customers")
SETS = ["Erp.BO.PartTranSvc/PartTrans", "Erp.BO.CustomerSvc/Customers"]
SERVICES = "Erp.BO.PartTranSvc,Erp.BO.OrderDtlSearchSvc,Erp.BO.CustomerSvc"
TAP = str(Path(sys.executable).with_name("tap-epicor"))
LOADER = f"{ROOT / '.meltano/loaders/target-postgres/venv/bin/target-postgres'} --config ENV"
AIRFLOW = ROOT / ".airflow/bin/airflow"
LONGEST = 3600


class Airflow:
    """A standalone Airflow with a home of its own."""

    def __init__(self, home: Path, environment: Mapping[str, str]) -> None:
        self.home = home
        self.environment = {
            **os.environ,
            **environment,
            "PATH": f"{AIRFLOW.parent}{os.pathsep}{os.environ['PATH']}",
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "2",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
            "AIRFLOW__API__HOST": "127.0.0.1",
        }

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run it until the block ends."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.environment["AIRFLOW__API__PORT"] = str(port)
        self.environment["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] = f"http://127.0.0.1:{port}/execution/"
        self.command("db", "migrate")
        with (self.home / "log").open("w") as log:
            process = subprocess.Popen(
                [AIRFLOW, "standalone"], env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
            with suppress(ProcessLookupError):  # the scheduler may outlive it
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def command(self, *words: str) -> str:
        done = subprocess.run([AIRFLOW, *words], env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"airflow {' '.join(words)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        return done.stdout

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.home / "airflow.db", timeout=60) as connection:
            return connection.execute(query).fetchall()

    def await_known(self) -> None:
        """Wait until it has read the DAG."""
        end = time.monotonic() + 300
        while not self.ask("select 1 from dag where dag_id = 'epicor'"):
            if time.monotonic() > end:
                raise RuntimeError(f"Airflow does not know the DAG:\n{(self.home / 'log').read_text()[-4000:]}")
            time.sleep(1)

    def tasks(self, run: str) -> list[dict[str, Any]]:
        names = ("task", "shard", "state", "tries", "began", "ended")
        rows = self.ask(
            "select task_id, map_index, state, try_number, start_date, end_date from task_instance "
            f"where run_id = '{run}' order by start_date"
        )
        return [dict(zip(names, row, strict=True)) for row in rows]

    def state(self, run: str) -> str:
        (found,) = self.ask(f"select state from dag_run where run_id = '{run}'")
        return str(found[0])


def taps(run: Path) -> dict[int, str]:
    """Return the taps that read a shard of a run: their processes, and the number of the shard."""
    found = {}
    for folder in Path("/proc").iterdir():
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0") if folder.name.isdigit() else []
        except OSError:
            continue
        shard = next(
            (re.search(r"shard-(\d+)\.json$", word.decode()) for word in words if run.name.encode() in word), None
        )
        if shard and any(word.endswith(b"tap-epicor") for word in words) and b"bash" not in words[0]:
            found[int(folder.name)] = shard[1]
    return found


def parents() -> dict[int, int]:
    """Return the parent of each process."""
    found = {}
    for folder in Path("/proc").iterdir():
        with suppress(OSError):
            if folder.name.isdigit():
                found[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    return found


def worker_of(process: int) -> list[int]:
    """Return the worker that a process runs under, and all processes of that worker: what a machine takes along."""
    parent = parents()
    above = [process]
    while above[-1] > 1:
        above.append(parent[above[-1]])
    found = [one for one in above if b"airflow worker" in Path(f"/proc/{one}/cmdline").read_bytes()][-1:]
    for one in found:
        found += [child for child, its in parent.items() if its == one]
    return found


class Killer:
    """Kills taps that have read for a while, and looks what state their loaders leave to the retry."""

    def __init__(self, run: Path, options: argparse.Namespace) -> None:
        self._run = run
        self._left = options.kills
        self._after = options.kill_after
        self._worker = options.kill == "worker"
        self._seen: dict[int, float] = {}
        self.killed: dict[str, str] = {}

    def look(self) -> None:
        for process, shard in taps(self._run).items():
            began = self._seen.setdefault(process, time.monotonic())
            if self._left and shard not in self.killed and time.monotonic() - began > self._after:
                for one in worker_of(process) if self._worker else [process]:
                    with suppress(ProcessLookupError):
                        os.kill(one, signal.SIGKILL)
                self._left -= 1
                self.killed[shard] = "begins anew"
        for shard in self.killed:
            state = self._run / f"state-{shard}.json"
            if state.exists() and '"resume"' in state.read_text():
                self.killed[shard] = "goes on from its state"


def copy(server: Server, schema: str, stream: str, company: str) -> list[dict[str, Any]]:
    query = sql.SQL("select * from {} where {} = %s").format(sql.Identifier(schema, stream), sql.Identifier("Company"))
    with psycopg.connect(server.url, row_factory=dict_row) as connection:
        return list(connection.execute(query, [company]))


def one_process(folder: Path, environment: Mapping[str, str]) -> float:
    """Return how long one process takes for the whole load."""
    began = time.monotonic()
    command = f"set -o pipefail; '{TAP}' --catalog catalog.json | {LOADER} > /dev/null"
    subprocess.run(
        ["bash", "-c", command], cwd=folder, env={**os.environ, **environment}, check=True, stderr=subprocess.DEVNULL
    )
    return time.monotonic() - began


def prepare(folder: Path, options: argparse.Namespace) -> None:
    """Put the DAG and its settings where Airflow looks for them."""
    (folder / "home/dags").mkdir(parents=True)
    shutil.copy(ROOT / "orchestrate/epicor_dag.py", folder / "home/dags")
    settings = {
        "folder": str(folder / "load"),
        "schedule": "",
        "shards": options.shards,
        "connections": options.connections,
        "pool": "epicor",
        "retries": 5,
        "retry_seconds": 2,
        "tap": TAP,
        "loader": LOADER,
    }
    lines = [f"{name} = {json.dumps(value)}\n" for name, value in settings.items()]
    (folder / "home/dags/epicor.toml").write_text("".join(lines))


def run_dag(airflow: Airflow, folder: Path, run: str, killer: Killer | None = None) -> float:
    """Run the DAG, and return how long it took."""
    airflow.command("dags", "trigger", "epicor", "--run-id", run)
    end = time.monotonic() + LONGEST
    while (state := airflow.state(run)) not in {"success", "failed"} and time.monotonic() < end:
        if killer:
            killer.look()
        time.sleep(0.1)
    tasks = airflow.tasks(run)
    for task in tasks:
        print(json.dumps(task, default=str))
        for attempt in range(1, task["tries"]):
            print_why(folder / "home/logs/dag_id=epicor" / f"run_id={run}", task, attempt)
    ((seconds,),) = airflow.ask(
        f"select (julianday(end_date) - julianday(start_date)) * 86400 from dag_run where run_id = '{run}'"
    )
    if state != "success":
        raise RuntimeError(f"the DAG's run ended as {state}")
    return float(seconds)


def print_why(logs: Path, task: Mapping[str, Any], attempt: int) -> None:
    """Print what the log says of an attempt that failed."""
    place = logs / f"task_id={task['task']}"
    place = place if task["shard"] < 0 else place / f"map_index={task['shard']}"
    said = [json.loads(line).get("event", "") for line in (place / f"attempt={attempt}.log").read_text().splitlines()]
    for line in [line for line in said if "rror" in line or "Killed" in line][:6]:
        print("   ", line[:300])


def check(kinetic: Sandbox, server: Server, schema: str) -> int:
    """Return how many rows a copy has, all of them equal to the sandbox's."""
    checked = 0
    for stream, company in product(STREAMS, COMPANIES):
        found = copy(server, schema, stream, company)
        if wrong := differences(kinetic.database, {stream: found}, [company]):
            raise RuntimeError(f"{len(wrong)} differences: {wrong[:5]}")
        checked += len(found)
    with psycopg.connect(server.url) as connection:
        counts = [
            connection.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(schema, stream))).fetchone()
            for stream in STREAMS
        ]
    if checked != sum(count for (count,) in filter(None, counts)):
        raise RuntimeError("there are rows of other companies")
    return checked


def main() -> None:
    """Run it as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=int, default=20_000, help="rows of the biggest table")
    parser.add_argument("--database", default="", help="a sandbox's database, to be made or used")
    parser.add_argument("--latency-ms", type=int, default=50)
    parser.add_argument("--page-size", type=int, default=1000)
    parser.add_argument("--shards", type=int, default=8)
    parser.add_argument("--slots", type=int, default=16, help="requests at once that the server has to bear")
    parser.add_argument("--connections", type=int, default=2, help="requests at once of each shard")
    parser.add_argument(
        "--kill", choices=["tap", "worker"], default="tap", help="what to kill: a worker takes all along"
    )
    parser.add_argument("--kills", type=int, default=1, help="how many of them")
    parser.add_argument("--kill-after", type=float, default=5, help="seconds that they have read by then")
    parser.add_argument("--batch-rows", type=int, default=2000, help="rows that the loader writes at once")
    parser.add_argument("--unvalidated", action="store_true", help="the loader does not check rows by their schema")
    parser.add_argument("--no-alone", action="store_true", help="without the run of one process")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="airflow-"))
    prepare(folder, options)
    (folder / "load").mkdir()
    flags = ("--latency-ms", str(options.latency_ms))
    with postgres() as server, sandbox(*flags, scale=options.scale, database=options.database) as kinetic:
        config = kinetic.config(service=SERVICES, page_size=options.page_size)
        catalog = choose(discover(folder, config), *STREAMS)
        (folder / "load/catalog.json").write_text(json.dumps(catalog))
        environment = {f"TAP_EPICOR_{name.upper()}": str(value) for name, value in config.items()}
        for name in ("host", "port", "user", "password", "database"):
            environment[f"TARGET_POSTGRES_{name.upper()}"] = str(getattr(server, name))
        environment["TARGET_POSTGRES_BATCH_SIZE_ROWS"] = str(options.batch_rows)
        environment["TARGET_POSTGRES_VALIDATE_RECORDS"] = str(not options.unvalidated).lower()
        if not options.no_alone:
            alone = one_process(folder / "load", {**environment, "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": "alone"})
            rows = check(kinetic, server, "alone")
            print(f"one process: {rows:,} rows in {alone:.1f} s, {rows / alone:,.0f} rows/s", flush=True)
        airflow = Airflow(folder / "home", {**environment, "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": "shared"})
        with airflow.running():
            airflow.await_known()
            airflow.command("pools", "set", "epicor", str(options.slots), "requests at once")
            airflow.command("dags", "unpause", "epicor", "-y")
            killer = Killer(folder / "load/runs/load", options)
            seconds = run_dag(airflow, folder, "load", killer)
            rows = check(kinetic, server, "shared")
            print(
                f"{options.shards} shards: {rows:,} rows in {seconds:.1f} s, {rows / seconds:,.0f} rows/s", flush=True
            )
            for shard, what in killer.killed.items():
                print(f"the {options.kill} of shard {shard} was killed, and {what}", flush=True)
            kinetic.change(inserts=200, updates=400, deletes=0, seed=4, sets=SETS)
            seconds = run_dag(airflow, folder, "changes")
            rows = check(kinetic, server, "shared")
            print(f"changes: {seconds:.1f} s; {rows:,} rows, all equal", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    if len(killer.killed) < options.kills:
        sys.exit("No tap was killed: the load was over too soon. Make it larger.")


if __name__ == "__main__":
    main()
