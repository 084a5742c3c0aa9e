"""A backfill: some streams' rows of a range are read once more, and STATE stays as it was."""

from __future__ import annotations

import logging
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from singer_sdk.helpers._state import StateWriter

from tap_epicor.checks import nearest
from tap_epicor.kinetic.plan import CURSORS, WHOLE_NUMBERS, Part, parse_cursor_value
from tap_epicor.kinetic.probes import highest_to_track
from tap_epicor.kinetic.query import all_of
from tap_epicor.streams.definition import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tap_epicor.kinetic.catalogue import Found
    from tap_epicor.kinetic.source import Rows
    from tap_epicor.stream_settings import Backfill
    from tap_epicor.streams.definition import Definition
    from tap_epicor.streams.reckoning import Reckoning

logger = logging.getLogger(__name__)


class StateKept(StateWriter):
    """Writes the state that a run was given, whatever the run makes of it.

    Args:
        writer: the writer of messages.
        state: the state that the run was given.
    """

    def __init__(self, writer: Any, state: Mapping[str, Any]) -> None:  # noqa: ANN401
        super().__init__(writer)
        self.given: Any = deepcopy(state) or None
        """The state; None where there was none."""

    def write_state(self, state: Any) -> None:  # noqa: ANN401, ARG002
        """Write the state that the run was given, once; nothing where there was none."""
        if self.given:
            super().write_state(self.given)


def named(backfill: Mapping[str, Any], streams: Collection[str]) -> tuple[set[str], list[str]]:
    """Return the streams that a backfill is of, and the names and patterns in it that no stream has.

    Args:
        backfill: the setting.
        streams: the names of the selected streams.
    """
    found = {one for one in streams if any(fnmatchcase(one, pattern) for pattern in backfill)}
    return found, [pattern for pattern in backfill if not any(fnmatchcase(one, pattern) for one in streams)]


def typed(definition: Definition, found: Found, backfill: Backfill | None) -> Definition:
    """Return a stream that knows the type of the column that a backfill goes by.

    Args:
        definition: the stream.
        found: what the server says of its columns.
        backfill: the backfill; None for none.
    """
    if backfill is None or backfill.column is None or backfill.column not in found.type.columns:
        return definition
    return replace(definition, types={**definition.types, backfill.column: found.type.columns[backfill.column].type})


def restricted(rows: Rows, definition: Definition, backfill: Backfill, reckoning: Reckoning, *, replaced: bool) -> Rows:
    """Return the rows of a backfill's range.

    Args:
        rows: all of the stream's rows.
        definition: the stream.
        backfill: the range.
        reckoning: what becomes of the read; it gets a note.
        replaced: whether each run replaces all of the stream's rows.

    Raises:
        DefinitionError: if there can't be such a range.
        KineticError: if the server can't be asked.
    """
    name = definition.name
    if replaced:
        raise DefinitionError(f"{name}: `backfill` has no use, since each run replaces all of its rows: run as usual.")
    column = backfill.column or definition.replication_key
    if column is None or column not in definition.types:
        what = f"has no column {column!r}" if column else "has no replication key"
        hint = nearest(column or "", definition.schema["properties"]) or "."
        raise DefinitionError(
            f"{name}: `backfill` can't be done: it {what}{hint} Name one in `column`, a whole number or a date."
        )
    part = Part(column, definition.types[column])
    if part.type not in CURSORS:
        raise DefinitionError(
            f"{name}: `backfill`, `column` {column} is of type {part.type}: name a whole number or a date."
        )
    since, until = (None if one is None else _value(name, part, one) for one in (backfill.since, backfill.until))
    if since is not None and until is not None and not _moment(since) < _moment(until):
        raise DefinitionError(f"{name}: `backfill`: `since` is not before `until`, so that no row is between them.")
    _, reason = highest_to_track(rows, part)
    if reason:
        raise DefinitionError(f"{name}: `backfill` can't be done: {reason}. Run it once with --full-refresh instead.")
    bounds = [
        f"{column} {sign} {rows.literal(part.type, value)}"
        for sign, value in (("ge", since), ("lt", until))
        if value is not None
    ]
    said = f"backfill of the rows with {' and '.join(bounds)}; the bookmark stays where it is"
    logger.info("%s: %s.", reckoning.name, said)
    reckoning.notes.append(said)
    return replace(rows, filter=all_of([rows.filter, *bounds]))


def _value(name: str, part: Part, value: str | int) -> Any:  # noqa: ANN401
    try:
        return parse_cursor_value(part, value)
    except ValueError:
        raise DefinitionError(
            f"{name}: `backfill`: {value!r} is no value of {part.name} ({part.type}): write a "
            f"{'whole number' if part.type in WHOLE_NUMBERS else 'date as 2024-01-31'}."
        ) from None


def _moment(value: Any) -> Any:  # noqa: ANN401
    """Return a value of a column as what can be compared."""
    if not isinstance(value, str):
        return value
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
