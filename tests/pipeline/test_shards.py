"""Shards by `meltano run`, two of them at once: orchestrate/meltano.sh."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.equality import differences
from tests.pipeline.projects import ROOT, Project
from tests.pipeline.test_postgres import STATE_ID, make_project, tables
from tests.postgres import postgres
from tests.sandboxes import sandbox

STREAMS = {"erp_parttran_parttrans", "erp_customer_customers"}


def in_shards(meltano: Project) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        [ROOT / "orchestrate/meltano.sh", "2", "2"],
        cwd=meltano.folder,
        env={**os.environ, **meltano.environment, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_two_shards_at_once_are_copied_and_the_next_run_goes_on_from_both(tmp_path: Path) -> None:
    with postgres() as server, sandbox(scale=600) as kinetic:
        config = kinetic.config(service="Erp.BO.PartTranSvc,Erp.BO.CustomerSvc", page_size=100)
        meltano = make_project(tmp_path / "project", server, config, "shards")
        path = meltano.folder / "meltano.yml"
        selected = "    select: [" + ", ".join(f"{stream}.*" for stream in sorted(STREAMS)) + "]\n"
        text = path.read_text().replace('    select: ["*.*", "!*_list.*"]\n', selected)
        assert selected in text
        path.write_text(f"include_paths: [shards/*.meltano.yml]\n{text}")
        done = in_shards(meltano)
        assert done.returncode == 0, done.stderr[-5000:]
        copies = tables(server, "shards")
        assert set(copies) == STREAMS
        assert differences(kinetic.database, copies) == []
        assert set(meltano.state(STATE_ID)["singer_state"]["bookmarks"]) == STREAMS
        kinetic.change(inserts=5, updates=10, deletes=0, seed=4, sets=["Erp.BO.PartTranSvc/PartTrans"])
        kinetic.requests()
        second = meltano.run("run", "tap-epicor", "target-postgres")
        assert second.returncode == 0, second.stderr[-3000:]
        assert differences(kinetic.database, tables(server, "shards")) == []
        assert sum(one["rows"] for one in kinetic.requests()) < 300
