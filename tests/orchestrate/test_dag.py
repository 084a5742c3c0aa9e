"""What the DAG runs, without Airflow: its commands, rendered and run as its tasks run them.

`make airflow` runs it in Airflow.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from jinja2 import StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

from tests.equality import differences
from tests.pipeline.projects import ROOT
from tests.sandboxes import Sandbox, sandbox
from tests.singer import choose, discover

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STREAMS = ("erp_parttran_parttrans", "erp_customer_customers")

LOADER = """
import json
import sys
with open("rows.jsonl", "a") as rows:
    for line in sys.stdin:
        message = json.loads(line)
        if message["type"] == "STATE":
            print(json.dumps(message["value"]), flush=True)
        elif message["type"] == "RECORD":
            rows.write(line)
"""


def scripts() -> dict[str, str]:
    """Return the scripts in the DAG's file, by their names."""
    tree = ast.parse((ROOT / "orchestrate/epicor_dag.py").read_text())
    return {
        node.targets[0].id: str(node.value.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }


@pytest.fixture
def server() -> Iterator[Sandbox]:
    with sandbox(scale=400) as running:
        yield running


class Tasks:
    """The DAG's tasks, run by hand."""

    def __init__(self, folder: Path, server: Sandbox) -> None:
        (folder / "loader.py").write_text(LOADER)
        config = server.config(service="Erp.BO.PartTranSvc,Erp.BO.CustomerSvc", page_size=50, overlap_minutes=0)
        (folder / "catalog.json").write_text(json.dumps(choose(discover(folder, config), *STREAMS)))
        self.folder = folder
        self._environment = {f"TAP_EPICOR_{name.upper()}": str(value) for name, value in config.items()}
        self.settings = tomllib.loads((ROOT / "orchestrate/epicor.toml").read_text()) | {
            "folder": str(folder),
            "shards": 3,
            "tap": f"{sys.executable} -m tap_epicor",
            "loader": f"{sys.executable} loader.py",
        }

    def do(self, name: str, run: str, **environment: str) -> subprocess.CompletedProcess[str]:
        found = scripts()
        text = SandboxedEnvironment(undefined=StrictUndefined).from_string(found["BEGIN"] + found[name])
        return subprocess.run(
            ["bash", "-c", text.render(run_id=run, **self.settings)],
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": "/usr/bin:/bin", **self._environment, **environment},
        )

    def rows(self) -> dict[str, list[dict[str, Any]]]:
        messages = [json.loads(line) for line in (self.folder / "rows.jsonl").read_text().splitlines()]
        return {name: [one["record"] for one in messages if one["stream"] == name] for name in STREAMS}


def test_the_tasks_of_the_dag_copy_everything_and_the_next_run_goes_on_from_there(
    server: Sandbox, tmp_path: Path
) -> None:
    tasks = Tasks(tmp_path, server)
    for run in ("manual__2026-11-24T16:00:00+00:00", "scheduled__2026-11-25"):
        planned = tasks.do("PLAN", run)
        assert planned.returncode == 0, planned.stderr
        for shard in range(1, int(planned.stdout.splitlines()[-1]) + 1):
            done = tasks.do("READ", run, SHARD=str(shard))
            assert done.returncode == 0, done.stderr
        merged = tasks.do("MERGE", run)
        assert merged.returncode == 0, merged.stderr
        assert differences(server.database, tasks.rows()) == []
        server.change(inserts=5, updates=10, deletes=0, seed=4, sets=["Erp.BO.PartTranSvc/PartTrans"])
    assert sum(map(len, tasks.rows().values())) < 1000


def test_a_task_fails_with_its_tap_and_keeps_the_state_that_the_loader_told(server: Sandbox, tmp_path: Path) -> None:
    tasks = Tasks(tmp_path, server)
    assert tasks.do("PLAN", "run").returncode == 0
    server.fault(path="PartTrans", status=403, body="no", skip=6, times=1000)
    assert tasks.do("READ", "run", SHARD="1").returncode != 0
    assert "resume" in (tmp_path / "runs/run/state-1.json").read_text()
    merged = tasks.do("MERGE", "run")
    assert merged.returncode == 1
    assert "is not done: shard 1" in merged.stderr
    assert json.loads((tmp_path / "state.json").read_text())


def test_a_line_that_a_killed_tap_did_not_end_does_not_reach_the_loader(server: Sandbox, tmp_path: Path) -> None:
    tasks = Tasks(tmp_path, server)
    state = json.dumps({"type": "STATE", "value": {"bookmarks": {"so far": {}}}})
    (tmp_path / "messages").write_text(f"{state}\n" + '{"type":"RECORD","record":{"a":"')
    (tmp_path / "killed").write_text("cat messages; kill -9 $$\n")
    tasks.settings["tap"] = "bash killed"
    (tmp_path / "runs/run").mkdir(parents=True)
    done = tasks.do("READ", "run", SHARD="1")
    assert done.returncode == 137
    assert "Traceback" not in done.stderr
    assert json.loads((tmp_path / "runs/run/state-1.json").read_text()) == {"bookmarks": {"so far": {}}}
