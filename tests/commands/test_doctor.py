"""The doctor tells what is wrong, by the setting that mends it, and asks the server for no more than it says."""

from __future__ import annotations

import json
import socket
import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import requests
import trustme
from click.testing import CliRunner

from tap_epicor.cli import make_command
from tests.sandboxes import Sandbox, sandbox
from tests.scripted import Reply, in_turn, serving
from tests.singer import discover

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CUSTOMERS, ORDERS, PARTS = "Erp.BO.CustomerSvc", "Erp.BO.SalesOrderSvc", "Erp.BO.PartSvc"
BINS = {"baq_zPartBin": {"parameters": {"CurrentPlant": "MfgSys"}, "key": ["PartBin_PartNum", "PartBin_BinNum"]}}
MOST_OF_A_SERVICE = 10
WORKS = "Erp.BO.OrderDtlSearchSvc"
"""A service whose set can be read in any way."""


class Told:
    """What the doctor said."""

    def __init__(self, code: int, content: dict[str, Any]) -> None:
        self.code = code
        self.checks: list[dict[str, Any]] = content["checks"]
        self.requests: int = content["requests"]

    def __getitem__(self, name: str) -> dict[str, Any]:
        return next(check for check in self.checks if check["name"] == name)

    @property
    def failed(self) -> list[str]:
        return [check["name"] for check in self.checks if check["outcome"] == "failed"]

    def blames(self, name: str, found: str, cure: str) -> None:
        """Look whether this alone is blamed, and nothing tried after it."""
        assert self.code == 1
        assert self.failed == [name]
        assert self.checks[-1]["name"] == name
        assert found in self[name]["found"]
        assert cure in self[name]["cure"]


