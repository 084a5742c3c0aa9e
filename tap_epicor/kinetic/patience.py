"""How long to go on trying what may pass by itself, and how often that was done."""

from __future__ import annotations

import random
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Patience:
    """How long to go on trying what may pass by itself.

    Attributes:
        tries: requests in all, the first one included.
        first_tries: the same, as long as nothing has ever come from the server, or only what isn't Kinetic's: a wrong
            address is told soon.
        failed_tries: the same, where the server says that it failed and not that it passes, or answers what can't be
            read.
        first_wait: seconds before the second request; doubled each time.
        longest_wait: seconds between two requests at the most, unless the server asks for more.
        in_all: seconds after which no new request is made.
    """

    tries: int = 10
    first_tries: int = 3
    failed_tries: int = 3
    first_wait: float = 1.0
    longest_wait: float = 60.0
    in_all: float = 900.0

    def waits(self) -> Iterator[float]:
        """Yield how many seconds to wait before each further request."""
        wait = self.first_wait
        while True:
            yield wait * random.uniform(0.75, 1.25)  # noqa: S311
            wait = min(wait * 2, self.longest_wait)


class TimeUp(Exception):
    """The client has no time left, and makes no more requests.

    Attributes:
        then: what the next read will do, in a sentence.
    """

    then = "the next run goes on from there"


@dataclass
class Retries:
    """Requests that were made once more.

    Attributes:
        count: how many.
    """

    count: int = 0


_RETRIES: ContextVar[Retries | None] = ContextVar("retries", default=None)


@contextmanager
def counted_retries() -> Iterator[Retries]:
    """Count the requests that this thread, and those that it starts in its context, make once more in the block."""
    before = _RETRIES.get()
    counting = Retries()
    _RETRIES.set(counting)
    try:
        yield counting
    finally:
        _RETRIES.set(before)


def note_retry() -> None:
    """Count a request that is made once more."""
    if counting := _RETRIES.get():
        counting.count += 1
