"""A check: what was tried, what came back, and what to do; and what the checks of one examination share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from tap_epicor.kinetic.errors import KineticError
from tap_epicor.stream_settings import as_list

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_epicor.kinetic.catalogue import Found
    from tap_epicor.kinetic.client import Kinetic
    from tap_epicor.kinetic.source import Rows

Outcome = Literal["ok", "note", "failed", "skipped"]
"""`note`: a sync works, and there is something to know."""


@dataclass(frozen=True)
class Asked:
    """A request.

    Attributes:
        path: where, without the query string, which may hold values of rows.
        status: HTTP status, None where no answer came.
        seconds: how long it took, None where no answer came.
    """

    path: str
    status: int | None = None
    seconds: float | None = None


@dataclass
class Check:
    """A check.

    Attributes:
        name: what it is about.
        tried: what was tried.
        outcome: how it went.
        found: what came back, in words; never a value out of a row.
        cure: what to do; empty for nothing.
        figures: what was measured, for machines.
        stops: whether going on is pointless.
        asked: the requests that it took.
    """

    name: str
    tried: str
    outcome: Outcome
    found: str
    cure: str = ""
    figures: dict[str, Any] = field(default_factory=dict)
    stops: bool = False
    asked: list[Asked] = field(default_factory=list)


@dataclass(frozen=True)
class Seen:
    """A set whose rows could be read.

    Attributes:
        rows: its rows.
        found: what the server says of it.
        rows_counted: how many there are, None where it was not asked or not told.
        revisions: why changes can't be asked for by `cursor`; empty where they can, None where there is no cursor.
        cursor: the column that changes are tracked by.
    """

    rows: Rows
    found: Found
    rows_counted: int | None
    revisions: str | None
    cursor: str | None = None


@dataclass
class Examination:
    """What the checks share.

    Attributes:
        config: the configuration.
        entries: the selected entries of a catalog; None where there is none.
        most: services and BAQs that are looked at, at the most.
        client: the signed-in client, once there is one.
        described: sets of services that were asked for already.
        seen: the sets whose rows could be read.
        skips: whether the server honours $skip on BAQs; None as long as no BAQ has shown it.
        asked: the requests since the last check.
    """

    config: Mapping[str, Any]
    entries: Sequence[Mapping[str, Any]] | None
    most: int
    client: Kinetic | None = None
    described: dict[str, list[Found]] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    skips: bool | None = None
    asked: list[Asked] = field(default_factory=list)

    @property
    def kinetic(self) -> Kinetic:
        """The signed-in client; only after the sign-in."""
        if self.client is None:
            raise RuntimeError("nobody has signed in yet")
        return self.client

    @property
    def companies(self) -> tuple[str, ...]:
        """The companies to read; an empty name stands for the account's own."""
        return as_list(self.config.get("company")) or ("",)

    def listen(self, kinetic: Kinetic) -> Kinetic:
        """Take note of a client's requests, and return it."""
        kinetic.on_answer = lambda path, status, seconds: self.asked.append(Asked(path, status, seconds))
        return kinetic

    def failure(self, name: str, tried: str, exc: Exception, *, cure: str = "", stops: bool = False) -> Check:
        """Return the check that an exception ends.

        Args:
            name: what it is about.
            tried: what was tried.
            exc: the exception, whose message is meant for users.
            cure: what to do, instead of what the exception itself says.
            stops: whether going on is pointless.
        """
        if not isinstance(exc, KineticError):
            return Check(name, tried, "failed", str(exc), cure, stops=stops)
        if exc.status is None and exc.path:
            self.asked.append(Asked(exc.path))
        return Check(name, tried, "failed", said(exc), cure or exc.cure, stops=stops)


def said(exc: KineticError) -> str:
    """Return what the server said when it failed, without the cure."""
    status = f"HTTP {exc.status}: " if exc.status else ""
    trace = f" (correlation id {exc.correlation_id})" if exc.correlation_id else ""
    return f"{status}{exc.message.rstrip('. ')}{trace}"


def rows_in_words(number: int | None) -> str:
    """Return a number of rows, in words."""
    if number is None:
        return "rows not counted"
    return "1 row" if number == 1 else f"{number:,} rows"
