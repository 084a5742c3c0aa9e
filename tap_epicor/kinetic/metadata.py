"""What a service says of itself: CSDL (`$metadata`, OData 3 and 4) read into entity types."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from tap_epicor.kinetic.errors import UnreadableAnswer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DEEPEST_TYPE = 8
"""Levels of complex types within complex types that are followed."""


class MetadataError(UnreadableAnswer):
    """A `$metadata` document that can't be read, with the reason."""


@dataclass(frozen=True)
class Column:
    """A property of an entity type.

    Attributes:
        name: Epicor's own name, in its own case.
        type: Edm type, such as `Edm.Int64`; `Enum` for an enumeration, `Complex` for a structure.
        nullable: whether rows may hold null in it.
        max_length: characters at the most, None when not said.
        precision: digits of a decimal, None when not said.
        scale: digits of a decimal after the point, None when not said or variable.
        collection: whether it holds a list of such values.
        columns: the parts of a structure.
    """

    name: str
    type: str
    nullable: bool = True
    max_length: int | None = None
    precision: int | None = None
    scale: int | None = None
    collection: bool = False
    columns: tuple[Column, ...] = ()


@dataclass(frozen=True)
class EntityType:
    """The rows of an entity set.

    Attributes:
        name: name of the type.
        key: names of the key's columns, in order; empty for the `List` sets.
        columns: all columns by name.
        navigation: names of the navigation properties.
    """

    name: str
    key: tuple[str, ...]
    columns: Mapping[str, Column]
    navigation: tuple[str, ...] = ()


@dataclass
class _Document:
    types: dict[str, Element] = field(default_factory=dict)
    enums: set[str] = field(default_factory=set)
    sets: list[tuple[str, str]] = field(default_factory=list)


def read_metadata(document: bytes) -> dict[str, EntityType]:
    """Return the entity type of each entity set in a CSDL document.

    Args:
        document: the XML, of OData 3 or 4.

    Raises:
        MetadataError: if it is not CSDL, or holds a document type declaration (no CSDL needs one, attacks do).
    """
    content = _index(_parse(document))
    return {name: _entity_type(content, type_name) for name, type_name in content.sets}


def read_row_type(document: bytes) -> EntityType:
    """Return the type of a BAQ's rows.

    Which set of the document holds them is not known for sure, so that `Data` is taken, or the only set, or the only
    entity type.

    Args:
        document: the BAQ's CSDL.

    Raises:
        MetadataError: if there is no such type, or the document can't be read.
    """
    content = _index(_parse(document))
    sets = dict(content.sets)
    if "Data" in sets or len(sets) == 1:
        return _entity_type(content, sets.get("Data") or next(iter(sets.values())))
    candidates = {id(element): name for name, element in content.types.items() if _tag(element) == "EntityType"}
    if len(candidates) != 1:
        raise MetadataError(f"it describes {len(candidates)} entity types, and does not say which is the BAQ's")
    return _entity_type(content, next(iter(candidates.values())))


class _NoDoctype(TreeBuilder):
    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:  # noqa: ARG002
        raise MetadataError("it holds a document type declaration, which is refused")


def _parse(document: bytes) -> Element:
    parser = XMLParser(target=_NoDoctype())  # noqa: S314
    try:
        parser.feed(document)
        root = parser.close()
    except ParseError as exc:
        raise MetadataError(f"it is not XML: {exc}") from exc
    if _tag(root) != "Edmx":
        raise MetadataError(f"it is XML, but not CSDL: its root is {_tag(root)!r}")
    return root


def _index(root: Element) -> _Document:
    content = _Document()
    for schema in (element for element in root.iter() if _tag(element) == "Schema"):
        namespaces = [name for name in (schema.get("Namespace"), schema.get("Alias")) if name]
        for element in schema:
            tag, name = _tag(element), element.get("Name", "")
            if tag in {"EntityType", "ComplexType"}:
                content.types.update({f"{namespace}.{name}": element for namespace in namespaces})
            elif tag == "EnumType":
                content.enums.update(f"{namespace}.{name}" for namespace in namespaces)
            elif tag == "EntityContainer":
                content.sets += [
                    (entity_set.get("Name", ""), entity_set.get("EntityType", ""))
                    for entity_set in element
                    if _tag(entity_set) == "EntitySet"
                ]
    return content


def _entity_type(content: _Document, name: str) -> EntityType:
    lineage = list(_lineage(content, name))
    key = [
        reference.get("Name", "")
        for element in lineage
        for child in element
        if _tag(child) == "Key"
        for reference in child
        if _tag(reference) == "PropertyRef"
    ]
    navigation = [
        child.get("Name", "") for element in lineage for child in element if _tag(child) == "NavigationProperty"
    ]
    columns = {column.name: column for column in _columns(content, lineage, 0)}
    if not columns.keys() >= set(key):
        raise MetadataError(f"the key of the type {name!r} names a property that it does not have")
    return EntityType(name, tuple(key), columns, tuple(navigation))


def _lineage(content: _Document, name: str) -> Iterator[Element]:
    """Yield a type after those that it derives from."""
    seen: list[Element] = []
    known: set[str] = set()
    while name and name not in known:
        known.add(name)
        element = content.types.get(name)
        if element is None:
            raise MetadataError(f"it does not describe the type {name!r}")
        seen.append(element)
        name = element.get("BaseType", "")
    yield from reversed(seen)


def _columns(content: _Document, lineage: list[Element], depth: int) -> Iterator[Column]:
    for element in lineage:
        for child in element:
            if _tag(child) == "Property":
                yield _column(content, child, depth)


def _column(content: _Document, element: Element, depth: int) -> Column:
    declared = element.get("Type", "Edm.String")
    collection = declared.startswith("Collection(")
    type_name = declared.removeprefix("Collection(").removesuffix(")")
    parts: tuple[Column, ...] = ()
    if type_name in content.enums:
        type_name = "Enum"
    elif type_name in content.types:
        if depth < DEEPEST_TYPE:
            parts = tuple(_columns(content, list(_lineage(content, type_name)), depth + 1))
        type_name = "Complex"
    attributes: dict[str, Any] = {
        "max_length": _number(element.get("MaxLength")),
        "precision": _number(element.get("Precision")),
        "scale": _number(element.get("Scale")),
    }
    nullable = element.get("Nullable", "true").lower() != "false"
    return Column(element.get("Name", ""), type_name, nullable, collection=collection, columns=parts, **attributes)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None


def _tag(element: Element) -> str:
    return element.tag.rpartition("}")[2]
