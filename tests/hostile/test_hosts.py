"""Wherever a server points, the tap asks that server alone, and reads no file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tap_epicor.kinetic.errors import KineticError, UnreadableAnswer
from tests.hostile.server import COLUMNS, ROWS, SERVICE, STREAM, Tenant, config, description
from tests.kinetic.clients import client
from tests.scripted import Reply, Server, in_turn, serving
from tests.singer import tap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.scripted import Request

WORD = "what-the-file-holds"


@pytest.fixture
def bystander() -> Iterator[Server]:
    """Another server, which must hear nothing."""
    with serving(lambda _: Reply({"value": ROWS})) as server:
        yield server
        assert server.requests == []


@pytest.mark.parametrize(
    "link",
    [
        "file:///etc/passwd",
        "//{other}/kinetic/api",
        "http://{other}/kinetic/api",
        "http://{own}@{other}/kinetic/api",
        "http://{own}.{other}/kinetic/api",
        "http://{other}#{own}/kinetic/api",
        "https://{own}/kinetic/api",
        "ftp://{own}/kinetic/api",
        "javascript:alert(1)",
        "http://[/kinetic/api",
        "/elsewhere",
        "http://{own}/kinetics/api",
    ],
)
def test_a_next_link_leads_nowhere_else(bystander: Server, link: str) -> None:
    with serving(lambda _: Reply({"value": ROWS})) as server:
        hosts = {"own": server.url.split("/")[2], "other": bystander.url.split("/")[2]}
        with pytest.raises(UnreadableAnswer, match="next link"):
            client(server.url).follow(link.format(**hosts), "api/v1/Erp.BO.PartSvc/Parts")
        assert server.requests == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("place", ["{other}/api/v1/x", "file:///etc/passwd", "//{host}/x"])
def test_a_redirect_is_told_and_not_followed(bystander: Server, status: int, place: str) -> None:
    to = place.format(other=bystander.url, host=bystander.url.split("/")[2])
    with serving(in_turn(Reply(b"", status=status, headers={"Location": to}))) as server:
        with pytest.raises(KineticError, match="the server redirects to"):
            client(server.url).get_json("api/v1/x")
        assert 1 <= len(server.requests) <= 3


def test_addresses_in_lists_descriptions_and_answers_are_not_asked(bystander: Server, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text(WORD)
    other = bystander.url
    metadata = description(
        COLUMNS.replace('Type="Edm.String"', f'Type="Edm.String" xmlns:xlink="x" xlink:href="{other}/type"'),
        head=f'<?xml-stylesheet href="{other}/style.xsl"?>',
        before=f'<edmx:Reference Uri="{other}/other"><edmx:Include Namespace="O"/></edmx:Reference>'
        f'<edmx:Reference Uri="file://{secret}"/>'
        f'<x:include xmlns:x="http://www.w3.org/2001/XInclude" href="{secret}"/>',
    )
    context = {"@odata.context": f"{other}/$metadata", "@odata.id": f"{other}/x", "@odata.deltaLink": f"{other}/delta"}

    def rows(request: Request) -> Reply:
        found = [{**row, "@odata.editLink": f"{other}/row"} for row in ROWS]
        last = "gt 2" in request.options.get("$filter", "")
        again = "ge 2" in request.options.get("$filter", "")
        return Reply({**context, "value": [] if last else found[1:] if again else found})

    listed = Reply([{"name": SERVICE, "url": f"{other}/{SERVICE}", "href": f"file://{secret}"}])
    tenant = Tenant(listed, Reply(metadata), rows)
    with serving(tenant.answer) as server:
        run = tap(tmp_path, config(server.url, completeness="off"))
    assert run.code == 0, run.log
    assert run.rows[STREAM] == ROWS
    assert WORD not in run.log


@pytest.mark.parametrize("entity", ["file://{path}", "{other}/x.dtd"])
def test_entities_of_other_places_are_not_read(bystander: Server, tmp_path: Path, entity: str) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text(WORD)
    place = entity.format(path=secret, other=bystander.url)
    head = f'<!DOCTYPE x [<!ENTITY word SYSTEM "{place}">]>'
    tenant = Tenant(metadata=Reply(description(COLUMNS.replace('Name="Name"', 'Name="&word;"'), head=head)))
    with serving(tenant.answer) as server:
        run = tap(tmp_path, config(server.url))
    assert run.code == 1
    assert "it holds a document type declaration, which is refused" in run.log
    assert WORD not in run.log
