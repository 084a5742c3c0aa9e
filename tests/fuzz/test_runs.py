"""Runs with states and catalogs that somebody damaged: each reads all rows, or ends with an error that is explained."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tap_epicor.cli import EXPLAINED
from tap_epicor.inputs import catalog_file, state_file
from tap_epicor.tap import EpicorTap
from tests.fuzz.test_targets import changed
from tests.hostile.server import ROWS, STREAM, Tenant, config
from tests.scripted import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

MANY_RUNS = settings(suppress_health_check=list(HealthCheck))
STATE = {
    "bookmarks": {
        STREAM: {
            "partitions": [
                {
                    "context": {"Company": "EPIC06"},
                    "resume": {
                        "key": ["Num"],
                        "ranges": [[[1], None]],
                        "cursor": None,
                        "high": None,
                        "received": 1,
                        "counted": 2,
                    },
                }
            ]
        }
    }
}


def run(url: str, catalog: Any, state: Any) -> list[Any]:
    """The rows that a run writes."""
    with redirect_stdout(io.TextIOWrapper(io.BytesIO())) as out:
        EpicorTap(config=config(url, completeness="off"), catalog=catalog, state=state).sync_all()
        out.flush()
        written = out.buffer.getvalue()
    messages = map(json.loads, written.splitlines())
    return [message["record"] for message in messages if message["type"] == "RECORD"]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(Tenant().answer) as server:
        yield server.url


@pytest.fixture(scope="module")
def catalog(url: str) -> dict[str, Any]:
    with redirect_stdout(io.StringIO()):
        found: dict[str, Any] = json.loads(json.dumps(EpicorTap(config=config(url)).catalog_dict))
    return found


@MANY_RUNS
@given(data=changed(STATE))
def test_a_damaged_state_is_explained_or_rows_are_read(url: str, catalog: dict[str, Any], data: bytes) -> None:
    try:
        file = state_file(io.TextIOWrapper(io.BytesIO(data)))
        assert file
        rows = run(url, catalog, json.load(file))
    except EXPLAINED:
        return
    assert rows in (ROWS, ROWS[1:])  # the second where the state says that the first was written


@MANY_RUNS
@given(data=st.data())
def test_a_damaged_catalog_is_explained_or_rows_are_read(
    url: str, catalog: dict[str, Any], data: st.DataObject
) -> None:
    damaged = data.draw(changed(catalog))
    try:
        file = catalog_file(io.TextIOWrapper(io.BytesIO(damaged)))
        assert file
        rows = run(url, json.load(file), None)
    except EXPLAINED:
        return
    assert [row.get("Num") for row in rows] in ([1, 2], [None, None], [])
