"""What a stream is: made by discovery, carried by the catalog, read back by a sync."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, field
from itertools import chain, count
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

import msgspec
from singer_sdk.singerlib.catalog import StreamMetadata

from tap_epicor.checks import nearest
from tap_epicor.kinetic.catalogue import Parameter  # noqa: TC001 - msgspec reads annotations
from tap_epicor.kinetic.dialect import BAQ_SERVICE
from tap_epicor.kinetic.expanding import Kin  # noqa: TC001 - msgspec reads annotations
from tap_epicor.kinetic.plan import CURSORS, REVISION
from tap_epicor.kinetic.source import Source
from tap_epicor.streams.json_schema import json_schema

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from tap_epicor.kinetic.catalogue import Found
    from tap_epicor.kinetic.metadata import Column
    from tap_epicor.stream_settings import StreamSettings

logger = logging.getLogger(__name__)

COMPANY: Final = "Company"
METADATA_KEY: Final = "epicor"
"""Name under which a stream's metadata in the catalog holds what a sync needs."""

_TIMESTAMPS: Final = ("ChangedOn", "LastChangedOn", "ChangeDate")
"""Columns that some sets have for the time of a change; `ChangeDate` has the grain of a day."""
_LIST: Final = "List"
_RESERVED: Final = "_sdc_"
"""Begins the columns that loaders add; by one of them, `_sdc_deleted_at`, a row is deleted."""
COUNTER: Final = "RowIdent"
"""Column of a BAQ that is counted anew in each answer."""


class DefinitionError(ValueError):
    """A stream's settings or catalog entry that do not fit its columns."""


@dataclass(slots=True)
class EpicorMetadata(StreamMetadata):
    """A stream's metadata with what a sync needs, so that it asks the server for none."""

    epicor: dict[str, Any] | None = None


class _Carried(msgspec.Struct):
    """What `Definition.to_metadata` writes."""

    service: str
    name: str
    columns: int
    types: dict[str, str]
    company_added: bool = msgspec.field(default=False, name="company-added")
    parameters: tuple[Parameter, ...] | None = None
    key: tuple[str, ...] | None = None
    digest: str = ""
    children: tuple[Kin, ...] = ()
    parent: Kin | None = None


class _Property(msgspec.Struct):
    type: str | list[str]


class _Schema(msgspec.Struct):
    properties: dict[str, _Property]


class _Told(msgspec.Struct):
    """What a catalog says in Singer's own words, and people may have edited."""

    key: tuple[str, ...]
    replication_key: str | None
    cursors: tuple[str, ...]
    schema: _Schema


@dataclass(frozen=True)
class Definition:
    """A stream.

    Attributes:
        name: its name.
        source: the entity set or BAQ that it reads.
        schema: JSON schema of its rows.
        key: columns of its key; empty for none.
        replication_key: column that changes are tracked by; None for none.
        cursors: columns that changes could be tracked by.
        types: Edm type of each column of the key and of `cursors`.
        columns: number of columns that the server has.
        company_added: whether the rows have no company column of their own and get one.
        parameters: a BAQ's parameters; None where they are not known.
        selected: whether it is selected where nobody says anything.
        server_key: the key that the server declares; None where the catalog does not say.
        digest: stands for the server's key and columns; empty where the catalog does not say.
        children: the sets of child rows that its rows carry, each in a column.
        parent: the set through which its rows are read; None where they are read from their own.
        unfit: why it can't be read as the catalog has it, in a sentence; None where it can.
        drift: what became of columns since the catalog was made, by name: `added`, `gone`, or the type they have now.
    """

    name: str
    source: Source
    schema: Mapping[str, Any]
    key: tuple[str, ...]
    replication_key: str | None
    cursors: tuple[str, ...]
    types: Mapping[str, str]
    columns: int
    company_added: bool = False
    parameters: tuple[Parameter, ...] | None = None
    selected: bool = True
    server_key: tuple[str, ...] | None = None
    digest: str = ""
    children: tuple[Kin, ...] = ()
    parent: Kin | None = None
    unfit: str | None = None
    drift: Mapping[str, str] = field(default_factory=dict)

    def to_metadata(self) -> dict[str, Any]:
        """Return what a catalog entry must carry so that a sync asks for no metadata."""
        content: dict[str, Any] = {
            "service": self.source.service,
            "name": self.source.name,
            "columns": self.columns,
            "types": dict(self.types),
            "digest": self.digest,
        }
        if self.server_key is not None and self.server_key != self.key:
            content["key"] = list(self.server_key)
        if self.company_added:
            content["company-added"] = True
        if self.children:
            content["children"] = [asdict(child) for child in self.children]
        if self.parent is not None:
            content["parent"] = asdict(self.parent)
        if self.parameters is not None:
            content["parameters"] = [asdict(parameter) for parameter in self.parameters]
        return content


