"""The reading: a plan becomes pages, and no page is taken for the last one without proof.

Three ways, and in each a request begins with the last row again where it can:

- By key (`seeking`): that row comes first, which proves at every boundary that the server understood the values as they
  were meant. A page that holds nothing else is the end.
- By revision (`SysRevID`): the same, but that a row which was written meanwhile has moved to the end.
- By `$skip` (`skipping`), where there is no key or the server does not filter by it.

An empty answer where none is expected is asked for once more.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from tap_epicor.kinetic.order import Page, check_rising, check_within, key_of
from tap_epicor.kinetic.query import Query, all_of
from tap_epicor.kinetic.seeking import LostPlace, NoSeeking, Seeking
from tap_epicor.kinetic.skipping import Skipping
from tap_epicor.kinetic.source import not_just_once

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_epicor.kinetic.order import Key
    from tap_epicor.kinetic.plan import Plan
    from tap_epicor.kinetic.source import Rows

__all__ = ["LostPlace", "Page", "read"]

logger = logging.getLogger(__name__)


def read(rows: Rows, plan: Plan, page_size: int) -> Iterator[Page]:
    """Yield the pages of a set; each is asked for when the one before has been taken.

    Args:
        rows: the rows wanted.
        plan: how to read them.
        page_size: rows to ask for at once.

    Raises:
        LostPlace: if `plan.after` is not there any more.
        BrokenOrder: if the server's rows contradict the request.
        KineticError: if a page can't be had.
    """
    if not plan.seeks:
        yield from Skipping(rows, plan, page_size).pages()
    elif plan.cursor and not plan.inclusive:
        yield from _by_revision(rows, plan, page_size)
    else:
        yield from _by_key(rows, plan, page_size)


def _by_key(rows: Rows, plan: Plan, page_size: int) -> Iterator[Page]:
    received, first, last = 0, None, None
    try:
        for page in Seeking(rows, plan, page_size).pages():
            received += len(page.rows)
            first, last = first or dict(page.rows[0]), dict(page.rows[-1])
            yield page
    except NoSeeking as exc:
        if plan.after:
            raise LostPlace(f"an interrupted read can't go on: {exc}", path=rows.path) from exc
        logger.warning("%s: %s. Going on by $skip, which asks more of the server.", rows.source, exc)
        yield from Skipping(rows, plan, page_size, received, first, last).pages()


def _by_revision(rows: Rows, plan: Plan, page_size: int) -> Iterator[Page]:
    (column,) = plan.order
    last: Key | None = None
    alone = True
    while True:
        value = plan.since if last is None else last[0]
        # A server that gives but one row at a time would give the last one for ever.
        sign = "gt" if alone else "ge"
        condition = all_of([rows.filter, f"{column.name} {sign} {rows.literal(column.type, value)}"])
        query = Query(condition, [column.name], top=page_size + (not alone), select=rows.select)
        found: list[dict[str, Any]] = not_just_once(lambda query=query: rows.fetch(query))  # type: ignore[misc]
        if last is not None and not alone and found and key_of(found[0], plan.order, rows.path) == last:
            found = found[1:]
        if not found:
            return
        check_within(plan, found, rows.path)
        keys = [key_of(row, plan.order, rows.path) for row in found]
        check_rising(last, keys, plan.order, rows.path)
        last, alone = keys[-1], len(keys) == 1
        yield Page(found, last)
