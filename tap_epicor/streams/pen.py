"""One pen for all streams: whoever holds it writes and changes the state, and lends it while the server is asked.

So streams take turns where one of them waits, and each page is written, and its bookmark moved, as one step.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class PenTaken(SystemExit):
    """The run is over: the pen was taken for good, and the thread that asks for it ends without a word."""


class Pen:
    """What a thread holds while it does anything else than wait."""

    def __init__(self) -> None:
        self._given = threading.Condition()
        self._holder: int | None = None
        self._taken = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the pen until the block ends; wait for it first.

        Raises:
            PenTaken: if it was taken for good.
        """
        self._take()
        try:
            yield
        finally:
            self._give()

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Let others have it until the block ends, if this thread holds it.

        Raises:
            PenTaken: if it was taken for good meanwhile.
        """
        if self._holder != threading.get_ident():
            yield
            return
        self._give()
        try:
            yield
        finally:
            self._take()

    def take_for_good(self) -> None:
        """Wait until nobody holds the pen, and give it to nobody any more."""
        with self._given:
            self._given.wait_for(lambda: self._holder is None)
            self._taken = True
            self._given.notify_all()

    def _take(self) -> None:
        with self._given:
            self._given.wait_for(lambda: self._holder is None or self._taken)
            if self._taken:
                raise PenTaken
            self._holder = threading.get_ident()

    def _give(self) -> None:
        with self._given:
            if self._holder == threading.get_ident():
                self._holder = None
                self._given.notify()