def run(folder: Path, config: dict[str, Any], *words: str) -> tuple[int, str]:
    path = folder / "config.json"
    path.write_text(json.dumps(config))
    result = CliRunner().invoke(make_command(), ["doctor", "--config", str(path), *words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    for secret in ("hush-hush", config.get("password"), config.get("api_key")):
        assert not secret or secret == "manager" or secret not in result.output
    return result.exit_code, result.stdout


def told(folder: Path, config: dict[str, Any], *words: str) -> Told:
    code, said = run(folder, config, "--json", *words)
    return Told(code, json.loads(said))


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    """A sandbox with enough rows to see limits, whose switches are put back by those who turn them."""
    with sandbox(scale=1500) as running:
        yield running


@contextmanager
def switched(server: Sandbox, **values: Any) -> Iterator[None]:
    usual = {"top_maximum": 5000, "child_filter": "parent", "baq_skip": "honoured", "revision_filter": "works"}
    usual |= {"int64": "number", "zone": "Z", "next_link": "none", "count": "right", "denied": "", "latency_ms": 0}
    usual |= {"service_list": "allowed", "expand": "works", "nested": "works"}
    server.switch(**values)
    try:
        yield
    finally:
        server.switch(**{name: usual[name] for name in values})


# What works


def test_all_is_well(server: Sandbox, tmp_path: Path) -> None:
    code, said = run(tmp_path, server.config(service=[CUSTOMERS, ORDERS], baqs="zPartBin", streams=BINS))
    assert code == 0, said
    assert "A sync would work" in said
    for name in ("settings", "address", "instance", "sign-in", "API key", "version", "company", "licence", "page"):
        assert any(line.split()[1:2] == name.split()[:1] for line in said.splitlines()), name


def test_it_says_how_many_requests_it_made_and_makes_few(server: Sandbox, tmp_path: Path) -> None:
    server.requests()
    found = told(tmp_path, server.config(service=[CUSTOMERS, ORDERS, PARTS], baqs="zCustomer01"))
    paths = [request["path"] for request in server.requests()]
    assert found.requests == len(paths)
    assert [asked["path"] for check in found.checks for asked in check["asked"]] == paths
    for check in found.checks:
        assert len(check["asked"]) <= MOST_OF_A_SERVICE, check


def test_nothing_is_written_to_the_server(server: Sandbox, tmp_path: Path) -> None:
    server.requests()
    told(tmp_path, server.config(service=CUSTOMERS))
    assert {request["method"] for request in server.requests()} == {"GET"}


def test_no_more_services_are_looked_at_than_wanted(server: Sandbox, tmp_path: Path) -> None:
    found = told(tmp_path, server.config(), "--most", "2")
    assert [check["name"] for check in found.checks].count("service") == 2
    assert "26 more were not asked for" in found["services"]["found"]


def test_a_catalog_says_which_streams_to_look_at(server: Sandbox, tmp_path: Path) -> None:
    config = server.config(service=[CUSTOMERS, PARTS], baqs="zCustomer01")
    catalog = discover(tmp_path, config)
    for entry in catalog["streams"]:
        root = next(one for one in entry["metadata"] if not one["breadcrumb"])
        root["metadata"]["selected"] = entry["tap_stream_id"] == "erp_part_parts"
    path = tmp_path / "some.json"
    path.write_text(json.dumps(catalog))
    found = told(tmp_path, config, "--catalog", str(path))
    services = [check for check in found.checks if check["name"] in {"service", "BAQ"}]
    assert [list(check["figures"]["looked_at"]) for check in services] == [["Parts"]]
    assert found.code == 0


# What is wrong


def test_settings_that_do_not_fit_are_all_told_before_any_request(tmp_path: Path) -> None:
    found = told(tmp_path, {"url": "http://127.0.0.1:9/kinetic", "api_version": "v2", "user": "reader"})
    assert found.code == 1
    said = " ".join(check["found"] for check in found.checks)
    for name in ("`company` is missing", "`api_key` is missing", "`password` is missing"):
        assert name in said
    assert found.requests == 0


def test_a_name_that_nobody_knows(server: Sandbox, tmp_path: Path) -> None:
    found = told(tmp_path, server.config(url="http://erp.example.invalid/kinetic"))
    found.blames("address", "the name erp.example.invalid is not known here", "Check the server's name in `url`")


def test_a_port_that_nobody_listens_at(server: Sandbox, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    found = told(tmp_path, server.config(url=f"http://127.0.0.1:{port}/kinetic"))
    found.blames("address", f"port {port} of 127.0.0.1 can't be connected to", "Check the port in `url`")


def test_a_certificate_of_an_unknown_authority(server: Sandbox, tmp_path: Path) -> None:
    authority = trustme.CA(organization_name="Example Corp Root")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with serving(in_turn(Reply({"ErrorMessage": "no"}, status=401)), context) as secure:
        found = told(tmp_path, server.config(url=secure.url))
        found.blames("TLS", "certificate is not trusted", "was issued by")
        assert "Example Corp Root" in found["TLS"]["cure"]
        assert "`ssl_ca`" in found["TLS"]["cure"]
        authority.cert_pem.write_to_path(tmp_path / "root.pem")
        trusted = told(tmp_path, server.config(url=secure.url, ssl_ca=str(tmp_path / "root.pem")))
        assert trusted["TLS"]["outcome"] == "ok"
        assert "it is for" in trusted["TLS"]["found"]


def test_tls_where_there_is_none(server: Sandbox, tmp_path: Path) -> None:
    found = told(tmp_path, server.config(url=server.url.replace("http:", "https:")))
    found.blames("TLS", "speaks no TLS", "Write `url` with http://")


def test_an_instance_that_there_is_not(server: Sandbox, tmp_path: Path) -> None:
    found = told(tmp_path, server.config(url=server.url.replace("/kinetic", "/KineticTest")))
    found.blames("instance", "nothing is at this address", "`erp_instance`")


def test_a_version_of_the_services_that_is_not_there(server: Sandbox, tmp_path: Path) -> None:
    def answer(request: Any) -> Reply:
        return Reply({"ErrorMessage": "x"}, status=401) if "/api/v1/" in request.path else Reply(status=404)

    with serving(answer) as old:
        found = told(tmp_path, server.config(url=old.url))
    found.blames("instance", "HTTP 404", "set `api_version` to v1")


def test_a_web_page_instead_of_services(server: Sandbox, tmp_path: Path) -> None:
    with serving(in_turn(Reply(b"<!DOCTYPE html><title>Sign in</title>"))) as portal:
        found = told(tmp_path, server.config(url=portal.url))
    found.blames("instance", "a web page came", "not to a portal or a gateway")


def test_a_wrong_password_is_sent_once(server: Sandbox, tmp_path: Path) -> None:
    server.requests()
    found = told(tmp_path, server.config(service=[CUSTOMERS, ORDERS], password="hush-hush"))
    found.blames("sign-in", "Invalid username or password", "Check `user` and `password`")
    assert len(server.requests()) == 2  # one of them unsigned


@pytest.mark.parametrize("scheme", ["Basic", "EpicorToken"])
def test_a_wrong_key_is_told_without_it(server: Sandbox, tmp_path: Path, scheme: str) -> None:
    found = told(tmp_path, server.config(api_key="hush-hush", auth_scheme=scheme))
    found.blames("API key", "Invalid API Key", "Check `api_key`")


def test_a_key_that_is_missing_with_v1(server: Sandbox, tmp_path: Path) -> None:
    denial = Reply({"ErrorMessage": "Invalid API Key .\r\nCompany EPIC06."}, status=401)
    with serving(in_turn(denial)) as strict:
        config = server.config("v1", url=strict.url, api_key=None)
        told(tmp_path, config).blames("API key", "Invalid API Key", "give it in `api_key`")


def test_a_company_that_there_is_not(server: Sandbox, tmp_path: Path) -> None:
    found = told(tmp_path, server.config(company="EPIC99", service=CUSTOMERS))
    found.blames("company", "Company 'EPIC99' is not valid", "Check `company`")


def test_another_company_that_there_is_not(server: Sandbox, tmp_path: Path) -> None:
    found = told(tmp_path, server.config(company="EPIC06,EPIC99", service=WORKS))
    assert found.failed == ["company"]


def test_a_site_that_there_is_not(server: Sandbox, tmp_path: Path) -> None:
    found = told(tmp_path, server.config(service=WORKS, plant="Nowhere"))
    assert (found.code, found.failed) == (1, ["plant"])
    assert "Check `plant`" in found["plant"]["cure"]
    right = told(tmp_path, server.config(service=WORKS, plant="MfgSys"))
    assert (right.code, right["plant"]["outcome"]) == (0, "ok")


def test_nothing_to_read(server: Sandbox, tmp_path: Path) -> None:
    found = told(tmp_path, server.config(service=None))
    assert (found.code, found.failed) == (1, ["services"])
    assert "tap-epicor services" in found["services"]["cure"]
    assert found["sign-in"]["outcome"] == "ok"


def test_a_service_that_there_is_not_does_not_hide_the_others(server: Sandbox, tmp_path: Path) -> None:
    found = told(tmp_path, server.config(service=["Erp.BO.CustomersSvc", WORKS], baqs=["zNothing", "Broken"]))
    tried = {check["tried"]: check for check in found.checks}
    assert tried["read Erp.BO.CustomersSvc"]["outcome"] == "failed"
    assert tried[f"read {WORKS}"]["outcome"] == "ok"
    assert "Dynamic query is not found" in tried["run zNothing"]["found"]
    assert "BAQ Designer" in tried["run Broken"]["cure"]
    assert found.code == 1


def test_a_service_whose_description_can_not_be_read_is_no_wrong_sign_in(server: Sandbox, tmp_path: Path) -> None:
    server.fault(path="CustomerSvc/.metadata", status=200, body="<Broken/>", times=9)
    found = told(tmp_path, server.config("v1", service=[CUSTOMERS, WORKS]))
    requests.delete(f"{server.admin}/faults", timeout=10).raise_for_status()
    assert found["sign-in"]["outcome"] == "ok"
    assert found.failed == ["service"]


def test_a_pattern_that_matches_nothing(server: Sandbox, tmp_path: Path) -> None:
    found = told(tmp_path, server.config(service="erp.bo.*"))
    assert "upper and lower case count" in found["services"]["cure"]


def test_a_list_that_is_denied(server: Sandbox, tmp_path: Path) -> None:
    with switched(server, service_list="denied"):
        found = told(tmp_path, server.config(service="*"))
    assert found.failed == ["services"]
    assert "Name the services in `service`" in found["services"]["cure"]


def test_a_service_that_is_denied(server: Sandbox, tmp_path: Path) -> None:
    with switched(server, denied=WORKS):
        found = told(tmp_path, server.config(service=WORKS))
    assert found.failed == ["service"]
    assert "access scope of the API key" in found["service"]["cure"]


def test_a_parameter_that_is_missing(server: Sandbox, tmp_path: Path) -> None:
    found = told(tmp_path, server.config(service=WORKS, baqs="zPartBin"))
    assert found.failed == ["BAQ"]
    assert '{"baq_zPartBin": {"parameters": {"CurrentPlant"' in found["BAQ"]["found"]


def test_a_filter_that_the_server_does_not_take(server: Sandbox, tmp_path: Path) -> None:
    streams = {"erp_customer_customers": {"filter": "Nme eq 'x'"}}
    found = told(tmp_path, server.config(service=CUSTOMERS, streams=streams))
    assert found.failed == ["service"]
    assert "Could not find a property named 'Nme'" in found["service"]["found"]


@pytest.mark.parametrize(
    ("stream", "settings"),
    [("erp_salesorder_orderrels", {"filter": "Nope eq 1"}), ("erp_salesorder_salesorders", {"expand": "Nope"})],
)
def test_settings_of_any_set_are_tried(server: Sandbox, tmp_path: Path, stream: str, settings: Any) -> None:
    assert told(tmp_path, server.config(service=ORDERS, streams={stream: settings})).failed == ["service"]


def test_child_rows_that_no_way_leads_to(server: Sandbox, tmp_path: Path) -> None:
    streams = {"erp_salesorder_salesorders": {"expand": "OrderDtls"}}
    with switched(server, expand="ignored", nested="missing"):
        found = told(tmp_path, server.config(service=ORDERS, streams=streams))
    assert found.failed == ["service"]
    assert "the child rows OrderDtls can't be read" in found["service"]["found"]


def test_a_catalog_with_child_rows_has_not_changed(server: Sandbox, tmp_path: Path) -> None:
    config = server.config(service=ORDERS, streams={"erp_salesorder_salesorders": {"expand": "OrderDtls"}})
    path = tmp_path / "some.json"
    path.write_text(json.dumps(discover(tmp_path, config)))
    assert "changed" not in told(tmp_path, config, "--catalog", str(path))["service"]["found"]
    other = told(tmp_path, {**config, "streams": {}}, "--catalog", str(path))
    assert "made with another `expand`" in other["catalog"]["found"]


def test_what_passes_at_once_is_no_failure(server: Sandbox, tmp_path: Path) -> None:
    server.fault(path="/", status=503, body="busy", times=1)
    server.fault(path="/", status=503, body="busy", skip=6, times=1)
    assert told(tmp_path, server.config(service=CUSTOMERS)).failed == []


def test_licences_that_are_all_in_use(server: Sandbox, tmp_path: Path) -> None:
    body = {"ErrorMessage": "Maximum users exceeded.", "ErrorType": "Ice.Common.LicenseAccessException"}
    server.fault(path="metadata", status=400, body=json.dumps(body), times=2)
    found = told(tmp_path, server.config(service=CUSTOMERS))
    found.blames("sign-in", "Maximum users exceeded", "`license_type`")


def test_a_server_that_is_too_slow(server: Sandbox, tmp_path: Path) -> None:
    server.fault(path="metadata", delay=3, times=2)
    found = told(tmp_path, server.config(service=CUSTOMERS, timeout=0.5))
    found.blames("sign-in", "sent nothing for 0.5 seconds", "`timeout`")


# What differs from server to server


def test_the_servers_own_limit_is_measured(server: Sandbox, tmp_path: Path) -> None:
    with switched(server, top_maximum=150):
        found = told(tmp_path, server.config(service=WORKS))
    assert found["row cap"]["figures"]["rows"] == 100
    assert found["largest $top"]["figures"]["rows"] == 150
    assert (found["largest $top"]["outcome"], found["largest $top"]["cure"]) == ("note", "Set `page_size` to 150.")
    assert found.code == 0


@pytest.mark.parametrize(("whose", "outcome"), [("parent", "note"), ("own", "ok")])
def test_the_trap_of_child_sets_is_measured(server: Sandbox, tmp_path: Path, whose: str, outcome: str) -> None:
    with switched(server, child_filter=whose):
        found = told(tmp_path, server.config(service=ORDERS))
    assert found["SysRevID"]["outcome"] == outcome
    assert (f"{ORDERS}/OrderDtls" in found["SysRevID"]["figures"]["does_not"]) == (whose == "parent")
    assert found.code == 0


def test_a_server_that_does_not_filter_by_revisions(server: Sandbox, tmp_path: Path) -> None:
    with switched(server, revision_filter="fails"):
        found = told(tmp_path, server.config(service=WORKS))
    assert found["SysRevID"]["figures"]["works"] == []
    assert "read whole each time" in found["service"]["found"]


def test_a_baq_that_ignores_skip_can_not_be_read_without_a_key(server: Sandbox, tmp_path: Path) -> None:
    with switched(server, baq_skip="ignored"):
        found = told(tmp_path, server.config(service=WORKS, baqs="zCustomer01"))
        assert found.failed == ["BAQ"]
        assert "`key`" in found["BAQ"]["cure"]
        streams = {"baq_zCustomer01": {"key": ["Customer_CustNum"]}}
        assert told(tmp_path, server.config(service=WORKS, baqs="zCustomer01", streams=streams)).code == 0
    assert told(tmp_path, server.config(service=WORKS, baqs="zCustomer01"))["BAQ"]["figures"]["skip"] is True


@pytest.mark.parametrize(
    ("switch", "figure", "value"),
    [
        ({"int64": "string"}, "int64", "string"),
        ({"zone": "offset"}, "zones", "offset"),
        ({"zone": "none"}, "zones", "none"),
        ({"next_link": "absolute", "top_maximum": 50}, "next_link", True),
    ],
)
def test_the_form_of_values_is_measured(
    server: Sandbox, tmp_path: Path, switch: dict[str, Any], figure: str, value: object
) -> None:
    with switched(server, **switch):
        found = told(tmp_path, server.config(service=WORKS))
    assert found["values"]["figures"][figure] == value


def test_a_server_that_does_not_count(server: Sandbox, tmp_path: Path) -> None:
    with switched(server, count="refused"):
        found = told(tmp_path, server.config(service=WORKS))
    assert found["largest $top"]["figures"]["counted"] is None
    assert found.code == 0
