"""How far a stream has come in one company, kept in Singer's STATE.

- `replication_key`, `replication_key_value`: all rows up to this value were written.
- `filter`: the condition that this is true of; absent where there is none.
- `seen`: when the last read began (`read_at`), and which value was the `highest` at which time: see `horizon`.
- `under_way`: when a read of changes began that has not come to its end, and at which value.
- `children`: of sets of child rows that the stream's rows carry, bookmarks of the same form; see `children`.
- `last`: the key of the row with the value of the bookmark; another row with it is of another database.
- `resume`: a read of everything that is under way: the `ranges` of its `key` that are still to be read, of each after
  which row and up to which one (null from the first row, and to the last one), and with which bookmark it will end
  (`cursor` and `high`).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from types import NoneType
from typing import TYPE_CHECKING, Any

from tap_epicor.kinetic.plan import REVISION, WHOLE_NUMBERS, less_overlap
from tap_epicor.kinetic.ranges import Range
from tap_epicor.streams.horizon import Horizon

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_epicor.kinetic.plan import Part

logger = logging.getLogger(__name__)

VALUE = "replication_key_value"
KEY = "replication_key"
CONDITION = "filter"
RESUME = "resume"
SEEN = "seen"
UNDER_WAY = "under_way"
LAST = "last"
CHILDREN = "children"
AFTER_LOAD = 10
"""Times that the overlap in revisions is longer as long as no value is known from before a first load."""
CURE = "Run the stream with --full-refresh, or mend the state."


class BookmarkError(ValueError):
    """A bookmark that can't be understood."""


@dataclass(frozen=True)
class Left:
    """How far a read of everything has come.

    Attributes:
        ranges: what is still to be read.
        high: the bookmark that the read will end with; None for none.
        at: when that was the highest value, in seconds since 1970; None where it is not known.
        received: rows that have come.
        settled: those of them that the next read will not read again; None where that is not known.
        counted: rows that the server counted before the read; None where it did not.
    """

    ranges: tuple[Range, ...]
    high: Any | None
    at: int | None = None
    received: int = 0
    settled: int | None = 0
    counted: int | None = None


