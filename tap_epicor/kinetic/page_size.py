"""How many rows to ask for at once: fewer while the server fails at it, more again when it does not."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, TypeVar

from tap_epicor.kinetic.errors import ServerFailed, TooMuch

if TYPE_CHECKING:
    from collections.abc import Callable, Sized

    from tap_epicor.kinetic.errors import KineticError
    from tap_epicor.kinetic.source import Rows

logger = logging.getLogger(__name__)

FEWER_MAY_DO = (TooMuch, ServerFailed)
"""Failures that asking for fewer rows may cure; an empty 500 says nothing of its cause."""

_GOOD_ANSWERS = 2
"""Answers in a row after which more rows are asked for again."""
_FAILURES = 2
"""Failures at one size after which it is not tried again in this read."""

Answer = TypeVar("Answer", bound="Sized")


class PageSize:
    """The number of rows to ask for in one read.

    It is halved when the server fails, and doubled after some good answers; what the server gives at the most is
    learned once for all reads of a client, apart for entity sets and for BAQs.

    Args:
        rows: the rows to read.
        wanted: rows to ask for where nothing stands against it.
    """

    def __init__(self, rows: Rows, wanted: int) -> None:
        self._source = rows.source
        self._most = rows.kinetic.most_rows
        self._wanted = wanted
        self._ceiling = wanted
        self._size = wanted
        self._good = 0
        self._failures: Counter[int] = Counter()
        self._has_fallen = False
        self._answer: tuple[Callable[[int, bool], Sized], int, int] | None = None
        self._short: tuple[Callable[[int, bool], Sized], int, int] | None = None
        self._seen: int | None = None

    @property
    def most(self) -> int | None:
        """Rows that the server gives at the most, None as long as that is not known."""
        return self._most.get(self._source.is_baq)

    def ask(self, ask: Callable[[int, bool], Answer], *, again: int = 0, first: bool = False) -> Answer:
        """Return the rows of the next page, asked for by as many at once as the server can do.

        Args:
            ask: asks the server: for how many rows, and whether patiently.
            again: rows to ask for beyond the size, since they are known already.
            first: whether nothing like it has been answered yet: then a single row is tried next, since the failure
                may have nothing to do with the number of rows.

        Raises:
            TooMuch: if not even a single row can be had.
            ServerFailed: the same.
            KineticError: if they can't be had for another reason.
        """
        size = min(self._size, self.most or self._size)
        while True:
            top = min(size + again, self.most or size + again)
            try:
                answer = ask(top, size == 1)
            except FEWER_MAY_DO as exc:
                if size == 1:
                    raise
                self._fall(size, exc)
                size = 1 if first else self._size
            else:
                self._answer = (ask, top, len(answer))
                self._rise()
                return answer

    def more_came(self) -> None:
        """Take note that the last answer held new rows: a short one before it was not the end.

        The server's own limit is proved when two pages in a row were short by the same number, and the one before
        is so again, now that it is known that more rows follow.
        """
        before, self._short = self._short, None
        if self.most is not None or self._answer is None:
            return
        _, top, came = self._answer
        if came < top:
            self._short = self._answer
        if before is None:
            self._seen = None
            return
        ask, top, came = before
        if came == self._seen and self._is_limit(ask, top, came):
            self._most[self._source.is_baq] = came
            logger.info(
                "%s: asked for %d rows, the server gives at most %d at a time: set `page_size` to that.",
                self._source,
                top,
                came,
            )
        self._seen = came

    def forgive(self) -> None:
        """Forget the failures: a single row was to blame for them."""
        self._failures.clear()
        self._ceiling = self._wanted

    def _is_limit(self, ask: Callable[[int, bool], Sized], top: int, came: int) -> bool:
        try:
            return len(ask(top, False)) == came  # noqa: FBT003
        except FEWER_MAY_DO:
            return False

    def _fall(self, size: int, exc: KineticError) -> None:
        self._good = 0
        self._failures[size] += 1
        self._size = max(1, size // 2)
        if self._failures[size] >= _FAILURES:
            self._ceiling = self._size
        if not self._has_fallen:
            self._has_fallen = True
            logger.warning(
                "%s: the server fails at %d rows at once (%s): asking for fewer.", self._source, size, told(exc)
            )

    def _rise(self) -> None:
        self._good += 1
        size = min(self._size * 2, self._ceiling)
        if self._good < _GOOD_ANSWERS or size <= self._size:
            return
        self._good = 0
        self._size = size
        if self._has_fallen:
            self._has_fallen = False
            logger.info("%s: asking for more rows at once again.", self._source)


def told(failure: KineticError) -> str:
    """Return what the server said when it failed, as a part of a sentence."""
    status = f"HTTP {failure.status}: " if failure.status else ""
    return f"{status}{failure.message.rstrip('. ')}"
