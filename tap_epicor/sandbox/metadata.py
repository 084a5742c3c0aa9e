"""What the services say of themselves: CSDL, service documents, lists of services."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_epicor.sandbox.model import Column, EntitySet
    from tap_epicor.sandbox.queries import Query

_EDMX = {
    1: "http://schemas.microsoft.com/ado/2007/06/edmx",
    2: "http://docs.oasis-open.org/odata/ns/edmx",
}
_EDM = {
    1: "http://schemas.microsoft.com/ado/2009/11/edm",
    2: "http://docs.oasis-open.org/odata/ns/edm",
}
_SERVICES = (
    ' m:DataServiceVersion="3.0" m:MaxDataServiceVersion="3.0" '
    'xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"'
)


def of_service(sets: Iterable[EntitySet], version: int) -> bytes:
    """The CSDL of a service."""
    listed = list(sets)
    by_type = {entity_set.type_name: entity_set for entity_set in listed}
    by_name = {entity_set.name: entity_set for entity_set in listed}
    namespace = listed[0].namespace
    types = "".join(_entity_type(entity_set, by_name, version) for entity_set in by_type.values())
    entries = "".join(
        f"<EntitySet Name={quoteattr(entity_set.name)} EntityType={quoteattr(entity_set.full_type)}"
        + (f">{_bindings(entity_set)}</EntitySet>" if version > 1 and entity_set.children else "/>")
        for entity_set in listed
    )
    return _document(namespace, types, entries, version)


def of_query(query: Query, version: int) -> bytes:
    """The CSDL of a BAQ, which has no key."""
    properties = "".join(_property(column, version) for column in query.columns.values())
    types = f'<EntityType Name="QueryItem">{properties}</EntityType>'
    name = "Data" if version > 1 else query.name
    return _document("Epicor", types, f'<EntitySet Name={quoteattr(name)} EntityType="Epicor.QueryItem"/>', version)


def service_document(names: Iterable[str], root: str, version: int) -> dict[str, object]:
    """The list of a service's sets."""
    entries = [{"name": name, "url": name} for name in names]
    if version == 1:
        return {"odata.metadata": f"{root}$metadata", "value": entries}
    return {"@odata.context": f"{root}$metadata", "value": [{**entry, "kind": "EntitySet"} for entry in entries]}


def atom(services: Iterable[str], root: str) -> bytes:
    """The Atom document that `/api/v1/` gives."""
    entries = "".join(
        f"<collection href={quoteattr(name + '/')}><atom:title>{name}</atom:title></collection>" for name in services
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        f'<service xml:base={quoteattr(root)} xmlns="http://www.w3.org/2007/app" '
        'xmlns:atom="http://www.w3.org/2005/Atom">'
        f"<workspace><atom:title>Default</atom:title>{entries}</workspace></service>"
    ).encode()


def service_list(services: Iterable[str], shape: str) -> object:
    """The list of services, in one of the shapes it may have."""
    names = list(services)
    if shape == "names":
        return names
    if shape == "value":
        return {"value": [{"Name": name, "Url": f"{name}/"} for name in names]}
    return [
        {"name": name, "description": name.split(".")[-1].removesuffix("Svc"), "serviceType": "BO"} for name in names
    ]


def _document(namespace: str, types: str, sets: str, version: int) -> bytes:
    default = ' m:IsDefaultEntityContainer="true"' if version == 1 else ""
    declared = _SERVICES if version == 1 else ""
    number = "1.0" if version == 1 else "4.0"
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        f'<edmx:Edmx Version="{number}" xmlns:edmx="{_EDMX[version]}"><edmx:DataServices{declared}>'
        f'<Schema Namespace={quoteattr(namespace)} xmlns="{_EDM[version]}">{types}</Schema>'
        f'<Schema Namespace="Default" xmlns="{_EDM[version]}">'
        f'<EntityContainer Name="Container"{default}>{sets}</EntityContainer></Schema>'
        "</edmx:DataServices></edmx:Edmx>"
    ).encode()


def _entity_type(entity_set: EntitySet, by_name: dict[str, EntitySet], version: int) -> str:
    key = "".join(f"<PropertyRef Name={quoteattr(name)}/>" for name in entity_set.key)
    key = f"<Key>{key}</Key>" if key else ""
    properties = "".join(
        _property(column, version, required=name in entity_set.key) for name, column in entity_set.columns.items()
    )
    children = [by_name[name] for name in entity_set.children]
    links = "".join(_navigation(child) for child in children) if version > 1 else ""
    return f"<EntityType Name={quoteattr(entity_set.type_name)}>{key}{properties}{links}</EntityType>"


def _navigation(child: EntitySet) -> str:
    return f'<NavigationProperty Name={quoteattr(child.name)} Type="Collection({child.full_type})"/>'


def _bindings(entity_set: EntitySet) -> str:
    return "".join(
        f"<NavigationPropertyBinding Path={quoteattr(child)} Target={quoteattr(child)}/>"
        for child in entity_set.children
    )


def _property(column: Column, version: int, *, required: bool = False) -> str:
    edm = "Edm.DateTime" if version == 1 and column.kind == "Date" else column.edm
    facets = ' Nullable="false"' if required else ""
    if column.is_text and column.size:
        facets += f' MaxLength="{column.size}"'
    if column.kind == "Decimal":
        facets += f' Precision="{column.size}" Scale="{column.scale}"'
    return f"<Property Name={quoteattr(column.name)} Type={quoteattr(edm)}{facets}/>"
