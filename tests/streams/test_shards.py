"""A load that several runs share: together they bring every row, and one state is made of theirs."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tap_epicor.stream_settings import StreamSettings
from tap_epicor.streams.shards import Read, Shard, share
from tests.equality import differences
from tests.sandboxes import Sandbox, sandbox
from tests.singer import Run, choose, discover, tap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TRANSACTIONS, PARTS, PLANTS = "erp_parttran_parttrans", "erp_part_parts", "erp_part_partplants"
SETS = ["Erp.BO.PartTranSvc/PartTrans", "Erp.BO.PartSvc/Parts"]


@pytest.fixture
def server() -> Iterator[Sandbox]:
    with sandbox(scale=2000) as running:
        yield running


def planned(
    folder: Path, server: Sandbox, number: int, streams: Any = None, **files: Any
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return a catalog, and the shards of a plan."""
    config = server.config(
        service="Erp.BO.PartTranSvc,Erp.BO.PartSvc",
        page_size=100,
        overlap=0,
        overlap_minutes=0,
        streams=streams or {},
    )
    catalog = choose(discover(folder, config), TRANSACTIONS, PARTS, PLANTS)
    done = command(
        folder, config, "plan", "--shards", str(number), "--into", str(folder / "shards"), catalog=catalog, **files
    )
    assert done.returncode == 0, done.stderr
    return catalog, [
        json.loads((folder / "shards" / f"shard-{place}.json").read_text()) for place in range(1, number + 1)
    ]


def command(folder: Path, config: Any, name: str, *options: str, **files: Any) -> subprocess.CompletedProcess[str]:
    for key, content in {"config": config, **files}.items():
        (folder / f"{key}.json").write_text(json.dumps(content))
        options = (*options, f"--{key}", str(folder / f"{key}.json"))
    return subprocess.run(
        [sys.executable, "-m", "tap_epicor", name, *options], capture_output=True, text=True, check=False
    )


def read(folder: Path, catalog: Any, place: int, **files: Any) -> Run:
    """Read a shard."""
    config = json.loads((folder / "config.json").read_text())
    shard = str(folder / "shards" / f"shard-{place}.json")
    return tap(folder, config, "--shard", shard, catalog=catalog, **files)


def merge(folder: Path, *states: Any) -> subprocess.CompletedProcess[str]:
    names = []
    for place, state in enumerate(states):
        names.append(str(folder / f"state-{place}.json"))
        (folder / f"state-{place}.json").write_text(json.dumps(state))
    options = ["merge-states", "--plan", str(folder / "shards" / "plan.json"), *names]
    return subprocess.run([sys.executable, "-m", "tap_epicor", *options], capture_output=True, text=True, check=False)


def all_rows(*runs: Run) -> dict[str, list[dict[str, Any]]]:
    return {name: [row for run in runs for row in run.rows[name]] for name in (TRANSACTIONS, PARTS, PLANTS)}


def test_the_shards_of_a_load_bring_every_row_and_the_next_run_what_was_written_meanwhile(
    server: Sandbox, tmp_path: Path
) -> None:
    catalog, shards = planned(tmp_path, server, 3)
    assert any(one.get("range") for shard in shards for one in shard["reads"])
    runs = [read(tmp_path, catalog, 1)]
    server.change(inserts=20, updates=40, deletes=0, seed=4, sets=SETS)
    runs += [read(tmp_path, catalog, place) for place in (2, 3)]
    assert [run.code for run in runs] == [0, 0, 0], runs[0].log
    done = merge(tmp_path, *(run.state for run in runs))
    assert done.returncode == 0, done.stderr
    config = json.loads((tmp_path / "config.json").read_text())
    after = tap(tmp_path, config, catalog=catalog, state=json.loads(done.stdout))
    assert after.code == 0, after.log
    assert differences(server.database, all_rows(*runs, after), ["EPIC06", "EPIC07"]) == []
    assert len(after.rows[TRANSACTIONS]) + len(after.rows[PARTS]) < 200


