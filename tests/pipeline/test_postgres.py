"""The main job: `meltano run tap-epicor target-postgres`, and what lies in PostgreSQL afterwards."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from tests.equality import differences, keyed_sets, stream_of
from tests.pipeline.projects import Project, project
from tests.postgres import Server, postgres
from tests.sandboxes import Sandbox, sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STATE_ID = "dev:tap-epicor-to-target-postgres"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres() as running:
        yield running


def make_project(folder: Path, server: Server, config: dict[str, Any], schema: str) -> Project:
    return project(
        folder,
        config,
        TARGET_POSTGRES_HOST=server.host,
        TARGET_POSTGRES_PORT=str(server.port),
        TARGET_POSTGRES_USER=server.user,
        TARGET_POSTGRES_PASSWORD=server.password,
        TARGET_POSTGRES_DATABASE=server.database,
        TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA=schema,
    )


def tables(server: Server, schema: str) -> dict[str, list[dict[str, Any]]]:
    """Return all rows of the copied sets, table by table."""
    copies: dict[str, list[dict[str, Any]]] = {}
    with psycopg.connect(server.url, row_factory=dict_row) as connection:
        present = {
            row["table_name"]
            for row in connection.execute(
                "select table_name from information_schema.tables where table_schema = %s",
                [schema],
            )
        }
        for service, name, _ in keyed_sets():
            stream = stream_of(service, name)
            if stream in present:
                table = sql.Identifier(schema, stream)
                copies[stream] = list(connection.execute(sql.SQL("select * from {}").format(table)))
    return copies


def same(database: Sandbox, copies: dict[str, list[dict[str, Any]]]) -> None:
    """Check that every keyed set was copied, and each row and column of it equals the sandbox's."""
    missing = {stream_of(service, name) for service, name, _ in keyed_sets()} - set(copies)
    assert missing == set()
    assert sum(len(rows) for rows in copies.values()) > 1000
    assert differences(database.database, copies) == []


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_two_companies_are_copied_and_kept_up(tmp_path: Path, server: Server, version: str) -> None:
    with sandbox(scale=300) as kinetic:
        meltano = make_project(tmp_path / "project", server, kinetic.config(version), f"epicor_{version}")
        first = meltano.run("run", "tap-epicor", "target-postgres")
        assert first.returncode == 0, first.stderr[-3000:]
        same(kinetic, tables(server, f"epicor_{version}"))
        told = kinetic.change(inserts=60, updates=200, deletes=0, seed=7)
        assert sum(told["inserted"].values()) > 0
        assert sum(told["updated"].values()) > 0
        second = meltano.run("run", "tap-epicor", "target-postgres")
        assert second.returncode == 0, second.stderr[-3000:]
        same(kinetic, tables(server, f"epicor_{version}"))


def test_batches_are_loaded_as_records_are(tmp_path: Path, server: Server) -> None:
    """Also where a stream is replaced as a whole: the loader removes what has no version, or an older one."""
    with sandbox(scale=100) as kinetic:
        files = {"encoding": {"format": "jsonl", "compression": "gzip"}, "storage": {"root": str(tmp_path / "files")}}
        config = kinetic.config(service="Erp.BO.PartSvc,Erp.BO.PartTranSvc", page_size=30, batch_config=files)
        config |= {"streams": {"*_parttrans": {"replication_key": ""}}, "emit_activate_version_messages": True}
        meltano = make_project(tmp_path / "project", server, config, "batches")
        for gone in (0, 4):
            done = meltano.run("run", "tap-epicor", "target-postgres")
            assert done.returncode == 0, done.stderr[-3000:]
            copies = tables(server, "batches")
            transactions = copies["erp_parttran_parttrans"]
            copies["erp_parttran_parttrans"] = [row for row in transactions if not row["_sdc_deleted_at"]]
            assert len(transactions) == len(copies["erp_parttran_parttrans"]) + gone
            assert differences(kinetic.database, copies) == []
            kinetic.change(inserts=3, updates=9, deletes=0, seed=1, sets=["Erp.BO.PartSvc/Parts"])
            kinetic.change(deletes=4, seed=2, sets=["Erp.BO.PartTranSvc/PartTrans"])


