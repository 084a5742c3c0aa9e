"""What a stream asks the server for, and how; the company's column, where the tap adds it, is not the server's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from tap_epicor.kinetic.shape import UNDECLARED
from tap_epicor.kinetic.source import Rows
from tap_epicor.streams.definition import COMPANY
from tap_epicor.streams.lines import shape_of
from tap_epicor.streams.parameters import check_parameters, replication_parameter

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from tap_epicor.kinetic.client import Kinetic
    from tap_epicor.stream_settings import StreamSettings
    from tap_epicor.streams.definition import Definition
    from tap_epicor.streams.shards import Share


@dataclass(frozen=True)
class Manner:
    """What the settings say of the reading.

    Attributes:
        page_size: rows to ask for at once.
        start_value: where a stream begins that has no bookmark yet.
        overlap: how far below the bookmark to begin, in revisions.
        overlap_days: the same where the cursor is a date.
        overlap_minutes: how long a transaction may last without a row of it being missed.
        completeness: what to do when the server counts otherwise; `off` also where it is not to be asked.
        restored: what to do when the database was restored.
        skips: whether rows that the server can't give are left out, instead of failing.
        resumes: whether an interrupted read of everything goes on where it was.
        parameter: parameter of a BAQ that gets the bookmark, and its type; None for none.
        mark: the bookmark that a read of everything ends with, and since when, where that is known; a range of the
            rows does not tell.
        full_every: days after which everything is read again; None for never.
    """

    page_size: int
    start_value: str | int | None
    overlap: int
    overlap_days: int
    overlap_minutes: int
    completeness: Literal["off", "warn", "fail"]
    restored: Literal["reread", "fail"]
    skips: bool
    resumes: bool
    parameter: tuple[str, str] | None = None
    mark: tuple[Any, int | None] | None = None
    full_every: int | None = None


def servers_own(definition: Definition, names: Iterable[str]) -> tuple[str, ...]:
    """Return the columns among these that are the server's.

    Args:
        definition: the stream.
        names: columns as the loader gets them.
    """
    return tuple(name for name in names if not (definition.company_added and name == COMPANY))


def rows_of(  # noqa: PLR0913
    kinetic: Kinetic,
    definition: Definition,
    settings: StreamSettings,
    *,
    company: str,
    columns: Sequence[str],
    properties: Mapping[str, Any],
    compared: Collection[str],
    whole: bool,
) -> Rows:
    """Return the rows to ask for.

    Args:
        kinetic: the client.
        definition: the stream.
        settings: what the configuration says of it.
        company: company id.
        columns: the columns wanted.
        properties: the JSON schema of each column.
        compared: the columns of the key, and that changes are tracked by.
        whole: whether rows may go on as they came.

    Raises:
        DefinitionError: if a BAQ's parameters are not what the settings say.
    """
    check_parameters(definition, settings)
    sortable = [name for name in properties if not {"object", "array"} & {*properties[name]["type"]}]
    expand = [child.name for child in definition.children if child.name in columns]
    select = [name for name in columns if name not in expand]
    return Rows(
        kinetic,
        definition.source,
        company,
        settings.filter,
        settings.parameters,
        select if len(select) < definition.columns - len(definition.children) else (),
        servers_own(definition, sortable),
        shape_of(properties, columns, {*compared, COMPANY}) if whole and not expand else UNDECLARED,
        expand,
    )


def page_size(config: Mapping[str, Any], settings: StreamSettings) -> int:
    """Return how many rows to ask for at once.

    Args:
        config: the configuration.
        settings: what it says of the stream.
    """
    return settings.page_size or int(config["page_size"])


def manner_of(
    config: Mapping[str, Any],
    definition: Definition,
    share: Share,
    *,
    most: int | None,
    resumes: bool,
) -> Manner:
    """Return how to read.

    Args:
        config: the configuration.
        definition: the stream.
        share: what is read of it.
        most: rows that a trial ends after; None for all.
        resumes: whether an interrupted read of everything goes on where it was.

    Raises:
        DefinitionError: if there is no such parameter as `replication_parameter`.
    """
    size = page_size(config, share.settings)
    counts = not definition.source.is_baq and most is None
    return Manner(
        page_size=size if most is None else min(size, most + 1),
        start_value=config.get("start_value"),
        overlap=config["overlap"],
        overlap_days=config["overlap_days"],
        overlap_minutes=config["overlap_minutes"],
        completeness=config["completeness"] if counts else "off",
        restored=config["restored"],
        skips=config["unreadable_rows"] == "skip",
        resumes=resumes,
        parameter=replication_parameter(definition, share.settings),
        mark=share.mark,
        full_every=share.settings.full_every,
    )
