"""How far a stream has come in one company, kept in Singer's STATE.

- `replication_key`, `replication_key_value`: all rows up to this value were written.
- `filter`: the condition that this is true of; absent where there is none.
- `resume`: a read of everything that is under way: `key` and `after` say where it goes on, `cursor` and `high` with
  which bookmark it will end.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tap_epicor.kinetic.plan import WHOLE_NUMBERS, less_overlap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_epicor.kinetic.plan import Part

logger = logging.getLogger(__name__)

VALUE = "replication_key_value"
KEY = "replication_key"
CONDITION = "filter"
RESUME = "resume"
NEAR_REVISIONS = 10_000
NEAR_DAYS = 1
CURE = "Run the stream with --full-refresh, or mend the state."


class BookmarkError(ValueError):
    """A bookmark that can't be understood."""


@dataclass(frozen=True)
class Left:
    """How far a read of everything has come.

    Attributes:
        after: values of the key in the last row that was written; None before the first.
        high: the bookmark that the read will end with; None for none.
        received: rows that have come.
        counted: rows that the server counted before the read; None where it did not.
    """

    after: tuple[Any, ...] | None
    high: Any | None
    received: int = 0
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

    def is_far_above(self, highest: Any | None) -> bool:  # noqa: ANN401
        """Return whether the bookmark can't be of this database, which was restored or copied.

        Args:
            highest: the highest value of the cursor in the database; None where it has none. It may be a little lower
                where rows were deleted.
        """
        if highest is None or self._cursor is None or self.value is None:
            return False
        return _later(less_overlap(self._cursor, self.value, NEAR_REVISIONS, NEAR_DAYS), highest, self._cursor)

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
        after = resume.get("after") if isinstance(resume, dict) else None
        if not isinstance(after, list) or len(after) != len(resume.get("key") or ()):
            raise BookmarkError(f"{self._name}: the state holds {resume!r} as the place where a read left off. {CURE}")
        if resume.get("key") != [part.name for part in order] or resume.get("cursor") != self._cursor_name:
            logger.warning("%s: its keys have changed since the interrupted read; it starts again.", self._name)
            self.restart()
            return None
        values = (
            Decimal(value) if part.type == "Edm.Decimal" else value for part, value in zip(order, after, strict=True)
        )
        high = self._understood(resume.get("high"))
        return Left(tuple(values), high, int(resume.get("received", 0)), resume.get("counted"))

    def left_at(self, order: Sequence[Part], left: Left) -> None:
        """Remember how far a read of everything has come.

        Args:
            order: the columns that it goes on by.
            left: where it stands; all rows up to there were written.
        """
        self._state[RESUME] = {
            "key": [part.name for part in order],
            "after": [str(value) if isinstance(value, Decimal) else value for value in left.after or ()],
            "cursor": self._cursor_name,
            "high": left.high,
            "received": left.received,
            "counted": left.counted,
        }
        self._remember_condition()

    def forget(self) -> None:
        """Forget how far the stream has come."""
        for name in (VALUE, KEY, CONDITION, RESUME):
            self._state.pop(name, None)

    def restart(self) -> None:
        """Forget an interrupted read of everything."""
        self._state.pop(RESUME, None)

    def finish(self, high: Any | None) -> None:  # noqa: ANN401
        """End a read of everything.

        Args:
            high: the highest value of the cursor before it began; None where there is none.
        """
        self.restart()
        if high is not None and self._cursor is not None:
            self._state[KEY] = self._cursor.name
            self._state[VALUE] = int(high) if self._cursor.type in WHOLE_NUMBERS else high
        self._remember_condition()

    def advance(self, value: Any) -> None:  # noqa: ANN401
        """Move on to the cursor's value in the last row that was written, never back.

        Args:
            value: the value.
        """
        if self._cursor is None or value is None:
            return
        before = self.value
        if before is None or _later(value, before, self._cursor):
            self._state[KEY] = self._cursor.name
            self._state[VALUE] = int(value) if self._cursor.type in WHOLE_NUMBERS else value
        self._remember_condition()

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
