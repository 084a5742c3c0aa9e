"""Copies a tenant twice with Meltano, into CSV files, and shows what came.

Reads the instance of TAP_EPICOR_URL where that is set (in the environment or in `.env`). Otherwise it starts the
sandbox, and changes some of its rows between the two runs.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dotenv import dotenv_values
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parent.parent
PROJECT = ROOT / ".demo"
BIN = Path(sys.executable).parent
SERVICES = (
    "Erp.BO.CustomerSvc,Erp.BO.PartSvc,Erp.BO.PartTranSvc,Erp.BO.SalesOrderSvc,Erp.BO.ARInvoiceSvc,Erp.BO.VendorSvc,"
    "Erp.BO.POSvc,Erp.BO.JobEntrySvc,Ice.BO.UD01Svc"
)
BAQ = "zCustomer01"
CHANGES = ("--inserts", "12", "--updates", "40", "--deletes", "0")

console = Console()


class DemoFailed(Exception):
    """A step that did not work, with the log to look at."""


@dataclass(frozen=True)
class Result:
    """What one run brought."""

    rows: Mapping[str, int]
    seconds: Mapping[str, float]
    total: float


def main() -> None:
    """Run the demonstration."""
    environment = {**dotenv_values(ROOT / ".env"), **os.environ}
    settings = {name: value for name, value in environment.items() if value is not None}
    prepare()
    try:
        if settings.get("TAP_EPICOR_URL"):
            console.print(f"Reading {settings['TAP_EPICOR_URL']}, as TAP_EPICOR_URL says.")
            first, second = copy("first", settings), copy("second", settings)
        else:
            with sandbox() as address:
                settings |= address
                first = copy("first", settings)
                change(address["TAP_EPICOR_URL"])
                second = copy("second", settings)
    except DemoFailed as exc:
        sys.exit(f"demo: {exc}")
    show(first, second)


def prepare() -> None:
    """Make a Meltano project of its own that shares the installed plugins."""
    shutil.rmtree(PROJECT, ignore_errors=True)
    (PROJECT / ".meltano").mkdir(parents=True)
    shutil.copy(ROOT / "meltano.yml", PROJECT)
    for kind in ("extractors", "loaders"):
        (PROJECT / ".meltano" / kind).symlink_to(ROOT / ".meltano" / kind)


@contextmanager
def sandbox() -> Iterator[dict[str, str]]:
    """Run the sandbox on a free port, and yield the tap's settings for it."""
    command = [sys.executable, "-m", "tap_epicor.sandbox", "--database", str(PROJECT / "kinetic.db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        ready = process.stdout.readline() if process.stdout else ""
        if not ready:
            raise DemoFailed("the sandbox did not start; see above.")
        address = json.loads(ready)
        console.print(f"The sandbox, a stand-in for Epicor Kinetic, listens on {address['url']}.", soft_wrap=True)
        try:
            yield {
                "TAP_EPICOR_URL": address["url"],
                "TAP_EPICOR_API_VERSION": "v2",
                "TAP_EPICOR_API_KEY": address["api_key"],
                "TAP_EPICOR_USER": address["user"],
                "TAP_EPICOR_PASSWORD": address["password"],
                "TAP_EPICOR_COMPANY": "EPIC06,EPIC07",
                "TAP_EPICOR_SERVICE": SERVICES,
                "TAP_EPICOR_BAQS": BAQ,
            }
        finally:
            process.terminate()


def copy(name: str, settings: Mapping[str, str]) -> Result:
    """Run Meltano once, and return what lies in the files afterwards."""
    output, log = PROJECT / "output" / name, PROJECT / f"{name}.log"
    output.mkdir(parents=True)
    command = [str(BIN / "meltano"), "--log-format=json", "--cwd", str(PROJECT), "run", "tap-epicor", "target-csv"]
    environment = {**settings, "TARGET_CSV_OUTPUT_PATH": str(output)}
    started = time.monotonic()
    with console.status(f"meltano run tap-epicor target-csv ({name} run)"), log.open("w") as file:
        done = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, env=environment, check=False)
    if done.returncode:
        wrong = [str(event["event"]) for event in events(log) if event.get("level") in {"error", "critical"}]
        raise DemoFailed("\n".join([f"the {name} run failed; the whole log is {log}.", *wrong[:10]]))
    rows: dict[str, int] = defaultdict(int)
    for path in output.glob("*.csv"):
        rows[path.name.split(".")[0]] += count(path)
    return Result(rows, durations(log), time.monotonic() - started)


def count(path: Path) -> int:
    """Return the number of rows in a CSV file."""
    csv.field_size_limit(sys.maxsize)
    with path.open(newline="", encoding="utf-8") as file:
        return max(0, sum(1 for _ in csv.reader(file)) - 1)


def durations(log: Path) -> Mapping[str, float]:
    """Return the seconds that each stream took, as the tap's metrics tell."""
    seconds: dict[str, float] = defaultdict(float)
    for event in events(log):
        point = event.get("metric_info") or {}
        if point.get("metric") == "sync_duration":
            seconds[point["tags"]["stream"]] += point["value"]
    return seconds


def events(log: Path) -> Iterator[dict[str, Any]]:
    """Yield the entries of Meltano's log."""
    for line in log.read_text().splitlines():
        try:
            event = json.loads(line)
        except json.JSONDecodeError:
            event = {"event": line}
        if isinstance(event, dict):
            yield event


def change(url: str) -> None:
    """Insert and update rows in the sandbox."""
    command = [str(BIN / "tap-epicor"), "sandbox", "change", "--url", url, *CHANGES]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    console.print("Some rows of the sandbox have been inserted and updated.")


def show(first: Result, second: Result) -> None:
    """Print what the two runs brought."""
    table = Table(title="meltano run tap-epicor target-csv, twice")
    table.add_column("stream", no_wrap=True)
    for title in ("rows\nfirst run", "rows\nsecond run", "seconds\nfirst run", "seconds\nsecond run"):
        table.add_column(title, justify="right")
    for stream in sorted({*first.rows, *second.rows}):
        numbers = (first.rows.get(stream, 0), second.rows.get(stream, 0))
        times = (first.seconds.get(stream, 0.0), second.seconds.get(stream, 0.0))
        table.add_row(stream, *(f"{number:,}" for number in numbers), *(f"{value:.2f}" for value in times))
    table.add_section()
    totals = (sum(first.rows.values()), sum(second.rows.values()))
    table.add_row("all", *(f"{number:,}" for number in totals), f"{first.total:.1f}", f"{second.total:.1f}")
    console.print(table)
    console.print(
        "The second run brings what changed, and some rows again on purpose: those just below the bookmark (`overlap`),"
        " and sets that can't be filtered by SysRevID, which are read whole.",
    )
    console.print(f"The data lies in {PROJECT / 'output'}, the logs beside it.", soft_wrap=True)


if __name__ == "__main__":
    main()
