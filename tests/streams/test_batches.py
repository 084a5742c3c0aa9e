"""BATCH messages: their files hold the rows that RECORD messages would hold, and no bookmark runs ahead of them."""

from __future__ import annotations

import gzip
import io
import json
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

import fsspec
import pyarrow.parquet as pq
import pytest
from singer_sdk.sinks import BatchSink
from singer_sdk.target_base import Target

from tap_epicor.tap import EpicorTap
from tests.sandboxes import Sandbox, sandbox
from tests.singer import Run, choose, discover, read_messages, tap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

CUSTOMERS = "erp_customer_customers"
PARTS = "erp_part_parts"
TRANSACTIONS = "erp_parttran_parttrans"
JSONL = {"format": "jsonl", "compression": "gzip"}
ENCODINGS = pytest.mark.parametrize("encoding", [{"format": "jsonl"}, {"format": "parquet"}], ids=["jsonl", "parquet"])
Rows = dict[str, list[dict[str, Any]]]


class Collected(BatchSink):
    """What the Singer SDK hands to a loader."""

    rows: ClassVar[Rows] = {}

    def process_batch(self, context: dict[str, Any]) -> None:
        self.rows.setdefault(self.stream_name, []).extend(context["records"])


class Loader(Target):
    """A loader as the Singer SDK has it: it reads batch files its own way."""

    name = "target-collecting"
    config_jsonschema: ClassVar[dict[str, Any]] = {"properties": {}}
    default_sink_class = Collected


def loaded(lines: Sequence[bytes]) -> Rows:
    """Return the rows of the files that BATCH messages tell of, as a loader reads them."""
    Collected.rows.clear()
    Loader(config={"add_record_metadata": False}).listen(io.StringIO(b"\n".join(lines).decode() + "\n"))
    return {name: list(rows) for name, rows in Collected.rows.items()}


def run(folder: Path, config: Mapping[str, Any], **files: Any) -> tuple[Run, list[bytes]]:
    """Run the tap; return what it wrote, and the lines of it."""
    options = []
    for name, content in {"config": config, **files}.items():
        if content is not None:
            (folder / f"{name}.json").write_text(json.dumps(content))
            options += [f"--{name}", str(folder / f"{name}.json")]
    command = [sys.executable, "-m", "tap_epicor", *options]
    done = subprocess.run(command, capture_output=True, check=False, timeout=120)
    lines = done.stdout.splitlines()
    told = Run(done.returncode, done.stderr.decode())
    read_messages(lines, told)
    return told, lines


def batch(folder: Path, encoding: Mapping[str, Any] = JSONL, **more: Any) -> dict[str, Any]:
    return {"encoding": dict(encoding), "storage": {"root": str(folder / "files"), "prefix": "epicor-"}, **more}


def messages(lines: Sequence[bytes], kind: str = "BATCH") -> list[dict[str, Any]]:
    return [message for message in map(json.loads, lines) if message["type"] == kind]


def same(batches: Rows, records: Rows) -> None:
    """Check that both have the same rows and columns; which of several ranges comes first may differ."""
    assert batches.keys() == records.keys()
    for name, rows in records.items():
        assert sorted(batches[name], key=by_text) == sorted(rows, key=by_text), name


def by_text(row: Mapping[str, Any]) -> str:
    return str(sorted((name, value) for name, value in row.items() if isinstance(value, str)))


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_files_hold_what_records_hold_in_a_first_run_and_in_the_next(tmp_path: Path, version: str) -> None:
    """With v1, rows are repaired; with v2, they go out by their text; the BAQ's get a column."""
    encodings: list[dict[str, str] | None] = [None, JSONL, {"format": "parquet", "compression": "gzip"}]
    with sandbox(*(("--decimals", "string") if version == "v1" else ()), scale=60) as kinetic:
        settings = {"service": "Erp.BO.PartSvc,Erp.BO.SalesOrderSvc", "baqs": "zCustomer01"}
        config = kinetic.config(version, page_size=40, overlap=0, overlap_minutes=0, **settings)
        catalog = discover(tmp_path, config)
        first = [run(tmp_path, written(config, tmp_path, encoding), catalog=catalog) for encoding in encodings]
        all_same(first)
        assert first[0][0].count() > 200
        kinetic.change(inserts=9, updates=15, deletes=0, seed=3, sets=["Erp.BO.PartSvc/Parts"])
        second = [
            run(tmp_path, written(config, tmp_path, encoding), catalog=catalog, state=done.state)
            for encoding, (done, _) in zip(encodings, first, strict=True)
        ]
        all_same(second)
        assert len(second[0][0].rows[PARTS]) > 9


