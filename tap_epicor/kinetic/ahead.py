"""Pages that are fetched in the background, while others are written.

A server that answers at once gains nothing by it: then the threads cost more than they save.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import suppress
from contextvars import copy_context
from queue import Empty, Full, Queue, SimpleQueue
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from contextlib import AbstractContextManager

    from tap_epicor.kinetic.order import Page

    Meanwhile = Callable[[], AbstractContextManager[object]]

WORTH: Final = 0.5
"""Waiting for a page, as a share of the work on it, from which on to fetch ahead."""
_A_MOMENT: Final = 0.1
"""Seconds after which a thread looks whether its pages are still wanted."""


def ahead(read: Iterator[Page], meanwhile: Meanwhile) -> Generator[Page]:
    """Yield the pages of a read; the next one is fetched meanwhile as soon as the server is seen to take its time.

    Args:
        read: the read.
        meanwhile: entered while nothing is done but to wait.
    """
    pace = Pace()
    for page in read:
        pace.came()
        yield page
        if pace.waits():
            break
    else:
        return
    for _, next_page in together([read], meanwhile):
        if next_page is not None:
            yield next_page


class Pace:
    """What the pages of a read cost: waiting for them, and the work on them."""

    def __init__(self) -> None:
        self._began = self._idle = self._waited = 0.0
        self._is_first = True
        self._begin()

    def came(self) -> None:
        """Take note that a page has come."""
        self._waited = time.monotonic() - time.thread_time() - self._idle

    def waits(self) -> bool:
        """Return whether waiting for the page was worth mentioning beside the work on it, which is done now.

        The first page says nothing: the server may never have been asked for such rows.
        """
        worked = time.monotonic() - self._began - self._waited
        waits = self._waited > WORTH * worked and not self._is_first
        self._is_first = False
        self._begin()
        return waits

    def _begin(self) -> None:
        self._began = time.monotonic()
        self._idle = self._began - time.thread_time()


def all_at_once(questions: Sequence[Callable[[], Any]], meanwhile: Meanwhile) -> list[Any]:
    """Return the answers to several questions to the server.

    Args:
        questions: each asks one.
        meanwhile: entered while nothing is done but to wait.
    """
    answers: list[Any] = [None] * len(questions)
    ends: SimpleQueue[BaseException | None] = SimpleQueue()

    def ask(number: int) -> None:
        end = None
        try:
            answers[number] = questions[number]()
        except BaseException as exc:  # noqa: BLE001 - raised again below
            end = exc
        ends.put(end)

    for number in range(len(questions)):
        threading.Thread(target=copy_context().run, args=(ask, number), daemon=True).start()
    with meanwhile():
        for _ in questions:
            if (end := ends.get()) is not None:
                raise end
    return answers


def together(
    reads: Sequence[Iterator[Page]],
    meanwhile: Meanwhile,
    *,
    at_once: int = 1,
    leave: Callable[[], None] = lambda: None,
) -> Iterator[tuple[int, Page | None]]:
    """Yield the pages of several reads as they come, those of each in their order.

    At the most, one page of each read that is under way waits here, and one more.

    Args:
        reads: the reads, each of which a thread of its own goes through.
        meanwhile: entered while nothing is done but to wait.
        at_once: how many are under way at once.
        leave: called when fewer are from now on.

    Yields:
        The number of the read, and its next page; None where it is at its end.
    """
    crew = _Crew(reads, min(at_once, len(reads)), leave)
    unfinished = len(reads)
    try:
        crew.start()
        while unfinished:
            with meanwhile():
                number, page = crew.take()
            unfinished -= page is None
            yield number, page
            del page
    finally:
        crew.stop()


class _Crew:
    """The threads that go through reads.

    Args:
        reads: the reads.
        threads: how many there are.
        leave: called when one ends that was not the last.
    """

    def __init__(self, reads: Sequence[Iterator[Page]], threads: int, leave: Callable[[], None]) -> None:
        self._reads = deque(enumerate(reads))
        self._threads = threads
        self._leave = leave
        self._handed: Queue[tuple[int, Page | None, BaseException | None]] = Queue(maxsize=1)
        self._over = threading.Event()
        self._leaving = threading.Lock()

    def start(self) -> None:
        for _ in range(self._threads):
            threading.Thread(target=copy_context().run, args=(self._work,), daemon=True).start()

    def take(self) -> tuple[int, Page | None]:
        number, page, error = self._handed.get()
        if error is not None:
            raise error
        return number, page

    def stop(self) -> None:
        self._over.set()
        with suppress(Empty):
            self._handed.get_nowait()

    def _work(self) -> None:
        try:
            with suppress(IndexError):
                while not self._over.is_set():
                    self._go_through(*self._reads.popleft())
        finally:
            with self._leaving:
                self._threads -= 1
                others = self._threads
            if others:
                self._leave()

    def _go_through(self, number: int, read: Iterator[Page]) -> None:
        try:
            for page in read:
                self._hand(number, page)
                del page
                if self._over.is_set():
                    return
            self._hand(number, None)
        except BaseException as exc:  # noqa: BLE001 - whoever takes the pages raises it
            self._hand(number, None, exc)

    def _hand(self, number: int, page: Page | None, error: BaseException | None = None) -> None:
        while not self._over.is_set():
            try:
                return self._handed.put((number, page, error), timeout=_A_MOMENT)
            except Full:
                continue
        return None
