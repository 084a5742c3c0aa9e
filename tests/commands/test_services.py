"""What a tenant has is listed, searched and counted."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from singer_sdk.exceptions import ConfigValidationError

from tap_epicor.cli import make_command
from tap_epicor.kinetic.catalogue import ListRefused
from tests.discovery.surface import csdl
from tests.scripted import Reply, Request, serving

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sandboxes import Sandbox

ORDERS = "Erp.BO.SalesOrderSvc"


def run(folder: Path, command: str, config: dict[str, Any], *words: str) -> Result:
    path = folder / "config.json"
    path.write_text(json.dumps(config))
    result = CliRunner().invoke(make_command(), [command, "--config", str(path), *words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def lines(result: Result) -> list[dict[str, str]]:
    names, *rows = [line.split("\t") for line in result.stdout.splitlines()]
    return [dict(zip(names, row, strict=True)) for row in rows]


def test_without_a_pattern_one_list_is_asked_for(kinetic: Sandbox, tmp_path: Path) -> None:
    kinetic.requests()
    result = run(tmp_path, "services", kinetic.config())
    assert {"Erp.BO.CustomerSvc", "Ice.BO.UD01Svc"} <= {row["service"] for row in lines(result)}
    assert all("/helppage/" in request["path"] for request in kinetic.requests())
    assert "Give a part of a name" in result.stderr


def test_a_narrow_pattern_shows_sets_keys_and_cursors(kinetic: Sandbox, tmp_path: Path) -> None:
    rows = lines(run(tmp_path, "services", kinetic.config(), "salesORDER"))
    assert {row["service"] for row in rows} == {ORDERS}
    orders = next(row for row in rows if row["set"] == "SalesOrders")
    assert orders["stream"] == "erp_salesorder_salesorders"
    assert (orders["key"], orders["changes_by"]) == ("Company,OrderNum", "SysRevID")
    listed = next(row for row in rows if row["set"] == "List")
    assert (listed["key"], listed["changes_by"]) == ("", "")


def test_sets_are_found_by_name_with_details_alone(kinetic: Sandbox, tmp_path: Path) -> None:
    named = run(tmp_path, "services", kinetic.config(), "OrderRels")
    assert lines(named) == []
    assert "--details looks for it in the names of sets" in named.stderr
    found = lines(run(tmp_path, "services", kinetic.config(), "OrderRels", "--details"))
    assert [(row["service"], row["set"]) for row in found] == [(ORDERS, "OrderRels")]


def test_rows_are_counted_in_all_companies(kinetic: Sandbox, tmp_path: Path) -> None:
    def counted(company: str) -> int:
        config = kinetic.config(company=company)
        rows = lines(run(tmp_path, "services", config, ORDERS, "--count"))
        return int(next(row["rows"] for row in rows if row["set"] == "SalesOrders"))

    assert counted("EPIC06,EPIC07") == counted("EPIC06") + counted("EPIC07") > 0


def test_json_has_services_with_their_sets(kinetic: Sandbox, tmp_path: Path) -> None:
    [told] = json.loads(run(tmp_path, "services", kinetic.config(), ORDERS, "--json").stdout)
    assert told["service"] == ORDERS
    assert {"set": "SalesOrders", "key": ["Company", "OrderNum"]}.items() <= told["sets"][0].items()


def test_descriptions_are_shown_and_searched(tmp_path: Path) -> None:
    with serving(lambda _: Reply([{"name": ORDERS, "description": "Sales\torders\x1b[2J of customers"}])) as server:
        config = {"url": server.url, "user": "reader", "password": "x"}
        rows = lines(run(tmp_path, "services", config))
        assert [row["description"] for row in rows] == ["Sales orders [2J of customers"]
        assert "0 of 1 service" in run(tmp_path, "services", config, "[3J of").stderr


def test_a_server_that_lists_nothing_is_asked_for_what_is_named(tmp_path: Path) -> None:
    row = {"Company": "string", "OrderNum": "number", "SysRevID": "number"}
    described = csdl({"sets": {"SalesOrders": {"key": ["Company", "OrderNum"], "row": "R"}}, "rows": {"R": row}})

    def answer(request: Request) -> Reply:
        return Reply(described) if request.path.endswith("$metadata") else Reply(status=404)

    with serving(answer) as server:
        config = {"url": server.url, "user": "reader", "password": "x"}
        result = run(tmp_path, "services", config, ORDERS)
        assert [row["set"] for row in lines(result)] == ["SalesOrders"]
        assert "Only those are looked at that are named" in result.stderr
        with pytest.raises(ListRefused, match="does not list its services"):
            run(tmp_path, "services", config, "order")


def test_nine_hundred_services_are_listed_at_once(tmp_path: Path) -> None:
    names = [f"Erp.BO.Thing{number}Svc" for number in range(923)]
    with serving(lambda _: Reply(names)) as server:
        started = time.monotonic()
        rows = lines(run(tmp_path, "services", {"url": server.url, "user": "reader", "password": "x"}))
        assert len(rows) == 923
        assert len(server.requests) == 4
        assert time.monotonic() - started < 5


def test_a_configuration_that_is_not_right_is_told_before_the_first_request(tmp_path: Path) -> None:
    with pytest.raises(ConfigValidationError) as told:
        run(tmp_path, "services", {"url": "http://127.0.0.1:9/kinetic", "page_size": "many"})
    assert told.value.errors == ['`page_size` is "many": it must be a whole number.']


def test_baqs_have_descriptions_parameters_and_columns(kinetic: Sandbox, tmp_path: Path) -> None:
    config = kinetic.config()
    listed = run(tmp_path, "baqs", config)
    assert {"zCustomer01": "Customers"}.items() <= {row["id"]: row["description"] for row in lines(listed)}.items()
    [query] = lines(run(tmp_path, "baqs", config, "quantities by bin"))
    assert query["parameters"] == "PartNum?,CurrentPlant"
    assert query["columns"].startswith("PartBin_Company,PartBin_PartNum,")
    assert query["stream"] == "baq_zPartBin"
    [told] = json.loads(run(tmp_path, "baqs", config, "zPartBin", "--json").stdout)
    assert told["parameters"][1] == {"name": "CurrentPlant", "type": "nvarchar", "optional": False}
    assert told["columns"]["PartBin_OnhandQty"] == "Edm.Decimal"
