"""How a set will be read: decided once, before its first request, from what is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

REVISION: Final = "SysRevID"
"""SQL Server's rowversion: unique in the database, rises with every write."""

WHOLE_NUMBERS: Final = frozenset(
    {"Edm.Byte", "Edm.SByte", "Edm.Int16", "Edm.Int32", "Edm.Int64", "Edm.Decimal"},
)
MOMENTS: Final = frozenset({"Edm.DateTimeOffset", "Edm.DateTime", "Edm.Date"})
COMPARABLE: Final = WHOLE_NUMBERS | MOMENTS | {"Edm.String", "Edm.Guid", "Edm.Boolean"}
"""Types that a `$filter` can seek by."""
CURSORS: Final = (WHOLE_NUMBERS - {"Edm.Decimal"}) | MOMENTS
"""Types that a replication key may have."""


_DAY = len("2024-01-31")


@dataclass(frozen=True)
class Part:
    """A column that rows are ordered by.

    Attributes:
        name: the column.
        type: its Edm type.
    """

    name: str
    type: str


@dataclass(frozen=True)
class Plan:
    """How a set will be read.

    Attributes:
        order: the columns of `$orderby`; pages go on from the last row's values in them.
        seeks: whether a page is asked for by those values; by `$skip` where there are none.
        cursor: the column that changes are tracked by.
        since: only rows with a higher value in the cursor are wanted.
        inclusive: whether rows with the value `since` itself are wanted too.
        after: values of `order` in the last row that an interrupted read has written.
        upto: values of `order` in the last row that is wanted; None for all that follow.
        why: the choice, in a sentence for people.
        unique: whether no two rows have the same values in `order`.
        key: the columns that tell rows apart; empty where there are none.
    """

    order: tuple[Part, ...]
    seeks: bool
    why: str
    cursor: Part | None = None
    since: Any = None
    inclusive: bool = True
    after: tuple[Any, ...] | None = None
    upto: tuple[Any, ...] | None = None
    unique: bool = True
    key: tuple[Part, ...] = ()

    def condition(self, literal: Callable[[str, object], str]) -> str | None:
        """Return the filter that leaves out what did not change; None where everything is wanted.

        Args:
            literal: writes a value of an Edm type as `$filter` has it.
        """
        if self.cursor is None:
            return None
        sign = "ge" if self.inclusive else "gt"
        return f"{self.cursor.name} {sign} {literal(self.cursor.type, self.since)}"


def make_plan(
    key: Sequence[Part],
    cursor: Part | None = None,
    *,
    since: Any = None,  # noqa: ANN401
    after: tuple[Any, ...] | None = None,
    filters: bool = True,
) -> Plan:
    """Return how to read a set.

    Args:
        key: the columns of its key; empty where it has none.
        cursor: the column that changes are tracked by; None to read everything each time.
        since: value of the cursor to start from; None to read everything this time.
        after: where an interrupted read of everything left off.
        filters: whether the server filters by the set's own columns.
    """
    key = tuple(key)
    if cursor and since is not None:
        return _changes(key, cursor, since)
    if seekable(key) and not filters:
        return Plan(key, seeks=False, key=key, why=f"everything, by $skip in the order of the key ({_names(key)})")
    if seekable(key):
        again = "going on where the last run was interrupted" if after else "from the first row"
        return Plan(key, seeks=True, after=after, key=key, why=f"everything, by key ({_names(key)}), {again}")
    return Plan((), seeks=False, why="everything, by $skip, since it has no usable key")


def seekable(key: Sequence[Part]) -> bool:
    """Return whether a set can be read by this key."""
    return bool(key) and all(part.type in COMPARABLE for part in key)


def less_overlap(cursor: Part, value: Any, revisions: int, days: int) -> Any:  # noqa: ANN401
    """Return the value to read changes from: some way below the bookmark.

    A value of `SysRevID` is taken when a row is written and becomes visible when its transaction ends, so that a
    row may appear below a value that was read before (SQL Server's rowversion). A date may have the grain of a day.

    Args:
        cursor: the column that changes are tracked by.
        value: its bookmark.
        revisions: how far to go back where the column is a number.
        days: how far to go back where it is a date or time.
    """
    if cursor.type in WHOLE_NUMBERS:
        return int(value) - revisions
    text = str(value)
    try:
        if "T" not in text:
            return (date.fromisoformat(text) - timedelta(days=days)).isoformat()
        zone = "Z" if text.upper().endswith("Z") else ""
        earlier = datetime.fromisoformat(text) - timedelta(days=days)
    except (ValueError, OverflowError):
        return value
    return earlier.isoformat().replace("+00:00", zone) if zone else earlier.isoformat()


def parse_cursor_value(cursor: Part, value: object) -> Any:  # noqa: ANN401
    """Return a configured value as the cursor's type has it.

    Args:
        cursor: the column that changes are tracked by.
        value: the value as it was configured.

    Raises:
        ValueError: if it is not a value of that type.
    """
    if cursor.type in WHOLE_NUMBERS:
        return int(str(value))
    text = str(value).strip()
    date.fromisoformat(text[:10])
    moment = datetime.fromisoformat(text)
    if text[4:5] != "-" or text[7:8] != "-":
        raise ValueError(f"{text!r} is no date of the form 2024-01-31")
    if cursor.type == "Edm.Date":
        return text[:10]
    return moment.isoformat() if len(text) > _DAY and "T" not in text else text if "T" in text else f"{text}T00:00:00Z"


def parts(names: Sequence[str], types: Mapping[str, str]) -> tuple[Part, ...]:
    """Return columns with their types.

    Args:
        names: the columns.
        types: Edm type of each column known.

    Raises:
        KeyError: if a column is not known.
    """
    return tuple(Part(name, types[name]) for name in names)


def _changes(key: tuple[Part, ...], cursor: Part, since: Any) -> Plan:  # noqa: ANN401
    what = f"what changed since {cursor.name} {since}"
    if cursor.name == REVISION:
        why = f"{what}, by {REVISION}"
        return Plan((cursor,), seeks=True, cursor=cursor, since=since, inclusive=False, key=key, why=why)
    if seekable(key):
        order = (cursor, *(part for part in key if part.name != cursor.name))
        return Plan(order, seeks=True, cursor=cursor, since=since, key=key, why=f"{what}, by {_names(order)}")
    why = f"{what}, by $skip: no key"
    return Plan((cursor,), seeks=False, cursor=cursor, since=since, unique=False, key=key, why=why)


def _names(order: Sequence[Part]) -> str:
    return ", ".join(part.name for part in order)
