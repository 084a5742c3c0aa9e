"""The starter selection: the tables that most sync first, and no more of their services."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from tap_epicor.cli import make_command
from tap_epicor.commands.configuration import faults
from tap_epicor.connection import connect
from tap_epicor.kinetic.catalogue import find_services
from tap_epicor.kinetic.errors import NotFound
from tap_epicor.kinetic.source import Source
from tap_epicor.kinetic.starter import AREAS, SERVICES, TABLES, left_out, stand_ins
from tap_epicor.sandbox.model import load
from tap_epicor.streams.discovery import discover, without_streams
from tests.scripted import Reply, in_turn, serving

if TYPE_CHECKING:
    from pathlib import Path

    from tap_epicor.streams.definition import Definition
    from tests.sandboxes import Sandbox


def streams(kinetic: Sandbox, *wanted: str) -> dict[str, Definition]:
    config = kinetic.config(service=list(wanted))
    return {one.name: one for one in discover(config, connect(config))}


@pytest.fixture(scope="module")
def found(kinetic: Sandbox) -> dict[str, Definition]:
    """The streams of the selection alone."""
    return streams(kinetic, "starter")


# What is in it


def test_each_table_is_in_it_once() -> None:
    sources = [source for table in TABLES for source in (table.source, table.instead) if source]
    assert len(sources) == len(set(sources))
    assert sum(map(len, AREAS.values())) == len(TABLES)


def test_no_keyless_list_is_in_it() -> None:
    assert {table.source.name for table in TABLES} & {"List"} == set()


def test_the_sets_that_the_sandbox_has_too_have_a_key_and_count_their_writes() -> None:
    sets = {
        Source(name, one): spec
        for name in SERVICES
        if name in load().services
        for one, spec in load().services[name].items()
    }
    common = [source for table in TABLES for source in (table.source, table.instead) if source in sets]
    assert len(common) > 30
    for source in common:
        assert sets[source].key, source
        assert "SysRevID" in sets[source].columns, source


# What is selected


def test_its_tables_are_selected_and_other_sets_of_their_services_are_there_without(
    found: dict[str, Definition],
) -> None:
    chosen = {one.source for one in found.values() if one.selected}
    assert Source("Erp.BO.CustomerSvc", "Customers") in chosen
    assert chosen == set(stand_ins({one.source.service for one in found.values()}))
    assert {"erp_customer_custbanks", "erp_part_partaudits"} <= {
        name for name, one in found.items() if not one.selected
    }


def test_lines_are_read_from_the_search_service(found: dict[str, Definition]) -> None:
    assert found["erp_orderdtlsearch_orderdtlsearches"].selected
    assert not found["erp_salesorder_orderdtls"].selected


def test_lines_are_read_from_their_child_set_where_there_is_no_search_service(found: dict[str, Definition]) -> None:
    assert "Erp.BO.OrderRelSearchSvc" not in {one.source.service for one in found.values()}
    assert found["erp_salesorder_orderrels"].selected


def test_a_service_that_is_named_as_well_is_selected_whole(kinetic: Sandbox) -> None:
    both = streams(kinetic, "starter", "Ice.BO.UD01Svc", "Erp.BO.Cust*")
    assert both["ice_ud01_ud01s"].selected
    assert both["erp_customer_custbanks"].selected
    assert not both["erp_part_partaudits"].selected


def test_without_it_nothing_is_left_out() -> None:
    assert list(left_out([Source("Erp.BO.CustomerSvc", "CustBanks")], ["Erp.BO.CustomerSvc"])) == []


# What a tenant lacks


def test_services_that_a_tenant_lacks_are_passed_over(kinetic: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tap_epicor")
    streams(kinetic, "starter", "Erp.BO.NoneSvc")
    told = {record.getMessage().split()[0]: record.levelname for record in caplog.records if "left out" in record.msg}
    assert told["Erp.BO.GLJrnDtlSvc"] == "INFO"
    assert told["Erp.BO.NoneSvc"] == "WARNING"


def test_a_service_that_the_key_may_not_read_is_told(kinetic: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    def answer(request: Any) -> Reply:
        return Reply({"ErrorMessage": "no"}, status=403 if "Erp.BO.PartSvc" in request.path else 404)

    with serving(answer) as server:
        config = kinetic.config(url=server.url, service="starter")
        with pytest.raises(NotFound):
            discover(config, connect(config))
    warned = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert [message.split()[0] for message in warned] == ["Erp.BO.PartSvc"]


def test_a_tenant_without_any_of_it_is_a_failure(kinetic: Sandbox) -> None:
    with serving(in_turn(Reply({"ErrorMessage": "no"}, status=404))) as server:
        config = kinetic.config(url=server.url, service="starter")
        with pytest.raises(NotFound):
            discover(config, connect(config))


def test_a_run_does_not_miss_what_the_tenant_lacks(found: dict[str, Definition]) -> None:
    assert without_streams({"service": "starter"}, [one.source for one in found.values()]) == []


# As a setting


def test_it_is_a_setting_like_any_name_of_a_service(kinetic: Sandbox) -> None:
    assert faults(kinetic.config(service="starter,Ice.BO.UD01Svc")) == []


def test_it_asks_for_no_list_of_services(kinetic: Sandbox) -> None:
    with serving(in_turn(Reply(status=500))) as server:
        config = kinetic.config(url=server.url)
        assert find_services(connect(config), ["starter"], "EPIC06") == list(SERVICES)
        assert server.requests == []


def test_the_doctor_takes_what_is_lacking_for_no_failure(kinetic: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(kinetic.config(service="starter")))
    result = CliRunner().invoke(make_command(), ["doctor", "--config", str(path), "--most", "2", "--json"])
    assert result.exit_code == 0, result.output
    check = next(one for one in json.loads(result.stdout)["checks"] if "starter" in one["tried"])
    assert check["outcome"] == "note"
    assert "journal lines" in check["found"]


def test_the_list_of_services_shows_its_tables_with_what_they_are(kinetic: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(kinetic.config()))
    result = CliRunner().invoke(make_command(), ["services", "--config", str(path), "--starter"])
    lines = [line.split("\t") for line in result.stdout.splitlines()]
    shown = {line[2]: line[-1] for line in lines[1:]}
    assert shown["erp_customer_customers"] == "customers"
    assert shown["erp_salesorder_orderrels"] == "releases of orders"
    assert "erp_customer_custbanks" not in shown
