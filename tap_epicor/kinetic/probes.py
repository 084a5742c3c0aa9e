"""Small questions to the server whose answers decide how a set can be read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tap_epicor.kinetic.errors import BadRequest, ServerFailed, TooMuch
from tap_epicor.kinetic.found import rows_of
from tap_epicor.kinetic.order import whole
from tap_epicor.kinetic.plan import WHOLE_NUMBERS
from tap_epicor.kinetic.query import Query, all_of

if TYPE_CHECKING:
    from tap_epicor.kinetic.plan import Part
    from tap_epicor.kinetic.source import Rows

REFUSALS = (BadRequest, ServerFailed)
"""What a server answers to a `$filter` or `$orderby` that it can't do; the latter with an empty body on child sets."""

_TRIES = 3


def highest(rows: Rows, column: Part) -> Any | None:  # noqa: ANN401
    """Return the highest value of a column, None where there are no rows or only nulls.

    Args:
        rows: the rows in question.
        column: the column.

    Raises:
        KineticError: if the server does not tell.
    """
    found = rows.fetch(Query(rows.filter, [f"{column.name} desc"], top=1, select=[column.name]))
    return _value(found[0], column, rows.path) if found else None


def highest_to_track(rows: Rows, column: Part, tries: int = _TRIES) -> tuple[Any | None, str | None]:
    """Return the highest value of a change cursor, and the reason why it can't be one where it can't.

    The server is asked for the very row again by that value. On child sets Kinetic applies `$filter` to the parent's
    columns (two public clients), and then another row comes back, or none, or an empty 500. Since a row may be
    written between the two questions, they are asked more than once.

    Args:
        rows: the rows in question.
        column: the cursor.
        tries: how often at the most.

    Raises:
        KineticError: if the server can't be asked at all.
    """
    try:
        for _ in range(tries):
            value = highest(rows, column)
            if value is None:
                return None, None
            condition = f"{column.name} eq {rows.literal(column.type, value)}"
            found = rows.fetch(Query(all_of([rows.filter, condition]), top=2, select=[column.name]))
            if found and all(_value(row, column, rows.path) == value for row in found):
                return value, None
    except REFUSALS as exc:
        if isinstance(exc, BadRequest) and exc.cure:
            raise
        return None, f"the server does not filter or order by {column.name} here ({exc.message})"
    return None, f"the server's $filter by {column.name} does not find the rows that have the value"


def _value(row: dict[str, Any], column: Part, path: str) -> Any | None:  # noqa: ANN401
    value = row.get(column.name)
    return value if value is None or column.type not in WHOLE_NUMBERS else whole(value, column.name, path)


def has_another(rows: Rows, column: Part, value: Any) -> bool:  # noqa: ANN401
    """Return whether there may be rows with another value in a column.

    Args:
        rows: the rows in question.
        column: the column.
        value: the value that all rows are thought to have.
    """
    condition = f"{column.name} ne {rows.literal(column.type, value)}"
    try:
        return bool(rows.fetch(Query(all_of([rows.filter, condition]), top=1, select=[column.name]), patient=False))
    except (*REFUSALS, TooMuch):
        return True


def count(rows: Rows, top: int = 1) -> int | None:
    """Return the number of rows as the server counts them, None where it does not tell.

    A server that counts the rows of the page instead (one public client says so) is noticed when that page is full.

    Args:
        rows: the rows in question.
        top: rows to ask for along with the count.
    """
    dialect = rows.kinetic.dialect
    try:
        answer = rows.ask(Query(rows.filter, top=top, options=[dialect.count_option]))
    except (*REFUSALS, TooMuch):
        return None
    told = answer.get(dialect.count)
    if not isinstance(told, int | str) or not (str(told).isascii() and str(told).isdigit()):
        return None
    sent = len(rows_of(answer, rows.path))
    return None if int(told) == sent >= top else int(told)


def count_between(rows: Rows, column: Part, above: Any | None, upto: Any | None) -> int | None:  # noqa: ANN401
    """Return the number of rows with values in a range, None where the server does not tell.

    Args:
        rows: the rows in question.
        column: the column.
        above: the value that they lie above; None for no bound.
        upto: the highest value of the range; None for no bound.
    """
    lowest = None if above is None else f"{column.name} gt {rows.literal(column.type, above)}"
    highest = None if upto is None else f"{column.name} le {rows.literal(column.type, upto)}"
    return count(replace(rows, filter=all_of([rows.filter, lowest, highest])))
