"""The reading: a plan becomes pages, and no page is taken for the last one without proof.

Three ways, and in each a request begins with the last row again where it can:

- By key (`seeking`): that row comes first, which proves at every boundary that the server understood the values as they
  were meant. A page that holds nothing else is the end.
- By revision (`SysRevID`): the same, but that a row which was written meanwhile has moved to the end.
- By `$skip` (`skipping`), where there is no key or the server does not filter by it.

An empty answer where none is expected is asked for once more. How many rows are asked for at once is `page_size`'s
affair; a row that makes every answer fail is `unreadable`'s.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tap_epicor.kinetic.order import Page
from tap_epicor.kinetic.seeking import LostPlace, NoSeeking, Seeking
from tap_epicor.kinetic.skipping import Skipping
from tap_epicor.kinetic.unreadable import UnreadableRow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_epicor.kinetic.plan import Plan
    from tap_epicor.kinetic.seeking import Constant
    from tap_epicor.kinetic.source import Rows

__all__ = ["LostPlace", "Page", "UnreadableRow", "read"]

logger = logging.getLogger(__name__)


def read(
    rows: Rows,
    plan: Plan,
    page_size: int,
    skipped: list[str] | None = None,
    constant: Constant | None = None,
) -> Iterator[Page]:
    """Yield the pages of a set; each is asked for when the one before has been taken.

    Args:
        rows: the rows wanted.
        plan: how to read them.
        page_size: rows to ask for at once, at the most.
        skipped: where the keys of rows that can't be read are put, for people to read, when such rows are to be left
            out; None to fail at the first of them.
        constant: a column in which all rows have the same value, and that; None where it is not known.

    Raises:
        LostPlace: if `plan.after` is not there any more, or the server does not find a range's rows by their key.
        UnreadableRow: if a row can't be read; read by `$skip`, such a row is never left out.
        BrokenOrder: if the server's rows contradict the request.
        KineticError: if a page can't be had.
    """
    if not plan.seeks:
        yield from Skipping(rows, plan, page_size).pages()
        return
    received, first, last = 0, None, None
    try:
        for page in Seeking(rows, plan, page_size, skipped, constant).pages():
            received += len(page.rows)
            # Whoever takes the page may change its rows.
            first, last = first or dict(page.rows[0]), dict(page.rows[-1])
            yield page
    except NoSeeking as exc:
        if plan.after or plan.upto:
            raise LostPlace(f"the read can't go on: {exc}", path=rows.path) from exc
        logger.warning("%s: %s. Going on by $skip, which asks more of the server.", rows.source, exc)
        yield from Skipping(rows, plan, page_size, received, first, last).pages()
