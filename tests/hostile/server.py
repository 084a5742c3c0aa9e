"""A Kinetic that means harm: what it answers, a test says; all else is as it should be."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.scripted import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.scripted import Request

SERVICE = "Erp.BO.PartSvc"
STREAM = "erp_part_parts"
COLUMNS = '<Property Name="Num" Type="Edm.Int32"/><Property Name="Name" Type="Edm.String"/>'
ROWS = [{"Num": 1, "Name": "a"}, {"Num": 2, "Name": "b"}]


def description(columns: str = COLUMNS, head: str = "", before: str = "") -> bytes:
    """The description of a service with one set."""
    return (
        f'<?xml version="1.0" encoding="utf-8"?>{head}'
        f'<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">{before}<edmx:DataServices>'
        '<Schema Namespace="S" xmlns="http://docs.oasis-open.org/odata/ns/edm"><EntityType Name="Row">'
        f'<Key><PropertyRef Name="Num"/></Key>{columns}</EntityType>'
        '<EntityContainer Name="C"><EntitySet Name="Parts" EntityType="S.Row"/></EntityContainer></Schema>'
        "</edmx:DataServices></edmx:Edmx>"
    ).encode()


@dataclass
class Tenant:
    """What is answered to which question."""

    services: Reply = field(default_factory=lambda: Reply([SERVICE]))
    metadata: Reply = field(default_factory=lambda: Reply(description()))
    rows: Callable[[Request], Reply] | None = None
    baqs: Reply = field(default_factory=lambda: Reply({"value": []}))

    def answer(self, request: Request) -> Reply:
        """Answer as a server does that keeps to `$filter`, as far as the tap goes."""
        if "/helppage/" in request.path:
            return self.services
        if request.path.endswith("$metadata"):
            return self.metadata
        if request.path.endswith("/DynamicQueries"):
            asked = request.options.get("$filter", "")
            rows = self.baqs.body["value"]
            return Reply({"value": [] if "QueryID gt" in asked else rows[-1:] if "QueryID ge" in asked else rows})
        if self.rows:
            return self.rows(request)
        after = request.options.get("$filter", "")
        found = [row for row in ROWS if "gt 2" not in after and (f"ge {2}" not in after or row["Num"] == 2)]
        return Reply({"value": found, "@odata.count": len(ROWS)})


def config(url: str, **settings: Any) -> dict[str, Any]:
    """A configuration for the tap that reads it."""
    return {
        "url": url,
        "api_version": "v2",
        "api_key": "key-of-the-tap",
        "company": "EPIC06",
        "service": "Erp.*",
        "user": "reader",
        "password": "hush-hush",
        **settings,
    }


def as_json(rows: list[dict[str, Any]], **more: Any) -> Reply:
    """An answer with rows, and whatever else."""
    return Reply(json.dumps({"value": rows, **more}).encode())
