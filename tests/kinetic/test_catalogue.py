"""Which services, sets and BAQs there are: found in lists of any shape, by name where there is no list."""

from __future__ import annotations

import json
import logging
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tap_epicor.kinetic.catalogue import (
    Found,
    ListRefused,
    Parameter,
    describe_baqs,
    describe_services,
    find_baqs,
    find_services,
)
from tap_epicor.kinetic.errors import KineticError, NotFound, PassingError, WrongPassword
from tap_epicor.kinetic.load import Load
from tests.kinetic.clients import client
from tests.scripted import Reply, Request, Server, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CUSTOMER, PART, UD = "Erp.BO.CustomerSvc", "Erp.BO.PartSvc", "Ice.BO.UD01Svc"
ALL = [CUSTOMER, PART, UD]
CSDL = """<Edmx xmlns="http://docs.oasis-open.org/odata/ns/edmx"><DataServices><Schema Namespace="S">
<EntityType Name="Row"><Key><PropertyRef Name="Num"/></Key><Property Name="Num" Type="Edm.Int32"/></EntityType>
<EntityContainer Name="C"><EntitySet Name="Data" EntityType="S.Row"/></EntityContainer></Schema>
</DataServices></Edmx>"""
WRONG_PASSWORD = Reply({"ErrorMessage": "Invalid username or password."}, status=401)
DENIED = Reply({"ErrorMessage": "Access denied (Ice.BO.DynamicQuery.GetList)."}, status=401)
NOWHERE = Reply({"ErrorMessage": "Resource not found for the segment"}, status=404)


@dataclass
class Tenant:
    """A server that lists what a test says, and describes all but some."""

    list_of_services: Reply = field(default_factory=lambda: Reply(ALL))
    root: Reply = field(default_factory=lambda: NOWHERE)
    list_of_baqs: Reply = field(default_factory=lambda: baqs("zOne", "zTwo", "Other"))
    parameters: Reply = field(default_factory=lambda: Reply({"value": []}))
    broken: dict[str, Reply] = field(default_factory=dict)

    def answer(self, request: Request) -> Reply:
        path = request.path
        if "/helppage/" in path:
            return self.list_of_services if request.options == {"serviceType": "BO"} else NOWHERE
        if path.endswith("$metadata"):
            name = path.split("/")[-2]
            return self.broken.get(name, Reply(CSDL.encode()))
        if path.endswith("QueryParameters"):
            return self.parameters
        if path.endswith("DynamicQueries"):
            if "QueryID g" in request.options.get("$filter", ""):
                # The row from which the reader goes on, and none after it.
                return Reply({"value": self.list_of_baqs.body["value"][-1:]})
            return self.list_of_baqs
        return self.root


def baqs(*names: str) -> Reply:
    return Reply({"value": [{"Company": "EPIC06", "QueryID": name} for name in sorted(names, key=str.lower)]})


def services(tenant: Tenant, *wanted: str, version: str = "v2") -> list[str]:
    with serving(tenant.answer) as server:
        return find_services(client(server.url, version), wanted, "EPIC06")


def described(answer: Callable[[Request], Reply], *names: str) -> tuple[list[str], Server]:
    with serving(answer) as server:
        found = describe_services(client(server.url), names, "EPIC06")
        return [str(one.source) for one in found], server


def shapes() -> Iterator[object]:
    yield ALL
    yield {"value": [{"name": name, "kind": "EntitySet", "url": name} for name in ALL]}
    yield {"services": [{"ServiceName": name, "Description": f"{name} of Epicor"} for name in ALL]}
    yield [{"Name": name, "Url": f"/kinetic/api/help/v1/index.html?service={name}"} for name in ALL]
    yield {"returnObj": {"Services": [{"FullName": name, "Type": "BO"} for name in ALL]}}


ATOM = (
    '<service xmlns="http://www.w3.org/2007/app" xmlns:atom="http://www.w3.org/2005/Atom"><workspace>'
    + "".join(f'<collection href="{name}"><atom:title>{name}</atom:title></collection>' for name in ALL)
    + "</workspace></service>"
)


