"""Rows that make every answer fail that they would be in: proved, named, and left out where that is wanted."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tap_epicor.kinetic.errors import KineticError
from tap_epicor.kinetic.order import keys_of, show
from tap_epicor.kinetic.page_size import FEWER_MAY_DO, told
from tap_epicor.kinetic.probes import REFUSALS
from tap_epicor.kinetic.source import not_just_once

if TYPE_CHECKING:
    from tap_epicor.kinetic.order import Key
    from tap_epicor.kinetic.plan import Plan
    from tap_epicor.kinetic.query import Query
    from tap_epicor.kinetic.source import Rows

CANT_BE_HAD = (*REFUSALS, *FEWER_MAY_DO)


class UnreadableRow(KineticError):
    """A row that makes every answer fail that it would be in, while others can be read.

    Attributes:
        values: its values in the columns that the set is read by; empty where not even they can be had.
        key: the same and its key, for people to read.
    """

    cure = (
        "Look at this row in Kinetic (a calculated or user column may fail on it), or leave the column at fault out by "
        "`select` in `streams`. `unreadable_rows` skip leaves such rows out."
    )
    values: Key = ()
    key = ""


def can_be_read(rows: Rows, query: Query) -> bool:
    """Return whether a query is answered with rows at the first time: a wrong no proves nothing, and costs no row.

    Args:
        rows: the rows in question.
        query: the query, for rows that are not suspected.
    """
    try:
        return bool(rows.fetch(query, patient=False))
    except CANT_BE_HAD:
        return False


def look_at(
    rows: Rows,
    plan: Plan,
    query: Query,
    failure: KineticError,
    before: Key | None,
) -> UnreadableRow | list[dict[str, Any]]:
    """Return what is wrong with a row, or the row if it can be read after all.

    Its key is asked for alone, and then the whole row once more, since the server may have recovered meanwhile. That
    other rows can be read has been seen before.

    Args:
        rows: the rows.
        plan: how they are read.
        query: asks for the one row.
        failure: what the server said when the row was among those asked for.
        before: values of the row before it, None where there is none.

    Raises:
        KineticError: if it does not come, and its key does not either.
    """
    columns = tuple(dict.fromkeys((*plan.order, *plan.key)))
    said = f"every answer fails that it would be in ({told(failure)})"
    found: list[dict[str, Any]] | None = None
    with suppress(*CANT_BE_HAD):
        found = not_just_once(lambda: rows.fetch(replace(query, select=[part.name for part in columns], expand=())))
    try:
        return not_just_once(lambda: rows.fetch(query))
    except FEWER_MAY_DO as exc:
        if found is None:
            where = f"after the one with {show(plan.order, before)}" if before else "before all others"
            unnamed = UnreadableRow(
                f"the row that comes {where} can't be read, nor its key alone: {said}", path=rows.path
            )
            unnamed.key = f"the one {where}"
            unnamed.__cause__ = exc
            return unnamed
        if not found:
            raise
    (values,) = keys_of(found[:1], plan.order, rows.path)
    key = show(columns, tuple(found[0].get(part.name) for part in columns))
    row = UnreadableRow(f"the row with {key} can't be read: {said}", path=rows.path)
    row.values, row.key = values, key
    return row
