"""SIGKILL: whatever the moment, the next run goes on and ends complete."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from tap_epicor.sandbox import truth
from tests.equality import differences
from tests.sandboxes import sandbox
from tests.singer import Run, choose, discover, read_messages, tap

if TYPE_CHECKING:
    from pathlib import Path

TRANSACTIONS = "erp_parttran_parttrans"
PART_TRANSACTIONS = ("Erp.BO.PartTranSvc", "PartTrans")
ROWS = int(os.environ.get("KILL_ROWS", "100000"))
KILLS = 20
PAGE = 500


def killed_run(folder: Path, config: dict[str, Any], lines_to_live: int) -> list[bytes]:
    """Run the tap, kill it after some lines, and return the whole lines that came out of it."""
    command = [sys.executable, "-m", "tap_epicor", "--config", str(folder / "config.json")]
    command += ["--catalog", str(folder / "catalog.json"), "--state", str(folder / "state.json")]
    (folder / "config.json").write_text(json.dumps(config))
    lines: list[bytes] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout
        for line in process.stdout:
            lines.append(line)
            if len(lines) == lines_to_live:
                process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL, "the load ended before it was killed: lower the points"
    return [line for line in lines if line.endswith(b"\n")]


def test_a_first_load_killed_twenty_times_ends_complete(tmp_path: Path, capsys: Any) -> None:
    seed = random.SystemRandom().randrange(10**6)
    points = random.Random(seed)
    with sandbox("--company", "EPIC06", scale=ROWS) as server:
        config = server.config(service="Erp.BO.PartTranSvc", company="EPIC06", page_size=PAGE)
        catalog = choose(discover(tmp_path, config), TRANSACTIONS)
        (tmp_path / "catalog.json").write_text(json.dumps(catalog))
        highest = max(int(str(row["SysRevID"])) for row in truth.rows(server.database, *PART_TRANSACTIONS, "EPIC06"))
        run = Run(0, "")
        for number in range(KILLS):
            (tmp_path / "state.json").write_text(json.dumps(run.state or {}))
            read_messages(killed_run(tmp_path, config, points.randrange(1, ROWS // KILLS)), run)
            if number == KILLS // 2:
                server.change(inserts=50, updates=500, deletes=0, seed=seed, sets=["Erp.BO.PartTranSvc/PartTrans"])
        with capsys.disabled():
            print(f"\nseed {seed}: {run.count()} rows in {KILLS} killed runs")
        rest = tap(tmp_path, config, catalog=catalog, state=run.state)
        assert rest.code == 0, rest.log
        bookmark = rest.bookmark(TRANSACTIONS)
        assert bookmark["replication_key_value"] == highest
        assert "resume" not in bookmark
        changed = tap(tmp_path, config, catalog=catalog, state=rest.state)
        rows = run.rows[TRANSACTIONS] + rest.rows[TRANSACTIONS] + changed.rows[TRANSACTIONS]
        assert differences(server.database, {TRANSACTIONS: rows}, ["EPIC06"]) == []
