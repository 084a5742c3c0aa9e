"""Reading by key: each request begins with the last row again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_epicor.kinetic.errors import KineticError
from tap_epicor.kinetic.order import BrokenOrder, Page, check_rising, check_within, key_of, show
from tap_epicor.kinetic.probes import REFUSALS, has_another
from tap_epicor.kinetic.query import Query, all_of, beyond
from tap_epicor.kinetic.source import not_just_once

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_epicor.kinetic.order import Key
    from tap_epicor.kinetic.plan import Part, Plan
    from tap_epicor.kinetic.source import Rows

STEPS_BACK = 5
"""Rows tried as a boundary before a filter is held to be broken: the last ones may have been deleted meanwhile."""


class LostPlace(KineticError):
    """The row that an interrupted read left off at is not there any more."""


class NoSeeking(Exception):
    """The server does not find rows by their key."""


class Seeking:
    """A read by key: where it stands and what it has learned.

    Args:
        rows: the rows wanted.
        plan: how to read them.
        page_size: rows to ask for at once.
    """

    def __init__(self, rows: Rows, plan: Plan, page_size: int) -> None:
        self._rows = rows
        self._plan = plan
        self._page_size = page_size
        self._boundaries = 0
        self._constant: tuple[Part, Any] | None = None
        self.keys: list[Key] = [plan.after] if plan.after else []

    def pages(self) -> Iterator[Page]:
        """Yield the pages.

        Raises:
            NoSeeking: if the server does not find rows by their key.
            LostPlace: if the row that the read is to go on from is gone.
            BrokenOrder: if the rows contradict the request.
            KineticError: if a page can't be had.
        """
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
        condition = self._plan.condition(self._rows.literal)
        return not_just_once(lambda: self._fetch(condition, self._page_size))

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
            condition = self._condition(self.keys[-1], inclusive=False)
            return not_just_once(lambda: self._fetch(condition, self._page_size))
        if self._boundaries > 1 and self._constant is None:
            self._find_constant()
        for boundary in reversed(self.keys[-STEPS_BACK:]):
            found = self._from(boundary)
            if found is not None:
                return found if boundary == self.keys[-1] else self._unknown(found)
        shown = show(self._plan.order, self.keys[-1])
        raise NoSeeking(f"the server's $filter does not find the row with {shown} again")

    def _unknown(self, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        known = set(self.keys)
        return [row for row in found if key_of(row, self._plan.order, self._rows.path) not in known]

    def _from(self, boundary: Key) -> list[dict[str, Any]] | None:
        """Return the rows after a boundary, None where the boundary itself is not found."""
        try:
            found = self._fetch(self._condition(boundary, inclusive=True), self._page_size + 1)
        except REFUSALS as exc:
            raise NoSeeking(f"the server does not take a $filter by the key ({exc.message})") from exc
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
