"""Sets that seem to be empty, rows that do not come, databases that went back: no bookmark moves past them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from tests.equality import differences
from tests.sandboxes import Sandbox, sandbox
from tests.singer import choose, discover, tap

if TYPE_CHECKING:
    from pathlib import Path

PARTS = "erp_part_parts"
TRANSACTIONS = "erp_parttran_parttrans"


def test_a_restored_database_is_noticed_and_read_anew(kinetic: Sandbox, tmp_path: Path) -> None:
    config = kinetic.config(service="Erp.BO.PartSvc", company="EPIC06")
    context = {"context": {"Company": "EPIC06"}, "replication_key": "SysRevID", "replication_key_value": 99999999999}
    state = {"bookmarks": {PARTS: {"partitions": [context]}}}
    run = tap(tmp_path, config, catalog=choose(discover(tmp_path, config), PARTS), state=state)
    assert "restored or copied" in run.log
    assert differences(kinetic.database, {PARTS: run.rows[PARTS]}, ["EPIC06"]) == []
    assert run.bookmark(PARTS)["replication_key_value"] < 99999999999


def empty_answers(server: Sandbox, times: int) -> None:
    """Let the server answer without rows to what asks for a first page."""
    fault = {"path": r"Parts\?\$orderby=Company,PartNum&", "status": 200, "body": '{"value": []}', "times": times}
    requests.post(f"{server.admin}/faults", json=[fault], timeout=10).raise_for_status()


def test_one_empty_answer_at_the_beginning_is_not_an_empty_set(tmp_path: Path) -> None:
    with sandbox() as server:
        config = server.config(service="Erp.BO.PartSvc", company="EPIC06")
        catalog = choose(discover(tmp_path, config), PARTS)
        empty_answers(server, 1)
        run = tap(tmp_path, config, catalog=catalog)
        assert differences(server.database, {PARTS: run.rows[PARTS]}, ["EPIC06"]) == []


def test_a_database_that_was_restored_is_noticed_and_the_stream_is_read_anew_or_refused(tmp_path: Path) -> None:
    with sandbox(scale=60) as server:
        config = server.config(service="Erp.BO.PartSvc", company="EPIC06")
        catalog = choose(discover(tmp_path, config), PARTS)
        server.keep()
        server.change(inserts=5, updates=11_000, sets=["Parts"])
        first = tap(tmp_path, config, catalog=catalog)
        server.restore()
        refused = tap(tmp_path, {**config, "restored": "fail"}, catalog=catalog, state=first.state)
        assert refused.code == 1
        assert "the database was restored or copied" in refused.log
        assert "set `restored` to reread" in refused.log
        assert refused.count() == 0
        second = tap(tmp_path, config, catalog=catalog, state=refused.state)
        assert second.code == 0, second.log
        assert "The stream is read anew" in second.log
        assert differences(server.database, {PARTS: second.rows[PARTS]}, ["EPIC06"]) == []
        assert second.bookmark(PARTS)["replication_key_value"] < first.bookmark(PARTS)["replication_key_value"]


def test_a_set_that_seems_empty_and_is_not_keeps_no_bookmark(tmp_path: Path) -> None:
    with sandbox() as server:
        config = server.config(service="Erp.BO.PartSvc", company="EPIC06")
        catalog = choose(discover(tmp_path, config), PARTS)
        empty_answers(server, 2)
        first = tap(tmp_path, config, catalog=catalog)
        assert first.code == 1
        assert "the next run reads it whole again" in first.log
        second = tap(tmp_path, config, catalog=catalog, state=first.state)
        assert differences(server.database, {PARTS: second.rows[PARTS]}, ["EPIC06"]) == []


def test_a_set_that_seems_empty_and_is_not_counted_keeps_no_bookmark_either(tmp_path: Path) -> None:
    with sandbox() as server:
        config = server.config(service="Erp.BO.PartSvc", company="EPIC06", completeness="off")
        catalog = choose(discover(tmp_path, config), PARTS)
        empty_answers(server, 2)
        run = tap(tmp_path, config, catalog=catalog)
    assert "no row came, though there are some" in run.log
    assert "replication_key_value" not in run.bookmark(PARTS)


def test_rows_that_are_missing_fail_the_run_where_that_is_wanted_and_the_next_one_reads_all(tmp_path: Path) -> None:
    with sandbox() as server:
        config = server.config(service="Erp.BO.PartSvc", company="EPIC06", completeness="fail")
        catalog = choose(discover(tmp_path, config), PARTS)
        empty_answers(server, 2)
        first = tap(tmp_path, config, catalog=catalog)
        assert first.code == 1
        assert "0 rows came with a SysRevID up to" in first.log
        second = tap(tmp_path, config, catalog=catalog, state=first.state)
        assert second.code == 0, second.log
        assert differences(server.database, {PARTS: second.rows[PARTS]}, ["EPIC06"]) == []


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_row_that_can_not_be_read_fails_its_stream_by_name_or_is_left_out(tmp_path: Path, version: str) -> None:
    with sandbox(scale=60) as server:
        config = server.config(version, service="Erp.BO.PlantSvc,Erp.BO.CustomerSvc", company="EPIC06", page_size=4)
        catalog = choose(discover(tmp_path, config), "erp_customer_customers", "erp_plant_plants")
        server.switch(poison="Erp.BO.CustomerSvc/Customers('EPIC06',3)")
        failed = tap(tmp_path, config, catalog=catalog)
        assert failed.code == 1
        assert "the row that comes after the one with Company 'EPIC06', CustNum 2 can't be read" in failed.log
        assert "`unreadable_rows`" in failed.log
        assert failed.rows["erp_plant_plants"]
        whole = tap(tmp_path, {**config, "unreadable_rows": "skip"}, catalog=catalog)
        assert whole.code == 0, whole.log
        assert '"skipped":1' in whole.log
        lost = differences(
            server.database, {"erp_customer_customers": whole.rows["erp_customer_customers"]}, ["EPIC06"]
        )
        assert [line.endswith("is missing") and "'CustNum': 3" in line for line in lost] == [True]