def stream_name(source: Source) -> str:
    """Return the name of a source's stream, such as `erp_customer_customers` or `baq_zCustomer01`."""
    if source.is_baq:
        return f"baq_{source.name}"
    module, *_, service = source.service.split(".")
    return f"{module}_{service.removesuffix('Svc')}_{source.name}".lower()


def unique_name(source: Source, taken: Collection[str]) -> str:
    """Return the name of a source's stream, or a longer one where another stream has it.

    Args:
        source: the entity set or BAQ.
        taken: the names of the streams before it.
    """
    whole = f"{source.service}_{source.name}".replace(".", "_").lower()
    numbered = (f"{whole}_{number}" for number in count(2))
    return next(name for name in chain([stream_name(source), whole], numbered) if name not in taken)


def define(
    found: Found,
    settings: StreamSettings,
    *,
    has_company: bool,
    name: str | None = None,
) -> Definition:
    """Return the stream of an entity set or BAQ.

    Args:
        found: the source and the type of its rows.
        settings: what the configuration says of the stream.
        has_company: whether the configuration names companies.
        name: the stream's name; that of its source where left out.

    Raises:
        DefinitionError: if the settings name a column that there is not.
    """
    name = name or stream_name(found.source)
    _tell_of_names(found, name)
    available = available_columns(found)
    key = _key(found, settings)
    cursors = change_cursors(found)
    replication_key = _replication_key(found, cursors, settings)
    cursors = tuple(dict.fromkeys([*cursors, *([replication_key] if replication_key else [])]))
    _check(name, available, key, "key")
    _check(name, available, cursors, "replication_key")
    _check(name, available, settings.select or (), "select")
    if replication_key and not _tracks(available[replication_key]):
        raise DefinitionError(
            f"{name}: `replication_key` {replication_key} is of type {available[replication_key].type}: "
            "it must be a whole number or a date.",
        )
    if replication_key and not key:
        raise DefinitionError(
            f"{name}: `replication_key` without `key`: rows that come again could not replace those before them. "
            "Name the columns that tell its rows apart in `key`.",
        )
    wanted = {*key, *([replication_key] if replication_key else []), *(settings.select or available)}
    company_added = has_company and COMPANY not in available and (found.source.is_baq or not found.type.key)
    schema = json_schema((column for column in available.values() if column.name in wanted), key)
    if company_added:
        schema["properties"] = {COMPANY: {"type": "string"}, **schema["properties"]}
        key = (COMPANY, *key) if key else ()
    typed = [column for column in (*key, *cursors) if column in available]
    return Definition(
        name=name,
        source=found.source,
        schema=schema,
        key=key,
        replication_key=replication_key,
        cursors=tuple(column for column in cursors if column in wanted),
        types={column: available[column].type for column in typed},
        columns=len(available),
        company_added=company_added,
        parameters=None if found.parameters is None else tuple(found.parameters),
        selected=found.source.name != _LIST and (bool(key) or found.source.is_baq),
        server_key=found.type.key,
        digest=digest(found),
    )


def available_columns(found: Found) -> dict[str, Column]:
    """Return the columns that a stream can have, by name: not a BAQ's counter, nor what loaders keep for themselves."""
    return {
        name: column
        for name, column in found.type.columns.items()
        if not _is_counter(found, name) and not _is_reserved(name)
    }


def change_cursors(found: Found) -> tuple[str, ...]:
    """Return the columns that changes can be tracked by, the best one first."""
    available = available_columns(found)
    return tuple(column for column in (REVISION, *_TIMESTAMPS) if _tracks(available.get(column)))


def digest(found: Found) -> str:
    """Return a short text that stands for the key, and for the names and types of all columns."""
    parts = (part for column in available_columns(found).values() for part in (column, *column.columns))
    columns = (f"{part.name}:{part.type}" for part in parts)
    return f"{crc32(' '.join([*found.type.key, '/', *columns]).encode()):08x}"


