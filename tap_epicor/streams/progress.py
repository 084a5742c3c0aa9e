"""How far a run has come, for people: a live table on a terminal, else a line in the log every now and then.

A thread of its own looks at the reckonings; the streams know nothing of it.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from typing import IO, TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console
    from rich.table import Table

    from tap_epicor.streams.reckoning import Reckoning, Run

    Tell = Callable[["Progress"], None]

logger = logging.getLogger(__name__)

EVERY: Final = 60.0
"""Seconds between two lines in the log."""
_REDRAWN: Final = 0.5
"""Seconds between two looks at the reckonings, and two drawings of the table."""
_NAMED: Final = 5
"""Streams named in a line."""


class Progress:
    """What is under way, how fast, and how long it will take.

    Args:
        run: the run.
        reads: how many reads it has, streams times companies.
    """

    def __init__(self, run: Run, reads: int) -> None:
        self._run = run
        self._reads = reads
        self._first: dict[int, tuple[float, int]] = {}

    @property
    def under_way(self) -> list[Reckoning]:
        """The reads under way, the earliest first."""
        return [one for one in list(self._run.reckonings) if one.outcome == "interrupted"]

    @property
    def ended(self) -> str:
        """How many reads have ended, of how many."""
        ended = sum(one.outcome != "interrupted" for one in list(self._run.reckonings))
        return f"{ended:,} of {self._reads:,} reads"

    def look(self) -> None:
        """Note where the reads stand that were not under way before."""
        now = time.monotonic()
        self._first = {id(one): self._first.get(id(one), (now, one.received)) for one in self.under_way}

    def told(self, one: Reckoning) -> tuple[str, str, str]:
        """Return rows of how many, rows a second, and the time left, as far as they are known.

        Args:
            one: a read under way.
        """
        now = time.monotonic()
        began, had = self._first.get(id(one), (now, one.received))
        rate = (one.received - had) / (now - began) if now > began else 0.0
        if one.counted_before is None:
            return f"{one.received:,} rows", _rate(rate), ""
        left = max(0, one.counted_before - one.received)
        duration = str(timedelta(seconds=round(left / rate))) if rate else ""
        return f"{one.received:,} of {one.counted_before:,} rows", _rate(rate), duration


@contextmanager
def shown(run: Run, reads: int, every: float = EVERY) -> Iterator[None]:
    """Show how far a run has come, until the block ends.

    Args:
        run: the run.
        reads: how many reads it has, streams times companies.
        every: seconds between two lines in the log.
    """
    # Rows that go to the same terminal would be written over the table.
    live = sys.stderr.isatty() and not sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    with _live() if live else _logged(every) as tell:
        over = threading.Event()
        watching = threading.Thread(target=_watch, args=(Progress(run, reads), tell, over, min(_REDRAWN, every)))
        watching.daemon = True
        watching.start()
        try:
            yield
        finally:
            over.set()
            watching.join()


def _watch(progress: Progress, tell: Tell, over: threading.Event, pause: float) -> None:
    while not over.wait(pause):
        progress.look()
        tell(progress)


@contextmanager
def _logged(every: float) -> Iterator[Tell]:
    """Write a line now and then."""
    due = time.monotonic() + every

    def tell(progress: Progress) -> None:
        nonlocal due
        if time.monotonic() >= due and (said := line(progress)):
            due = time.monotonic() + every
            logger.info("Progress: %s", said)

    yield tell


@contextmanager
def _live() -> Iterator[Tell]:
    """Draw a table below the log, whose lines go above it, as they are."""
    from rich.console import Console  # noqa: PLC0415 - heavy, and of use only to people
    from rich.live import Live  # noqa: PLC0415

    console = Console(stderr=True)
    handlers = [
        one
        for one in logging.getLogger().handlers
        if isinstance(one, logging.StreamHandler) and one.stream is sys.stderr
    ]
    live = Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False)
    plain = sys.stderr
    with live:
        # A run that is cut off must not leave a terminal without a cursor.
        console.show_cursor(True)  # noqa: FBT003
        for one in handlers:
            one.setStream(cast("IO[str]", _Above(console)))
        try:
            yield lambda progress: live.update(table(progress), refresh=True)
        finally:
            for one in handlers:
                one.setStream(plain)


class _Above:
    """A stream whose text appears above what is drawn live.

    Args:
        console: where it is drawn.
    """

    def __init__(self, console: Console) -> None:
        self._console = console

    def write(self, text: str) -> None:
        self._console.out(text, end="", highlight=False)

    def flush(self) -> None:
        """There is nothing to wait for."""


def line(progress: Progress) -> str:
    """Return how far a run has come as a line; empty where nothing is under way.

    Args:
        progress: how far that is.
    """
    under_way = progress.under_way
    reads = []
    for one in under_way[:_NAMED]:
        rows, rate, left = progress.told(one)
        reads.append(f"{one.name}: {rows}, {rate}" + (f", {left} left" if left else ""))
    more = f"; and {len(under_way) - _NAMED} more" if len(under_way) > _NAMED else ""
    return f"{progress.ended} have ended; {'; '.join(reads)}{more}." if reads else ""


def table(progress: Progress) -> Table:
    """Return how far a run has come as a table.

    Args:
        progress: how far that is.
    """
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    drawn = Table(box=None, title=progress.ended, title_justify="left")
    drawn.add_column("Stream")
    for name in ("Rows", "Rows/s", "Left"):
        drawn.add_column(name, justify="right")
    for one in progress.under_way:
        drawn.add_row(Text(one.name), *progress.told(one))
    return drawn


def _rate(rate: float) -> str:
    return f"{rate:,.0f} rows/s"