def test_shards_are_about_the_same_work(server: Sandbox, tmp_path: Path) -> None:
    _, shards = planned(tmp_path, server, 4)
    work = [sum(one["rows"] for one in shard["reads"]) for shard in shards]
    assert max(work) < 1.4 * sum(work) / len(work)


def test_a_shard_goes_on_where_it_was_interrupted_and_may_be_read_again(server: Sandbox, tmp_path: Path) -> None:
    catalog, _ = planned(tmp_path, server, 2)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "max_connections": 1}))
    whole = read(tmp_path, catalog, 1)
    half = json.loads(json.dumps(whole.state))
    again = read(tmp_path, catalog, 1, state=half)
    assert again.code == 0
    assert again.count() < whole.count()
    done = merge(tmp_path, again.state, read(tmp_path, catalog, 2).state)
    assert done.returncode == 0, done.stderr


def test_a_range_that_was_read_is_not_read_beyond_the_bookmark_of_the_others(server: Sandbox, tmp_path: Path) -> None:
    catalog, _ = planned(tmp_path, server, 2)
    first = read(tmp_path, catalog, 1)
    second = read(tmp_path, catalog, 2)
    server.change(inserts=30, updates=300, deletes=0, seed=5, sets=SETS)
    again = read(tmp_path, catalog, 1, state=first.state)
    assert again.code == 0, again.log
    server.change(inserts=3, updates=3, deletes=0, seed=6, sets=SETS)
    config = json.loads((tmp_path / "config.json").read_text())
    for states in ((first, second), (again, second), (second, again)):
        done = merge(tmp_path, *(run.state for run in states))
        assert done.returncode == 0, done.stderr
        after = tap(tmp_path, config, catalog=catalog, state=json.loads(done.stdout))
        assert differences(server.database, all_rows(first, second, again, after), ["EPIC06", "EPIC07"]) == []


def test_a_stream_of_which_a_shard_is_lacking_keeps_its_bookmark_and_is_named(server: Sandbox, tmp_path: Path) -> None:
    catalog, shards = planned(tmp_path, server, 3)
    lacking = {(one["stream"], one["company"]) for one in shards[2]["reads"]}
    done = merge(tmp_path, *(read(tmp_path, catalog, place).state for place in (1, 2)))
    assert done.returncode == 1
    for stream, company in lacking:
        assert f"{stream} ({company}) is not done: shard 3." in done.stderr
    bookmarks = json.loads(done.stdout)["bookmarks"]
    kept = {(name, one["context"]["Company"]) for name, of in bookmarks.items() for one in of["partitions"]}
    assert kept.isdisjoint(lacking)
    assert kept


def test_the_state_of_one_shard_is_of_no_use_to_a_whole_run(server: Sandbox, tmp_path: Path) -> None:
    catalog, shards = planned(tmp_path, server, 3)
    part = next(place for place, one in enumerate(shards, start=1) if any(read.get("range") for read in one["reads"]))
    state = read(tmp_path, catalog, part).state
    config = json.loads((tmp_path / "config.json").read_text())
    whole = tap(tmp_path, config, catalog=catalog, state=state)
    assert "everything is read again" in whole.log
    assert differences(server.database, all_rows(whole), ["EPIC06", "EPIC07"]) == []


def test_changes_are_shared_out_with_their_bookmarks(server: Sandbox, tmp_path: Path) -> None:
    catalog, _ = planned(tmp_path, server, 1)
    config = json.loads((tmp_path / "config.json").read_text())
    first = tap(tmp_path, config, catalog=catalog)
    server.change(inserts=5, updates=10, deletes=0, seed=4, sets=SETS)
    planned(tmp_path, server, 2, state=first.state)
    runs = [read(tmp_path, catalog, place) for place in (1, 2)]
    assert sum(len(run.rows[TRANSACTIONS]) for run in runs) < 40
    done = merge(tmp_path, *(run.state for run in runs))
    assert done.returncode == 0, done.stderr
    assert differences(server.database, all_rows(first, *runs), ["EPIC06", "EPIC07"]) == []
    again = tap(tmp_path, config, catalog=catalog, state=json.loads(done.stdout))
    assert again.rows[TRANSACTIONS] == again.rows[PARTS] == []