def from_catalog(entry: Mapping[str, Any], settings: StreamSettings) -> Definition:
    """Return the stream of a catalog entry.

    Args:
        entry: the entry as it stands in the catalog.
        settings: what the configuration says of the stream.

    Raises:
        DefinitionError: if the entry was not made by this tap, or no longer fits the settings.
    """
    name = str(entry.get("tap_stream_id"))
    root = _root_metadata(entry)
    try:
        carried = msgspec.convert(root.get(METADATA_KEY), _Carried)
        told = msgspec.convert(
            {
                "key": entry.get("key_properties") or root.get("table-key-properties") or (),
                "replication_key": entry.get("replication_key") or root.get("replication-key") or None,
                "cursors": root.get("valid-replication-keys") or (),
                "schema": entry["schema"],
            },
            _Told,
        )
    except msgspec.ValidationError as exc:
        raise DefinitionError(
            f"{name}: the catalog entry was not made by this tap: run --discover again ({exc})."
        ) from exc
    definition = Definition(
        name=name,
        source=Source(carried.service, carried.name),
        schema=entry["schema"],
        key=told.key,
        replication_key=told.replication_key,
        cursors=told.cursors,
        types=carried.types,
        columns=carried.columns,
        company_added=carried.company_added,
        parameters=carried.parameters,
        server_key=carried.key if carried.key is not None else told.key if carried.digest else None,
        digest=carried.digest,
        children=carried.children,
        parent=carried.parent,
    )
    _check_catalog(definition, settings)
    for own, of_metadata in (("key_properties", "table-key-properties"), ("replication_key", "replication-key")):
        if entry.get(own) and root.get(of_metadata) and entry[own] != root[of_metadata]:
            raise DefinitionError(f"{name}: the catalog's `{own}` and `{of_metadata}` differ: run --discover again.")
    return definition


def source_of(entry: Mapping[str, Any]) -> Source | None:
    """Return what a catalog entry's stream reads; None where this tap did not make it."""
    carried = _root_metadata(entry).get(METADATA_KEY)
    if not isinstance(carried, dict) or not isinstance(carried.get("service"), str):
        return None
    return Source(carried["service"], str(carried.get("name")))


def is_selected(entry: Mapping[str, Any]) -> bool:
    """Return whether a catalog entry's stream is selected."""
    root = _root_metadata(entry)
    selected = root.get("selected")
    return bool(root.get("selected-by-default") if selected is None else selected)


def _tell_of_names(found: Found, stream: str) -> None:
    """Tell of columns that loaders can't take, or may take for one another."""
    spelled: dict[str, str] = {}
    for name in found.type.columns:
        if _is_reserved(name):
            logger.warning("%s: the column %s is left out: loaders keep such names for themselves.", stream, name)
        elif (other := spelled.setdefault(name.lower(), name)) != name:
            logger.warning(
                "%s: the columns %s and %s differ only by case: a loader may take them for one. Name the columns "
                "that are wanted in `select`.",
                stream,
                other,
                name,
            )


def _is_reserved(name: str) -> bool:
    return name.lower().startswith(_RESERVED)


def _is_counter(found: Found, name: str) -> bool:
    """Return whether a column is a BAQ's `RowIdent`, which is counted anew in each answer."""
    return found.source.service == BAQ_SERVICE and name == COUNTER


def _tracks(column: Column | None) -> bool:
    return column is not None and column.type in CURSORS and not column.collection


def _key(found: Found, settings: StreamSettings) -> tuple[str, ...]:
    if settings.key is not None:
        return settings.key
    return () if found.source.is_baq else found.type.key


def _replication_key(found: Found, cursors: Sequence[str], settings: StreamSettings) -> str | None:
    if settings.replication_key is not None or found.source.is_baq:
        return settings.replication_key or None
    return REVISION if REVISION in cursors and _key(found, settings) else None


def _check(stream: str, available: Mapping[str, Column], names: Iterable[str], setting: str) -> None:
    for name in names:
        if name not in available:
            by_lower = {column.lower(): column for column in available}
            meant = by_lower.get(name.lower())
            hint = f"; did you mean {meant!r}?" if meant else nearest(name, available)
            raise DefinitionError(f"{stream}: `{setting}` names a column that there is not: {name!r}{hint}")


def _root_metadata(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    for item in entry.get("metadata") or ():
        if not item.get("breadcrumb"):
            metadata: Mapping[str, Any] = item.get("metadata") or {}
            return metadata
    return {}


def _check_catalog(definition: Definition, settings: StreamSettings) -> None:
    cure = "run --discover again."
    unknown = [
        column
        for column in (*definition.key, definition.replication_key)
        if column and column not in definition.types and not (definition.company_added and column == COMPANY)
    ]
    if unknown:
        raise DefinitionError(
            f"{definition.name}: the catalog does not know the type of {', '.join(unknown)}: name the key or "
            f"replication key in `streams` and {cure}",
        )
    own_key = tuple(column for column in definition.key if not (definition.company_added and column == COMPANY))
    if settings.key is not None and settings.key != own_key:
        raise DefinitionError(f"{definition.name}: the catalog was made with another `key` than the settings': {cure}")
    wanted = settings.replication_key
    if wanted is not None and (wanted or None) != definition.replication_key:
        raise DefinitionError(
            f"{definition.name}: the catalog was made with another `replication_key` than the settings': {cure}",
        )