def test_rows_that_are_gone_are_marked_in_the_copy(tmp_path: Path, server: Server) -> None:
    with sandbox(scale=300) as kinetic:
        config = kinetic.config(service="Erp.BO.PartTranSvc", key_store=str(tmp_path / "keys"))
        config["streams"] = {"*_parttrans": {"deletes": "sweep"}}
        meltano = make_project(tmp_path / "project", server, config, "deletes")
        first = meltano.run("run", "tap-epicor", "target-postgres")
        assert first.returncode == 0, first.stderr[-3000:]
        told = kinetic.change(deletes=6, seed=7, sets=["Erp.BO.PartTranSvc/PartTrans"])
        assert told["deleted"] == {"PartTran": 6}
        second = meltano.run("run", "tap-epicor", "target-postgres")
        assert second.returncode == 0, second.stderr[-3000:]
        rows = tables(server, "deletes")
        gone = [row for copy in rows.values() for row in copy if row["_sdc_deleted_at"]]
        assert len(gone) == 6
        assert {row["SysRevID"] for row in gone} == {None}, "a loader knows no more of such a row than its key"
        live = {stream: [row for row in copy if not row["_sdc_deleted_at"]] for stream, copy in rows.items()}
        assert differences(kinetic.database, live) == []


def test_the_state_survives_meltano(tmp_path: Path, server: Server) -> None:
    with sandbox(scale=300) as kinetic:
        config = kinetic.config(service="Erp.BO.PartTranSvc", overlap=0)
        meltano = make_project(tmp_path / "project", server, config, "state")
        assert meltano.run("run", "tap-epicor", "target-postgres").returncode == 0
        partitions = meltano.state(STATE_ID)["singer_state"]["bookmarks"]["erp_parttran_parttrans"]["partitions"]
        assert [one["context"]["Company"] for one in partitions] == ["EPIC06", "EPIC07"]
        assert all(one["replication_key_value"] > 2**31 for one in partitions)
        kinetic.requests()
        assert meltano.run("run", "tap-epicor", "target-postgres").returncode == 0
        pages = [entry for entry in kinetic.requests() if "$filter=SysRevID%20g" in entry["query"]]
        assert {entry["rows"] for entry in pages} == {0}


def test_times_are_right_whatever_zone_the_server_is_in(tmp_path: Path) -> None:
    with postgres("timezone=America/New_York") as server, sandbox(scale=60) as kinetic:
        config = kinetic.config(service="Erp.BO.PartTranSvc")
        meltano = make_project(tmp_path / "project", server, config, "zone")
        assert meltano.run("run", "tap-epicor", "target-postgres").returncode == 0
        copies = tables(server, "zone")
        assert isinstance(copies["erp_parttran_parttrans"][0]["SysDate"], dt.datetime)
        assert differences(kinetic.database, copies) == []


def test_a_list_in_meltano_yml_reaches_the_tap(tmp_path: Path, server: Server) -> None:
    with sandbox(scale=60) as kinetic:
        config = {name: value for name, value in kinetic.config().items() if name not in {"company", "service"}}
        meltano = make_project(tmp_path / "project", server, config, "listed")
        path = meltano.folder / "meltano.yml"
        lists = "    config:\n      company: [EPIC06, EPIC07]\n      service: [Erp.BO.PlantSvc, Erp.BO.WarehseSvc]\n"
        path.write_text(path.read_text().replace("  loaders:\n", f"{lists}  loaders:\n"))
        done = meltano.run("run", "tap-epicor", "target-postgres")
        assert done.returncode == 0, done.stderr[-3000:]
        copies = tables(server, "listed")
        assert set(copies) == {"erp_plant_plants", "erp_warehse_warehses"}
        assert differences(kinetic.database, copies) == []


def test_a_wrong_password_ends_the_run_with_a_sentence(tmp_path: Path, server: Server, kinetic: Sandbox) -> None:
    config = kinetic.config(password="not-this-one")
    done = make_project(tmp_path / "project", server, config, "refused").run("run", "tap-epicor", "target-postgres")
    assert done.returncode != 0
    assert "Invalid username or password" in done.stderr
    assert "not-this-one" not in done.stderr
