"""How far a run has come is told while it runs: a table on a terminal, lines in a log, nothing on standard output."""

from __future__ import annotations

import json
import logging
import os
import pty
import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from tap_epicor.streams.progress import Progress, line, shown
from tap_epicor.streams.reckoning import Reckoning, Run
from tests.sandboxes import sandbox
from tests.singer import choose, discover

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

TRANSACTIONS = "erp_parttran_parttrans"


def under_way(run: Run, stream: str, **figures: Any) -> Reckoning:
    one = Reckoning(stream, "EPIC06", **figures)
    run.reckonings.append(one)
    return one


def told(progress: Progress, *, after: float = 0.1) -> str:
    progress.look()
    time.sleep(after)
    return line(progress)


def test_a_line_tells_of_all_streams_under_way_how_far_they_are() -> None:
    run = Run()
    under_way(run, "erp_plant_plants", received=3).ended("complete")
    parts = under_way(run, "erp_part_parts", received=500, counted_before=2000)
    under_way(run, "baq_zTop", received=1234)
    progress = Progress(run, 12)
    progress.look()
    parts.received += 500
    said = re.sub(r"[\d,]+ rows/s, \d:\d\d:\d\d left", "… rows/s, … left", told(progress))
    assert said == (
        "1 of 12 reads have ended; erp_part_parts (EPIC06): 1,000 of 2,000 rows, … rows/s, … left; "
        "baq_zTop (EPIC06): 1,234 rows, 0 rows/s."
    )


def test_rows_of_an_earlier_run_make_a_read_no_faster() -> None:
    run = Run()
    one = under_way(run, "erp_part_parts", received=1_000_000, counted_before=1_000_200)
    progress = Progress(run, 1)
    progress.look()
    one.received += 100
    rate = re.search(r"([\d,]+) rows/s", told(progress))
    assert rate
    assert 100 < int(rate[1].replace(",", "")) <= 1000


def test_a_line_names_no_more_than_five_streams() -> None:
    run = Run()
    for number in range(7):
        under_way(run, f"stream_{number}")
    assert line(Progress(run, 7)).endswith("stream_4 (EPIC06): 0 rows, 0 rows/s; and 2 more.")


def test_nothing_is_told_where_nothing_is_under_way() -> None:
    assert line(Progress(Run(), 7)) == ""


def test_lines_come_as_often_as_they_are_wanted(caplog: pytest.LogCaptureFixture) -> None:
    run = Run()
    under_way(run, "erp_part_parts")
    with caplog.at_level(logging.INFO), shown(run, 1, every=0.05):
        time.sleep(0.5)
    assert 3 <= sum("Progress: 0 of 1 reads" in one for one in caplog.messages) <= 10


def test_on_a_terminal_a_table_is_drawn_below_whole_lines_of_the_log(tmp_path: Path) -> None:
    with sandbox("--company", "EPIC06", scale=300) as server:
        config = server.config(company="EPIC06", service="Erp.BO.PartTranSvc", page_size=20)
        (tmp_path / "catalog.json").write_text(json.dumps(choose(discover(tmp_path, config), TRANSACTIONS)))
        server.switch(latency_ms=100)
        command = [sys.executable, "-m", "tap_epicor", "--config", str(tmp_path / "config.json")]
        ours, theirs = pty.openpty()
        with (
            (tmp_path / "output").open("wb") as output,
            subprocess.Popen(
                [*command, "--catalog", str(tmp_path / "catalog.json")],
                stdout=output,
                stderr=theirs,
                env={**os.environ, "COLUMNS": "100", "TERM": "xterm"},
            ),
        ):
            os.close(theirs)
            shown_there = b""
            while True:
                try:
                    shown_there += os.read(ours, 65536)
                except OSError:
                    break
        os.close(ours)
    lines = (tmp_path / "output").read_bytes().splitlines()
    text = shown_there.decode()
    assert re.search(r"\d+ of 300 rows +\d+ rows/s", text)
    assert {json.loads(one)["type"] for one in lines} == {"SCHEMA", "RECORD", "STATE"}
    logged = [one for one in re.split(r"\r?\n", text) if "METRIC: " in one]
    assert len(logged) > 10
    for one in logged:
        assert json.loads(one.split("METRIC: ")[1])
    assert text.rfind("\x1b[?25h") > text.rfind("\x1b[?25l"), "the cursor is back"