@pytest.mark.parametrize("shape", [*shapes(), ATOM.encode()], ids=str)
@pytest.mark.parametrize(("pattern", "names"), [("*", ALL), ("Erp.*", [CUSTOMER, PART]), ("*.UD??Svc", [UD])])
def test_a_pattern_finds_services_whatever_the_list_looks_like(shape: object, pattern: str, names: list[str]) -> None:
    assert services(Tenant(Reply(shape)), pattern) == names


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_where_there_is_no_help_page_the_service_document_is_the_list(version: str) -> None:
    assert services(Tenant(NOWHERE, root=Reply(ATOM.encode())), "*", version=version) == ALL


def test_names_stand_in_their_order_and_once_each() -> None:
    assert services(Tenant(), UD, "Erp.BO.*", PART, "BaqSvc", UD) == [UD, CUSTOMER, PART]


def test_names_need_no_list() -> None:
    with serving(Tenant().answer) as server:
        assert find_services(client(server.url), [PART, "BaqSvc"], "EPIC06") == [PART]
    assert server.requests == []


def test_a_pattern_that_matches_nothing_is_told(caplog: pytest.LogCaptureFixture) -> None:
    assert services(Tenant(), "Erp.BO.Nothing*") == []
    assert "No service matches 'Erp.BO.Nothing*'; the server lists 3" in caplog.text


@pytest.mark.parametrize("refusal", [DENIED, NOWHERE, Reply({"value": []}), Reply(b"<html>Sign in</html>")])
def test_a_list_that_is_refused_is_an_error_with_its_cure(refusal: Reply) -> None:
    with pytest.raises(ListRefused, match=r"does not list its services.* Name the services in `service`"):
        services(Tenant(refusal), "*")


def test_one_service_that_fails_is_left_out_by_name(caplog: pytest.LogCaptureFixture) -> None:
    tenant = Tenant(broken={PART: Reply(status=500), UD: Reply(b"<html/>")})
    found, _ = described(tenant.answer, PART, CUSTOMER, UD)
    assert found == [f"{CUSTOMER}/Data"]
    assert f"{PART} is left out: /kinetic/api/v2/odata/EPIC06/{PART}/$metadata: HTTP 500" in caplog.text
    assert f"/{UD}/$metadata: it is XML, but not CSDL" in caplog.text


def test_a_service_that_fails_for_a_passing_reason_is_no_reason_for_a_catalog_without_it() -> None:
    tenant = Tenant(broken={PART: Reply(status=503)})
    with pytest.raises(PassingError, match="HTTP 503"):
        described(tenant.answer, PART, CUSTOMER)


def test_services_that_fail_all_are_an_error() -> None:
    tenant = Tenant(broken={PART: NOWHERE, CUSTOMER: Reply(b"x")})
    with pytest.raises(NotFound, match=PART):
        described(tenant.answer, PART, CUSTOMER)
    with pytest.raises(KineticError, match=rf"{CUSTOMER}/\$metadata: it is not XML"):
        described(tenant.answer, CUSTOMER)


def test_no_service_is_nothing_and_no_error() -> None:
    assert described(Tenant().answer)[0] == []


def test_services_stand_in_the_order_they_were_asked_for() -> None:
    names = [f"Erp.BO.A{number}Svc" for number in range(20)]
    assert described(Tenant().answer, *names)[0] == [f"{name}/Data" for name in names]


def test_a_wrong_password_is_told_once_and_at_once(caplog: pytest.LogCaptureFixture) -> None:
    names = [f"Erp.BO.A{number}Svc" for number in range(200)]
    with serving(lambda _: WRONG_PASSWORD) as server, pytest.raises(WrongPassword):
        list(describe_services(client(server.url), names, "EPIC06"))
    assert len(server.requests) < 20
    assert "left out" not in caplog.text


def test_a_wrong_password_is_told_at_the_list_and_sent_only_once_lest_the_account_be_locked() -> None:
    with serving(lambda _: WRONG_PASSWORD) as server, pytest.raises(WrongPassword):
        find_services(client(server.url), ["*"], "EPIC06")
    assert len(server.requests) == 1


def test_a_server_that_is_not_there_is_told_after_the_first_address() -> None:
    with serving(lambda _: Reply(drop=True)) as server, pytest.raises(KineticError, match="no answer from"):
        find_services(client(server.url), ["*"], "EPIC06")
    assert {request.raw_query for request in server.requests} == {"serviceType=BO"}


