"""Fills a new database: every table's rows, streamed, and the revisions of a past spread over all tables."""

from __future__ import annotations

from itertools import chain, islice
from random import Random
from typing import TYPE_CHECKING

from tap_epicor.sandbox import filling, schema
from tap_epicor.sandbox.history import DATES, DAY_TIMES, DAYS, History
from tap_epicor.sandbox.sources import SOURCES, Source

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from tap_epicor.sandbox.masters import Row, Value
    from tap_epicor.sandbox.model import Model, Table

MEAN_GAP = 200
"""Revisions between one row of the database and the next, most of them other tables'."""
_BLOCK = 3000
_POOL = 241
_FIRST_SHARE = 4
"""Rows of the first company for each row of any other."""


class Revisions:
    """The revisions of one table's rows: unique, with gaps, mostly in the rows' order, and some changed later.

    Args:
        first: The least revision.
        span: About how many revisions the past of the whole database has.
        lane: The table's own remainder, so that no two tables take the same revision.
        lanes: How many tables there are.
        rows: About how many rows the table has.
    """

    def __init__(self, first: int, span: int, lane: tuple[int, int], rows: int, rng: Random) -> None:
        self._lane, self._lanes = lane
        self._first = first
        self._span = span
        self._step = max(span // (self._lanes * max(rows, 1)), 1)
        self._block = max(min(rows // 6, _BLOCK // 3) * 3, 3)
        self._random = rng.random

    def take(self, index: int) -> int:
        """The revision of a row."""
        position = index
        if index % 3 == 0:
            within = index % self._block
            position = index - within + (self._block - 3 - within)
        slot = position * self._step + int(self._random() * self._step)
        return self._first + slot * self._lanes + self._lane

    def day(self, revision: int) -> int:
        """The day, counted from the first, on which a revision was written."""
        return min((revision - self._first) * DAYS // self._span, len(DATES) - 1)


def fill(
    connection: sqlite3.Connection, model: Model, histories: Sequence[History], first_revision: int, collation: str
) -> None:
    """Creates the tables and writes all rows.

    Args:
        connection: To an empty database.
        model: The tables.
        histories: The past of each company.
        first_revision: The least SysRevID.
        collation: How strings compare.
    """
    schema.create(connection, model.tables.values(), collation)
    rows = sum(history.rows for history in histories)
    span = int(rows * sum(source.share for source in SOURCES.values()) + 100) * MEAN_GAP
    highest = first_revision
    for lane, table in enumerate(model.tables.values()):
        source = SOURCES.get(table.name)
        if source is None:
            continue
        rng = Random(f"{histories[0].seed}/{table.name}")  # noqa: S311 - believable, not secret
        expected = int(rows * source.share) + 20
        revisions = Revisions(first_revision, span, (lane, len(model.tables)), expected, rng)
        highest = max(highest, _fill_table(connection, table, _joined(source, histories, rng), revisions, rng))
    schema.create_indexes(connection, model.tables.values())
    connection.execute("INSERT INTO _facts VALUES ('revision', ?)", (highest + MEAN_GAP,))
    connection.execute("INSERT INTO _facts VALUES ('companies', ?)", (",".join(h.company for h in histories),))
    connection.commit()


def _joined(source: Source, histories: Sequence[History], rng: Random) -> Iterator[Row]:
    """The companies' rows by turns, so that no company's past comes after another's."""
    first, *others = (source.rows(history, rng) for history in histories)
    turns = [(first, _FIRST_SHARE), *((other, 1) for other in others)]
    while turns:
        remaining = []
        for rows, share in turns:
            batch = list(islice(rows, share))
            yield from batch
            if len(batch) == share:
                remaining.append((rows, share))
        turns = remaining


def _fill_table(
    connection: sqlite3.Connection, table: Table, rows: Iterator[Row], revisions: Revisions, rng: Random
) -> int:
    first = next(rows, None)
    if first is None:
        return 0
    own = [name for name in ("SysRevID", "SysRowID", "ChangeDate", "ChangeTime") if name in table.columns]
    own = [name for name in own if name not in first]
    pooled = [column for name, column in table.columns.items() if name not in first and name not in own]
    pool = filling.pool(pooled, _POOL, rng)
    names = [*first, *own, *(column.name for column in pooled)]
    listed = ", ".join(f'"{name}"' for name in names)
    marks = ", ".join("?" * len(names))
    highest = 0

    def values() -> Iterator[tuple[Value, ...]]:
        nonlocal highest
        for index, row in enumerate(chain((first,), rows)):
            revision = revisions.take(index)
            highest = max(highest, revision)
            stamp = _stamp(own, revision, revisions, rng)
            yield (*row.values(), *stamp, *pool[revision % _POOL])

    connection.executemany(f'INSERT INTO "{table.name}" ({listed}) VALUES ({marks})', values())  # noqa: S608
    return highest


def _stamp(own: Sequence[str], revision: int, revisions: Revisions, rng: Random) -> list[Value]:
    """The values of the columns that every write sets."""
    stamp: list[Value] = []
    for name in own:
        if name == "SysRevID":
            stamp.append(revision)
        elif name == "SysRowID":
            stamp.append(f"{rng.getrandbits(128):032x}")
        elif name == "ChangeDate":
            stamp.append(DAY_TIMES[revisions.day(revision)])
        else:
            stamp.append(revision % 86_400)
    return stamp
