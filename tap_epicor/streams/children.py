"""Child rows: carried by their parents' rows, or read through them.

Both follow a reading of the parents, page by page. What the parents' `SysRevID` does not tell is a change of a child
that leaves its parent alone. Where the server filters the child set by its own `SysRevID`, which is unique in the
database, such changes are found by it, from the parents' bookmark on; else only a read of everything finds them.
"""

from __future__ import annotations

import logging
import time
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from tap_epicor.kinetic.expanding import CutBefore, Expanding, Kin
from tap_epicor.kinetic.found import Found
from tap_epicor.kinetic.order import BrokenOrder, Page, keys_of, show
from tap_epicor.kinetic.pages import read
from tap_epicor.kinetic.plan import REVISION, Part, make_plan
from tap_epicor.kinetic.probes import count, highest_to_track
from tap_epicor.kinetic.source import Rows, Source
from tap_epicor.streams.bookmark import (
    CHILDREN,
    CONDITION,
    CURE,
    KEY,
    LAST,
    RESUME,
    SEEN,
    UNDER_WAY,
    VALUE,
    Bookmark,
    BookmarkError,
)
from tap_epicor.streams.reading import Incomplete, Reading
from tap_epicor.streams.reckoning import judge

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_epicor.streams.reading import Outlook

logger = logging.getLogger(__name__)

Row = dict[str, Any]

CUT: Final = "cut"
"""Name under which STATE says at which lengths `$expand` was found to cut arrays of child rows."""
_COPIED: Final = (VALUE, KEY, SEEN, UNDER_WAY)
_OWN: Final = (*_COPIED, CONDITION, LAST, RESUME)
_MOST_NOTED: Final = 100_000
_PARENTS_AT_ONCE: Final = 50
"""Parents of a page, where the child rows of each take requests of their own: STATE is not to wait for too many."""


def known_cuts(state: dict[str, Any], name: str) -> dict[str, list[int]]:
    """Return the lengths at which `$expand` cut arrays of child rows in earlier runs, by the name of the children.

    Args:
        state: the part of STATE that belongs to a stream in a company.
        name: the stream and company, for the message.

    Raises:
        BookmarkError: if the state does not say so in a way that can be understood.
    """
    try:
        return {child: [int(length) for length in lengths] for child, lengths in state.get(CUT, {}).items()}
    except (AttributeError, TypeError, ValueError):
        raise BookmarkError(f"{name}: the state holds {state[CUT]!r} as lengths of arrays. {CURE}") from None


@dataclass(frozen=True)
class _Followed:
    """A set of child rows whose own changes are read.

    Attributes:
        child: the set.
        cursor: its `SysRevID`.
        rows: its rows: their parents' keys, and that.
        bookmark: how far its changes were read.
    """

    child: Kin
    cursor: Part
    rows: Rows
    bookmark: Bookmark


