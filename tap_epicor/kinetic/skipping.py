"""Reading by `$skip`: each request begins with the last row again, or the server's own next link is followed."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tap_epicor.kinetic.found import Found, rows_of
from tap_epicor.kinetic.order import BrokenOrder, Key, Page, check_rising, check_within, keys_of
from tap_epicor.kinetic.page_size import FEWER_MAY_DO, PageSize, told
from tap_epicor.kinetic.probes import REFUSALS, count
from tap_epicor.kinetic.query import Query, all_of, as_many_as_fit
from tap_epicor.kinetic.source import not_just_once
from tap_epicor.kinetic.unreadable import UnreadableRow, can_be_read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_epicor.kinetic.plan import Plan
    from tap_epicor.kinetic.source import Rows

logger = logging.getLogger(__name__)

Row = dict[str, Any]

COUNTER = "RowIdent"
"""Column of a BAQ that counts the rows of an answer (a captured one), and says nothing of the row."""
_MOST_EMPTY = 100
"""Pages without rows that a chain of next links may have one after the other."""
_MOST_SEARCHES = 5
"""Times that the last row is looked for before rows are held to move all the time."""


class Skipping:
    """A read by `$skip`: where it stands and what it has seen.

    Rows are ordered by their key, or by all columns where they have none: without an order the server may give a row
    twice and another one not at all.

    Args:
        rows: the rows wanted.
        plan: how to read them.
        page_size: rows to ask for at once.
        received: rows that another way of reading has brought already, in the order of the key.
        first: the first one of them.
        last: the last one of them.
    """

    def __init__(  # noqa: PLR0913, PLR0917
        self,
        rows: Rows,
        plan: Plan,
        page_size: int,
        received: int = 0,
        first: Row | None = None,
        last: Row | None = None,
    ) -> None:
        self._rows = rows
        self._plan = plan
        self._sizes = PageSize(rows, page_size)
        self._window = page_size
        self._keyed = bool(plan.order) and plan.unique
        leading = [part.name for part in plan.order]
        order = leading if self._keyed else as_many_as_fit([*leading, *(n for n in rows.columns if n not in leading)])
        condition = all_of([rows.filter, plan.condition(rows.literal)])
        self._query = Query(condition, order, select=rows.select, expand=rows.expand)
        self._received = received
        self._first = first
        self._last = last
        self._links: set[str] = set()
        self._keys: list[Key] = []
        self._alone = True
        self._searches = 0
        self._link: str | None = None

    def pages(self) -> Iterator[Page]:
        """Yield the pages.

        Raises:
            UnreadableRow: if a row can't be read.
            BrokenOrder: if the server ignores `$skip`, or rows moved while reading.
            KineticError: if a page can't be had.
        """
        while True:
            found = self._had()
            link = self._link
            if not found and link is None:
                return
            if found and link is None:
                self._sizes.more_came()
            mark = _mark(found)
            if found:
                yield self._taken(found)
            if link is not None:
                yield from self._linked(mark, link)

    def _linked(self, mark: int, link: str) -> Iterator[Page]:
        """Yield the pages that the server's own next links lead to, for as long as they bring anything new."""
        pages = {mark}
        empty = 0
        following: str | None = link
        while following is not None:
            if following in self._links:
                raise self._loops("leads back to a page that was read")
            self._links.add(following)
            kinetic = self._rows.kinetic
            found = self._read(kinetic.follow(following, self._rows.path, company=self._rows.company))
            following = self._link
            empty = 0 if found else empty + 1
            if empty > _MOST_EMPTY:
                raise self._loops(f"led to {empty} pages without rows one after the other")
            if not found:
                continue
            if (mark := _mark(found)) in pages:
                raise self._loops("leads to the same rows again under another address")
            pages.add(mark)
            yield self._taken(found)

    def _loops(self, how: str) -> BrokenOrder:
        return BrokenOrder(
            f"the server's next link {how}, after {self._received} rows",
            path=self._rows.path,
            cure="In `streams`, name a `key` for this stream: then the links are not needed.",
        )

    def _had(self) -> list[Row]:
        """Return the rows that come next."""
        try:
            return self._next() if self._received else self._start()
        except FEWER_MAY_DO as exc:
            failure = exc
        if not self._others_can_be_read():
            raise failure
        try:
            found = not_just_once(lambda: self._fetch(self._received, 1, patient=True))
        except FEWER_MAY_DO as exc:
            raise UnreadableRow(
                f"row {self._received + 1} in the order of {', '.join(self._query.orderby) or 'the server'} can't be "
                f"read: every answer fails that it would be in ({told(exc)})",
                path=self._rows.path,
                cure="Look at this row in Kinetic, or name a `key` for this stream in `streams`: then "
                "`unreadable_rows` skip can leave it out.",
            ) from exc
        return self._following(found) if self._received else found

    def _others_can_be_read(self) -> bool:
        if not self._received:
            return can_be_read(self._rows, replace(self._query, skip=1, top=1))
        try:
            return self._is_last_there(patient=False)
        except FEWER_MAY_DO:
            return False

    def _is_last_there(self, *, patient: bool) -> bool:
        return self._begins(self._rows.fetch(replace(self._query, skip=self._received - 1, top=1), patient=patient))

    def _start(self) -> list[Row]:
        try:
            return not_just_once(lambda: self._ask(0, first=True))
        except REFUSALS as exc:
            if self._keyed or not self._query.orderby or not self._does_without_order():
                raise
            logger.info("%s: the server does not order by all columns (%s).", self._rows.source, exc.message)
            self._query = replace(self._query, orderby=[part.name for part in self._plan.order])
            return not_just_once(lambda: self._ask(0, first=True))

    def _does_without_order(self) -> bool:
        return can_be_read(self._rows, replace(self._query, orderby=(), top=1))

    def _next(self) -> list[Row]:
        """Return the rows that come after the last one."""
        found = self._ask(self._received - 1, again=1)
        if self._received > 1 and self._starts_over(found):
            self._check_first_page_was_all()
            return []
        return self._after_last(found) if self._begins(found) else self._find_again()

    def _begins(self, found: list[Row]) -> bool:
        return bool(found) and self._same(found[0], self._last)

    def _after_last(self, found: list[Row]) -> list[Row]:
        # A server that gives but one row at a time gives the last one alone.
        return found[1:] or (self._beyond() if self._alone else [])

    def _beyond(self) -> list[Row]:
        return self._following(not_just_once(lambda: self._ask(self._received)))

    def _following(self, found: list[Row]) -> list[Row]:
        """Return the rows after the last one, where an answer that begins with the next position brought some.

        They follow it only if it is still at its place afterwards: rows before it may have come or gone meanwhile.
        """
        if self._starts_over(found):
            self._check_first_page_was_all()
            return []
        if self._begins(found) and (self._counted() or 0) <= self._received:
            raise BrokenOrder(f"the server sends row {self._received} again for the one after it", path=self._rows.path)
        return found if self._is_last_there(patient=True) and not self._begins(found) else self._find_again()

    def _is_known(self, row: Row) -> bool:
        """Return whether a row was in the last page."""
        if self._same(row, self._last):
            return True
        return self._keyed and keys_of([row], self._plan.order, self._rows.path)[0] in self._keys

    def _find_again(self) -> list[Row]:
        """Return the rows after the last one, which is not where it was: rows before it came or went, or it is gone.

        Where it is gone, the read goes on after the one before it that is still there.
        """
        self._searches += 1
        position, after = max(0, self._received - 1 - self._window), None
        while position < self._received + self._window and (found := self._ask(position)):
            known = self._count_known(found)
            after = position + known if known else after
            if known and self._same(found[known - 1], self._last):
                break
            position += len(found)
        if after is None or self._searches > _MOST_SEARCHES:
            raise self._moved()
        # Rows may have come or gone while it was looked for: only what one answer holds stands side by side.
        found = self._ask(after - 1, again=1)
        if not found or not self._is_known(found[0]):
            return self._find_again()
        known = self._count_known(found)
        self._received = after - 1 + known
        self._stand_at(found[known - 1])
        return found[known:] or self._next()

    def _count_known(self, found: list[Row]) -> int:
        """Return how many rows of an answer there are up to the last known one."""
        return max((number for number, row in enumerate(found, 1) if self._is_known(row)), default=0)

    def _stand_at(self, row: Row) -> None:
        """Take a row of the last page for its last one."""
        self._last = dict(row)
        if self._keyed:
            (key,) = keys_of([row], self._plan.order, self._rows.path)
            self._keys = [*(known for known in self._keys if known != key), key]

    def _moved(self) -> BrokenOrder:
        return BrokenOrder(
            f"rows moved while reading by $skip: the one after which to go on is not where it was, at {self._received}",
            path=self._rows.path,
            cure="Run again at a quieter time; name a `key` for this stream in `streams` if you can.",
        )

    def _ask(self, skip: int, *, again: int = 0, first: bool = False) -> list[Row]:
        def fetch(top: int, patient: bool) -> list[Row]:  # noqa: FBT001
            return self._fetch(skip, top, patient=patient)

        return self._sizes.ask(fetch, again=again, first=first)

    def _fetch(self, skip: int, top: int, *, patient: bool) -> list[Row]:
        return self._read(self._rows.ask(replace(self._query, skip=skip, top=top), patient=patient))

    def _read(self, answer: dict[str, Any]) -> list[Row]:
        link = answer.get(self._rows.kinetic.dialect.next_link)
        self._link = link if isinstance(link, str) else None
        return rows_of(answer, self._rows.path)

    def _starts_over(self, found: list[Row]) -> bool:
        return bool(found) and self._same(found[0], self._first)

    def _counted(self) -> int | None:
        # A count of one proves nothing where one row was asked for.
        return count(replace(self._rows, filter=self._query.filter), top=2 if self._received == 1 else 1)

    def _check_first_page_was_all(self) -> None:
        if self._received == self._counted():
            logger.info("%s: the server ignores $skip; the first page held all rows.", self._rows.source)
            return
        raise BrokenOrder(
            f"the server ignores $skip: instead of what follows row {self._received} it sends the first page again",
            path=self._rows.path,
            cure="In `streams`, name a `key` for this stream, or raise its `page_size` above its number of rows.",
        )

    def _taken(self, found: list[Row]) -> Page:
        check_within(self._plan, found, self._rows.path)
        if self._keyed:
            keys = keys_of(found, self._plan.order, self._rows.path)
            if self._last and not self._keys:
                self._keys = keys_of([self._last], self._plan.order, self._rows.path)
            check_rising(self._keys, keys, self._plan.order, self._rows.path)
            self._keys = [*self._keys, *keys][-max(self._window, len(keys)) :]
        # Whoever takes the page may change its rows.
        if self._first is None and self._received == 0:
            self._first = dict(found[0])
        self._last = dict(found[-1])
        self._received += len(found)
        self._alone = len(found) == 1
        self._searches = 0
        return Page(Found(found), None)

    def _same(self, row: Row, other: Row | None) -> bool:
        if other is None:
            return False
        if self._keyed:
            return all(row.get(part.name) == other.get(part.name) for part in self._plan.order)
        return {**row, COUNTER: None} == {**other, COUNTER: None}


def _mark(found: list[Row]) -> int:
    """Return what tells one page from another."""
    ends = [{name: value for name, value in row.items() if name != COUNTER} for row in (*found[:1], *found[-1:])]
    return hash((len(found), repr(ends)))
