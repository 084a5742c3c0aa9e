"""How much the server is asked at once, and how often: never more than the settings say, and less where it is short.

Licences are what a Kinetic server runs out of. It says so in two ways (one public client each): by a 400 that names the
licence, and by some 20 seconds that every answer takes longer when shared licences stand in. Either halves the number
of requests under way; each minute without raises it by one again.

An answer counts as slow when it took `SLOWER` seconds more than the quickest answer to a request of the same kind (path
and number of rows), since a large page is no sign of anything. It takes `SLOW_ANSWERS` in a row of whatever kind: one
alone may have met a lock. A server that is short from the first request on is not noticed by its slowness: there is
nothing to compare with.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

logger = logging.getLogger(__name__)

SLOWER = 15.0
"""Seconds: most of the 20 that a shared licence costs, and more than what varies from page to page."""
SLOW_ANSWERS = 3
CALM = 60.0
"""Seconds without a sign of want after which one more request is let through; public clients wait 30 to 480."""


class Load:
    """Lets requests through, for any number of threads.

    Args:
        most: requests under way at once, at the most.
        per_minute: requests begun within a minute, at the most, evenly spaced; None for no limit.
        slower: seconds by which an answer is slow.
        calm: seconds without a sign of want after which the number under way rises by one.
    """

    def __init__(
        self,
        most: int = 4,
        per_minute: int | None = None,
        *,
        slower: float = SLOWER,
        calm: float = CALM,
    ) -> None:
        self.most = most
        self._gap = 60.0 / per_minute if per_minute else 0.0
        self._slower = slower
        self._calm = calm
        self._room = threading.Condition()
        self._allowed = most
        self._under_way = 0
        self._next = 0.0
        self._usual: dict[Hashable, float] = {}
        self._slow_answers = 0
        self._changed = 0.0

    @property
    def allowed(self) -> int:
        """Requests that may be under way at once now."""
        return self._allowed

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait until fewer requests are under way than allowed, and count one more until the block ends."""
        with self._room:
            self._room.wait_for(lambda: self._under_way < self._allowed)
            self._under_way += 1
        try:
            yield
        finally:
            with self._room:
                self._under_way -= 1
                self._room.notify()

    def await_turn(self) -> None:
        """Wait until a request may begin.

        It is the last thing to do before one: those that wait for something else after it come together.
        """
        if not self._gap:
            return
        with self._room:
            now = time.monotonic()
            begin = max(now, self._next)
            self._next = begin + self._gap
        time.sleep(begin - now)

    def answered(self, kind: Hashable, seconds: float) -> None:
        """Learn from an answer.

        Args:
            kind: what was asked for; answers of one kind take about the same time.
            seconds: how long it took.
        """
        began = time.monotonic() - seconds
        with self._room:
            usual = self._usual[kind] = min(self._usual.get(kind, seconds), seconds)
            if seconds < usual + self._slower:
                self._slow_answers = 0
                self._rise()
                return
            self._slow_answers += 1
            if self._slow_answers >= SLOW_ANSWERS:
                self._fall(began, f"answers take {self._slower:g} s longer than usual, as with shared licences")

    def refused_a_licence(self, seconds: float) -> None:
        """Learn that the server had no licence free.

        Args:
            seconds: how long the answer took.
        """
        with self._room:
            self._fall(time.monotonic() - seconds, "the server has no licence free")

    def _fall(self, began: float, why: str) -> None:
        if began < self._changed:
            # It began when more were under way than now.
            return
        self._changed = time.monotonic()
        self._slow_answers = 0
        if self._allowed > 1:
            self._allowed //= 2
            logger.warning("Requests at once: %d from now on: %s.", self._allowed, why)

    def _rise(self) -> None:
        now = time.monotonic()
        if self._allowed < self.most and now - self._changed >= self._calm:
            self._changed = now
            self._allowed += 1
            self._room.notify()
            logger.info("Requests at once: %d again: answers came as usual for %g s.", self._allowed, self._calm)
