"""The reckoning: what became of each stream in each company, and whether the run as a whole is complete."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from tap_epicor.clock import Clock
from tap_epicor.kinetic.errors import PassingError, SignInRefused, Unreachable
from tap_epicor.kinetic.patience import TimeUp, counted_retries

if TYPE_CHECKING:
    from collections.abc import Iterator

Outcome = Literal["complete", "incomplete", "failed", "interrupted", "stopped", "not read"]

_NAMED = 5
"""Streams named in the sentence that a run ends with."""
_MOST_PASSING = 3
"""Streams in a row that fail with what should pass by itself, after which the server is held to be down."""


class RunIncomplete(Exception):
    """A run of which not every stream is complete, with their names and the first reasons."""


class RunStopped(Exception):
    """A run that had no time left, and of which nothing else went wrong."""


@dataclass
class Reckoning:
    """What became of one stream in one company.

    Attributes:
        stream: the stream's name.
        company: company id, empty for the account's own.
        outcome: how it ended.
        way: how it was read, in a sentence.
        counted_before: rows that the server counted before the read; None where it did not, or was not asked.
        counted_after: rows that the server counted after it.
        received: rows that came, each one once; with those of earlier runs where the read was interrupted.
        written: rows that went out as RECORD messages in this run.
        duplicates: rows among these that had come before in the same read, since they were written anew meanwhile.
        skipped: rows that the server could not give and that were left out.
        deleted: rows that were found gone, and told to the loader.
        pages: answers with rows.
        retries: requests that were made again.
        seconds: how long it took.
        notes: what explains the figures, or what went wrong, in sentences.
    """

    stream: str
    company: str
    outcome: Outcome = "interrupted"
    way: str = ""
    counted_before: int | None = None
    counted_after: int | None = None
    received: int = 0
    written: int = 0
    duplicates: int = 0
    skipped: int = 0
    deleted: int = 0
    pages: int = 0
    retries: int = 0
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The stream and its company, for messages."""
        return f"{self.stream} ({self.company})" if self.company else self.stream

    def ended(self, outcome: Outcome, note: str = "") -> None:
        """Say how it ended.

        Args:
            outcome: how.
            note: why, in a sentence.
        """
        self.outcome = outcome
        if note:
            self.notes.append(note)


@dataclass(frozen=True)
class Verdict:
    """What the server's counts say of a read of everything.

    Attributes:
        complete: whether no row can be missing.
        note: what explains a difference, or that nothing does; empty where there is none.
    """

    complete: bool
    note: str = ""


def judge(before: int, after: int, received: int) -> Verdict:
    """Return whether rows are missing from a read of everything, where nothing but the counts tells.

    Args:
        before: rows that the server counted before the read.
        after: rows that it counted afterwards.
        received: rows that came, and those that were left out by name.
    """
    least, most = min(before, after), max(before, after)
    counted = f"received {received} rows; the server counted {before} before and {after} after"
    if least <= received <= most:
        return Verdict(complete=True)
    if received > most:
        return Verdict(complete=True, note=f"{counted}, which is not right, or rows came and went")
    return Verdict(complete=False, note=f"{counted}, which nothing explains")


class Run:
    """One run of the tap: the reckonings of all its streams."""

    def __init__(self) -> None:
        self.started = datetime.now(UTC)
        self.reckonings: list[Reckoning] = []
        self.drift: dict[str, str] = {}
        """What became of the columns of streams since the last run, in words."""
        self.over: str | None = None
        """Why nothing more is read, in a sentence; None while the run goes on."""
        self.began = time.monotonic()
        """When it began, on the monotonic clock."""
        self.clock = Clock({}, self.began)
        self._stopped = False
        self._passing = 0

    @property
    def seconds(self) -> float:
        """How long the run has taken so far."""
        return time.monotonic() - self.began

    @property
    def complete(self) -> bool:
        """Whether every stream is complete in every company."""
        return self.over is None and all(one.outcome == "complete" for one in self.reckonings)

    @contextmanager
    def reckoning(self, stream: str, company: str) -> Iterator[Reckoning]:
        """Hand out a new reckoning, and time it.

        Args:
            stream: the stream's name.
            company: company id.
        """
        one = Reckoning(stream, company, notes=[self.drift[stream]] if stream in self.drift else [])
        self.reckonings.append(one)
        began = time.monotonic()
        with counted_retries() as retries:
            try:
                yield one
            finally:
                one.seconds = time.monotonic() - began
                one.retries = retries.count
                if one.outcome == "complete":
                    self._passing = 0

    def failed(self, reckoning: Reckoning, error: Exception) -> None:
        """Say that a stream failed; where no other could be read either, the run is over.

        Args:
            reckoning: the stream's.
            error: why.
        """
        reckoning.ended("failed", str(error))
        if isinstance(error, SignInRefused | Unreachable):
            self.over = "Nothing more was read, since the server can't be reached or refuses the sign-in."
        self._passing = self._passing + 1 if isinstance(error, PassingError) else 0
        if self._passing == _MOST_PASSING:
            self.over = f"Nothing more was read, since the server failed {_MOST_PASSING} streams in a row."

    def out_of_time(self) -> str:
        """Say that no time is left, and so nothing more is read; return why."""
        self._stopped = True
        self.over = f"Nothing more was read, since {self.clock.why}."
        return self.clock.why

    def stopped(self, reckoning: Reckoning, end: TimeUp) -> None:
        """Say that a stream was stopped, since no time is left.

        Args:
            reckoning: the stream's.
            end: what stopped it.
        """
        reckoning.ended("stopped", f"stopped, since {self.out_of_time()}; {end.then}")

    def not_read(self, stream: str, company: str, why: str = "") -> None:
        """Add a stream that was not read.

        Args:
            stream: its name, or that of a service or BAQ that has no stream.
            company: company id.
            why: why, in a sentence; empty where the run did not come to it.
        """
        one = Reckoning(stream, company, "not read", notes=[why] if why else [])
        if self._stopped and not why:
            one.ended("stopped", "not begun, since no time was left; the next run reads it")
        self.reckonings.append(one)

    def check(self) -> None:
        """Check that the run is complete.

        Raises:
            RunStopped: if it only had too little time.
            RunIncomplete: if it is not for another reason, too.
        """
        if self.complete:
            return
        if self._stopped and all(one.outcome in {"complete", "stopped"} for one in self.reckonings):
            done = sum(one.outcome == "complete" for one in self.reckonings)
            raise RunStopped(
                f"{self.over} {done} of {len(self.reckonings)} reads are complete; the state holds what was written, "
                "and the next run goes on from there."
            )
        left = [one for one in self.reckonings if one.outcome != "complete"]
        told = "; ".join(f"{one.name}: {one.outcome}" for one in left[:_NAMED])
        more = f"; and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
        why = f" {self.over}" if self.over else ""
        raise RunIncomplete(
            f"{len(left)} of {len(self.reckonings)} reads are not complete: {told}{more}.{why} The reasons "
            "stand above; the state holds what was written, and the next run goes on from there."
        )
