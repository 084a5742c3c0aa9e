"""Streams as Airbyte's catalog has them, and a configured catalog as Singer's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from airbyte_protocol_dataclasses.models import AirbyteCatalog, AirbyteStream, ConfiguredAirbyteCatalog, SyncMode

from tap_epicor.airbyte.writer import CDC_DELETED_AT
from tap_epicor.inputs import InputError
from tap_epicor.kinetic.metadata import Column
from tap_epicor.stream_settings import stream_settings
from tap_epicor.streams.definition import METADATA_KEY
from tap_epicor.streams.discovery import discover
from tap_epicor.streams.json_schema import json_schema
from tap_epicor.streams.sweep import DELETED_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from tap_epicor.kinetic.client import Kinetic
    from tap_epicor.streams.definition import Definition

CARRIED: Final = "x-singer"
"""Word in a stream's JSON schema under which it carries what a sync must know."""

_TYPES: Final[Mapping[str, str]] = {"date-time": "timestamp_with_timezone", "time": "time_without_timezone"}
"""Airbyte's own types of texts that JSON schema's formats leave open; moments without a zone count as UTC there."""
_CURE: Final = "Refresh the source's schema, and give the configured catalog that comes of it."


def discovered(config: Mapping[str, Any], kinetic: Kinetic) -> AirbyteCatalog:
    """Return the streams of a tenant.

    Args:
        config: the configuration.
        kinetic: the client.

    Raises:
        KineticError: if nothing can be read.
        DefinitionError: if the settings of a stream do not fit it.
    """
    return AirbyteCatalog([_stream(config, definition) for definition in discover(config, kinetic)])


def configured(path: Path) -> ConfiguredAirbyteCatalog:
    """Return the configured catalog of a file.

    Args:
        path: the file.

    Raises:
        InputError: if it holds none.
    """
    try:
        catalog = msgspec.json.decode(path.read_bytes(), type=ConfiguredAirbyteCatalog)
    except OSError as exc:
        raise InputError(f"The file of `--catalog` can't be read: {exc.strerror}.") from exc
    except (msgspec.DecodeError, RecursionError) as exc:
        raise InputError(f"The file of `--catalog` holds no configured catalog: {exc}. {_CURE}") from exc
    if not catalog.streams:
        raise InputError("The file of `--catalog` holds no stream: choose at least one.")
    return catalog


def singer_catalog(catalog: ConfiguredAirbyteCatalog, config: Mapping[str, Any], kinetic: Kinetic) -> dict[str, Any]:
    """Return a configured catalog as the tap reads it, all of its streams selected.

    Where something between has taken away what the streams carried, the tenant is asked for them anew.

    Args:
        catalog: the configured catalog.
        config: the configuration.
        kinetic: the client.

    Raises:
        InputError: if there is no such stream.
        KineticError: if the tenant must be asked, and can't be.
    """
    carried = {one.stream.name: one.stream.json_schema.get(CARRIED) for one in catalog.streams}
    if not all(carried.values()):
        carried |= {one.name: one.json_schema[CARRIED] for one in discovered(config, kinetic).streams}
    if lacking := [name for name, metadata in carried.items() if not metadata]:
        raise InputError(f"There is no stream {', '.join(lacking)} among those of the settings. {_CURE}")
    entries = []
    for one in catalog.streams:
        known = carried[one.stream.name] or {}
        chosen = {name: schema for name, schema in _properties(one.stream) if name != CDC_DELETED_AT}
        entry: dict[str, Any] = {
            "tap_stream_id": one.stream.name,
            "stream": one.stream.name,
            "schema": {"type": "object", "properties": {**_read_by(known), **chosen}},
            "key_properties": known.get("table-key-properties", []),
            "metadata": [{"breadcrumb": [], "metadata": {**known, "selected": True}}],
        }
        if one.sync_mode is SyncMode.full_refresh:
            entry["replication_method"] = "FULL_TABLE"
        entries.append(entry)
    return {"streams": entries}


def only_selected(config: Mapping[str, Any], catalog: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration that names the services and BAQs of a catalog's streams alone.

    A configured catalog holds only what was chosen: what else the settings name is no stream that has gone.

    Args:
        config: the configuration.
        catalog: the catalog, as the tap reads it.
    """
    sources = [entry["metadata"][0]["metadata"][METADATA_KEY] for entry in catalog["streams"]]
    return {**config, "service": list(dict.fromkeys(one["service"] for one in sources)), "baqs": []}


def _stream(config: Mapping[str, Any], definition: Definition) -> AirbyteStream:
    properties = {name: _typed(schema) for name, schema in definition.schema["properties"].items()}
    if stream_settings(config, definition.name).sweeps:
        properties[CDC_DELETED_AT] = _typed(DELETED_SCHEMA)
    modes = [SyncMode.full_refresh, *([SyncMode.incremental] if definition.replication_key else [])]
    return AirbyteStream(
        name=definition.name,
        json_schema={
            "$schema": "http://json-schema.org/draft-07/schema#",
            "type": "object",
            "additionalProperties": True,
            "properties": properties,
            CARRIED: {
                "table-key-properties": list(definition.key),
                "replication-key": definition.replication_key,
                "valid-replication-keys": list(definition.cursors),
                METADATA_KEY: definition.to_metadata(),
            },
        },
        supported_sync_modes=modes,
        source_defined_cursor=definition.replication_key is not None,
        source_defined_primary_key=[[name] for name in definition.key] or None,
        is_resumable=False,
    )


def _read_by(known: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the columns of the key and the cursor: the rows are read by them, chosen or not."""
    types = known[METADATA_KEY]["types"]
    key, cursor = known["table-key-properties"], known["replication-key"]
    names = [*key, *([cursor] if cursor else [])]
    columns = (Column(name, types.get(name, "Edm.String")) for name in names)
    properties: dict[str, Any] = json_schema(columns, key)["properties"]
    return properties


def _typed(schema: Mapping[str, Any]) -> dict[str, Any]:
    kind = _TYPES.get(schema.get("format", ""))
    return {**schema, **({"airbyte_type": kind} if kind else {})}


def _properties(stream: AirbyteStream) -> Iterable[tuple[str, dict[str, Any]]]:
    properties: dict[str, dict[str, Any]] = stream.json_schema.get("properties") or {}
    return properties.items()
