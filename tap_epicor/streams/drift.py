"""What changed in a stream's set between discovery and sync: said, and the schema made right before it goes out."""

from __future__ import annotations

import logging
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from tap_epicor.kinetic.catalogue import describe_baqs, describe_services
from tap_epicor.kinetic.errors import KineticError, SignInRefused, Unreachable
from tap_epicor.streams.definition import COMPANY, available_columns, digest
from tap_epicor.streams.json_schema import json_schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tap_epicor.kinetic.catalogue import Found
    from tap_epicor.kinetic.client import Kinetic
    from tap_epicor.kinetic.source import Source
    from tap_epicor.streams.definition import Definition

logger = logging.getLogger(__name__)

_CURE = "Run --discover again"
_SEEN = "columns"
"""Name under which STATE says of a stream which columns the last run saw: a digest, and how they drifted."""


def find_today(kinetic: Kinetic, sources: Sequence[Source], company: str) -> dict[Source, Found]:
    """Return what the server says today of sets and BAQs; those of which it says nothing are left out, with a warning.

    Args:
        kinetic: the client.
        sources: the sets and BAQs.
        company: a company that the account may read.

    Raises:
        SignInRefused: if the server refuses the sign-in.
        Unreachable: if no answer comes.
    """
    services = list(dict.fromkeys(source.service for source in sources if not source.is_baq))
    queries = [source.name for source in sources if source.is_baq]
    found = chain(_told(describe_services(kinetic, services, company)), _told(describe_baqs(kinetic, queries, company)))
    wanted = set(sources)
    return {one.source: one for one in found if one.source in wanted}


def adapted(definition: Definition, found: Found) -> Definition:
    """Return a stream as it must be read and loaded today.

    A column that went leaves the schema, or a loader would overwrite its values with nulls; one that changed its type
    gets the new one. A new one waits for the next discovery, since nobody has chosen it.

    Args:
        definition: the stream as the catalog has it.
        found: what the server says today.
    """
    today = available_columns(found)
    if definition.digest == digest(found):
        return definition
    own_key = tuple(name for name in definition.key if not (definition.company_added and name == COMPANY))
    if lost := [name for name in own_key if name not in today]:
        return _unfit(definition, f"the columns {', '.join(lost)} of its key are gone")
    if found.type.key and not found.source.is_baq and definition.server_key not in {None, found.type.key}:
        return _unfit(definition, f"its key is now {', '.join(found.type.key)} instead of {', '.join(own_key)}")
    properties = dict(definition.schema["properties"])
    gone = [name for name in properties if name not in today and not (definition.company_added and name == COMPANY)]
    fresh = json_schema((today[name] for name in properties if name in today), own_key)["properties"]
    retyped = [name for name in fresh if _differs(properties[name], fresh[name])]
    new = [name for name in today if name not in properties] if len(properties) == definition.columns else []
    for name in gone:
        del properties[name]
    properties |= {name: {**fresh[name], **_said(properties[name])} for name in retyped}
    for what, names in (("are gone", gone), ("have another type", retyped), ("are new, and not copied yet", new)):
        if names:
            logger.warning("%s: columns %s since discovery: %s. %s.", definition.name, what, ", ".join(names), _CURE)
    if definition.replication_key in gone:
        return _unfit(definition, f"its replication key {definition.replication_key} is gone")
    types = {name: today[name].type for name in definition.types if name in today}
    return replace(
        definition,
        schema={**definition.schema, "properties": properties},
        types=types,
        columns=len(today),
        cursors=tuple(name for name in definition.cursors if name in today),
        drift={
            **dict.fromkeys(new, "added"),
            **dict.fromkeys(gone, "gone"),
            **{name: f"now {today[name].type}" for name in retyped},
        },
    )


def since_last_run(definition: Definition, today: str, state: dict[str, Any]) -> str:
    """Return what became of a stream's columns since the last run, and remember it; empty for nothing.

    STATE goes out with every page, and so holds no columns: only a digest of them, which tells that they changed, and
    what the last run saw drifted from its catalog, which tells, beside what drifted today, how.

    Args:
        definition: the stream as it is today.
        today: the digest of the columns that the server has today.
        state: the stream's part of STATE; changed in place.
    """
    last = state.get(_SEEN)
    state[_SEEN] = {"digest": today, **({"drift": dict(definition.drift)} if definition.drift else {})}
    if not isinstance(last, dict) or last.get("digest") in {None, today}:
        return ""
    before = last.get("drift") or {}
    said = [f"{name} {what}" for name, what in definition.drift.items() if before.get(name) != what]
    said += [f"{name} as in the catalog again" for name in before if name not in definition.drift]
    told = ", ".join(said) or "which ones, the catalog does not tell: it is newer than the last run, or leaves them out"
    logger.warning("%s: columns changed since the last run: %s.", definition.name, told)
    return f"columns changed since the last run: {told}"


def _unfit(definition: Definition, why: str) -> Definition:
    cure = f"{_CURE}, and load the stream into a table of its own or empty the old one."
    return replace(definition, unfit=f"{definition.name}: {why}. {cure}")


def _differs(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Return whether two schemas of a column are of different types, whatever else they say."""
    return any(_typed(before.get(word)) != _typed(now.get(word)) for word in ("type", "format", "items", "properties"))


def _typed(schema: Any) -> Any:  # noqa: ANN401 - a schema, schemas by name, or a word
    """Return a schema without descriptions, which say nothing of a type; a column may have that name, too."""
    if not isinstance(schema, dict):
        return schema
    return {word: _typed(one) for word, one in schema.items() if word != "description" or isinstance(one, dict)}


def _said(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {word: text for word, text in schema.items() if word == "description"}


def _told(found: Iterable[Found]) -> Iterator[Found]:
    try:
        yield from found
    except (SignInRefused, Unreachable):
        raise
    except KineticError as exc:
        logger.warning("What changed since discovery can't be told: %s", exc)
