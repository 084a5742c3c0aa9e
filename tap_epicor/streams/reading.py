"""The reading of one stream in one company: what is asked for, when the bookmark moves, and whether all came."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from tap_epicor.kinetic.ahead import ahead
from tap_epicor.kinetic.errors import KineticError
from tap_epicor.kinetic.found import values_of
from tap_epicor.kinetic.pages import LostPlace, read
from tap_epicor.kinetic.patience import TimeUp
from tap_epicor.kinetic.plan import REVISION, make_plan, parse_cursor_value
from tap_epicor.kinetic.probes import count, count_between, highest, highest_to_track
from tap_epicor.kinetic.ranges import Range, Spread
from tap_epicor.streams.bookmark import Left
from tap_epicor.streams.same_database import OtherDatabase, of_same_database
from tap_epicor.streams.wholeness import is_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_epicor.kinetic.pages import Page
    from tap_epicor.kinetic.plan import Part, Plan
    from tap_epicor.kinetic.source import Rows
    from tap_epicor.streams.bookmark import Bookmark
    from tap_epicor.streams.reckoning import Reckoning
    from tap_epicor.streams.wanted import Manner

logger = logging.getLogger(__name__)


class Incomplete(KineticError):
    """A stream that was read whole has another number of rows than the server counts."""


class Restored(KineticError):
    """The database was restored or copied, and the settings say not to read anew by oneself."""


@dataclass(frozen=True)
class Outlook:
    """What a read would be.

    Attributes:
        wanted: the rows.
        plan: how they would be read.
        page_size: rows of a page.
        rows: about how many that is; None where the server does not count them.
        state: the part of STATE that the read would begin with.
        high: the bookmark that a read of everything would end with.
        at: when that was the highest value, in seconds since 1970.
        ranges: what of a read of everything is still to be read.
        nested: how many sets of child rows are read parent by parent.
        untracked: why changes can't be tracked, as far as that was asked for; empty where they can.
    """

    wanted: Rows
    plan: Plan
    page_size: int
    rows: int | None
    state: dict[str, Any]
    high: Any = None
    at: int | None = None
    ranges: tuple[Range, ...] = (Range(),)
    nested: int = 0
    untracked: str = ""


class Reading:
    """One stream in one company.

    Args:
        rows: the rows wanted.
        key: columns of the key; empty for none.
        cursor: column that changes are tracked by; None to read everything each time.
        bookmark: how far the runs before have come.
        manner: what the settings say.
        reckoning: what becomes of it.
        save: writes STATE.
    """

    def __init__(  # noqa: PLR0913
        self,
        rows: Rows,
        *,
        key: tuple[Part, ...],
        cursor: Part | None,
        bookmark: Bookmark,
        manner: Manner,
        reckoning: Reckoning,
        save: Callable[[], None],
    ) -> None:
        self._key = key
        self._cursor = cursor
        self._bookmark = bookmark
        self._manner = manner
        self._unbound = rows
        self._rows = rows if manner.parameter is None else self._with_start(cursor)
        self._reckoning = reckoning
        self._save = save
        self._tracks = True
        self._untracked = ""
        self._in_one = False
        self._saved = False
        self._floor: int | None = None
        self._settled: int | None = 0

    @property
    def filters(self) -> bool:
        """Whether the server filters by the set's own columns, as far as the read has found out."""
        return self._tracks

    def pages(self) -> Iterator[Page]:
        """Yield the pages; when the next one is asked for, the rows of the one before must have been written.

        Raises:
            KineticError: if a page can't be had, contradicts the request, or does not add up.
            TimeUp: if no time is left to ask for more.
        """
        with self._told_what_then():
            yield from self._pages()

    @contextmanager
    def _told_what_then(self) -> Iterator[None]:
        """Let the end of the time tell what the next run will do."""
        try:
            yield
        except TimeUp as exc:
            if not self._reckoning.pages:
                exc.then = "the next run begins where this one did"
            elif not self._saved:
                exc.then = (
                    "it can't go on in the middle, and the next run begins it anew: it never ends, unless it gets "
                    "more time"
                )
            raise

    def _pages(self) -> Iterator[Page]:
        since = self._since()
        if self._cursor is None or since is None:
            yield from self._everything(self._cursor)
            return
        try:
            yield from self._changes(self._cursor, since)
        except OtherDatabase as exc:
            self._tell_restored(str(exc))
            yield from self._everything(self._cursor)

    def outlook(self) -> Outlook:
        """Return what the read would be, without reading anything.

        Raises:
            KineticError: if the server can't be asked.
        """
        since = self._since()
        if self._cursor is not None and since is not None:
            plan = make_plan(self._key, self._cursor, since=since)
            counts = self._manner.completeness != "off"
            rows = count_between(self._rows, self._cursor, since, None) if counts else None
            return Outlook(self._rows, plan, self._manner.page_size, rows, self._bookmark.state)
        left = self._bookmark.left_off(self._key) if self._manner.resumes else None
        at = _now()
        high = self._highest(self._cursor)
        left = left or Left((Range(),), high, at)
        after = next((one.after for one in left.ranges if one.after), None)
        rows = self._counted()
        rows = rows if rows is None else max(0, rows - left.received)
        plan = make_plan(self._key, after=after, filters=self._tracks)
        size, state = self._manner.page_size, self._bookmark.state
        outlook = Outlook(self._rows, plan, size, rows, state, left.high, left.at, left.ranges)
        return replace(outlook, untracked=self._untracked)

    def _changes(self, cursor: Part, since: Any) -> Iterator[Page]:  # noqa: ANN401
        """Yield what has changed since a value, and move the bookmark behind it.

        Raises:
            OtherDatabase: if the bookmark is none of this database.
        """
        asked = _now()
        began, first = self._bookmark.under_way or (asked, since)
        last, key = None, ()
        pages = self._read(self._with_parameter(since), make_plan(self._key, cursor, since=since))
        for page in of_same_database(pages, self._rows, self._key, cursor, self._bookmark):
            last = page.rows[-1][cursor.name]
            key = tuple(page.rows[-1].get(part.name) for part in self._key)
            yield page
            if page.last is not None:
                self._bookmark.advance(last, began, first, key)
                self._save_place()
            asked = page.at
        unseen = last is None and cursor.name == REVISION and int(highest(self._rows, cursor) or 0) > since
        if unseen and self._highest(cursor) is None:
            self._bookmark.forget()
            yield from self._everything(cursor)
            return
        self._bookmark.advance(last, began, first, key)
        self._bookmark.caught_up(first, began, asked, self._manner.overlap_minutes)
        self._end("complete")

    def _everything(self, cursor: Part | None) -> Iterator[Page]:
        """Yield all rows, and leave the bookmark at the highest value of the cursor before the first page."""
        left = self._bookmark.left_off(self._key) if self._manner.resumes else None
        if left is None:
            at = _now()
            high, since = self._manner.mark or (self._highest(cursor), at)
            left = Left((Range(),), high=high, at=since, counted=self._counted())
        if self._untracked:
            logger.warning(
                "%s: changes can't be tracked: %s. It is read whole each time. If these are child rows, `through` may "
                "help.",
                self._reckoning.name,
                self._untracked,
            )
        self._floor = self._bookmark.floor(left.high, self._manner.overlap) if self._tracks else None
        self._settled = left.settled
        after = next((one.after for one in left.ranges if one.after), None)
        plan = make_plan(self._key, after=after, filters=self._tracks)
        received = self._reckoning.received = left.received
        self._reckoning.counted_before = left.counted
        try:
            for page, ranges in self._in_ranges(plan, left):
                received += len(page.rows)
                yield page
                if page.last is not None and self._manner.resumes:
                    left = replace(left, ranges=ranges, received=received, settled=self._settled)
                    self._bookmark.left_at(plan.order, left)
                    self._save_place()
        except LostPlace as exc:
            logger.warning("%s The stream is read from the beginning.", exc)
            self._in_one = True
            self._reckoning.skipped = 0
            self._bookmark.restart()
            yield from self._everything(cursor)
            return
        self._reckoning.received = received
        self._finish(cursor, left)

    def _finish(self, cursor: Part | None, left: Left) -> None:
        """End a read of everything: the bookmark moves if no row is missing.

        Raises:
            Incomplete: if the number of rows is not the server's, and `completeness` is to fail.
        """
        left = replace(left, settled=self._settled)
        asked = self._manner.completeness != "off"
        complete, note = is_whole(self._rows, cursor, left, self._reckoning, floor=self._floor, asked=asked)
        if note and self._manner.completeness == "fail":
            self._bookmark.restart()
            self._save()
            cure = "Run again at a quieter time; if it stays so, set `completeness` to warn and report it."
            raise Incomplete(note, path=self._rows.path, cure=cure)
        if complete:
            self._bookmark.finish(left.high, left.at, self._manner.overlap, self._manner.overlap_minutes)
            self._end("complete", note)
        else:
            self._bookmark.finish(None)
            self._end("incomplete", f"{note}. It keeps no bookmark, and the next run reads it whole again")

    def _save_place(self) -> None:
        self._save()
        self._saved = True

    def _end(self, outcome: Literal["complete", "incomplete"], note: str = "") -> None:
        self._reckoning.ended(outcome, note)
        if note:
            logger.warning("%s: %s.", self._reckoning.name, note)
        self._save()

    def _read(self, rows: Rows, plan: Plan) -> Iterator[Page]:
        with self._told(plan) as skipped:
            for page in ahead(read(rows, plan, self._manner.page_size, skipped), rows.kinetic.meanwhile):
                self._count(page)
                yield page

    def _in_ranges(self, plan: Plan, left: Left) -> Iterator[tuple[Page, tuple[Range, ...]]]:
        remaining = None if left.counted is None or self._in_one else left.counted - left.received
        with self._told(plan) as skipped:
            spread = Spread(
                self._rows, plan, self._manner.page_size, skipped=skipped, ranges=left.ranges, left=remaining
            )
            for page, ranges in spread.pages():
                self._count(page)
                yield page, ranges

    @contextmanager
    def _told(self, plan: Plan) -> Iterator[list[str] | None]:
        """Tell how a set is read, and afterwards which rows were left out; None where none may be."""
        reckoning = self._reckoning
        reckoning.way = plan.why
        logger.info("%s: reading %s.", reckoning.name, plan.why)
        skipped: list[str] = []
        try:
            yield skipped if self._manner.skips else None
        finally:
            # A page that was fetched and not taken is read again, and what was left out of it comes twice.
            left_out = dict.fromkeys(skipped)
            reckoning.skipped += len(left_out)
            reckoning.notes += [f"left out, since the server can't give it: {key}" for key in left_out]

    def _count(self, page: Page) -> None:
        self._reckoning.pages += 1
        self._reckoning.received += len(page.rows)
        self._reckoning.duplicates += page.repeated
        self._count_settled(page)

    def _count_settled(self, page: Page) -> None:
        if self._floor is None or self._settled is None or self._cursor is None:
            return
        values = values_of(page.rows, self._cursor.name)
        if set(map(type, values)) == {int}:
            self._settled += sum(map(self._floor.__ge__, values))
        else:
            self._settled += sum(1 for value in values if value is not None and int(value) <= self._floor)

    def _since(self) -> Any | None:  # noqa: ANN401
        """Return the value to read changes from; None to read everything."""
        cursor, manner = self._cursor, self._manner
        if cursor is None:
            return None
        if self._bookmark.value is not None:
            return self._bookmark.start(manner.overlap, manner.overlap_days, manner.overlap_minutes)
        value = self._start_value(cursor)
        if value is None:
            return None
        self._highest(cursor)
        if not self._tracks:
            return None
        return value - 1 if isinstance(value, int) else value

    def _start_value(self, cursor: Part) -> Any | None:  # noqa: ANN401
        start = self._manner.start_value
        if start is None:
            return None
        try:
            return parse_cursor_value(cursor, start)
        except ValueError:
            logger.warning(
                "%s: `start_value` %r is no value of %s (%s): the stream is read from the beginning.",
                self._reckoning.name,
                start,
                cursor.name,
                cursor.type,
            )
            return None

    def _highest(self, cursor: Part | None) -> Any | None:  # noqa: ANN401
        """Return the highest value of the cursor; None where there is none, or changes can't be tracked by it."""
        if cursor is None:
            return None
        value, reason = highest_to_track(self._rows, cursor)
        if reason:
            self._tracks, self._untracked = False, reason
        return value

    def _tell_restored(self, evidence: str) -> None:
        """Say that the bookmark is none of this database, and forget it.

        Raises:
            Restored: if `restored` is to fail.
        """
        said = f"{evidence}: the database was restored or copied, or its newest rows were deleted"
        if self._manner.restored == "fail":
            cure = "Run this stream with --full-refresh, or set `restored` to reread."
            raise Restored(said, path=self._rows.path, cure=cure)
        kept = "Rows that only the other database had stay in the warehouse, unless `deletes` finds them."
        logger.warning("%s: %s. The stream is read anew. %s", self._reckoning.name, said, kept)
        self._reckoning.notes.append(f"{said}; read anew")
        self._bookmark.forget()

    def _counted(self) -> int | None:
        return None if self._manner.completeness == "off" else count(self._rows)

    def _with_parameter(self, since: Any) -> Rows:  # noqa: ANN401
        """Return the rows with the bookmark in the BAQ's parameter that takes it."""
        if self._manner.parameter is None:
            return self._unbound
        name, kind = self._manner.parameter
        text = str(since)[: len("2024-01-31")] if kind == "date" else str(since)
        return replace(self._unbound, parameters=[*self._unbound.parameters, (name, text)])

    def _with_start(self, cursor: Part | None) -> Rows:
        """Return the rows with `start_value` in that parameter, which may be one that can't be left out."""
        value = self._start_value(cursor) if cursor else None
        return self._unbound if value is None else self._with_parameter(value)


def _now() -> int:
    return int(time.time())
