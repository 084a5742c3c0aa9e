"""A run as a whole: one stream's failure is not another's, and it ends with a reckoning and a code that is true."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.equality import differences
from tests.sandboxes import Sandbox, sandbox
from tests.singer import Run, choose, discover, read_messages, tap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PARTS = "erp_part_parts"
PLANTS = "erp_plant_plants"
TRANSACTIONS = "erp_parttran_parttrans"
SERVICES = "Erp.BO.PartSvc,Erp.BO.PlantSvc,Erp.BO.PartTranSvc"


@pytest.fixture
def server() -> Iterator[Sandbox]:
    with sandbox(scale=300) as running:
        yield running


def fault(server: Sandbox, **values: Any) -> None:
    requests.post(f"{server.admin}/faults", json=[values], timeout=10).raise_for_status()


def summary_of(run: Run) -> dict[str, Any]:
    """Return the summary in the log."""
    lines = [line.split("SUMMARY: ", 1)[1] for line in run.log.splitlines() if "SUMMARY: " in line]
    assert len(lines) == 1
    read: dict[str, Any] = json.loads(lines[0])
    return read


def reckoning(summary: dict[str, Any], stream: str, company: str = "EPIC06") -> dict[str, Any]:
    found: dict[str, Any] = next(
        one for one in summary["streams"] if (one["stream"], one["company"]) == (stream, company)
    )
    return found


def starting(folder: Path, config: dict[str, Any]) -> list[str]:
    """Return the command that runs the tap."""
    (folder / "config.json").write_text(json.dumps(config))
    return [sys.executable, "-m", "tap_epicor", "--config", str(folder / "config.json")]


def test_a_complete_run_ends_with_a_reckoning_of_each_stream(server: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    run = tap(tmp_path, server.config(service=SERVICES, summary_path=str(path)))
    assert run.code == 0, run.log
    summary = summary_of(run)
    assert summary == json.loads(path.read_text())
    assert summary["complete"]
    assert summary["totals"]["written"] == run.count()
    for one in summary["streams"]:
        rows = sum(1 for row in run.rows[one["stream"]] if row["Company"] == one["company"])
        assert one["outcome"] == "complete"
        assert one["received"] == one["written"] == one["counted_before"] == one["counted_after"] == rows
        assert one["notes"] == []


def test_a_stream_that_fails_in_one_company_fails_the_run_and_nothing_else(server: Sandbox, tmp_path: Path) -> None:
    config = server.config(service=SERVICES)
    catalog = choose(discover(tmp_path, config), PARTS, PLANTS, TRANSACTIONS)
    fault(server, path=r"EPIC07/Erp\.BO\.PartTranSvc", status=400, body='{"ErrorMessage": "It is broken."}', times=99)
    run = tap(tmp_path, config, catalog=catalog)
    assert run.code == 1
    assert "1 of 6 reads are not complete: erp_parttran_parttrans (EPIC07): failed." in run.log
    assert "Traceback" not in run.log
    summary = summary_of(run)
    assert not summary["complete"]
    assert reckoning(summary, TRANSACTIONS, "EPIC07")["outcome"] == "failed"
    assert "It is broken." in reckoning(summary, TRANSACTIONS, "EPIC07")["notes"][0]
    assert differences(server.database, {PARTS: run.rows[PARTS], PLANTS: run.rows[PLANTS]}) == []
    assert differences(server.database, {TRANSACTIONS: run.rows[TRANSACTIONS]}, ["EPIC06"]) == []
    requests.delete(f"{server.admin}/faults", timeout=10).raise_for_status()
    again = tap(tmp_path, config, catalog=catalog, state=run.state)
    assert again.code == 0, again.log
    rows = [row for row in again.rows[TRANSACTIONS] if row["Company"] == "EPIC07"]
    assert differences(server.database, {TRANSACTIONS: rows}, ["EPIC07"]) == []


def test_after_a_password_that_is_no_longer_good_nothing_more_is_asked_for(server: Sandbox, tmp_path: Path) -> None:
    config = server.config(service=SERVICES)
    catalog = choose(discover(tmp_path, config), PARTS, PLANTS, TRANSACTIONS)
    server.requests()
    run = tap(tmp_path, {**config, "password": "no longer"}, catalog=catalog)
    assert run.code == 1
    assert "Invalid username or password" in run.log
    assert "6 of 6 reads are not complete" in run.log
    assert len(server.requests()) == 1


def test_rows_that_are_missing_make_the_code_say_so(server: Sandbox, tmp_path: Path) -> None:
    config = server.config(service="Erp.BO.PlantSvc", company="EPIC06")
    catalog = choose(discover(tmp_path, config), PLANTS)
    nothing = '{"value": []}'
    fault(server, path=r"Plants\?.*orderby=(?!SysRevID)", status=200, body=nothing, times=2)
    run = tap(tmp_path, config, catalog=catalog)
    assert run.code == 1
    assert reckoning(summary_of(run), PLANTS)["outcome"] == "incomplete"
    assert "which nothing explains" in run.log


def test_a_summary_that_can_not_be_written_is_told(server: Sandbox, tmp_path: Path) -> None:
    config = server.config(service="Erp.BO.PlantSvc", summary_path=str(tmp_path / "none" / "summary.json"))
    run = tap(tmp_path, config)
    assert run.code == 1
    assert "`summary_path`" in run.log
    assert "Traceback" not in run.log
    assert run.rows[PLANTS]


def test_on_a_terminal_the_summary_is_a_table(server: Sandbox, tmp_path: Path) -> None:
    command = starting(tmp_path, server.config(service="Erp.BO.PlantSvc"))
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": "160", "TERM": "xterm"}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs, env=environment):
        os.close(theirs)
        shown = b""
        while True:
            try:
                shown += os.read(ours, 65536)
            except OSError:
                break
    os.close(ours)
    table = shown.decode().split("SUMMARY: ")[1]
    assert "reads in" in table
    assert "erp_plant_plants (EPIC06)" in table


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_a_run_with_whole_lines_its_state_and_the_code_of_that_signal(
    server: Sandbox, tmp_path: Path, signum: int, code: int
) -> None:
    config = server.config(service="Erp.BO.PartTranSvc", company="EPIC06", page_size=20)
    log = tmp_path / "log"
    lines = []
    with (
        log.open("wb") as file,
        subprocess.Popen(starting(tmp_path, config), stdout=subprocess.PIPE, stderr=file) as process,
    ):
        assert process.stdout
        for line in process.stdout:
            lines.append(line)
            if b'"resume"' in line:
                break
        sent = time.monotonic()
        process.send_signal(signum)
        lines += process.stdout.readlines()
        assert process.wait(30) == code
        assert time.monotonic() - sent < 2
    run = Run(code, log.read_text())
    read_messages(lines, run)
    assert run.kinds[-1] == "STATE"
    assert "Traceback" not in run.log
    assert "told to end" in summary_of(run)["over"]
    again = tap(tmp_path, config, state=run.state)
    assert again.code == 0, again.log
    rows = [*run.rows[TRANSACTIONS], *again.rows[TRANSACTIONS]]
    assert differences(server.database, {TRANSACTIONS: rows}, ["EPIC06"]) == []
    assert len(again.rows[TRANSACTIONS]) < len(rows)


@pytest.mark.parametrize("waits_for", ["the server", "the reader"])
def test_a_signal_ends_a_run_that_waits(server: Sandbox, tmp_path: Path, waits_for: str) -> None:
    server.switch(latency_ms=60_000 if waits_for == "the server" else 0)
    command = starting(tmp_path, server.config(service=SERVICES))
    output = subprocess.DEVNULL if waits_for == "the server" else subprocess.PIPE
    with subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL) as process:
        time.sleep(4)
        assert process.poll() is None
        sent = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 143
        assert time.monotonic() - sent < 2


def test_a_reader_that_goes_away_ends_the_run_with_a_sentence(server: Sandbox, tmp_path: Path) -> None:
    command = starting(tmp_path, server.config(service="Erp.BO.PartTranSvc"))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        log = process.stderr.read().decode()
        assert process.wait(10) == 1
    assert "Standard output can't be written" in log
    assert "Traceback" not in log


def test_a_full_disk_ends_the_run_with_a_sentence(server: Sandbox, tmp_path: Path) -> None:
    command = starting(tmp_path, server.config(service="Erp.BO.PartTranSvc"))
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False, timeout=60)
    assert done.returncode == 1
    assert b"No space left on device" in done.stderr
    assert b"Traceback" not in done.stderr
