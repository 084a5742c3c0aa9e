"""A big set is read in several ranges of its key at once, as far as there are connections to spare.

It begins as one. Once the server is seen to take its time, what is left is cut into ranges of about equal numbers of
rows: the server is asked for the key of the row in each place between, by `$skip` over the key alone. Each range begins
with the row that the one before it ends with, which proves that the server understood where it begins.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from tap_epicor.kinetic.ahead import Pace, ahead, all_at_once, together
from tap_epicor.kinetic.order import keys_of
from tap_epicor.kinetic.page_size import FEWER_MAY_DO
from tap_epicor.kinetic.pages import read
from tap_epicor.kinetic.plan import MOMENTS
from tap_epicor.kinetic.probes import REFUSALS
from tap_epicor.kinetic.query import Query, all_of, beyond, up_to
from tap_epicor.kinetic.seeking import compared, constant_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_epicor.kinetic.order import Key, Page
    from tap_epicor.kinetic.plan import Part, Plan
    from tap_epicor.kinetic.seeking import Constant
    from tap_epicor.kinetic.source import Rows

logger = logging.getLogger(__name__)

FEWEST_PAGES: Final = 4
"""Pages of a range at the least: cutting takes two requests, one after the other."""


@dataclass(frozen=True)
class Range:
    """Rows that follow each other in the order of their key.

    Attributes:
        after: the key of the last row that was written, or of the last one before them; None from the first row on.
        upto: the key of the last one; None to the end.
    """

    after: Key | None = None
    upto: Key | None = None


class Spread:
    """A read of everything by key.

    Args:
        rows: the rows wanted.
        plan: how to read them.
        page_size: rows to ask for at once.
        skipped: where the keys of rows that can't be read are put; None to fail at the first of them.
        ranges: what is to be read.
        left: about how many rows that is; None to cut nothing.
    """

    def __init__(  # noqa: PLR0913
        self,
        rows: Rows,
        plan: Plan,
        page_size: int,
        *,
        skipped: list[str] | None,
        ranges: Sequence[Range],
        left: int | None,
    ) -> None:
        self._rows = rows
        self._plan = plan
        self._page_size = page_size
        self._skipped = skipped
        self._ranges = dict(enumerate(ranges))
        self._left = left
        self._constant: Constant | None = None

    def pages(self) -> Iterator[tuple[Page, tuple[Range, ...]]]:
        """Yield the pages, each with what is still to be read when its rows have been written.

        Raises:
            LostPlace: if the last row that was written is not there any more, or rows are not found by their key.
            KineticError: if a page can't be had.
        """
        if len(self._ranges) == 1:
            yield from self._one_by_one()
        if self._ranges:
            yield from self._at_once()

    def _one_by_one(self) -> Iterator[tuple[Page, tuple[Range, ...]]]:
        """Yield the pages of the only range, until it pays to cut what is left of it."""
        pages = ahead(self._read(self._ranges[0]), self._rows.kinetic.meanwhile)
        pace = Pace()
        for page in pages:
            pace.came()
            if self._left is not None:
                self._left -= len(page.rows)
            yield page, self._after(0, page)
            if pace.waits() and page.last is not None and self._cut(page.last):
                pages.close()
                return
        self._ranges.clear()

    def _cut(self, last: Key) -> bool:
        """Cut what is left into ranges, if there are connections to spare and rows enough; return whether it was."""
        if self._left is None:
            return False
        parts = min(self._rows.kinetic.readers.free + 1, self._left // (FEWEST_PAGES * self._page_size))
        if parts < 2:  # noqa: PLR2004
            return False
        rows, order = self._rows, self._plan.order
        ranges, self._constant = all_at_once(
            [partial(cut, rows, order, self._ranges[0], self._left, parts), partial(constant_of, rows, order, last)],
            rows.kinetic.meanwhile,
        )
        if len(ranges) == 1:
            self._left = None
            return False
        logger.info("%s: reading on in %d ranges of the key at once.", self._rows.source, len(ranges))
        self._ranges = dict(enumerate(ranges))
        return True

    def _at_once(self) -> Iterator[tuple[Page, tuple[Range, ...]]]:
        """Yield the pages of several ranges, those of each in their order."""
        ranges, readers = list(self._ranges.values()), self._rows.kinetic.readers
        reads = [self._read(one) for one in ranges]
        at_once = 1 + readers.enter_more(len(reads) - 1)
        for number, page in together(reads, self._rows.kinetic.meanwhile, at_once=at_once, leave=readers.leave):
            if page is None:
                self._ranges.pop(number, None)
            else:
                yield page, self._after(number, page)

    def _read(self, one: Range) -> Iterator[Page]:
        plan = replace(self._plan, after=one.after, upto=one.upto)
        return read(self._rows, plan, self._page_size, self._skipped, self._constant)

    def _after(self, number: int, page: Page) -> tuple[Range, ...]:
        now = replace(self._ranges[number], after=page.last)
        self._ranges[number] = now
        if page.last is not None and page.last == now.upto:
            del self._ranges[number]
        return tuple(self._ranges.values()) or (now,)


def cut(rows: Rows, order: Sequence[Part], whole: Range, left: int, parts: int) -> list[Range]:
    """Return ranges that make up another one.

    Args:
        rows: the rows.
        order: the columns of the key.
        whole: the range to cut.
        left: about how many rows it has.
        parts: how many ranges to cut it into, at the most.
    """
    places = [left * number // parts for number in range(1, parts)]
    questions = [partial(_key_at, rows, order, whole, place) for place in places]
    try:
        found = [key for key in all_at_once(questions, rows.kinetic.meanwhile) if key]
        if not _are_found(rows, order, found):
            logger.info("%s: not read in ranges, since its moments are rounded.", rows.source)
            return [whole]
    except (*REFUSALS, *FEWER_MAY_DO) as exc:
        logger.info("%s: not read in ranges, since the server does not tell their keys (%s).", rows.source, exc.message)
        return [whole]
    bounds = [whole.after, *dict.fromkeys(found), whole.upto]
    return [Range(after, upto) for after, upto in pairwise(bounds)]


def _key_at(rows: Rows, order: Sequence[Part], whole: Range, place: int) -> Key | None:
    names = [part.name for part in order]
    after = beyond(compared(rows, order, whole.after, None)) if whole.after else None
    upto = up_to(compared(rows, order, whole.upto, None)) if whole.upto else None
    query = Query(all_of([rows.filter, after, upto]), names, top=1, skip=place, select=names)
    keys = keys_of(rows.fetch(query, patient=False), order, rows.path)
    return keys[0] if keys else None


def _are_found(rows: Rows, order: Sequence[Part], keys: Sequence[Key]) -> bool:
    """Return whether `$filter` finds rows by their keys: SQL Server compares a `datetime` before it is rounded."""
    if not any(part.type in MOMENTS for part in order):
        return True
    names = [part.name for part in order]
    bounds = [compared(rows, order, key, None) for key in keys]
    conditions = [all_of([up_to(bound), *(f"{name} eq {literal}" for name, literal in bound)]) for bound in bounds]
    queries = [Query(all_of([rows.filter, condition]), top=1, select=names) for condition in conditions]
    found = all_at_once([partial(rows.fetch, query, patient=False) for query in queries], rows.kinetic.meanwhile)
    return all(keys_of(some, order, rows.path) == [key] for some, key in zip(found, keys, strict=True))
