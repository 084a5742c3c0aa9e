"""Descriptions become the comments of tables that target-postgres made, since it makes none of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.pipeline.projects import ROOT
from tests.postgres import Server, postgres
from tests.singer import choose, discover

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.sandboxes import Sandbox

LOADER = ROOT / ".meltano" / "loaders" / "target-postgres" / "venv" / "bin" / "target-postgres"
STREAM = "erp_customer_customers"
SCHEMA = 'Odd "schema"'
ODD = "It's \"odd\": \\' ; DROP TABLE x; --\n%s :name $1 é\0"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres() as running:
        yield running


def comments(server: Server, schema: str, table: str = STREAM) -> dict[str, str | None]:
    query = (
        "select attname, col_description(attrelid, attnum) from pg_attribute join pg_class on pg_class.oid = attrelid "
        "join pg_namespace on pg_namespace.oid = relnamespace where nspname = %s and relname = %s and attnum > 0"
    )
    with psycopg.connect(server.url) as connection:
        return dict(connection.execute(query, [schema, table]).fetchall())


def printed(catalog: Path, *options: str) -> str:
    command = [sys.executable, "-m", "tap_epicor", "comments", "--catalog", str(catalog), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def load(server: Server, folder: Path, catalog: dict[str, Any], config: dict[str, Any]) -> None:
    target = {name: getattr(server, name) for name in ("host", "port", "user", "password", "database")}
    files = {"catalog": catalog, "config": config, "target": {**target, "default_target_schema": "epicor"}}
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    command = [sys.executable, "-m", "tap_epicor", "--config", "config.json", "--catalog", "catalog.json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=folder) as rows:
        loader = subprocess.run([LOADER, "--config", "target.json"], stdin=rows.stdout, cwd=folder, check=False)
    assert (rows.returncode, loader.returncode) == (0, 0)


def test_descriptions_become_comments_of_loaded_tables(
    kinetic: Sandbox, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    config = kinetic.config(service="Erp.BO.CustomerSvc", company="EPIC06", descriptions=True)
    catalog = choose(discover(tmp_path, config), STREAM)
    entry = next(one for one in catalog["streams"] if one["tap_stream_id"] == STREAM)
    entry["schema"]["properties"]["CustID"]["description"] = ODD
    left_out = next(one for one in entry["metadata"] if one["breadcrumb"] == ["properties", "CreditHold"])
    left_out["metadata"]["selected"] = False
    load(server, tmp_path, catalog, config)
    before = comments(server, "epicor")
    assert set(before.values()) == {None}, "target-postgres comments by itself now: say so in docs/reading.md"
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(printed(tmp_path / "catalog.json", "--schema", "epicor").encode())
    after = comments(server, "epicor")
    said = {name: one.get("description") for name, one in entry["schema"]["properties"].items()}
    said["CustID"] = ODD.rstrip("\0")
    del said["CreditHold"]
    assert len(list(filter(None, said.values()))) > 50
    assert {name: after[name] for name in said} == said
    assert {name for name in after if after[name]} == {name for name in said if said[name]}


def test_names_and_texts_of_any_kind_are_quoted(server: Server, tmp_path: Path) -> None:
    column, table = 'a"b\\c', "t" * 70
    entry = {
        "tap_stream_id": table,
        "schema": {"properties": {column: {"type": "string", "description": ODD}}},
        "metadata": [{"breadcrumb": [], "metadata": {"selected": True}}],
    }
    (tmp_path / "catalog.json").write_text(json.dumps({"streams": [entry]}))
    statements = printed(tmp_path / "catalog.json", "--schema", SCHEMA)
    with psycopg.connect(server.url, autocommit=True) as connection:
        schema, name = SCHEMA.replace('"', '""'), column.replace('"', '""')
        connection.execute(f'create schema "{schema}"; create table "{schema}"."{table}" ("{name}" int)'.encode())
        for conforming in ("on", "off"):
            connection.execute(f"set standard_conforming_strings = {conforming}".encode())
            connection.execute(statements.encode())
            assert comments(server, SCHEMA, table[:63]) == {column: ODD.rstrip("\0")}
            connection.execute(f'comment on column "{schema}"."{table}"."{name}" is null'.encode())


def test_nothing_is_printed_where_nothing_is_described(tmp_path: Path) -> None:
    described = {"properties": {"A": {"type": "string", "description": "What A is."}}}
    entries = [
        {"tap_stream_id": "not_selected", "schema": described, "metadata": []},
        {
            "tap_stream_id": "bare",
            "schema": {"properties": {"A": {"type": "string"}}},
            "metadata": [{"breadcrumb": [], "metadata": {"selected": True}}],
        },
    ]
    (tmp_path / "catalog.json").write_text(json.dumps({"streams": entries}))
    assert printed(tmp_path / "catalog.json") == ""
