"""Serves `$metadata` for the whole vendor surface, made from a dump of it.

    python -m tests.discovery.surface CATALOGUE

prints the address; the services are those that have readable sets.
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from tests.scripted import Reply, Request, serving

EDM = {"string": "Edm.String", "number": "Edm.Decimal", "boolean": "Edm.Boolean"}


def load(path: Path) -> dict[str, Any]:
    """Return the services that have readable sets."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        dump: dict[str, Any] = json.load(file)
    return {name: service for name, service in dump.items() if service.get("sets")}


def edm_type(name: str, kind: str) -> str:
    """Return a believable type: the dump tells strings, numbers and booleans apart, and no more."""
    if name == "SysRowID":
        return "Edm.Guid"
    if name == "SysRevID":
        return "Edm.Int64"
    if kind == "number" and name.endswith(("Num", "Seq", "Line")):
        return "Edm.Int32"
    return "Edm.DateTimeOffset" if kind == "string" and name == "ChangeDate" else EDM[kind]


def csdl(service: dict[str, Any]) -> bytes:
    """Return a service's CSDL, OData 4."""
    types, sets = [], []
    for name, entity_set in service["sets"].items():
        key = "".join(f"<PropertyRef Name={quoteattr(column)}/>" for column in entity_set["key"])
        columns = "".join(
            f"<Property Name={quoteattr(column)} Type={quoteattr(edm_type(column, kind))}/>"
            for column, kind in service["rows"][entity_set["row"]].items()
        )
        types.append(
            f"<EntityType Name={quoteattr(name + 'Row')}>{f'<Key>{key}</Key>' if key else ''}{columns}</EntityType>"
        )
        sets.append(f"<EntitySet Name={quoteattr(name)} EntityType={quoteattr(f'T.{name}Row')}/>")
    return (
        '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>'
        '<Schema Namespace="T" xmlns="http://docs.oasis-open.org/odata/ns/edm">'
        f'{"".join(types)}<EntityContainer Name="C">{"".join(sets)}</EntityContainer></Schema>'
        "</edmx:DataServices></edmx:Edmx>"
    ).encode()


def main() -> None:
    """Serve until standard input closes."""
    services = load(Path(sys.argv[1]))
    listing = {"services": [{"name": name} for name in services]}

    def answer(request: Request) -> Reply:
        if request.path.endswith("/api/helppage/services"):
            return Reply(listing)
        return Reply(csdl(services[request.path.split("/")[-2]]), headers={"Content-Type": "application/xml"})

    with serving(answer) as server:
        print(server.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
