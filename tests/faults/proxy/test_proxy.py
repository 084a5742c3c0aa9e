"""Faults at random between tap and server: each run ends complete, or with a sentence and a state to go on from.

PROXY_RUNS and PROXY_SEED choose how many runs, and the seed of the first one.
"""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.equality import differences, stream_of
from tests.faults.proxy.proxies import ROOT, Proxy, proxy
from tests.sandboxes import Sandbox, sandbox
from tests.singer import LONGEST, Run, choose, discover, read_messages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

RUNS = int(os.environ.get("PROXY_RUNS", "18"))
SEED = int(os.environ.get("PROXY_SEED") or random.SystemRandom().randrange(10**6))
STREAMS = ("erp_customer_customers", "erp_parttran_parttrans", "erp_salesorder_orderdtls", "ice_ud01_ud01s")
SERVICES = "Erp.BO.CustomerSvc,Erp.BO.PartTranSvc,Erp.BO.SalesOrderSvc,Ice.BO.UD01Svc"
SETS = ["Erp.BO.CustomerSvc/Customers", "Erp.BO.PartTranSvc/PartTrans", "Ice.BO.UD01Svc/UD01s"]
COMPANY = "EPIC06"


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with sandbox("--company", COMPANY, "--top-maximum", "1000000") as running:
        yield running


@pytest.fixture(scope="module")
def between(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with proxy(tmp_path_factory.mktemp("proxy")) as running:
        yield running


@pytest.fixture(scope="module")
def catalogs(server: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("catalogs")
    return {
        version: choose(discover(folder, server.config(version, service=SERVICES, company=COMPANY)), *STREAMS)
        for version in ("v1", "v2")
    }


def hurried(folder: Path, files: Mapping[str, Any], *options: str) -> tuple[int, bytes, str]:
    """Run the tap in a hurry, and return its exit code, output and log."""
    for name, content in files.items():
        if content is not None:
            (folder / f"{name}.json").write_text(json.dumps(content))
            options = (*options, f"--{name}", str(folder / f"{name}.json"))
    command = [sys.executable, "-m", "tests.faults.proxy.hurried", *options]
    done = subprocess.run(command, capture_output=True, check=False, cwd=ROOT, timeout=LONGEST)
    return done.returncode, done.stdout, done.stderr.decode()


def run_of_the_tap(folder: Path, run: Run, files: Mapping[str, Any]) -> Run:
    """Run the tap from the state that a run ended with, and return that run with what came on top."""
    code, output, log = hurried(folder, {**files, "state": run.state})
    again = Run(code, log, rows=run.rows, state=run.state)
    read_messages(output.splitlines(), again)
    return again


def ends_with_a_sentence(log: str) -> bool:
    return bool(re.search(r"\w[\w ,:'`]{20,}.*\.$", log.strip().rpartition("\n")[2]))


def violation(run: Run, server: Sandbox) -> str:
    """Return what is wrong with the end of a run; nothing if it is complete, or failed as it may."""
    if "Traceback" in run.log:
        return "it ended with a traceback"
    if run.code == 0:
        return "\n".join(differences(server.database, {name: run.rows[name] for name in STREAMS}, [COMPANY])[:5])
    return "" if ends_with_a_sentence(run.log) else "it failed without a sentence"


def seeded_run(seed: int, folder: Path, server: Sandbox, between: Proxy, catalogs: dict[str, dict[str, Any]]) -> str:
    """Run the tap with the faults of a seed, and then without.

    Returns:
        "complete" or "failed", followed by what is wrong, if anything.
    """
    rng = random.Random(seed)
    version = rng.choice(["v1", "v2"])
    scheme = rng.choice(["Basic", "EpicorToken"])
    share = rng.choice([0.02, 0.05, 0.1, 0.3])
    config = server.config(
        version,
        service=SERVICES,
        company=COMPANY,
        auth_scheme=scheme,
        page_size=rng.choice([40, 150]),
        timeout=0.6,
        proxy_url=between.url,
    )
    files = {"config": config, "catalog": catalogs[version]}
    between.order(seed, share)
    run = run_of_the_tap(folder, Run(0, ""), files)
    injected = between.order()["injected"]
    end = "complete" if run.code == 0 else "failed"
    wrong = violation(run, server)
    if not wrong:
        if run.code == 0:
            # What the bookmark says is shown by changes that come after it.
            server.change(inserts=5, updates=20, deletes=0, seed=seed, sets=SETS)
        log = run.log
        run = run_of_the_tap(folder, run, files)
        wrong = f"then {run.code}: " * (run.code != 0) + violation(run, server)
        wrong = wrong or f"then it failed: {run.log}" * (run.code != 0)
        run.log = f"{log}\n{run.log}"
    if not wrong:
        return end
    faults = "\n  ".join(injected)
    return (
        f"{end}, but: seed {seed}, {version}, {scheme}, share {share}: {wrong}\n{run.log[-4000:]}\nFaults:\n  {faults}"
    )


def test_whatever_the_network_does_a_run_is_complete_or_says_why_not_and_the_next_one_is_complete(
    tmp_path: Path, server: Sandbox, between: Proxy, catalogs: dict[str, dict[str, Any]], capsys: Any
) -> None:
    started = time.monotonic()
    ends: Counter[str] = Counter()
    violations = []
    for seed in range(SEED, SEED + RUNS):
        folder = tmp_path / str(seed)
        folder.mkdir()
        end = seeded_run(seed, folder, server, between, catalogs)
        ends[end.partition(",")[0]] += 1
        if end not in {"complete", "failed"}:
            violations.append(end)
    with capsys.disabled():
        seconds = time.monotonic() - started
        print(f"\nseeds {SEED} to {SEED + RUNS - 1}: {dict(ends)}, {len(violations)} violated, {seconds:.0f} s")
    assert not violations, "\n\n".join(violations)
    assert ends["complete"]


def test_whatever_the_network_does_a_catalog_is_whole_or_it_is_said_what_is_missing(
    tmp_path: Path, server: Sandbox, between: Proxy, catalogs: dict[str, dict[str, Any]]
) -> None:
    known = {entry["tap_stream_id"]: entry["schema"] for entry in catalogs["v2"]["streams"]}
    config = server.config(service=SERVICES, company=COMPANY, timeout=0.6, proxy_url=between.url)
    for seed in range(SEED, SEED + RUNS // 6):
        between.order(seed, share=0.4)
        code, output, log = hurried(tmp_path, {"config": config}, "--discover")
        assert "Traceback" not in log
        if code:
            assert ends_with_a_sentence(log), f"seed {seed}: {log}"
            continue
        found = {entry["tap_stream_id"]: entry["schema"] for entry in json.loads(output)["streams"]}
        missing = [service for service in SERVICES.split(",") if f"{service} is left out: " in log]
        assert found == {
            name: schema
            for name, schema in known.items()
            if not any(name.startswith(stream_of(service, "")) for service in missing)
        }, f"seed {seed}: {log}"