def written(config: Mapping[str, Any], folder: Path, encoding: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a configuration that writes files so encoded; None for RECORD messages."""
    return {**config, "batch_config": batch(folder, encoding)} if encoding else dict(config)


def all_same(runs: Sequence[tuple[Run, list[bytes]]]) -> None:
    """Check that runs that wrote files wrote the rows that the first one wrote as RECORD messages."""
    (records, _), *others = runs
    for batches, lines in others:
        assert batches.code == 0, batches.log
        assert batches.rows == {}
        same(loaded(lines), records.rows)
        assert positions(batches) == positions(records)


def positions(done: Run) -> dict[tuple[str, str], Any]:
    """Return where each stream stands in each company."""
    assert done.state
    return {
        (name, one["context"]["Company"]): one.get("replication_key_value")
        for name, bookmark in done.state["bookmarks"].items()
        for one in bookmark["partitions"]
    }


@ENCODINGS
def test_deselected_columns_are_in_no_file(kinetic: Sandbox, tmp_path: Path, encoding: dict[str, str]) -> None:
    config = kinetic.config(service="Erp.BO.PartSvc", batch_config=batch(tmp_path, encoding))
    catalog = choose(discover(tmp_path, config), PARTS)
    (entry,) = [one for one in catalog["streams"] if one["tap_stream_id"] == PARTS]
    columns = [item for item in entry["metadata"] if item["breadcrumb"]]
    for item in columns[5:]:
        item["metadata"]["selected"] = False
    _, lines = run(tmp_path, config, catalog=catalog)
    rows = loaded(lines)[PARTS]
    kept = [item for item in columns if item["metadata"]["inclusion"] == "automatic" or item in columns[:5]]
    assert {frozenset(row) for row in rows} == {frozenset(item["breadcrumb"][1] for item in kept)}


@ENCODINGS
def test_files_hold_what_stream_maps_make_of_rows(kinetic: Sandbox, tmp_path: Path, encoding: dict[str, str]) -> None:
    maps: dict[str, dict[str, Any]] = {
        PARTS: {"PartDescription": "PartDescription.upper()", "__filter__": "PartNum > 'M'", "IUM": None},
        "numbers": {"__source__": PARTS, "Number": "PartNum + '!'", "PartNum": "PartNum", "__else__": None},
    }
    maps["numbers"]["__key_properties__"] = ["PartNum"]
    config = kinetic.config(service="Erp.BO.PartSvc", stream_maps=maps, page_size=50)
    catalog = choose(discover(tmp_path, config), PARTS)
    records = tap(tmp_path, config, catalog=catalog)
    assert 0 < len(records.rows[PARTS]) < len(records.rows["numbers"])
    done, lines = run(tmp_path, {**config, "batch_config": batch(tmp_path, encoding)}, catalog=catalog)
    assert done.rows == {}
    same(loaded(lines), records.rows)
    summary = json.loads(done.log.rpartition("SUMMARY: ")[2].splitlines()[0])
    written = sum(one["written"] for one in summary["streams"])
    assert written == records.count()


def test_flattening_is_heeded(kinetic: Sandbox, tmp_path: Path) -> None:
    config = kinetic.config(service="Erp.BO.PartSvc", flattening_enabled=True, flattening_max_depth=2)
    catalog = choose(discover(tmp_path, config), PARTS)
    records = tap(tmp_path, config, catalog=catalog)
    _, lines = run(tmp_path, {**config, "batch_config": batch(tmp_path)}, catalog=catalog)
    same(loaded(lines), records.rows)


def test_no_state_tells_of_rows_of_which_no_batch_has_told(kinetic: Sandbox, tmp_path: Path) -> None:
    config = kinetic.config(service="Erp.BO.CustomerSvc", page_size=5, batch_config=batch(tmp_path))
    _, lines = run(tmp_path, config, catalog=choose(discover(tmp_path, config), CUSTOMERS))
    keys = key_set(loaded(lines))
    told: set[tuple[str, int]] = set()
    under_way = 0
    for line in lines:
        message = json.loads(line)
        if message["type"] == "BATCH":
            told |= key_set(loaded([*schema_of(lines), line]))
        elif message["type"] == "STATE" and message["value"]:
            for one in message["value"]["bookmarks"][CUSTOMERS]["partitions"]:
                under_way += "resume" in one
                assert covered(one, keys) <= told
    assert under_way > 3
    assert told == keys


def key_set(rows: Rows) -> set[tuple[str, int]]:
    return {(row["Company"], row["CustNum"]) for row in rows[CUSTOMERS]}


def covered(bookmark: Mapping[str, Any], keys: set[tuple[str, int]]) -> set[tuple[str, int]]:
    """Return the keys of the rows that no next run would read, as far as a bookmark tells."""
    of_company = {key for key in keys if key[0] == bookmark["context"]["Company"]}
    if "resume" not in bookmark:
        return of_company if "replication_key_value" in bookmark else set()
    for after, upto in bookmark["resume"]["ranges"]:
        of_company -= {
            key for key in of_company if (not after or key > tuple(after)) and (not upto or key <= tuple(upto))
        }
    return of_company


def schema_of(lines: Sequence[bytes]) -> list[bytes]:
    return [line for line in lines if json.loads(line)["type"] == "SCHEMA"]


def test_a_file_holds_no_more_than_batch_size_rows(kinetic: Sandbox, tmp_path: Path) -> None:
    config = kinetic.config(
        service="Erp.BO.PartTranSvc", company="EPIC06", page_size=30, batch_config=batch(tmp_path, batch_size=7)
    )
    _, lines = run(tmp_path, config, catalog=choose(discover(tmp_path, config), TRANSACTIONS))
    files = [Path(urlsplit(one).path) for message in messages(lines) for one in message["manifest"]]
    sizes = [len(gzip.decompress(file.read_bytes()).splitlines()) for file in files]
    assert sizes[:5] == [7, 7, 7, 7, 2]
    assert sorted(file.name for file in files) == sorted(file.name for file in (tmp_path / "files").iterdir())
    assert all(file.name.startswith(f"epicor-tap-epicor--{TRANSACTIONS}-") for file in files)


def test_rows_that_are_gone_are_told_by_records_and_those_in_files_are_not_gone(tmp_path: Path) -> None:
    with sandbox() as kinetic:
        config = kinetic.config(
            service="Erp.BO.PartTranSvc",
            key_store=str(tmp_path / "keys"),
            streams={TRANSACTIONS: {"deletes": "sweep"}},
            batch_config=batch(tmp_path, {"format": "parquet"}),
        )
        first, lines = run(tmp_path, config)
        rows = loaded(lines)[TRANSACTIONS]
        assert {row["_sdc_deleted_at"] for row in rows} == {None}
        kinetic.change(deletes=4, seed=7, sets=["Erp.BO.PartTranSvc/PartTrans"])
        second, _ = run(tmp_path, config, state=first.state)
        assert len(second.rows[TRANSACTIONS]) == 4
        assert all(row["_sdc_deleted_at"] for row in second.rows[TRANSACTIONS])


def test_rows_of_a_stream_that_is_replaced_carry_the_version_that_loaders_compare(
    kinetic: Sandbox, tmp_path: Path
) -> None:
    config = kinetic.config(
        service="Erp.BO.PartSvc",
        streams={"*": {"replication_key": ""}},
        emit_activate_version_messages=True,
        batch_config=batch(tmp_path, {"format": "parquet"}),
    )
    done, lines = run(tmp_path, config, catalog=choose(discover(tmp_path, config), PARTS))
    (activated,) = messages(lines, "ACTIVATE_VERSION")
    rows = loaded([line for line in lines if json.loads(line)["type"] != "ACTIVATE_VERSION"])[PARTS]
    assert {row["_sdc_table_version"] for row in rows} == {activated["version"]}
    assert {message["version"] for message in messages(lines)} == {activated["version"]}
    assert done.kinds.index("ACTIVATE_VERSION") > max(at for at, kind in enumerate(done.kinds) if kind == "BATCH")


@ENCODINGS
def test_files_may_lie_at_any_address_that_fsspec_knows(
    kinetic: Sandbox, capsysbinary: pytest.CaptureFixture[bytes], encoding: dict[str, str]
) -> None:
    storage = {"root": "memory://bucket/epicor"}
    config = kinetic.config(service="Erp.BO.PartSvc", batch_config={"encoding": encoding, "storage": storage})
    config["company"] = "EPIC06"
    EpicorTap(config=config, catalog=choose(EpicorTap(config=config).catalog_dict, PARTS)).sync_all()
    (uri,) = messages(capsysbinary.readouterr().out.splitlines())[0]["manifest"]
    assert uri.startswith("memory://bucket/epicor/tap-epicor--erp_part_parts-")
    with fsspec.open(uri, "rb") as file:
        content = file.read()
    if encoding["format"] == "parquet":
        assert pq.read_table(io.BytesIO(content)).num_rows > 20
    else:
        assert len(content.splitlines()) > 20


def test_whoever_is_killed_has_told_of_whole_files_alone_and_goes_on_behind_them(
    kinetic: Sandbox, tmp_path: Path
) -> None:
    config = kinetic.config(service="Erp.BO.PartTranSvc", company="EPIC06", page_size=5, batch_config=batch(tmp_path))
    catalog = choose(discover(tmp_path, config), TRANSACTIONS)
    whole, lines = run(tmp_path, config, catalog=catalog)
    expected = loaded(lines)[TRANSACTIONS]
    (tmp_path / "catalog.json").write_text(json.dumps(catalog))
    command = [sys.executable, "-m", "tap_epicor", "--config", "config.json", "--catalog", "catalog.json"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout
        cut: list[bytes] = []
        while sum(b'"BATCH"' in line for line in cut) < 4:
            cut.append(process.stdout.readline().strip())
        process.kill()
        cut += [line.strip() for line in process.stdout if line.endswith(b"\n")]
    assert process.returncode == -signal.SIGKILL
    state = messages(cut, "STATE")[-1]["value"]
    rest, after = run(tmp_path, config, catalog=catalog, state=state)
    assert rest.code == 0, rest.log
    rows = loaded(cut)[TRANSACTIONS] + loaded(after)[TRANSACTIONS]
    assert {row["SysRowID"] for row in rows} == {row["SysRowID"] for row in expected}
    assert rest.bookmark(TRANSACTIONS) is not None
    assert positions(rest) == positions(whole)


def full_disk() -> None:
    """Let no file grow: what a full disk does."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))


def no_limit() -> None:
    """Change nothing."""


@pytest.mark.parametrize(
    ("root", "limit", "said"),
    [
        ("{}/config.json/files", no_limit, "Not a directory"),
        ("{}/files", full_disk, "File too large"),
    ],
)
def test_a_file_that_can_not_be_written_ends_the_stream_with_a_sentence(
    kinetic: Sandbox, tmp_path: Path, root: str, limit: Callable[[], None], said: str
) -> None:
    config = kinetic.config(service="Erp.BO.PartSvc", company="EPIC06", batch_config=batch(tmp_path))
    config["batch_config"]["storage"]["root"] = root.format(tmp_path)
    catalog = choose(discover(tmp_path, config), PARTS)
    (tmp_path / "catalog.json").write_text(json.dumps(catalog))
    done = subprocess.run(
        [sys.executable, "-m", "tap_epicor", "--config", "config.json", "--catalog", "catalog.json"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
        preexec_fn=limit,
    )
    log = done.stderr.decode()
    assert done.returncode == 1
    assert f"a batch file in {tmp_path}" in log
    assert said in log
    assert "The bookmark stands before its rows" in log
    assert "Traceback" not in log
    assert not messages(done.stdout.splitlines())
    states = messages(done.stdout.splitlines(), "STATE")
    assert not any("resume" in one or "replication_key_value" in one for one in partitions(states))


def partitions(states: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for state in states:
        for bookmark in state["value"].get("bookmarks", {}).values():
            yield from bookmark.get("partitions", [])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"storage": {"root": "x"}}, "`batch_config` has no format: give encoding, format jsonl or parquet."),
        ({"encoding": {"format": "jsonl"}}, "`batch_config` has no place for files"),
        ({"encoding": {"format": "csv"}}, "`batch_config`, 'encoding', 'format' is \"csv\": it must be one of"),
        ({"encoding": JSONL, "storage": {"root": "nowhere://x"}}, "storage, root is at an address that can't be used"),
        ({"encoding": JSONL, "storage": {"root": "x"}, "batch_size": 0}, "'batch_size' is 0: it must be"),
        ({"encoding": JSONL, "storage": {"rooot": "x"}}, "'rooot'; did you mean 'root'?"),
        ({"encoding": JSONL, "storage": {"root": "x"}, "size": 5}, "There is no part of `batch_config` 'size'"),
    ],
)
def test_a_mistake_in_the_settings_is_told_before_the_first_request(
    tmp_path: Path, given: dict[str, Any], said: str
) -> None:
    config = {"url": "http://127.0.0.1:9/k", "service": "Erp.BO.PartSvc", "user": "u", "password": "p"}
    done = tap(tmp_path, {**config, "batch_config": given})
    assert done.code == 1
    assert said in " ".join(done.log.split())
    assert "Traceback" not in done.log
