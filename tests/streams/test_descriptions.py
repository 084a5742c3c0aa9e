"""Descriptions of columns: asked for where they are wanted, kept, and never in the way of discovery."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from tap_epicor.airbyte.catalog import discovered
from tap_epicor.connection import connect
from tap_epicor.kinetic.catalogue import Found
from tap_epicor.kinetic.load import Load
from tap_epicor.kinetic.metadata import Column, EntityType
from tap_epicor.kinetic.source import Source
from tap_epicor.stream_settings import StreamSettings
from tap_epicor.streams.descriptions import KEPT_FOR, MOST_FAILURES
from tap_epicor.streams.discovery import discover
from tap_epicor.streams.kin import adapted_with_kin, define_with_kin
from tests.kinetic.clients import client
from tests.sandboxes import Sandbox, sandbox
from tests.scripted import Reply, Request, Server, serving
from tests.singer import choose, tap
from tests.singer import discover as discovered_by_tap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tap_epicor.streams.definition import Definition

CUSTOMERS = "erp_customer_customers"
SERVICES = [f"Erp.BO.S{number}Svc" for number in range(6)]
CSDL = """<Edmx xmlns="http://docs.oasis-open.org/odata/ns/edmx"><DataServices><Schema Namespace="Erp.Tablesets">
<EntityType Name="RowRow"><Key><PropertyRef Name="Num"/></Key><Property Name="Num" Type="Edm.Int32"/>%s</EntityType>
<EntityContainer Name="C"><EntitySet Name="Rows" EntityType="Erp.Tablesets.RowRow"/></EntityContainer></Schema>
</DataServices></Edmx>"""
SAYS = {"Num": {"description": "The row's own number."}, "New": {"description": "It came later."}}
DOCUMENT = {"openapi": "3.0.1", "components": {"schemas": {"Erp_Tablesets_RowRow": {"properties": SAYS}}}}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "tap-epicor" / "descriptions"


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with sandbox(scale=60) as running:
        yield running


class Tenant:
    """A server that answers for OpenAPI documents as a test says, and describes its services always."""

    def __init__(self, reply: Reply | Callable[[Request], Reply], more: str = "") -> None:
        self.reply = reply
        self.csdl = CSDL % more

    def __call__(self, request: Request) -> Reply:
        if "/swagger/" not in request.path:
            return Reply(self.csdl.encode())
        return self.reply if isinstance(self.reply, Reply) else self.reply(request)


def asked(server: Server) -> list[Request]:
    """The requests for OpenAPI documents since the last time."""
    found = [request for request in server.requests if "/swagger/" in request.path]
    server.requests.clear()
    return found


def look(server: Server, *services: str, company: str = "EPIC06") -> list[Definition]:
    """Discover with descriptions, one request at a time."""
    config = {"service": list(services or SERVICES), "company": company, "descriptions": True}
    return discover(config, client(server.url, load=Load(1)))


def said(definition: Definition, column: str = "Num") -> str | None:
    text: str | None = definition.schema["properties"][column].get("description")
    return text


def test_nothing_is_asked_for_unless_it_is_wanted(server: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    server.requests()
    with caplog.at_level(logging.INFO):
        config = server.config(service="Erp.BO.CustomerSvc")
        definitions = discover(config, connect(config))
    assert not any("swagger" in one["path"] for one in server.requests())
    assert said(definitions[0], "Company") is None
    assert "description" not in caplog.text


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_columns_have_the_servers_descriptions(server: Sandbox, version: str, caplog: pytest.LogCaptureFixture) -> None:
    config = server.config(version, service="Erp.BO.CustomerSvc,Erp.BO.PartSvc", descriptions=True)
    with caplog.at_level(logging.INFO):
        found = {one.name: one for one in discover(config, connect(config))}
    assert str(said(found[CUSTOMERS], "CustNum")).startswith("Contains a unique number that identifies the customer.")
    assert said(found[CUSTOMERS], "Name") is None, "its description is its name"
    assert said(found["erp_part_parts"], "PartNum") == "A unique part number that identifies this part."
    assert len(caplog.messages) == 1
    assert caplog.messages[0].endswith("columns have a description.")


def test_they_go_out_with_the_schema_and_what_a_user_wrote_wins(server: Sandbox, tmp_path: Path) -> None:
    config = server.config(service="Erp.BO.CustomerSvc", descriptions=True, company="EPIC06")
    catalog = choose(discovered_by_tap(tmp_path, config), CUSTOMERS)
    entry = next(one for one in catalog["streams"] if one["tap_stream_id"] == CUSTOMERS)
    entry["schema"]["properties"]["CustID"]["description"] = "Our own words."
    server.requests()
    run = tap(tmp_path, config, catalog=catalog)
    assert run.code == 0, run.log
    assert run.rows[CUSTOMERS]
    assert run.schemas[CUSTOMERS] == entry["schema"]
    assert run.schemas[CUSTOMERS]["properties"]["Company"]["description"] == "Company Identifier."
    assert not any("swagger" in one["path"] for one in server.requests()), "a sync asks for none"


def test_airbyte_is_told_them(server: Sandbox) -> None:
    config = server.config(service="Erp.BO.CustomerSvc", descriptions=True)
    (stream,) = (one for one in discovered(config, connect(config)).streams if one.name == CUSTOMERS)
    assert stream.json_schema["properties"]["Company"]["description"] == "Company Identifier."


def test_a_service_is_asked_once_until_its_columns_change(cache: Path) -> None:
    tenant = Tenant(Reply(DOCUMENT))
    with serving(tenant) as server:
        for times in (1, 0):
            (definition,) = look(server, SERVICES[0])
            assert said(definition) == "The row's own number."
            assert len(asked(server)) == times
        assert len(list(cache.iterdir())) == 1
        tenant.csdl = CSDL % '<Property Name="New" Type="Edm.String"/>'
        (definition,) = look(server, SERVICES[0])
        assert said(definition, "New") == "It came later."
        assert len(asked(server)) == 1


def grow_old(cache: Path) -> None:
    for file in cache.iterdir():
        content = json.loads(file.read_bytes())
        file.write_text(json.dumps({**content, "asked": content["asked"] - KEPT_FOR - 1}))


def test_what_has_grown_old_is_asked_for_as_whether_it_changed(server: Sandbox, cache: Path) -> None:
    config = server.config(service="Erp.BO.CustomerSvc", descriptions=True)
    first = discover(config, connect(config))
    grow_old(cache)
    server.requests()
    for expected in ([304], []):
        assert discover(config, connect(config)) == first
        assert [one["status"] for one in server.requests() if "swagger" in one["path"]] == expected


@pytest.mark.parametrize("reply", [Reply(status=500), Reply(DOCUMENT)], ids=["fails", "has no validators"])
def test_what_has_grown_old_serves_until_there_is_better(reply: Reply, cache: Path) -> None:
    tenant = Tenant(Reply(DOCUMENT, headers={"Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}))
    with serving(tenant) as server:
        look(server, SERVICES[0])
        grow_old(cache)
        tenant.reply = reply
        (definition,) = look(server, SERVICES[0])
        assert said(definition) == "The row's own number."
        assert asked(server)[-1].headers["If-Modified-Since"] == "Mon, 01 Jan 2024 00:00:00 GMT"


def test_what_is_kept_is_of_one_address_and_company() -> None:
    with serving(Tenant(Reply(DOCUMENT))) as one, serving(Tenant(Reply(status=404))) as other:
        assert said(look(one, SERVICES[0])[0])
        assert said(look(other, SERVICES[0])[0]) is None
        asked(one)
        look(one, SERVICES[0], company="EPIC07")
        assert len(asked(one)) == 1


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"texts": 1}', b"\xff", b"[" * 5000])
def test_a_damaged_file_is_said_and_made_anew(content: bytes, cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    with serving(Tenant(Reply(DOCUMENT))) as server:
        look(server, SERVICES[0])
        (file,) = cache.iterdir()
        file.write_bytes(content)
        assert said(look(server, SERVICES[0])[0]) == "The row's own number."
        assert f"The kept descriptions in {file} are damaged" in caplog.text
        assert len(asked(server)) == 2
        look(server, SERVICES[0])
        assert asked(server) == []


def test_a_folder_that_can_not_be_used_is_said_once(cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache.parent.parent.write_text("a file")
    with caplog.at_level(logging.INFO), serving(Tenant(Reply(DOCUMENT))) as server:
        assert all(said(definition) for definition in look(server))
    assert len([one for one in caplog.messages if "descriptions are not kept" in one]) == 1


REFUSED = {"ErrorMessage": "Access denied (Ice.Lib.Swagger).", "ErrorType": "System.UnauthorizedAccessException"}


@pytest.mark.parametrize(
    "reply",
    [
        Reply({"ErrorMessage": "Resource not found"}, status=404),
        Reply(REFUSED, status=401),
        Reply(REFUSED, status=403),
        Reply(status=500),
        Reply(status=503),
        Reply(status=302, headers={"Location": "/login"}),
        Reply(status=304),
        Reply(b"<html>Please sign in</html>", headers={"Content-Type": "text/html"}),
        Reply(b'{"definitions": {', headers={"Content-Type": "application/json"}),
        Reply(DOCUMENT, declared_length=100_000),
        Reply(drop=True),
    ],
    ids=lambda reply: f"{reply.status}-{reply.body!r:.12}",
)
def test_failing_to_get_them_is_said_once_and_given_up_soon(reply: Reply, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), serving(Tenant(reply)) as server:
        definitions = look(server)
        assert [said(definition) for definition in definitions] == [None] * len(SERVICES)
        assert len(asked(server)) == MOST_FAILURES
    assert len(caplog.messages) == 1
    assert "could not be had of 3 of the 3 services asked for them" in caplog.messages[0]
    assert caplog.messages[0].endswith("No more were asked for. All else is as without.")


def test_a_service_without_a_document_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    lacking = {f"/kinetic/api/swagger/v2/odata/{name}.json" for name in SERVICES[::2]}
    with serving(Tenant(lambda request: Reply(status=404) if request.path in lacking else Reply(DOCUMENT))) as server:
        found = [bool(said(definition)) for definition in look(server)]
    assert found == [False, True] * 3
    assert "could not be had of 3 of the 6 services" in caplog.text
    assert "No more" not in caplog.text


def described(name: str, key: str, others: str) -> EntityType:
    types = {"Num": "Edm.Int32", "SysRevID": "Edm.Int64"}
    columns = {
        one: Column(one, types.get(one, "Edm.String"), description=f"What {one} is.")
        for one in f"{key} {others}".split()
    }
    return EntityType(f"T.{name}", (key,), columns, {"Lines": "T.Line"} if name == "Order" else {})


def test_a_sync_without_descriptions_takes_no_column_for_one_of_another_type() -> None:
    settings = StreamSettings(expand=("Lines",))
    service = {
        "Orders": described("Order", "Num", "SysRevID Text"),
        "Lines": described("Line", "Num", "Text description"),
    }
    source = Source("Erp.BO.OrderSvc", "Orders")
    before = define_with_kin(Found(source, service["Orders"], service=service), settings, has_company=False)
    plain = {
        name: EntityType(
            entity.name, entity.key, {c: Column(c, o.type) for c, o in entity.columns.items()}, entity.navigation
        )
        for name, entity in service.items()
    }
    plain["Orders"].columns["Text"] = Column("Text", "Edm.Int32")  # type: ignore[index]
    after = adapted_with_kin(before, Found(source, plain["Orders"], service=plain), settings)
    assert after.drift == {"Text": "now Edm.Int32"}
    assert after.schema["properties"]["Text"] == {"type": ["integer", "null"], "description": "What Text is."}
    assert after.schema["properties"]["Lines"] == before.schema["properties"]["Lines"]
    plain["Lines"].columns["description"] = Column("description", "Edm.Int32")  # type: ignore[index]
    after = adapted_with_kin(before, Found(source, plain["Orders"], service=plain), settings)
    assert after.drift.keys() == {"Text", "Lines"}, "a column of that name is a column"


def test_a_catalog_is_as_before_where_descriptions_are_all_that_changed() -> None:
    settings: Any = StreamSettings()
    entity = described("Row", "Num", "SysRevID Text")
    before = define_with_kin(Found(Source("Erp.BO.RowSvc", "Rows"), entity), settings, has_company=False)
    plain = EntityType(entity.name, entity.key, {name: Column(name, one.type) for name, one in entity.columns.items()})
    after = adapted_with_kin(before, Found(Source("Erp.BO.RowSvc", "Rows"), plain), settings)
    assert (after.schema, after.drift) == (before.schema, {})
