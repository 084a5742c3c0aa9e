"""Airbyte's own reader of connectors: PyAirbyte copies into its DuckDB cache, and keeps the copy up."""

from __future__ import annotations

import json
import math
import os
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tap_epicor.sandbox import truth
from tests.airbyte.connector import EXECUTABLE
from tests.equality import COMPANIES, canonical, differences, keyed_sets, stream_of
from tests.sandboxes import sandbox
from tests.test_documents import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

PYTHON = ROOT / ".airbyte" / "bin" / "python"
PROGRAM = Path(__file__).parent / "pyairbyte.py"
SETS = (
    ("Erp.BO.CustomerSvc", "Customers"),
    ("Erp.BO.PartSvc", "Parts"),
    ("Erp.BO.PartTranSvc", "PartTrans"),
    ("Erp.BO.SalesOrderSvc", "OrderDtls"),
    ("Ice.BO.UD01Svc", "UD01s"),
)
TRANSACTIONS = "erp_parttran_parttrans"
DELETED_AT = "_ab_cdc_deleted_at"


@contextmanager
def pyairbyte(folder: Path, config: dict[str, Any], *streams: str) -> Iterator[Callable[[], dict[str, Any]]]:
    """Start PyAirbyte, and hand out what lets it sync once, and returns how many rows came and all it has."""
    path = folder / "pyairbyte.json"
    path.write_text(json.dumps(config))
    command = [str(PYTHON), str(PROGRAM), EXECUTABLE, str(path), str(folder), *streams]
    surroundings = {**os.environ, "AIRBYTE_OFFLINE_MODE": "1", "DO_NOT_TRACK": "1"}
    told = folder / "pyairbyte.log"
    with (
        told.open("w") as log,
        subprocess.Popen(
            command, cwd=folder, env=surroundings, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        assert process.stdin
        assert process.stdout

        def sync() -> dict[str, Any]:
            assert process.stdin
            assert process.stdout
            process.stdin.write("\n")
            process.stdin.flush()
            answer = process.stdout.readline()
            assert answer, told.read_text()[-3000:]
            done = json.loads(answer)
            return {"rows": done["rows"], "tables": json.loads(Path(done["file"]).read_text())}

        try:
            yield sync
        finally:
            process.stdin.close()
            process.wait(30)


def near(database: str, service: str, name: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows with the database's own numbers where theirs are as near as PyAirbyte keeps them.

    It reads fractions as floats, and keeps nine digits behind the point. What the connector writes is exact.
    """
    (key,) = (key for one, other, key in keyed_sets() if (one, other) == (service, name))
    types = truth.columns(service, name)
    fractions = [column for column, kind in types.items() if kind in {"Edm.Decimal", "Edm.Double"}]
    known = {by(row, key, types): row for company in COMPANIES for row in truth.rows(database, service, name, company)}
    for row in rows:
        for column in fractions:
            right = known.get(by(row, key, types), {}).get(column)
            if row[column] is not None and right is not None and is_near(row[column], right):
                row[column] = right
    return rows


def by(row: Mapping[str, Any], key: tuple[str, ...], types: Mapping[str, str]) -> tuple[Any, ...]:
    return tuple(canonical(row[column], types[column]) for column in key)


def is_near(one: Any, other: Any) -> bool:
    return math.isclose(float(one), float(other), rel_tol=1e-15, abs_tol=5e-10)


def named(service: str, name: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows with the names of their columns as the server spells them; PyAirbyte's are in lower case."""
    spelt = {column.lower(): column for column in truth.columns(service, name)}
    return [{spelt.get(column, column): value for column, value in row.items()} for row in rows]


@pytest.mark.skipif(not (PYTHON.parent / "pyairbyte").exists(), reason="PyAirbyte has no version for this Python")
def test_two_syncs_with_changes_between_equal_the_database(tmp_path: Path) -> None:
    streams = {stream_of(service, name): (service, name) for service, name in SETS}
    with sandbox(scale=300) as kinetic:
        sweep = json.dumps({TRANSACTIONS: {"deletes": "sweep"}})
        config = kinetic.config(
            service=",".join(service for service, _ in SETS),
            key_store=str(tmp_path / "keys"),
            streams=sweep,
            overlap=0,
            overlap_minutes=0,
        )
        with pyairbyte(tmp_path, config, *streams) as sync:
            first = sync()
            same(kinetic.database, streams, first["tables"])
            told = kinetic.change(inserts=30, updates=80, deletes=0, seed=7)
            assert told["inserted"]["Customer"] > 0
            assert told["updated"]["Part"] > 0
            gone = kinetic.change(deletes=4, seed=7, sets=["Erp.BO.PartTranSvc/PartTrans"])
            assert gone["deleted"] == {"PartTran": 4}
            second = sync()
            same(kinetic.database, streams, second["tables"])
            assert sum(row[DELETED_AT] is not None for row in second["tables"][TRANSACTIONS]) == 4
            assert second["rows"] < first["rows"], "it went on from the states of the first"


def same(database: str, streams: dict[str, tuple[str, str]], tables: dict[str, list[dict[str, Any]]]) -> None:
    """Check that each row and column of the copy equals the sandbox's, and no key is there twice."""
    live = {name: [row for row in rows if row.get(DELETED_AT) is None] for name, rows in tables.items()}
    copies = {stream: near(database, *source, named(*source, live[stream])) for stream, source in streams.items()}
    assert differences(database, copies) == []
    for service, name, key in keyed_sets():
        rows = copies.get(stream_of(service, name), [])
        assert len({tuple(row[column] for column in key) for row in rows}) == len(rows)
    assert sum(map(len, copies.values())) > 500