class Bookmark:
    """The state of one stream in one company.

    Args:
        state: the part of STATE that belongs to it; changed in place.
        cursor: the column that changes are tracked by; None to read everything each time.
        condition: what restricts the rows (a filter, a BAQ's parameters); a bookmark holds only for the same.
        name: the stream and company, for messages.

    Raises:
        BookmarkError: if the state holds a value that is none of the cursor's type.
    """

    def __init__(self, state: dict[str, Any], cursor: Part | None, condition: str | None, name: str) -> None:
        self._state = state
        self._cursor = cursor
        self._condition = condition
        self._name = name
        self._forget_what_no_longer_holds()

    @property
    def state(self) -> dict[str, Any]:
        """The part of STATE that belongs to it."""
        return self._state

    @property
    def value(self) -> Any | None:  # noqa: ANN401
        """Value of the cursor up to which all rows were written; None where there is none."""
        return self._understood(self._state.get(VALUE))

    def _understood(self, value: Any) -> Any | None:  # noqa: ANN401
        if value is None or self._cursor is None:
            return None
        whole = self._cursor.type in WHOLE_NUMBERS
        try:
            if whole and type(value) in (int, str):
                return int(value)
            if not whole and isinstance(value, str):
                datetime.fromisoformat(value)
                return value
        except ValueError:
            pass
        raise BookmarkError(
            f"{self._name}: the state holds {value!r} as bookmark of {self._cursor.name}, which is a "
            f"{'number' if whole else 'date'}. {CURE}",
        )

    def is_above(self, highest: Any | None) -> bool:  # noqa: ANN401
        """Return whether the bookmark lies above all rows: the database was restored, or its newest row deleted.

        Args:
            highest: the highest value of the cursor in the database; None where it has none.
        """
        if highest is None or self._cursor is None or self.value is None:
            return False
        return _later(self.value, highest, self._cursor)

    @property
    def last(self) -> list[str]:
        """The key of the row that had the bookmark's value; empty where it is not known."""
        last = self._state.get(LAST)
        return last if isinstance(last, list) else []

    def left_off(self, order: Sequence[Part]) -> Left | None:
        """Return where an interrupted read of everything left off; None where there was none.

        Args:
            order: the columns that it would go on by.

        Raises:
            BookmarkError: if the state does not say so in a way that can be understood.
        """
        resume = self._state.get(RESUME)
        if not resume:
            return None
        if not _is_place(resume):
            raise BookmarkError(f"{self._name}: the state holds {resume!r} as the place where a read left off. {CURE}")
        if resume["key"] != [part.name for part in order] or resume.get("cursor") != self._cursor_name:
            logger.warning("%s: its keys have changed since the interrupted read; it starts again.", self._name)
            self.restart()
            return None
        try:
            ranges = tuple(Range(*(_as_key(bound, order) for bound in one)) for one in resume["ranges"])
        except InvalidOperation:
            raise BookmarkError(f"{self._name}: the state holds {resume['ranges']!r} as ranges. {CURE}") from None
        high = self._understood(resume.get("high"))
        return Left(
            ranges, high, resume.get("at"), resume.get("received", 0), resume.get("settled"), resume.get("counted")
        )

    def left_at(self, order: Sequence[Part], left: Left) -> None:
        """Remember how far a read of everything has come.

        Args:
            order: the columns that it goes on by.
            left: where it stands; all rows up to there were written.
        """
        self._state[RESUME] = {
            "key": [part.name for part in order],
            "ranges": [[_as_json(one.after), _as_json(one.upto)] for one in left.ranges],
            "cursor": self._cursor_name,
            "high": left.high,
            "at": left.at,
            "received": left.received,
            "settled": left.settled,
            "counted": left.counted,
        }
        self._remember_condition()

    def forget(self) -> None:
        """Forget how far the stream has come."""
        for name in (VALUE, KEY, CONDITION, RESUME, SEEN, UNDER_WAY, LAST, CHILDREN):
            self._state.pop(name, None)

    def restart(self) -> None:
        """Forget an interrupted read of everything."""
        self._state.pop(RESUME, None)

    def finish(self, high: Any | None, at: int | None = None, overlap: int = 0, minutes: int = 0) -> None:  # noqa: ANN401
        """End a read of everything.

        Args:
            high: the highest value of the cursor before it began; None where there is none.
            at: when that was asked for, in seconds since 1970.
            overlap: how far below its bookmark a read begins, in revisions.
            minutes: how long a transaction may last.
        """
        self.restart()
        if high is not None and self._cursor is not None:
            self._put(self._cursor, high)
            for name in (SEEN, UNDER_WAY, LAST, CHILDREN):
                self._state.pop(name, None)
            if at is not None and self._counts_up:
                before = (at - minutes * 60, int(high) - (AFTER_LOAD - 1) * overlap)
                self._see(Horizon(at, (before,)), at, at, minutes)
        self._remember_condition()

    def floor(self, high: Any | None, overlap: int) -> int | None:  # noqa: ANN401
        """Return where the read that follows a read of everything begins; None where that is no number.

        Args:
            high: the highest value of the cursor before the read of everything.
            overlap: how far below its bookmark a read begins, in revisions.
        """
        return int(high) - AFTER_LOAD * overlap if high is not None and self._counts_up else None

    def start(self, revisions: int, days: int, minutes: int) -> Any:  # noqa: ANN401
        """Return the value to read changes from: some way below the bookmark.

        Args:
            revisions: how far to go back where the cursor is a number.
            days: how far to go back where it is a date or a time.
            minutes: how long a transaction may last.
        """
        value = self.value
        if value is None or self._cursor is None:
            return None
        seen = self._horizon()
        if seen is not None and minutes and self.under_way is None:
            value = min(value, seen.start(minutes))
        return less_overlap(self._cursor, value, revisions, days)

    @property
    def under_way(self) -> tuple[int, int] | None:
        """When a read of changes began that was interrupted, in seconds since 1970, and at which value; None for none.

        Raises:
            BookmarkError: if the state does not say so in a way that can be understood.
        """
        said = self._state.get(UNDER_WAY)
        if said is None or not self._counts_up:
            return None
        try:
            began, since = said
            return int(began), int(since)
        except (TypeError, ValueError):
            raise BookmarkError(f"{self._name}: the state holds {said!r} as a read under way. {CURE}") from None

    def advance(self, value: Any, began: int, since: Any, key: Sequence[Any] = ()) -> None:  # noqa: ANN401
        """Move on to the cursor's value in the last row that was written, never back.

        Args:
            value: the value.
            began: when the read of changes began, in seconds since 1970.
            since: the value that it began at.
            key: that row's key.
        """
        if self._cursor is None or value is None:
            return
        before = self.value
        if before is None or _later(value, before, self._cursor):
            self._put(self._cursor, value)
            if self._cursor.name == REVISION and key:
                self._state[LAST] = _as_text(key)
        if self._counts_up:
            self._state[UNDER_WAY] = [began, int(since)]
        self._remember_condition()

    def caught_up(self, since: Any, began: int, at: int, minutes: int) -> None:  # noqa: ANN401
        """End a read of changes.

        Args:
            since: the value that it began at.
            began: when it began, in seconds since 1970.
            at: when the answer was asked for that held nothing more.
            minutes: how long a transaction may last.
        """
        self._state.pop(UNDER_WAY, None)
        if self._counts_up:
            self._see(self._horizon() or Horizon(began, ((0, int(since)),)), began, at, minutes)

    def _put(self, cursor: Part, value: Any) -> None:  # noqa: ANN401
        self._state[KEY] = cursor.name
        self._state[VALUE] = int(value) if cursor.type in WHOLE_NUMBERS else value

    @property
    def _counts_up(self) -> bool:
        return self._cursor is not None and self._cursor.type in WHOLE_NUMBERS

    def _see(self, before: Horizon, began: int, at: int, minutes: int) -> None:
        value = self.value
        if not minutes or value is None:
            self._state.pop(SEEN, None)
            return
        seen = before.later(began, at, value, minutes)
        self._state[SEEN] = {"read_at": seen.read_at, "highest": [list(one) for one in seen.highest]}

    def _horizon(self) -> Horizon | None:
        seen = self._state.get(SEEN)
        if seen is None or not self._counts_up:
            return None
        try:
            highest = tuple((int(at), int(value)) for at, value in seen["highest"])
            if highest:
                return Horizon(int(seen["read_at"]), highest)
        except (TypeError, ValueError, KeyError):
            pass
        raise BookmarkError(f"{self._name}: the state holds {seen!r} as what was seen in the last read. {CURE}")

    @property
    def _cursor_name(self) -> str | None:
        return self._cursor.name if self._cursor else None

    def _remember_condition(self) -> None:
        if self._condition is None:
            self._state.pop(CONDITION, None)
        else:
            self._state[CONDITION] = self._condition

    def _forget_what_no_longer_holds(self) -> None:
        had = VALUE in self._state or RESUME in self._state
        if not had:
            return
        if self._state.get(CONDITION) != self._condition:
            self._forget("the filter or the parameters have changed")
        elif self._cursor and self._state.get(KEY, self._cursor.name) != self._cursor.name:
            self._forget(f"its bookmark is of {self._state[KEY]}, and changes are now tracked by {self._cursor.name}")

    def _forget(self, why: str) -> None:
        logger.warning("%s: %s, so that everything is read again.", self._name, why)
        self.forget()


