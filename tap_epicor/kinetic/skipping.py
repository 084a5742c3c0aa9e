"""Reading by `$skip`: each request begins with the last row again, or the server's own next link is followed."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tap_epicor.kinetic.order import BrokenOrder, Page, check_rising, check_within, key_of
from tap_epicor.kinetic.probes import REFUSALS, count
from tap_epicor.kinetic.query import Query, all_of, as_many_as_fit
from tap_epicor.kinetic.source import not_just_once, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_epicor.kinetic.plan import Plan
    from tap_epicor.kinetic.source import Rows

logger = logging.getLogger(__name__)

Row = dict[str, Any]


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
        self._page_size = page_size
        self._keyed = bool(plan.order) and plan.unique
        leading = [part.name for part in plan.order]
        order = leading if self._keyed else as_many_as_fit([*leading, *(n for n in rows.columns if n not in leading)])
        condition = all_of([rows.filter, plan.condition(rows.literal)])
        self._query = Query(condition, order, select=rows.select)
        self._received = received
        self._first = first
        self._last = last
        self._links: set[str] = set()

    def pages(self) -> Iterator[Page]:
        """Yield the pages.

        Raises:
            BrokenOrder: if the server ignores `$skip`, or rows moved while reading.
            KineticError: if a page can't be had.
        """
        while True:
            answer = self._ask()
            found = self._new(rows_of(answer, self._rows.path))
            link = answer.get(self._rows.kinetic.dialect.next_link)
            if found:
                yield self._taken(found)
            while isinstance(link, str):
                answer = self._follow(link)
                link = answer.get(self._rows.kinetic.dialect.next_link)
                if found := rows_of(answer, self._rows.path):
                    yield self._taken(found)
            if not found:
                return

    def _ask(self) -> dict[str, Any]:
        if self._received:
            return self._fetch(self._received - 1, self._page_size + 1)
        try:
            return not_just_once(lambda: self._fetch(0, self._page_size), lambda answer: answer.get("value"))
        except REFUSALS as exc:
            if self._keyed or not self._query.orderby:
                raise
            logger.info("%s: the server does not order by all columns (%s).", self._rows.source, exc.message)
            self._query = replace(self._query, orderby=[part.name for part in self._plan.order])
            return self._fetch(0, self._page_size)

    def _fetch(self, skip: int, top: int) -> dict[str, Any]:
        return self._rows.ask(replace(self._query, skip=skip, top=top))

    def _follow(self, link: str) -> dict[str, Any]:
        if link in self._links:
            raise BrokenOrder("the server's next link leads back to a page that was read", path=self._rows.path)
        self._links.add(link)
        return self._rows.kinetic.follow(link, self._rows.path, company=self._rows.company)

    def _new(self, found: list[Row]) -> list[Row]:
        """Return the rows that come after the last one."""
        if self._last is None:
            return found
        if self._received > 1 and self._starts_over(found):
            self._check_first_page_was_all()
            return []
        if found and self._same(found[0], self._last):
            return found[1:]
        return self._find_again()

    def _find_again(self) -> list[Row]:
        """Return the rows after the last one, which is not where it was: rows before it came or went."""
        start = max(0, self._received - self._page_size)
        found = rows_of(self._fetch(start, 2 * self._page_size), self._rows.path)
        if start and self._starts_over(found):
            self._check_first_page_was_all()
            return []
        for position, row in enumerate(found):
            if self._same(row, self._last):
                self._received = start + position + 1
                return found[position + 1 :]
        raise BrokenOrder(
            f"rows moved while reading by $skip: the one after which to go on is not where it was, at {self._received}",
            path=self._rows.path,
            cure="Run again at a quieter time; name a `key` for this stream in `streams` if you can.",
        )

    def _starts_over(self, found: list[Row]) -> bool:
        return bool(found) and self._same(found[0], self._first)

    def _check_first_page_was_all(self) -> None:
        if self._received == count(replace(self._rows, filter=self._query.filter)):
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
            keys = [key_of(row, self._plan.order, self._rows.path) for row in found]
            before = key_of(self._last, self._plan.order, self._rows.path) if self._last else None
            check_rising(before, keys, self._plan.order, self._rows.path)
        # Whoever takes the page may change its rows.
        if self._first is None and self._received == 0:
            self._first = dict(found[0])
        self._last = dict(found[-1])
        self._received += len(found)
        return Page(found, None)

    def _same(self, row: Row, other: Row | None) -> bool:
        if other is None:
            return False
        if self._keyed:
            return all(row.get(part.name) == other.get(part.name) for part in self._plan.order)
        return {**row, "RowIdent": None} == {**other, "RowIdent": None}