class _WithKin(Reading):
    """The reading of parents; as `Reading`."""

    _counts: tuple[int | None, int | None] = None, None
    """What the server counted of child rows, before and after."""

    def _with_children(self, expanding: Expanding, children: Sequence[Kin]) -> Iterator[Page]:
        """Yield pages of parents with all their child rows; those that turn out to lack some come once more.

        Raises:
            KineticError: as for `Reading`, or if child rows can't be had.
        """
        if expanding.one_by_one:
            size = min(self._manner.page_size, _PARENTS_AT_ONCE)
            self._manner = replace(self._manner, page_size=size)
        before = {name: deepcopy(self._bookmark.state[name]) for name in _OWN if name in self._bookmark.state}
        while True:
            try:
                yield from self._once_with_children(expanding, children)
            except CutBefore as exc:
                logger.warning("%s: %s: the rows are read once more.", self._reckoning.name, exc.message)
                self._begin_anew(before)
                expanding.came.clear()
            else:
                return

    def _once_with_children(self, expanding: Expanding, children: Sequence[Kin]) -> Iterator[Page]:
        begins = self._counts_children()
        counted = [count(self._of_set(child)) if begins else None for child in children]
        with self._told_what_then():
            for page in super().pages():
                expanding.complete(page.rows)
                if expanding.cut:
                    self._bookmark.state[CUT] = expanding.cut
                yield page
        if self._reckoning.outcome == "complete":
            self._prove(expanding, children, counted)

    def _begin_anew(self, before: dict[str, Any]) -> None:
        """Set the bookmark to where it was when the run began, and to nothing where a first load was under way."""
        state = self._bookmark.state
        if VALUE in before:
            for name in _OWN:
                state.pop(name, None)
            state |= deepcopy(before)
        else:
            self._bookmark.forget()
        self._reckoning.received = 0
        self._save()

    def _prove(self, expanding: Expanding, children: Sequence[Kin], counted: Sequence[int | None]) -> None:
        """Hold the numbers of child rows that came against the server's.

        Raises:
            CutBefore: if some seem to be missing, and arrays of the greatest length may have been cut.
            Incomplete: if some seem to be missing, and `completeness` is to fail.
        """
        self._reckoning.outcome = "interrupted"
        whole = [self._is_whole(child, number, expanding) for child, number in zip(children, counted, strict=True)]
        self._reckoning.outcome = "complete" if all(whole) else "incomplete"

    def _counts_children(self) -> bool:
        """Return whether all child rows will come, so that their number tells something."""
        begins = self._bookmark.value is None and RESUME not in self._bookmark.state
        return begins and self._rows.filter is None and self._manner.completeness != "off"

    def _of_set(self, child: Kin, select: Sequence[str] = ()) -> Rows:
        source = Source(self._rows.source.service, child.entity_set)
        return Rows(self._rows.kinetic, source, self._rows.company, select=select, columns=child.key)

    def _is_whole(self, child: Kin, before: int | None, expanding: Expanding) -> bool:
        """Return whether as many child rows came as the server counts.

        Child rows that come and go while their parents are read, or have none, can't be told from missing ones. The
        bookmark stays: it is that of the parents, of which none is missing.

        Raises:
            CutBefore: if rows seem to be missing, and arrays of the greatest length may have been cut.
            Incomplete: if rows seem to be missing, and `completeness` is to fail.
        """
        after = None if before is None else count(self._of_set(child))
        if before is None or after is None:
            return True
        self._counts = before, after
        verdict = judge(before, after, expanding.came[child.name])
        if not verdict.complete and expanding.doubts(child.name):
            raise CutBefore(f"{child.name}: {verdict.note}, unless $expand cuts arrays", path=self._rows.path)
        if not verdict.complete:
            note = f"{child.name}: {verdict.note}, unless rows came and went, or have no parent"
            logger.warning("%s: %s.", self._reckoning.name, note)
            self._reckoning.notes.append(note)
            if self._manner.completeness == "fail":
                self._bookmark.forget()
                self._save()
                cure = "Run again at a quieter time; if it stays so, set `completeness` to warn and report it."
                raise Incomplete(note, path=self._rows.path, cure=cure)
        return verdict.complete


