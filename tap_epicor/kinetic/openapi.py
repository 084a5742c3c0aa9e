"""What a service says of its columns in words: its OpenAPI document (Swagger 2 and OpenAPI 3) read for descriptions.

How much of it a server fills in is not known, so that whatever is not as expected is passed over, a piece at a time.
"""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from tap_epicor.kinetic.errors import UnreadableAnswer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_epicor.kinetic.metadata import EntityType

    Definitions = dict[str, msgspec.Raw]

LONGEST_DESCRIPTION: Final = 1000
"""Characters of a description; BigQuery takes 1,024, others more."""
MOST_PARTS: Final = 64
"""Schemas that one refers to or is made of, at the most: they may refer to each other in circles."""
_MOST_CANDIDATES: Final = 16
_NOT_JSON: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_T = TypeVar("_T")


class _Components(msgspec.Struct):
    schemas: msgspec.Raw = msgspec.Raw(b"{}")


class _Document(msgspec.Struct):
    definitions: msgspec.Raw = msgspec.Raw(b"{}")
    components: msgspec.Raw = msgspec.Raw(b"{}")


class _Schema(msgspec.Struct, rename={"reference": "$ref", "all_of": "allOf"}):
    properties: msgspec.Raw = msgspec.Raw(b"{}")
    reference: msgspec.Raw = msgspec.Raw(b"null")
    all_of: msgspec.Raw = msgspec.Raw(b"[]")
    description: msgspec.Raw = msgspec.Raw(b"null")


def read_openapi(document: bytes, types: Mapping[str, EntityType]) -> dict[str, dict[str, str]]:
    """Return what a service says of the columns of its sets.

    Args:
        document: the JSON.
        types: the type of each set.

    Returns:
        The descriptions by column, by set; only those that say more than the column's name.

    Raises:
        UnreadableAnswer: if it is no OpenAPI document.
    """
    try:
        content = msgspec.json.decode(document.removeprefix(codecs.BOM_UTF8), type=_Document)
    except _NOT_JSON as exc:
        raise UnreadableAnswer("it is no OpenAPI document in JSON") from exc
    components = _read(content.components, _Components) or _Components()
    definitions: Definitions = {}
    for part in (content.definitions, components.schemas):
        definitions |= _read(part, dict[str, msgspec.Raw]) or {}
    names = _by_last_part(definitions)
    found = {id(entity): _of_row(entity, definitions, names) for entity in types.values()}
    return {name: found[id(entity)] for name, entity in types.items()}


def cleaned(text: str, name: str) -> str:
    """Return a description in one line, of bounded length; empty where it says no more than the column's name.

    Args:
        text: the description as it came.
        name: the column's name.
    """
    line = " ".join("".join(one if one.isprintable() else " " for one in text[: 4 * LONGEST_DESCRIPTION]).split())
    if _letters(line) == _letters(name) or not _letters(line):
        return ""
    return line if len(line) <= LONGEST_DESCRIPTION else f"{line[: LONGEST_DESCRIPTION - 1]}…"


def _of_row(entity: EntityType, definitions: Definitions, names: Mapping[str, list[str]]) -> dict[str, str]:
    """Return the descriptions of a type's columns, out of the schema of its name that has most of them.

    Other schemas end in the same name: lists of such rows, the answers that they come in.
    """
    spelled = (entity.name, entity.name.replace(".", "_"))
    last = entity.name.rpartition(".")[2]
    candidates = [name for name in spelled if name in definitions] + names.get(last, [])[:_MOST_CANDIDATES]
    known = [_properties(definitions[name], definitions) for name in dict.fromkeys(candidates)]
    best = max(known, key=lambda properties: len(properties.keys() & entity.columns.keys()), default={})
    described = ((name, _description(best[name], definitions, name)) for name in entity.columns if name in best)
    return {name: text for name, text in described if text}


def _by_last_part(definitions: Definitions) -> dict[str, list[str]]:
    """Return the names of schemas by their ends: `CustomerRow` of `Erp_Tablesets_CustomerRow`, the shortest first."""
    found: dict[str, list[str]] = {}
    for name in sorted(definitions, key=len):
        found.setdefault(name.replace("_", ".").rpartition(".")[2], []).append(name)
    return found


def _properties(raw: msgspec.Raw, definitions: Definitions) -> dict[str, msgspec.Raw]:
    found: dict[str, msgspec.Raw] = {}
    for schema in _parts(raw, definitions):
        found = {**(_read(schema.properties, dict[str, msgspec.Raw]) or {}), **found}
    return found


def _description(raw: msgspec.Raw, definitions: Definitions, name: str) -> str:
    texts = (cleaned(_read(schema.description, str) or "", name) for schema in _parts(raw, definitions))
    return next(filter(None, texts), "")


def _parts(raw: msgspec.Raw, definitions: Definitions) -> Iterator[_Schema]:
    """Yield a schema, then those that it refers to or is made of."""
    waiting = [raw]
    for _ in range(MOST_PARTS):
        if not waiting:
            return
        schema = _read(waiting.pop(0), _Schema)
        if schema is None:
            continue
        yield schema
        reference = _read(schema.reference, str) or ""
        if (target := reference.rpartition("/")[2]) in definitions:
            waiting.append(definitions[target])
        waiting += (_read(schema.all_of, list[msgspec.Raw]) or [])[:MOST_PARTS]


def _read(raw: msgspec.Raw, into: type[_T]) -> _T | None:
    """Return a piece of the document; None where it is something else."""
    try:
        return msgspec.json.decode(raw, type=into)
    except _NOT_JSON:
        return None


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text)).lower()
