"""What a service says of itself: CSDL (`$metadata`, OData 3 and 4) read into entity types."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from tap_epicor.kinetic.errors import UnreadableAnswer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DEEPEST_TYPE = 8
"""Levels of complex types within complex types that are followed."""
MOST_TAGS = 1_000_000
"""Tags in a document at the most; the largest service of Kinetic has a few ten thousand."""
MOST_PARTS = 200_000
"""Properties looked at in a document at the most: types within types, or derived from each other, multiply them."""
LONGEST_NAME = 128
"""Characters of a name at the most (OData CSDL 4.01, SimpleIdentifier), as in SQL Server."""


_DIGITS = re.compile(r"[0-9]{1,10}")


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
        description: what it holds, in the server's words; empty where nobody asked or the server does not say.
    """

    name: str
    type: str
    nullable: bool = True
    max_length: int | None = None
    precision: int | None = None
    scale: int | None = None
    collection: bool = False
    columns: tuple[Column, ...] = ()
    description: str = ""


@dataclass(frozen=True)
class EntityType:
    """The rows of an entity set.

    Attributes:
        name: name of the type.
        key: names of the key's columns, in order; empty for the `List` sets.
        columns: all columns by name.
        navigation: the navigation properties, each with the type that it leads to; OData 3 does not say that there.
    """

    name: str
    key: tuple[str, ...]
    columns: Mapping[str, Column]
    navigation: Mapping[str, str] = field(default_factory=dict)


@dataclass
class _Document:
    types: dict[str, Element] = field(default_factory=dict)
    enums: set[str] = field(default_factory=set)
    sets: list[tuple[str, str]] = field(default_factory=list)
    parts: int = 0

    def look_at(self, element: Element) -> Element:
        """Return a type, unless more has been looked at than any service has."""
        self.parts += len(element) + 1
        if self.parts > MOST_PARTS:
            raise MetadataError(f"its types amount to more than {MOST_PARTS:,} properties")
        return element


def read_metadata(document: bytes) -> dict[str, EntityType]:
    """Return the entity type of each entity set in a CSDL document.

    Args:
        document: the XML, of OData 3 or 4.

    Raises:
        MetadataError: if it is not CSDL, or holds a document type declaration (no CSDL needs one, attacks do).
    """
    content = _index(_parse(document))
    sets = dict(content.sets)
    types = {name: _entity_type(content, name) for name in dict.fromkeys(sets.values())}
    return {_identifier(name, "an entity set"): types[type_name] for name, type_name in sets.items()}


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
    if document.count(b"<") > MOST_TAGS:
        raise MetadataError(f"it has more than {MOST_TAGS:,} tags")
    parser = XMLParser(target=_NoDoctype())  # noqa: S314
    try:
        parser.feed(document)
        root = parser.close()
    except (ParseError, ValueError, LookupError) as exc:  # the last two for an encoding that is not known
        raise MetadataError(f"it is not XML: {exc}") from exc
    if _tag(root) != "Edmx":
        raise MetadataError(f"it is XML, but not CSDL: its root is {_shown(_tag(root))}")
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
    if not lineage:
        raise MetadataError("an entity set has no type")
    key = [
        reference.get("Name", "")
        for element in lineage
        for child in element
        if _tag(child) == "Key"
        for reference in child
        if _tag(reference) == "PropertyRef"
    ]
    navigation = {
        child.get("Name", ""): child.get("Type", "").removeprefix("Collection(").removesuffix(")")
        for element in lineage
        for child in element
        if _tag(child) == "NavigationProperty"
    }
    columns: dict[str, Column] = {}
    for column in _columns(content, lineage, 0):
        if columns.setdefault(column.name, column) != column:
            raise MetadataError(f"the type {_shown(name)} has two properties {column.name!r}")
    if not columns.keys() >= set(key):
        raise MetadataError(f"the key of the type {_shown(name)} names a property that it does not have")
    return EntityType(name, tuple(key), columns, navigation)


def _lineage(content: _Document, name: str) -> Iterator[Element]:
    """Yield a type after those that it derives from."""
    seen: list[Element] = []
    known: set[str] = set()
    while name and name not in known:
        known.add(name)
        element = content.types.get(name)
        if element is None:
            raise MetadataError(f"it does not describe the type {_shown(name)}")
        seen.append(content.look_at(element))
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
    name = _identifier(element.get("Name", ""), "a property")
    return Column(name, type_name, nullable, collection=collection, columns=parts, **attributes)


def _identifier(name: str, what: str) -> str:
    """Return a name, if it is one: no control character, nothing that a line or a terminal takes for its own."""
    if not name.isidentifier() or len(name) > LONGEST_NAME:
        raise MetadataError(f"the name of {what} is none: {_shown(name)}")
    return name


def _shown(name: str) -> str:
    return repr(name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…")


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and _DIGITS.fullmatch(text) else None


def _tag(element: Element) -> str:
    return element.tag.rpartition("}")[2]