class Inline(_WithKin):
    """The reading of a stream whose rows carry their child rows.

    Args:
        rows: the rows wanted, with the sets of their child rows in `expand`.
        children: these sets.
        given: as for `Reading`.
    """

    def __init__(self, rows: Rows, *, children: Sequence[Kin], **given: Any) -> None:  # noqa: ANN401
        super().__init__(rows, **given)
        self._children = children
        self._sent: set[int] = set()

    def pages(self) -> Iterator[Page]:
        """Yield the pages, and then those of rows of which only child rows have changed; as for `Reading`.

        Raises:
            KineticError: as for `Reading`, or if child rows can't be had.
        """
        expanding = self._proved()
        followed = list(self._followed()) if self._bookmark.value is not None else []
        for page in self._with_children(expanding, self._children):
            if followed:
                self._note(page.rows)
            yield page
        if self._reckoning.outcome != "complete":
            return
        self._reckoning.outcome = "interrupted"
        with self._told_what_then():
            for one in followed:
                yield from self._changed(one, expanding)
        self._reckoning.outcome = "complete"

    def outlook(self) -> Outlook:
        """Return what the read would be, as for `Reading`."""
        expanding = self._proved()
        return replace(super().outlook(), nested=len(self._children) - len(expanding.rows.expand))

    def _proved(self) -> Expanding:
        """Return the rows with those of their child rows that `$expand` brings."""
        cut = known_cuts(self._bookmark.state, self._reckoning.name)
        expanding = Expanding(self._rows, self._key, self._children, self._manner.page_size, cut)
        self._rows = self._unbound = expanding.rows
        return expanding

    def _note(self, parents: Sequence[Row]) -> None:
        """Note the child rows that are sent with their parents, by what is unique in the database, as far as it goes.

        Of those that are not noted, the parents are sent twice.
        """
        revisions = (one.get(REVISION) for row in parents for child in self._children for one in row[child.name])
        for revision in revisions:
            if revision is not None and len(self._sent) < _MOST_NOTED:
                self._sent.add(int(revision))

    def _followed(self) -> Iterator[_Followed]:
        """Yield the sets of child rows whose own changes can be read, and tell of the others."""
        for child in self._children:
            cursor = child.cursor
            columns = dict.fromkeys([*child.key, *child.link.values(), REVISION])
            rows = self._of_set(child, list(columns))
            if cursor is None:
                why: str | None = f"it has no {REVISION}"
            elif self._cursor is None or self._cursor.name != REVISION:
                why = f"its parents' changes are not tracked by {REVISION}"
            elif len(child.link) < len(self._key):
                why = "its rows do not tell which row they belong to"
            else:
                highest, why = highest_to_track(rows, cursor)
                if why is None:
                    yield _Followed(child, cursor, rows, self._bookmark_of(child, cursor, highest))
                    continue
            logger.log(
                logging.INFO if self._manner.full_every else logging.WARNING,
                "%s: a change of %s that leaves its parent alone is not noticed: %s. `full_every` reads everything "
                "again every so many days.",
                self._reckoning.name,
                child.name,
                why,
            )

    def _bookmark_of(self, child: Kin, cursor: Part, highest: Any) -> Bookmark:  # noqa: ANN401
        """Return a child set's bookmark: the parents' one, as it is now, unless there is a later one.

        One above all rows is of another database, or of a set in which nothing has changed since.
        """
        state = self._bookmark.state
        states = state.setdefault(CHILDREN, {})
        name = f"{self._reckoning.name}, {child.name}"
        if child.name in states:
            own = Bookmark(states[child.name], cursor, None, name)
            if not own.is_above(highest):
                return own
        states[child.name] = deepcopy({one: state[one] for one in _COPIED if one in state})
        return Bookmark(states[child.name], cursor, None, name)

    def _changed(self, followed: _Followed, expanding: Expanding) -> Iterator[Page]:
        """Yield the parents of child rows that have changed, and move the child set's bookmark behind them."""
        manner, child, cursor, bookmark = self._manner, followed.child, followed.cursor, followed.bookmark
        since = bookmark.start(manner.overlap, manner.overlap_days, manner.overlap_minutes)
        asked = int(time.time())
        began, first = bookmark.under_way or (asked, since)
        columns = [child.link[part.name] for part in self._key]
        for page in read(followed.rows, make_plan(child.parts, cursor, since=since), manner.page_size):
            rows = [row for row in page.rows if int(row[cursor.name]) not in self._sent]
            keys = dict.fromkeys(tuple(row.get(column) for column in columns) for row in rows)
            for parents in expanding.of_keys([key for key in keys if None not in key]):
                self._count(parents)
                yield parents
            bookmark.advance(page.rows[-1][cursor.name], began, first)
            self._save()
            asked = page.at
        bookmark.caught_up(first, began, asked, manner.overlap_minutes)
        self._save()


class Through(_WithKin):
    """The reading of child rows through their parents.

    Args:
        expanding: the parents with their child rows.
        child: the set of the child rows.
        given: as for `Reading`, about the parents.
    """

    def __init__(self, expanding: Expanding, *, child: Kin, **given: Any) -> None:  # noqa: ANN401
        super().__init__(expanding.rows, **given)
        self._expanding = expanding
        self._child = child

    @property
    def filters(self) -> bool:
        """Whether the server filters by the child set's own columns: then it would not be read so."""
        return False

    def outlook(self) -> Outlook:
        """Return what the read of the parents would be, as for `Reading`."""
        return replace(super().outlook(), nested=0 if self._expanding.rows.expand else 1)

    def pages(self) -> Iterator[Page]:
        """Yield pages of child rows; as for `Reading`.

        Raises:
            BrokenOrder: if a child row comes under two parents.
            KineticError: as for `Reading`, or if child rows can't be had.
        """
        child, expanding = self._child, self._expanding
        for page in self._with_children(expanding, [child]):
            rows = [self._linked(row, one) for row in page.rows for one in row[child.name]]
            if not page.repeated:
                self._check_once(rows)
            if rows:
                yield Page(Found(rows), page.last, page.repeated, page.at)
        reckoning, came = self._reckoning, expanding.came[child.name]
        reckoning.notes.append(f"read through {reckoning.received} rows of {self._rows.source.name}")
        reckoning.received = came
        if reckoning.outcome == "complete":
            reckoning.counted_before, reckoning.counted_after = self._counts

    def _linked(self, row: Row, child: Row) -> Row:
        for mine, its in self._child.link.items():
            child.setdefault(its, row[mine])
        return child

    def _check_once(self, rows: Sequence[Row]) -> None:
        seen = set()
        for key in keys_of(rows, self._child.parts, self._rows.path):
            if key in seen:
                raise BrokenOrder(
                    f"the row of {self._child.name} with {show(self._child.parts, key)} comes under two parents",
                    path=self._rows.path,
                    cure="Take `through` away from this stream.",
                )
            seen.add(key)
