"""The reading: a plan becomes pages, and no page is taken for the last one without proof.

Three ways:

- By key: each request asks for the rows from the last row on, that row included. It comes first again, which proves
  at every boundary that the server understood the values as they were meant; a page that holds nothing else is the
  end, so that an empty answer is not taken for it (but after a page of one row).
- By revision (`SysRevID`): each request asks for what lies above the last row; an empty page is the end.
- By `$skip`, where there is no key or the server does not filter by it: an empty page is the end.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tap_epicor.kinetic.errors import KineticError
from tap_epicor.kinetic.order import BrokenOrder, check_rising, check_within, key_of, show
from tap_epicor.kinetic.probes import REFUSALS, has_another
from tap_epicor.kinetic.probes import count as total
from tap_epicor.kinetic.query import Query, all_of, as_many_as_fit, beyond
from tap_epicor.kinetic.source import rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_epicor.kinetic.order import Key
    from tap_epicor.kinetic.plan import Part, Plan
    from tap_epicor.kinetic.source import Rows

logger = logging.getLogger(__name__)

ONE_PAGE = "In `streams`, name a `key` for this stream, or raise its `page_size` above its number of rows."
STEPS_BACK = 5
"""Rows tried as a boundary before a filter is held to be broken: the last ones may have been deleted meanwhile."""


@dataclass(frozen=True)
class Page:
    """Rows that came together.

    Attributes:
        rows: the rows, each one new.
        last: the values of the last row that the next page goes on from; None when read by `$skip`.
    """

    rows: list[dict[str, Any]]
    last: tuple[Any, ...] | None


class LostPlace(KineticError):
    """The row that an interrupted read left off at is not there any more."""


class _NoSeeking(Exception):
    """The server does not find rows by their key."""


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
    if not plan.seeks and plan.order and not plan.cursor:
        yield from _by_skip_in_order(rows, plan, page_size)
    elif not plan.seeks:
        yield from _by_skip(rows, plan, page_size)
    elif plan.cursor and not plan.inclusive:
        yield from _by_revision(rows, plan, page_size)
    else:
        yield from _by_key(rows, plan, page_size)


def _by_revision(rows: Rows, plan: Plan, page_size: int) -> Iterator[Page]:
    (column,) = plan.order
    last: Key | None = None
    while True:
        value = plan.since if last is None else last[0]
        condition = f"{column.name} gt {rows.literal(column.type, value)}"
        found = rows.fetch(
            Query(all_of([rows.filter, condition]), [column.name], top=page_size, select=rows.select),
        )
        if not found:
            return
        check_within(plan, found, rows.path)
        keys = [key_of(row, plan.order, rows.path) for row in found]
        check_rising(last, keys, plan.order, rows.path)
        last = keys[-1]
        yield Page(found, last)


def _by_key(rows: Rows, plan: Plan, page_size: int) -> Iterator[Page]:
    seeking = _Seeking(rows, plan, page_size)
    count = 0
    try:
        for page in seeking.pages():
            count += len(page.rows)
            yield page
    except _NoSeeking as exc:
        if plan.after:
            raise LostPlace(f"an interrupted read can't go on: {exc}", path=rows.path) from exc
        logger.warning("%s: %s. Going on by $skip, which asks more of the server.", rows.source, exc)
        yield from _by_skip_in_order(rows, plan, page_size, seeking.keys, count)


class _Seeking:
    """A read by key: where it stands and what it has learned."""

    def __init__(self, rows: Rows, plan: Plan, page_size: int) -> None:
        self._rows = rows
        self._plan = plan
        self._page_size = page_size
        self._boundaries = 0
        self._constant: tuple[Part, Any] | None = None
        self.keys: list[Key] = [plan.after] if plan.after else []

    def pages(self) -> Iterator[Page]:
        found = self._resume() if self._plan.after else self._first()
        while found:
            keys = [key_of(row, self._plan.order, self._rows.path) for row in found]
            check_within(self._plan, found, self._rows.path)
            check_rising(self.keys[-1] if self.keys else None, keys, self._plan.order, self._rows.path)
            self._check_constant(keys)
            self.keys = keys
            yield Page(found, keys[-1])
            found = self._next()

    def _first(self) -> list[dict[str, Any]]:
        return self._fetch(_since(self._rows, self._plan), self._page_size)

    def _resume(self) -> list[dict[str, Any]]:
        boundary = self.keys[-1]
        self._find_constant()
        found = self._from(boundary)
        if found is None:
            raise LostPlace(
                f"the row that the last run ended with is not there any more: {show(self._plan.order, boundary)}",
                path=self._rows.path,
            )
        return found

    def _next(self) -> list[dict[str, Any]]:
        self._boundaries += 1
        if len(self.keys) == 1:
            # A server that gives but one row at a time would give the boundary alone.
            return self._fetch(self._condition(self.keys[-1], inclusive=False), self._page_size)
        if self._boundaries > 1 and self._constant is None:
            self._find_constant()
        for boundary in reversed(self.keys[-STEPS_BACK:]):
            found = self._from(boundary)
            if found is not None:
                return found if boundary == self.keys[-1] else self._unknown(found)
        shown = show(self._plan.order, self.keys[-1])
        raise _NoSeeking(f"the server's $filter does not find the row with {shown} again")

    def _unknown(self, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        known = set(self.keys)
        return [row for row in found if key_of(row, self._plan.order, self._rows.path) not in known]

    def _from(self, boundary: Key) -> list[dict[str, Any]] | None:
        """Return the rows after a boundary, None where the boundary itself is not found."""
        try:
            found = self._fetch(self._condition(boundary, inclusive=True), self._page_size + 1)
        except REFUSALS as exc:
            raise _NoSeeking(f"the server does not take a $filter by the key ({exc.message})") from exc
        if not found or key_of(found[0], self._plan.order, self._rows.path) != boundary:
            return None
        return found[1:]

    def _condition(self, boundary: Key, *, inclusive: bool) -> str:
        compared = [
            (part.name, self._rows.literal(part.type, value))
            for part, value in zip(self._plan.order, boundary, strict=True)
            if not (self._constant and part == self._constant[0])
        ]
        return beyond(compared, inclusive=inclusive)

    def _fetch(self, condition: str | None, top: int) -> list[dict[str, Any]]:
        names = [part.name for part in self._plan.order]
        return self._rows.fetch(Query(all_of([self._rows.filter, condition]), names, top=top, select=self._rows.select))

    def _find_constant(self) -> None:
        """Leave the company out of the comparison where all rows have the same: the database seeks better."""
        first = self._plan.order[0]
        value = self.keys[-1][0]
        if first.name == "Company" and len(self._plan.order) > 1 and not has_another(self._rows, first, value):
            self._constant = (first, value)

    def _check_constant(self, keys: Sequence[Key]) -> None:
        if self._constant is None:
            return
        for key in keys:
            if key[0] != self._constant[1]:
                raise BrokenOrder(
                    f"rows of another company appeared while reading: {show(self._plan.order, key)}",
                    path=self._rows.path,
                    cure="Run again: the set will be read by company, too.",
                )


def _by_skip_in_order(
    rows: Rows,
    plan: Plan,
    page_size: int,
    keys: Sequence[Key] = (),
    count: int = 0,
) -> Iterator[Page]:
    """Each request begins with the last row again, so that rows moved by inserts and deletes are noticed."""
    names = [part.name for part in plan.order]
    condition = all_of([rows.filter, _since(rows, plan)])

    def fetch(skip: int, top: int) -> list[dict[str, Any]]:
        return rows.fetch(Query(condition, names, top=top, skip=skip, select=rows.select))

    while True:
        last = keys[-1] if keys else None
        start = max(0, count - 1)
        found = fetch(start, page_size + 1)
        positions = [key_of(row, plan.order, rows.path) for row in found]
        if keys and last not in positions:
            start = max(0, count - page_size)
            found = fetch(start, 2 * page_size)
            positions = [key_of(row, plan.order, rows.path) for row in found]
            if last not in positions:
                raise BrokenOrder(
                    f"rows moved while reading by $skip: {show(plan.order, keys[-1])} is not where it was",
                    path=rows.path,
                    cure="Run again at a quieter time.",
                )
        new = positions.index(last) + 1 if last else 0
        if new == len(found):
            return
        check_rising(last, positions[new:], plan.order, rows.path)
        count = start + len(found)
        keys = positions
        yield Page(found[new:], None)


def _by_skip(rows: Rows, plan: Plan, page_size: int) -> Iterator[Page]:
    """Order by all columns, since without an order the server may give a row twice and another one not at all."""
    leading = [part.name for part in plan.order]
    order = as_many_as_fit([*leading, *(name for name in rows.columns if name not in leading)])
    query = Query(all_of([rows.filter, _since(rows, plan)]), order, top=page_size, select=rows.select)
    try:
        answer = rows.ask(query)
    except REFUSALS as exc:
        if order == leading:
            raise
        logger.info("%s: the server does not order by all columns (%s).", rows.source, exc.message)
        order, query = leading, replace(query, orderby=leading)
        answer = rows.ask(query)
    received, before, links = 0, None, set[str]()
    while found := rows_of(answer, rows.path):
        if _same(before, found):
            _check_first_page_was_all(rows, query, received)
            return
        if before is not None and not order and not links:
            raise BrokenOrder(
                f"the rows have no key and no order, so that those after the first {received} can't be told apart",
                path=rows.path,
                cure=ONE_PAGE,
            )
        check_within(plan, found, rows.path)
        received += len(found)
        # Whoever takes the page may change its rows.
        before = [dict(row) for row in found]
        yield Page(found, None)
        link = answer.get(rows.kinetic.dialect.next_link)
        if link in links:
            raise BrokenOrder("the server's next link leads back to a page that was read", path=rows.path)
        if isinstance(link, str):
            links.add(link)
            answer = rows.kinetic.follow(link, rows.path, company=rows.company)
        else:
            answer = rows.ask(replace(query, skip=received))


def _check_first_page_was_all(rows: Rows, query: Query, received: int) -> None:
    if received == total(replace(rows, filter=query.filter), received + 1):
        logger.info("%s: the server ignores $skip; the first page held all %d rows.", rows.source, received)
        return
    raise BrokenOrder(
        f"the server ignores $skip: the page after row {received} is the one before it again",
        path=rows.path,
        cure=ONE_PAGE,
    )


def _since(rows: Rows, plan: Plan) -> str | None:
    if plan.cursor is None:
        return None
    return f"{plan.cursor.name} ge {rows.literal(plan.cursor.type, plan.since)}"


def _same(before: list[dict[str, Any]] | None, found: list[dict[str, Any]]) -> bool:
    """Return whether a page repeats another; `RowIdent` is counted anew in each answer."""
    if before is None or len(before) != len(found):
        return False
    return all({**one, "RowIdent": None} == {**two, "RowIdent": None} for one, two in zip(before, found, strict=True))