@pytest.mark.parametrize("most", [1, 3])
def test_no_more_requests_are_under_way_than_allowed(most: int) -> None:
    lock, under_way, reached = threading.Lock(), 0, 0

    def answer(_: Request) -> Reply:
        nonlocal under_way, reached
        with lock:
            under_way += 1
            reached = max(reached, under_way)
        threading.Event().wait(0.03)
        with lock:
            under_way -= 1
        return Reply(CSDL.encode())

    with serving(answer) as server:
        list(describe_services(client(server.url, load=Load(most)), ALL * 3, "EPIC06"))
    assert reached == most


def test_baqs_are_found_by_pattern_in_order_and_once_each() -> None:
    with serving(Tenant().answer) as server:
        assert find_baqs(client(server.url), ["zTwo", "z*", "?ther"], "EPIC06") == ["zTwo", "zOne", "Other"]


def test_a_list_of_baqs_that_is_refused_is_an_error_with_its_cure() -> None:
    with (
        serving(Tenant(list_of_baqs=DENIED).answer) as server,
        pytest.raises(ListRefused, match=r"does not list its BAQs .*Name them in `baqs`.* Ice\.BO\.DynamicQuerySvc"),
    ):
        find_baqs(client(server.url), ["*"], "EPIC06")


def test_named_baqs_need_no_list() -> None:
    with serving(Tenant(list_of_baqs=DENIED).answer) as server:
        assert find_baqs(client(server.url), ["zOne"], "EPIC06") == ["zOne"]
    assert server.requests == []


def test_a_wrong_password_at_the_list_of_baqs_is_told_as_such() -> None:
    with serving(lambda _: WRONG_PASSWORD) as server, pytest.raises(WrongPassword):
        find_baqs(client(server.url), ["*"], "EPIC06")
    assert len(server.requests) == 1


def baq(tenant: Tenant, name: str = "zOne") -> Found:
    with serving(tenant.answer) as server:
        (found,) = describe_baqs(client(server.url), [name], "EPIC06")
    return found


def test_a_baq_has_its_own_parameters_whether_the_filter_is_kept_or_not() -> None:
    rows = [
        {"Company": company, "QueryID": query, "ParameterID": name, "ParameterType": kind, "SkipIfEmpty": optional}
        for company in ("EPIC06", "")
        for query, name, kind, optional in [
            ("zOne", "Plant", "nvarchar", False),
            ("zOne", "Day", "date", True),
            ("zTwo", "Other", "int", False),
        ]
    ]
    expected = [Parameter("Plant", "nvarchar", optional=False), Parameter("Day", "date", optional=True)]
    assert baq(Tenant(parameters=Reply({"value": rows}))).parameters == expected


def test_a_baq_without_parameters_is_known_to_have_none() -> None:
    assert baq(Tenant()).parameters == []


@pytest.mark.parametrize("refusal", [DENIED, NOWHERE, Reply(status=500), Reply({"no": "rows"})])
def test_parameters_that_are_not_told_are_unknown(refusal: Reply, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert baq(Tenant(parameters=refusal)).parameters is None
    assert "The parameters of BAQ zOne are not known" in caplog.text


def test_one_baq_that_fails_is_left_out_by_name(caplog: pytest.LogCaptureFixture) -> None:
    with serving(Tenant(broken={"zTwo": NOWHERE}).answer) as server:
        found = list(describe_baqs(client(server.url), ["zTwo", "zOne"], "EPIC06"))
    assert [one.source.name for one in found] == ["zOne"]
    assert "zTwo is left out" in caplog.text


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_company_is_said_in_every_request(version: str) -> None:
    with serving(Tenant().answer) as server:
        kinetic = client(server.url, version)
        list(describe_services(kinetic, find_services(kinetic, ["*"], "EPIC06"), "EPIC06"))
        list(describe_baqs(kinetic, find_baqs(kinetic, ["*"], "EPIC06"), "EPIC06"))
    for request in server.requests:
        in_header = json.loads(request.headers.get("CallSettings", "{}")).get("Company") == "EPIC06"
        assert in_header or "/odata/EPIC06/" in request.path or "/helppage/" in request.path
