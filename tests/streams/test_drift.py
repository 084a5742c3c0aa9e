"""What changed between discovery and sync is said, and neither breaks the loader nor ends in nulls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.equality import differences
from tests.sandboxes import Sandbox, sandbox
from tests.singer import Run, choose, discover, tap
from tests.streams.test_runs import summary_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PARTS = "erp_part_parts"
PLANTS = "erp_plant_plants"
CHANGED = "columns changed since the last run: "


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with sandbox(scale=60) as running:
        yield running


@pytest.fixture(scope="module")
def catalog(server: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The catalog from before the upgrade."""
    folder = tmp_path_factory.mktemp("catalog")
    return choose(discover(folder, server.config(service="Erp.BO.PartSvc,Erp.BO.PlantSvc")), PARTS, PLANTS)


def after(
    drift: str,
    server: Sandbox,
    catalog: dict[str, Any] | None,
    folder: Path,
    state: dict[str, Any] | None = None,
    **settings: Any,
) -> Run:
    """Return a run after an upgrade."""
    server.switch(drift=drift)
    try:
        given = {"service": "Erp.BO.PartSvc,Erp.BO.PlantSvc", **settings}
        return tap(folder, server.config(**given), catalog=catalog, state=state)
    finally:
        server.switch(drift="none")


def test_nothing_is_said_of_what_did_not_change(server: Sandbox, catalog: dict[str, Any], tmp_path: Path) -> None:
    run = after("none", server, catalog, tmp_path)
    assert run.code == 0, run.log
    assert "since discovery" not in run.log
    entry = next(one for one in catalog["streams"] if one["tap_stream_id"] == PARTS)
    assert run.schemas[PARTS] == entry["schema"]


def test_a_new_column_is_named_and_waits_for_discovery(
    server: Sandbox, catalog: dict[str, Any], tmp_path: Path
) -> None:
    run = after("column-added", server, catalog, tmp_path)
    assert run.code == 0, run.log
    assert "erp_part_parts: columns are new, and not copied yet since discovery: Finish_c." in run.log
    assert "Finish_c" not in run.schemas[PARTS]["properties"]
    assert differences(server.database, {PARTS: run.rows[PARTS]}) == []


def test_a_column_that_is_gone_leaves_the_schema_and_so_keeps_its_values_in_the_warehouse(
    server: Sandbox, catalog: dict[str, Any], tmp_path: Path
) -> None:
    run = after("column-gone", server, catalog, tmp_path)
    assert run.code == 0, run.log
    assert "erp_part_parts: columns are gone since discovery: MfgComment." in run.log
    assert "MfgComment" not in run.schemas[PARTS]["properties"]
    assert all("MfgComment" not in row for row in run.rows[PARTS])
    assert run.rows[PARTS]


def test_a_column_that_is_gone_is_not_asked_for_where_columns_are_chosen(server: Sandbox, tmp_path: Path) -> None:
    chosen = {PARTS: {"select": "PartNum,PartDescription,MfgComment"}}
    narrow = choose(
        discover(tmp_path, server.config(service="Erp.BO.PartSvc", company="EPIC06", streams=chosen)), PARTS
    )
    run = after("column-gone", server, narrow, tmp_path, streams=chosen, service="Erp.BO.PartSvc")
    assert run.code == 0, run.log
    assert run.rows[PARTS][0].keys() == {"Company", "PartNum", "PartDescription", "SysRevID"}


def test_a_column_of_another_type_gets_that_type(server: Sandbox, catalog: dict[str, Any], tmp_path: Path) -> None:
    run = after("column-retyped", server, catalog, tmp_path)
    assert run.code == 0, run.log
    assert "erp_part_parts: columns have another type since discovery: InActive." in run.log
    assert run.schemas[PARTS]["properties"]["InActive"]["type"] == ["integer", "null"]
    assert {type(row["InActive"]) for row in run.rows[PARTS]} == {int}


def test_a_key_that_changed_fails_the_stream_before_the_loader_mixes_up_its_rows(
    server: Sandbox, catalog: dict[str, Any], tmp_path: Path
) -> None:
    run = after("key-changed", server, catalog, tmp_path)
    assert run.code == 1
    assert "its key is now Company, PartNum, SysRowID instead of Company, PartNum. Run --discover again" in run.log
    assert not run.rows[PARTS]
    assert differences(server.database, {PLANTS: run.rows[PLANTS]}) == []


def test_metadata_is_asked_for_once_a_service_and_only_of_what_is_selected(
    server: Sandbox, catalog: dict[str, Any], tmp_path: Path
) -> None:
    server.requests()
    assert after("none", server, choose(catalog, PARTS), tmp_path).code == 0
    choose(catalog, PARTS, PLANTS)
    asked = [one["path"].rsplit("/", 2)[1] for one in server.requests() if one["path"].endswith("$metadata")]
    assert asked == ["Erp.BO.PartSvc"]


def told(run: Run) -> str:
    """Return what the log says of columns since the last run; the summary and the reckonings must say the same."""
    said = [line.split("columns changed since the last run: ")[1] for line in run.log.splitlines() if CHANGED in line]
    summary = summary_of(run)
    assert summary["drift"] == ({PARTS: f"columns changed since the last run: {said[0].rstrip('.')}"} if said else {})
    for one in summary["streams"]:
        assert one["notes"] == ([summary["drift"][PARTS]] if said and one["stream"] == PARTS else [])
    return said[0] if said else ""


def test_what_changed_since_the_last_run_is_told_once(server: Sandbox, catalog: dict[str, Any], tmp_path: Path) -> None:
    run = after("none", server, catalog, tmp_path)
    for drift, said in [
        ("none", ""),
        ("column-added", "Finish_c added."),
        ("column-added", ""),
        ("column-gone", "MfgComment gone, Finish_c as in the catalog again."),
        ("column-retyped", "InActive now Edm.Int32, MfgComment as in the catalog again."),
        ("none", "InActive as in the catalog again."),
    ]:
        run = after(drift, server, catalog, tmp_path, state=run.state)
        assert told(run) == said


def test_a_first_run_tells_of_no_change(server: Sandbox, catalog: dict[str, Any], tmp_path: Path) -> None:
    assert told(after("column-added", server, catalog, tmp_path)) == ""


def test_that_columns_changed_is_told_without_a_catalog_too(server: Sandbox, tmp_path: Path) -> None:
    first = after("none", server, None, tmp_path)
    second = after("column-added", server, None, tmp_path, state=first.state)
    assert told(second).startswith("which ones, the catalog does not tell")
    assert "Finish_c" in second.schemas[PARTS]["properties"]
