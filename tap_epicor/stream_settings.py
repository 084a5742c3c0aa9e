"""Settings of single streams, by name or pattern: what can be said, and what is said of one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from singer_sdk import typing as th

if TYPE_CHECKING:
    from collections.abc import Mapping

STRINGS_OR_LIST: Final = {"type": ["string", "array"], "items": {"type": "string"}}

STREAM_SETTINGS: Final = th.ObjectType(
    th.Property(
        "key",
        th.CustomType(STRINGS_OR_LIST),
        description="Columns that tell rows apart, in order. Empty: none, the set is read by $skip.",
    ),
    th.Property(
        "replication_key",
        th.StringType,
        description="Column that changes are tracked by. Empty: none, the stream is read whole each time.",
    ),
    th.Property("select", th.CustomType(STRINGS_OR_LIST), description="Columns wanted; the key is always read."),
    th.Property("filter", th.StringType, description="OData condition that rows must meet, sent as it stands."),
    th.Property(
        "parameters",
        th.ObjectType(additional_properties=th.CustomType({})),
        description="Parameters of a BAQ by name; a list gives several values.",
    ),
    th.Property(
        "replication_parameter",
        th.StringType,
        description="Parameter of a BAQ that gets the bookmark, so that the query itself reads only what changed.",
    ),
    th.Property(
        "expand",
        th.CustomType(STRINGS_OR_LIST),
        description="Sets of child rows that each row carries, as a column of the set's name; docs/child-rows.md.",
    ),
    th.Property(
        "through",
        th.StringType,
        description="Set of the parents through which child rows are read, where the server does not filter them by "
        "their own columns; docs/child-rows.md.",
    ),
    th.Property(
        "full_every",
        th.IntegerType(minimum=1),
        description="Days after which the stream is read whole again, for what leaves no trace in `replication_key`.",
    ),
    th.Property("page_size", th.IntegerType(minimum=1), description="Rows to ask for at once."),
    th.Property(
        "deletes",
        th.StringType,
        allowed_values=["off", "sweep"],
        description="`sweep` reads all keys after the rows, and tells the loader which are gone. It wants `key_store`.",
    ),
    additional_properties=True,
)

BACKFILL: Final = th.ObjectType(
    th.Property("column", th.StringType),
    th.Property("since", th.CustomType({"type": ["string", "integer"]})),
    th.Property("until", th.CustomType({"type": ["string", "integer"]})),
    additional_properties=False,
)


@dataclass(frozen=True)
class Backfill:
    """A range of rows to read once more.

    Attributes:
        column: the column that it is of; None for the replication key.
        since: its lowest value; None for no limit.
        until: the value that it ends before; None for no limit.
    """

    column: str | None = None
    since: str | int | None = None
    until: str | int | None = None


@dataclass(frozen=True)
class StreamSettings:
    """The settings of one stream; None where nothing is said.

    Attributes:
        key: columns of the key; empty for none.
        replication_key: column that changes are tracked by; empty for none.
        select: columns wanted.
        filter: OData condition.
        parameters: name and value of each parameter of a BAQ, as they stand in the query string.
        replication_parameter: parameter of a BAQ that gets the bookmark.
        expand: sets of child rows that each row carries.
        through: set of the parents through which child rows are read.
        full_every: days after which everything is read again.
        page_size: rows to ask for at once.
        sweeps: whether rows that are gone are looked for.
        backfill: the rows that this run reads once more; None where it reads as usual.
    """

    key: tuple[str, ...] | None = None
    replication_key: str | None = None
    select: tuple[str, ...] | None = None
    filter: str | None = None
    parameters: tuple[tuple[str, str], ...] = ()
    replication_parameter: str | None = None
    expand: tuple[str, ...] = ()
    through: str | None = None
    full_every: int | None = None
    page_size: int | None = None
    sweeps: bool = False
    backfill: Backfill | None = None

    @property
    def condition(self) -> str | None:
        """What restricts the rows, the filter, a BAQ's parameters, and the parents; None where nothing does."""
        said = [self.filter or "", *(f"{name}={value}" for name, value in self.parameters)]
        said += [f"through {self.through}"] if self.through else []
        return " & ".join(part for part in said if part) or None


def as_list(value: object) -> tuple[str, ...]:
    """Return a setting that may be one value, a list, or values separated by commas, as a tuple."""
    if value is None:
        return ()
    if isinstance(value, str):
        text = value.strip()
        value = json.loads(text) if text.startswith("[") else text.split(",")
    values = value if isinstance(value, list | tuple) else [value]
    return tuple(text for item in values if (text := str(item).strip()))


def stream_settings(config: Mapping[str, Any], name: str) -> StreamSettings:
    """Return what `streams` says of a stream: what its own name says goes before what patterns say.

    Args:
        config: the configuration.
        name: the stream's name.
    """
    said = _said(config.get("streams") or {}, name)
    backfill = _said(config.get("backfill") or {}, name)
    return StreamSettings(
        key=as_list(said["key"]) if "key" in said else None,
        replication_key=said.get("replication_key"),
        select=as_list(said["select"]) if "select" in said else None,
        filter=said.get("filter") or None,
        parameters=query_parameters(said.get("parameters") or {}),
        replication_parameter=said.get("replication_parameter") or None,
        expand=as_list(said.get("expand")),
        through=said.get("through") or None,
        full_every=said.get("full_every"),
        page_size=said.get("page_size"),
        sweeps=said.get("deletes") == "sweep",
        backfill=Backfill(**backfill) if backfill else None,
    )


def _said(by_stream: Mapping[str, Mapping[str, Any]], name: str) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for pattern, values in by_stream.items():
        if pattern != name and fnmatchcase(name, pattern):
            said.update(values)
    return {**said, **(by_stream.get(name) or {})}


def query_parameters(values: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return name and value of each parameter of a BAQ, as they stand in the query string.

    Args:
        values: the parameters by name; a list gives several values, None gives none.
    """
    return tuple(
        (name, _parameter_text(item))
        for name, value in values.items()
        for item in (value if isinstance(value, list | tuple) else [value])
        if item is not None
    )


def _parameter_text(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    return str(value).lower() if isinstance(value, bool) else str(value)