def _is_place(resume: Any) -> bool:  # noqa: ANN401
    """Return whether a part of the state says where a read left off."""
    if not isinstance(resume, dict):
        return False
    key, ranges = resume.get("key"), resume.get("ranges")
    return (
        isinstance(key, list)
        and len(key) > 0
        and isinstance(ranges, list)
        and len(ranges) > 0
        and all(isinstance(one, list) and len(one) == 2 for one in ranges)  # noqa: PLR2004 - its two ends
        and all(bound is None or _is_key(bound, len(key)) for one in ranges for bound in one)
        and type(resume.get("received", 0)) is int
        and type(resume.get("settled", 0)) in (int, NoneType)
        and type(resume.get("counted", 0)) in (int, NoneType)
    )


def _is_key(bound: Any, parts: int) -> bool:  # noqa: ANN401
    return (
        isinstance(bound, list)
        and len(bound) == parts
        and all(type(value) in (str, int, bool, float) for value in bound)
    )


def _as_key(bound: list[Any] | None, order: Sequence[Part]) -> tuple[Any, ...] | None:
    if bound is None:
        return None
    return tuple(
        Decimal(value) if part.type == "Edm.Decimal" else value for part, value in zip(order, bound, strict=True)
    )


def _as_json(key: Sequence[Any] | None) -> list[Any] | None:
    return None if key is None else [str(value) if isinstance(value, Decimal) else value for value in key]


def _as_text(key: Sequence[Any]) -> list[str]:
    return [str(value) for value in key]


def _later(value: Any, before: Any, cursor: Part) -> bool:  # noqa: ANN401
    if cursor.type in WHOLE_NUMBERS:
        return int(value) > int(before)
    try:
        return _moment(value) > _moment(before)
    except ValueError:
        return str(value) > str(before)


def _moment(value: object) -> datetime:
    """Return a moment; one without a zone counts as UTC, as it does in a `$filter`."""
    moment = datetime.fromisoformat(str(value))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
