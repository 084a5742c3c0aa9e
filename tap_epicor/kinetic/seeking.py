"""Reading by key, or by `SysRevID`: each request begins with the last row again."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tap_epicor.kinetic.errors import BadRequest, KineticError, ServerFailed
from tap_epicor.kinetic.found import Found
from tap_epicor.kinetic.order import BrokenOrder, Page, Repeats, check_rising, check_within, falls, keys_of, show
from tap_epicor.kinetic.page_size import FEWER_MAY_DO, PageSize
from tap_epicor.kinetic.plan import MOMENTS
from tap_epicor.kinetic.probes import has_another
from tap_epicor.kinetic.query import Query, all_of, beyond, up_to
from tap_epicor.kinetic.source import not_just_once
from tap_epicor.kinetic.unreadable import UnreadableRow, can_be_read, look_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tap_epicor.kinetic.order import Key
    from tap_epicor.kinetic.plan import Part, Plan
    from tap_epicor.kinetic.source import Rows

logger = logging.getLogger(__name__)

STEPS_BACK = 5
"""Rows tried as a boundary before a filter is held to be broken: the last ones may have been deleted meanwhile."""


Constant = tuple["Part", Any]
"""A column in which all rows have the same value, and that."""


class LostPlace(KineticError):
    """The row that an interrupted read left off at is not there any more."""


class NoSeeking(Exception):
    """The server does not find rows by their key."""


class Seeking:
    """A read by key or by `SysRevID`: where it stands and what it has learned.

    A row that is written while its set is read by `SysRevID` moves to the end: only there may the last row be missing.

    Args:
        rows: the rows wanted.
        plan: how to read them.
        page_size: rows to ask for at once.
        skipped: where the keys of rows that can't be read are put; None to fail at the first of them.
        constant: a column of the order in which all rows have the same value, and that; None where it is not known.
    """

    def __init__(
        self,
        rows: Rows,
        plan: Plan,
        page_size: int,
        skipped: list[str] | None = None,
        constant: Constant | None = None,
    ) -> None:
        self._plan = plan
        self._constant = constant
        self._rows = self._unbounded = rows
        if plan.upto:
            self._rows = replace(rows, filter=all_of([rows.filter, up_to(self._compared(plan.upto))]))
        self._sizes = PageSize(rows, page_size)
        self._skipped = skipped
        self._moving = plan.cursor is not None and not plan.inclusive
        self._boundaries = 0
        self._sought = False
        self._trusted = self._moving
        self._keys: list[Key] = [plan.after] if plan.after else []
        self._read: Key | None = plan.after
        self._left_out: Key | None = None

    def pages(self) -> Iterator[Page]:
        """Yield the pages.

        Raises:
            NoSeeking: if the server does not find rows by their key.
            LostPlace: if the row that the read is to go on from is gone.
            UnreadableRow: if a row can't be read, and is not to be left out.
            BrokenOrder: if the rows contradict the request.
            KineticError: if a page can't be had.
        """
        repeats = Repeats(self._plan.key if self._plan.cursor else ())
        ask = self._resume if self._plan.after else self._first
        while True:
            found = self._had(ask)
            ask = self._next
            if found is None:
                continue
            if not found:
                self._check_end()
                return
            keys = keys_of(found, self._plan.order, self._rows.path)
            check_within(self._plan, found, self._rows.path)
            check_rising(self._keys, keys, self._plan.order, self._rows.path)
            self._check_constant(keys)
            self._sizes.more_came()
            self._check_limit(keys)
            self._keys, self._read = keys, keys[-1]
            yield Page(found, keys[-1], repeats.count(found))
            if keys[-1] == self._plan.upto:
                return

    def _first(self) -> Found:
        condition = self._plan.condition(self._rows.literal)
        return not_just_once(lambda: self._ask(condition, first=True))

    def _resume(self) -> Found:
        boundary = self._keys[-1]
        self._constant = self._constant or constant_of(self._rows, self._plan.order, boundary)
        found = self._from(boundary)
        if not self._begins(found, boundary):
            raise LostPlace(
                f"the row that the last run ended with is not there any more: {show(self._plan.order, boundary)}",
                path=self._rows.path,
            )
        return found[1:]

    def _next(self) -> Found:
        last = self._keys[-1]
        if last == self._left_out or self._sizes.most == 1:
            return self._trusting(self._beyond(last))
        self._boundaries += 1
        if self._boundaries == 2:  # noqa: PLR2004
            self._constant = self._constant or constant_of(self._rows, self._plan.order, last)
        if self._moving:
            found = not_just_once(lambda: self._from(last))
            new = found[1:] if self._begins(found, last) else found
            return new or (self._beyond(last) if found and len(self._keys) == 1 else Found([]))
        for back, boundary in enumerate(reversed(self._keys[-STEPS_BACK:])):
            found = self._from(boundary, back)
            if self._begins(found, boundary):
                new = self._new(self._trusting(found)) if back else found[1:]
                # A server that gives but one row at a time gives the boundary alone.
                return new or (self._trusting(self._beyond(last)) if back or len(self._keys) == 1 else Found([]))
        raise self._not_found(last)

    def _had(self, ask: Callable[[], Found]) -> Found | None:
        """Return what a request brings, or the next row alone where it fails; None where that was left out."""
        try:
            return ask()
        except FEWER_MAY_DO as exc:
            if not self._others_can_be_read():
                if isinstance(exc, ServerFailed) and self._is_refused():
                    raise self._no_seeking(exc) from exc
                raise
            failure = exc
        last = self._keys[-1] if self._keys else None
        condition = self._condition(last, inclusive=False) if last else self._plan.condition(self._rows.literal)
        looked = look_at(self._rows, self._plan, self._query(condition, 1), failure, last)
        if not isinstance(looked, UnreadableRow):
            return self._trusting(Found(looked)) if last else Found(looked)
        self._sizes.forgive()
        if self._skipped is None:
            raise looked
        logger.warning("%s: left out: %s", self._rows.source, looked.message)
        self._skipped.append(looked.key)
        if not looked.values:
            behind = replace(self._query(condition, 1), skip=1)
            return Found(not_just_once(lambda: self._rows.fetch(behind)))
        self._keys, self._left_out = [looked.values], looked.values
        return None

    def _others_can_be_read(self) -> bool:
        """Return whether the last row that was read can be had by the same condition, or the very last of all."""
        if self._read:
            return can_be_read(self._rows, self._query(self._condition(self._read, inclusive=True), 1))
        order = [f"{part.name} desc" for part in self._plan.order]
        condition = all_of([self._rows.filter, self._plan.condition(self._rows.literal)])
        return can_be_read(
            self._rows, Query(condition, order, top=1, select=self._rows.select, expand=self._rows.expand)
        )

    def _is_refused(self) -> bool:
        """Return whether it is the condition that the server fails at, and it answers without."""
        return bool(self._keys) and not self._moving and can_be_read(self._rows, self._query(None, 1))

    def _no_seeking(self, exc: KineticError) -> NoSeeking:
        return NoSeeking(f"the server does not take a $filter by the key ({exc.message})")

    def _trusting(self, found: Found) -> Found:
        """Return rows that the last one does not prove, once `$filter` has found the first of them by its key.

        Where it is about something else (on child sets about the parent's columns), a row may come first by chance.
        """
        compared = [number for number, part in enumerate(self._plan.order) if part.type not in MOMENTS]
        if self._trusted or not found or not compared:
            return found
        (key,) = keys_of(found[:1], self._plan.order, self._rows.path)
        parts, values = [self._plan.order[at] for at in compared], tuple(key[at] for at in compared)
        condition = all_of(
            f"{part.name} eq {self._rows.literal(part.type, value)}" for part, value in zip(parts, values, strict=True)
        )
        try:
            again = self._rows.page(self._query(condition, 1))
        except (BadRequest, *FEWER_MAY_DO) as exc:
            raise self._no_seeking(exc) from exc
        if values not in keys_of(again, parts, self._rows.path):
            raise self._not_found(key)
        self._trusted = True
        return found

    def _not_found(self, key: Key) -> NoSeeking:
        return NoSeeking(f"the server's $filter does not find the row with {show(self._plan.order, key)} again")

    def _new(self, found: Found) -> Found:
        """Return the rows that come after the last one, of those after a row some way before it."""
        keys = keys_of(found, self._plan.order, self._rows.path)
        check_rising((), keys, self._plan.order, self._rows.path)
        known, last = set(self._keys), self._keys[-1]
        return found.chosen([key not in known and not falls(last, key, self._plan.order) for key in keys])

    def _begins(self, found: Found, boundary: Key) -> bool:
        return bool(found) and keys_of(found[:1], self._plan.order, self._rows.path) == [boundary]

    def _from(self, boundary: Key, back: int = 0) -> Found:
        try:
            return self._ask(self._condition(boundary, inclusive=True), again=1 + back, first=not self._sought)
        except BadRequest as exc:
            if self._moving:
                raise
            raise self._no_seeking(exc) from exc

    def _beyond(self, boundary: Key) -> Found:
        found = not_just_once(lambda: self._ask(self._condition(boundary, inclusive=False)))
        if not self._moving and not set(self._keys).isdisjoint(keys_of(found, self._plan.order, self._rows.path)):
            raise NoSeeking(f"the server's $filter brings rows that come before {show(self._plan.order, boundary)}")
        return found

    def _condition(self, boundary: Key, *, inclusive: bool) -> str:
        return beyond(self._compared(boundary), inclusive=inclusive)

    def _compared(self, key: Key) -> list[tuple[str, str]]:
        return compared(self._rows, self._plan.order, key, self._constant)

    def _ask(self, condition: str | None, *, again: int = 0, first: bool = False) -> Found:
        def fetch(top: int, patient: bool) -> Found:  # noqa: FBT001
            return self._rows.page(self._query(condition, top), patient=patient)

        found = self._sizes.ask(fetch, again=again, first=first)
        self._sought |= bool(again)
        return found

    def _query(self, condition: str | None, top: int) -> Query:
        names = [part.name for part in self._plan.order]
        rows = self._rows
        return Query(all_of([rows.filter, condition]), names, top=top, select=rows.select, expand=rows.expand)

    def _check_limit(self, keys: Sequence[Key]) -> None:
        """Check that no row follows the last one of the range.

        Raises:
            NoSeeking: if one does.
        """
        if self._plan.upto and self._plan.upto in keys[:-1]:
            raise NoSeeking(f"the server's $filter brings rows that come after {self._show(self._plan.upto)}")

    def _check_end(self) -> None:
        """Check that the last row of the range is gone, where a read ends without having seen it.

        Raises:
            NoSeeking: if it is there.
        """
        upto = self._plan.upto
        if upto is None or self._keys[-1:] == [upto]:
            return
        condition = all_of(f"{name} eq {literal}" for name, literal in self._compared(upto))
        query = replace(self._query(condition, 1), filter=all_of([self._unbounded.filter, condition]))
        if self._begins(self._rows.page(query), upto):
            raise NoSeeking(f"the server's $filter leaves rows out that come before {self._show(upto)}")

    def _show(self, key: Key | None) -> str:
        return show(self._plan.order, key or ())

    def _check_constant(self, keys: Sequence[Key]) -> None:
        if self._constant is None or {key[0] for key in keys} == {self._constant[1]}:
            return
        for key in keys:
            if key[0] != self._constant[1]:
                raise BrokenOrder(
                    f"rows of another company appeared while reading: {show(self._plan.order, key)}",
                    path=self._rows.path,
                    cure="Run again: the set will be read by company, too.",
                )


def compared(rows: Rows, order: Sequence[Part], key: Key, constant: Constant | None) -> list[tuple[str, str]]:
    """Return the columns of a key by which rows are told apart, with their literals.

    Args:
        rows: the rows.
        order: the columns of the key.
        key: its values.
        constant: the column that needs no comparison, and its value; None for none.
    """
    return [
        (part.name, rows.literal(part.type, value))
        for part, value in zip(order, key, strict=True)
        if not (constant and part == constant[0])
    ]


def constant_of(rows: Rows, order: Sequence[Part], key: Key) -> Constant | None:
    """Return the company, where all rows have the same: the database seeks better without a comparison with it.

    Args:
        rows: the rows.
        order: the columns that they are read by.
        key: the values of one of the rows.
    """
    first, value = order[0], key[0]
    if first.name == "Company" and len(order) > 1 and not has_another(rows, first, value):
        return first, value
    return None