@pytest.mark.parametrize(("content", "said"), [(None, "can't be read: No such file"), ("{}", "is none that")])
def test_a_file_that_is_no_shard_is_told(server: Sandbox, tmp_path: Path, content: str | None, said: str) -> None:
    if content:
        (tmp_path / "shard.json").write_text(content)
    run = tap(tmp_path, server.config(service="Erp.BO.PlantSvc"), "--shard", str(tmp_path / "shard.json"))
    assert run.code == 1
    assert said in run.log
    assert "Traceback" not in run.log


def test_a_plan_tells_how_each_stream_would_be_read_before_it_is(server: Sandbox, tmp_path: Path) -> None:
    config = server.config(service="Erp.BO.PartTranSvc", company="EPIC06", page_size=100)
    server.requests()
    done = command(tmp_path, config, "plan", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    (one,) = told["reads"]
    assert one["rows"] == 1600
    assert one["pages"] == 16
    assert one["way"].startswith("everything, by key (Company")
    assert told["page"]["rows"] == 100
    asked = [request for request in server.requests() if "PartTrans" in request["path"]]
    assert len(asked) < 8


def test_a_shard_reads_its_share_and_not_everything_again_in_between() -> None:
    shard = Shard("plan", 1, 2, [Read(PARTS, "EPIC06", 10)])
    assert share(shard, PARTS, "EPIC06", StreamSettings(full_every=1), {}).settings.full_every is None


def test_a_load_in_shards_counts_as_the_read_of_everything_that_full_every_wants(
    server: Sandbox, tmp_path: Path
) -> None:
    full_every = {TRANSACTIONS: {"full_every": 7}, PARTS: {"full_every": 7, "filter": "PartNum ne 'X'"}}
    catalog, _ = planned(tmp_path, server, 2, full_every)
    done = merge(tmp_path, *(read(tmp_path, catalog, place).state for place in (1, 2)))
    assert done.returncode == 0, done.stderr
    config = json.loads((tmp_path / "config.json").read_text())
    after = tap(tmp_path, config, catalog=catalog, state=json.loads(done.stdout))
    assert after.rows[TRANSACTIONS] == after.rows[PARTS] == []


def test_shards_read_everything_again_where_full_every_wants_it(server: Sandbox, tmp_path: Path) -> None:
    catalog, _ = planned(tmp_path, server, 1)
    before = whole_state(tmp_path, catalog)
    planned(tmp_path, server, 2, {"*": {"full_every": 7}}, state=before)
    runs = [read(tmp_path, catalog, place) for place in (1, 2)]
    assert differences(server.database, all_rows(*runs), ["EPIC06", "EPIC07"]) == []


def whole_state(folder: Path, catalog: Any) -> dict[str, Any]:
    """Return the state after a run that was not shared out."""
    run = tap(folder, json.loads((folder / "config.json").read_text()), catalog=catalog)
    assert run.code == 0, run.log
    assert run.state
    return run.state


def test_a_range_that_is_read_again_does_not_move_the_bookmark_beyond_that_of_the_others(
    server: Sandbox, tmp_path: Path
) -> None:
    catalog, shards = planned(tmp_path, server, 3)
    ranged = [place for place, one in enumerate(shards, 1) if any(read.get("range") for read in one["reads"])]
    runs = [read(tmp_path, catalog, place) for place in (1, 2, 3)]
    server.change(inserts=20, updates=40, deletes=0, seed=4, sets=SETS)
    state = json.loads(json.dumps(runs[ranged[0] - 1].state))
    for bookmark in state["bookmarks"].values():
        for part in bookmark["partitions"]:
            del part["shard"]  # as if it had been killed before it could say that it is done
    again = read(tmp_path, catalog, ranged[0], state=state)
    assert again.code == 0, again.log
    runs[ranged[0] - 1].state = again.state
    done = merge(tmp_path, *(run.state for run in runs))
    assert done.returncode == 0, done.stderr
    config = json.loads((tmp_path / "config.json").read_text())
    after = tap(tmp_path, config, catalog=catalog, state=json.loads(done.stdout))
    assert differences(server.database, all_rows(*runs, again, after), ["EPIC06", "EPIC07"]) == []


def test_a_shard_that_is_done_is_not_read_again(server: Sandbox, tmp_path: Path) -> None:
    catalog, _ = planned(tmp_path, server, 2)
    first = read(tmp_path, catalog, 1)
    server.requests()
    again = read(tmp_path, catalog, 1, state=first.state)
    assert again.code == 0, again.log
    assert again.count() == 0
    assert again.state == first.state
    assert not [request for request in server.requests() if "PartTran" in request["path"]]


def test_changes_of_which_a_shard_is_lacking_are_read_from_the_bookmark_of_before(
    server: Sandbox, tmp_path: Path
) -> None:
    catalog, _ = planned(tmp_path, server, 1)
    before = whole_state(tmp_path, catalog)
    server.change(inserts=5, updates=10, deletes=0, seed=4, sets=SETS)
    planned(tmp_path, server, 2, state=before)
    done = merge(tmp_path, read(tmp_path, catalog, 1).state)
    assert done.returncode == 1
    config = json.loads((tmp_path / "config.json").read_text())
    after = tap(tmp_path, config, catalog=catalog, state=json.loads(done.stdout))
    assert after.code == 0, after.log
    assert 0 < len(after.rows[TRANSACTIONS]) + len(after.rows[PARTS]) < 100


def test_a_stream_that_is_not_in_the_plan_keeps_its_bookmark(server: Sandbox, tmp_path: Path) -> None:
    catalog, _ = planned(tmp_path, server, 1)
    before = whole_state(tmp_path, catalog)
    config = json.loads((tmp_path / "config.json").read_text())
    command(tmp_path, config, "plan", "--into", str(tmp_path / "shards"), catalog=choose(catalog, PARTS), state=before)
    state = read(tmp_path, catalog, 1).state
    merged = json.loads(merge(tmp_path, state).stdout)
    assert merged["bookmarks"][TRANSACTIONS] == before["bookmarks"][TRANSACTIONS]


def test_the_state_may_be_the_one_that_meltano_keeps(server: Sandbox, tmp_path: Path) -> None:
    catalog, _ = planned(tmp_path, server, 1)
    before = whole_state(tmp_path, catalog)
    _, shards = planned(tmp_path, server, 1, state={"singer_state": before})
    assert all(one["bookmark"] for one in shards[0]["reads"] if one["stream"] != PLANTS)


def test_what_is_left_of_a_load_that_was_interrupted_is_shared_out(server: Sandbox, tmp_path: Path) -> None:
    catalog, _ = planned(tmp_path, server, 1)
    config = json.loads((tmp_path / "config.json").read_text())
    server.fault(path="PartTranSvc/PartTrans", status=403, body="no", skip=14, times=1000)
    first = tap(tmp_path, config, catalog=choose(catalog, TRANSACTIONS))
    assert first.code == 1
    assert "resume" in first.bookmark(TRANSACTIONS)
    requests.delete(f"{server.admin}/faults", timeout=10).raise_for_status()
    server.change(inserts=20, updates=40, deletes=0, seed=4, sets=SETS)
    catalog, shards = planned(tmp_path, server, 3, state=first.state)
    left = [one for shard in shards for one in shard["reads"] if one["stream"] == TRANSACTIONS and "range" in one]
    assert len({one["high"] for one in left if one["company"] == "EPIC06"}) == 1
    assert 1 < len(left) <= sum(one["rows"] for one in left) / 100 < 13
    runs = [read(tmp_path, catalog, place) for place in (1, 2, 3)]
    done = merge(tmp_path, *(run.state for run in runs))
    assert done.returncode == 0, done.stderr
    after = tap(tmp_path, config, catalog=catalog, state=json.loads(done.stdout))
    copies = {TRANSACTIONS: [row for run in (first, *runs, after) for row in run.rows[TRANSACTIONS]]}
    assert differences(server.database, copies, ["EPIC06", "EPIC07"]) == []
    assert len(copies[TRANSACTIONS]) < 2600


def test_no_range_is_shorter_than_a_page(server: Sandbox, tmp_path: Path) -> None:
    config = server.config(service="Erp.BO.PartTranSvc", company="EPIC06", page_size=500)
    done = command(tmp_path, config, "plan", "--shards", "1000")
    assert done.returncode == 0, done.stderr
    ranges = [one for shard in json.loads(done.stdout)["shards"] for one in shard["reads"] if one.get("range")]
    assert len(ranges) == 3


def test_a_stream_that_can_not_be_asked_about_is_in_a_shard_and_keeps_no_other_from_being_read(
    server: Sandbox, tmp_path: Path
) -> None:
    catalog, _ = planned(tmp_path, server, 1)
    server.switch(denied="Erp.BO.PartTranSvc")
    _, (shard,) = planned(tmp_path, server, 1)
    assert {one["stream"] for one in shard["reads"]} == {TRANSACTIONS, PARTS, PLANTS}
    run = read(tmp_path, catalog, 1)
    assert run.code == 1
    assert run.rows[PARTS]
    done = merge(tmp_path, run.state)
    assert done.returncode == 1
    assert f"{TRANSACTIONS} (EPIC06) is not done: shard 1." in done.stderr


def test_a_plan_leaves_no_shard_of_the_plan_before(server: Sandbox, tmp_path: Path) -> None:
    planned(tmp_path, server, 4)
    planned(tmp_path, server, 2)
    names = {path.name for path in (tmp_path / "shards").iterdir()}
    assert names == {"plan.json", "shard-1.json", "shard-2.json"}


def test_a_stream_of_a_shard_that_is_not_in_the_catalog_any_more_is_told(server: Sandbox, tmp_path: Path) -> None:
    catalog, _ = planned(tmp_path, server, 1)
    run = read(tmp_path, choose(catalog, PARTS, PLANTS), 1)
    assert run.code == 1
    assert f"The shard reads {TRANSACTIONS}, which is not selected: plan again." in run.log


@pytest.fixture
def plan_file(tmp_path: Path) -> Path:
    read = {"stream": "a", "company": "", "rows": 1}
    shard = {"plan": "p", "shard": 1, "of": 1, "reads": [read]}
    (tmp_path / "plan.json").write_text(json.dumps({"plan": "p", "shards": [shard], "before": {"bookmarks": {}}}))
    return tmp_path / "plan.json"


def merge_into(plan_file: Path, state: str) -> subprocess.CompletedProcess[str]:
    given = plan_file.with_name("shard-1-state.json")
    given.write_text(state)
    options = ["merge-states", "--plan", str(plan_file), "--into", str(plan_file.with_name("state.json")), str(given)]
    return subprocess.run([sys.executable, "-m", "tap_epicor", *options], capture_output=True, text=True, check=False)


def test_a_merge_that_fails_leaves_the_file_of_before(plan_file: Path) -> None:
    before = plan_file.with_name("state.json")
    before.write_text("before")
    done = merge_into(plan_file, '{"bookmarks"')
    assert done.returncode == 1
    assert "shard-1-state.json` is not JSON" in done.stderr
    assert "`--state`" not in done.stderr
    assert before.read_text() == "before"


def test_an_empty_state_is_that_of_a_shard_that_never_told_one(plan_file: Path) -> None:
    done = merge_into(plan_file, "")
    assert done.returncode == 1
    assert done.stderr == "a is not done: shard 1.\n"


def test_a_merge_writes_one_file(plan_file: Path) -> None:
    partition = {"context": {"Company": ""}, "shard": "shard 1 of 1, p", "filter": "x eq 1 & shard 1 of 1, p"}
    done = merge_into(plan_file, json.dumps({"bookmarks": {"a": {"partitions": [partition]}}}))
    assert done.returncode == 0, done.stderr
    state = json.loads(plan_file.with_name("state.json").read_text())
    assert state == {"bookmarks": {"a": {"partitions": [{"context": {"Company": ""}, "filter": "x eq 1"}]}}}
    assert len(list(plan_file.parent.iterdir())) == 3
