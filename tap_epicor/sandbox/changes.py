"""Life goes on: rows come, change and go, in several tables."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from random import Random
from typing import TYPE_CHECKING

import msgspec

from tap_epicor.sandbox import filling, guid
from tap_epicor.sandbox.filters import quoted
from tap_epicor.sandbox.generation import MEAN_GAP
from tap_epicor.sandbox.locks import Held, Locks
from tap_epicor.sandbox.masters import random_guid

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

    from tap_epicor.sandbox.masters import Value
    from tap_epicor.sandbox.model import Model, Table

CHANGING = [
    "SalesOrders",
    "OrderDtls",
    "OrderRels",
    "PartTrans",
    "Customers",
    "CustCnts",
    "Parts",
    "PartWhses",
    "Quotes",
    "QuoteDtls",
    "ARInvoices",
    "JobEntries",
    "JobMtls",
    "JobOpers",
    "POes",
    "PODetails",
    "PORels",
    "Labors",
    "LaborDtls",
    "UD01s",
]
"""Sets that change when the demand names none."""
REFERRING = {
    "OrderRel": {"ShipDtl": ("OrderNum", "OrderLine")},
    "OrderDtl": {"ShipDtl": ("OrderNum", "OrderLine"), "InvcDtl": ("OrderNum", "OrderLine")},
    "PORel": {"RcvDtl": ("PONum", "POLine")},
    "UD100A": {},
    "PartTran": {},
    "CustCnt": {},
    "QuoteDtl": {},
    "JobMtl": {},
    "LaborDtl": {},
    "UD01": {},
    "InvcDtl": {},
    "ShipDtl": {},
    "RcvDtl": {},
    "PartAudit": {},
    "NAMember": {},
    "ShipToSrch": {},
    "EntityGLC": {},
    "UDCodes": {},
}
"""Tables whose rows may go, with the tables and columns that must not refer to them."""
PARTS_OF = {"OrderDtl": {"OrderRel": ("OrderNum", "OrderLine")}}
"""Tables whose rows go together with the ones they belong to."""
NEW_TEXTS = {
    "Part": "PartNum",
    "JobHead": "JobNum",
    "EmpBasic": "EmpID",
    "UD01": "Key1",
    "UD100": "Key1",
    "UDCodeType": "CodeTypeID",
    "UDCodes": "CodeID",
}
"""The part of a text key that a new row gets a new value of; tables that are not here get no new rows."""
_TRIES = 40


class Demand(msgspec.Struct, kw_only=True):
    """What is to change.

    Args:
        inserts: How many rows come.
        updates: How many change.
        deletes: How many go.
        late: How many further rows change and take a revision below ones already given, as a long transaction's
            would; none of them had a higher one.
        user_updates: How many rows change in their `_c` columns alone.
        seed: Another seed, other rows.
        sets: Names of entity sets to change; some of each kind when empty.
    """

    inserts: int = 0
    updates: int = 0
    deletes: int = 0
    late: int = 0
    user_updates: int = 0
    seed: int = 0
    sets: list[str] = []


class Changes:
    """Changes the rows of a database, inside one transaction of its connection.

    Args:
        connection: To the database.
        model: Of the data.
        locks: Rows and keys of writers that have not committed; left alone.
        user_moves: Whether an edit of `_c` columns alone moves SysRevID.
    """

    def __init__(self, connection: sqlite3.Connection, model: Model, locks: Locks, *, user_moves: bool) -> None:
        self._connection = connection
        self._model = model
        self._locks = locks
        self._user_moves = user_moves
        self._held: Held | None = None
        (self._revision,) = connection.execute("SELECT value FROM _facts WHERE name = 'revision'").fetchone()

    def apply(self, demand: Demand) -> dict[str, object]:
        """Makes the changes.

        Returns:
            How many rows of each table came, changed and went, and the highest revision.
        """
        return self._apply(demand, self._tables(demand.sets), self._random(demand))

    def hold(self, demand: Demand) -> Held:
        """Takes the revisions for the changes and locks their rows, but leaves the changes to be made later."""
        self._held = Held()
        rng = self._random(demand)
        tables = self._tables(demand.sets)
        rng.shuffle(tables)  # a writer of two rows would always meet the first two tables
        try:
            self._apply(demand, tables, rng)
        except BaseException:
            self._locks.release(self._held)
            raise
        return self._held

    def _random(self, demand: Demand) -> Random:
        return Random(f"{demand.seed}/{self._revision}")  # noqa: S311 - believable, not secret

    def _apply(self, demand: Demand, tables: list[Table], rng: Random) -> dict[str, object]:
        inserted = self._repeat(demand.inserts, tables, rng, self._insert)
        updated = self._repeat(demand.updates, tables, rng, self._update)
        late = self._repeat(demand.late, [t for t in tables if "SysRevID" in t.columns], rng, self._update_late)
        users = self._repeat(demand.user_updates, [t for t in tables if t.user_columns], rng, self._update_user)
        deleted = self._repeat(demand.deletes, [t for t in tables if t.name in REFERRING], rng, self._delete)
        self._connection.execute("UPDATE _facts SET value = ? WHERE name = 'revision'", (self._revision,))
        return {
            "inserted": inserted,
            "updated": updated,
            "late": late,
            "user_updated": users,
            "deleted": deleted,
            "revision": self._revision,
        }

    def _tables(self, names: list[str]) -> list[Table]:
        wanted = {name.rpartition("/")[2] for name in names or CHANGING}
        sets = (entity_set for service in self._model.services.values() for entity_set in service.values())
        found = {one.table.name: one.table for one in sets if one.name in wanted and one.name != "List"}
        return [table for table in found.values() if self._count(table)]

    def _count(self, table: Table) -> int:
        (count,) = self._connection.execute(f'SELECT max(rowid) FROM "{table.name}"').fetchone()  # noqa: S608
        return int(count or 0)

    def _repeat(
        self, times: int, tables: list[Table], rng: Random, change: Callable[[Table, Random], bool]
    ) -> dict[str, int]:
        done: Counter[str] = Counter()
        for number in range(times):
            if not tables:
                break
            for attempt in range(_TRIES):
                table = tables[(number + attempt) % len(tables)]
                changed = change(table, rng)
                if changed:
                    done[table.name] += 1
                    break
        return dict(done)

    def _next_revision(self, rng: Random) -> int:
        self._revision += rng.randrange(1, 2 * MEAN_GAP)
        return int(self._revision)

    def _execute(self, table: Table, sql: str, values: Sequence[Value], rowids: Sequence[int]) -> None:
        """Makes a change of some rows, or keeps it for later."""
        if self._held is None:
            self._connection.execute(sql, values)
        else:
            self._held.writes.append((sql, values))
            self._locks.lock(self._held, table.name, rowids)

    def _pick(self, table: Table, rng: Random, condition: str = "1") -> int | None:
        """The rowid of some row that meets a condition and that no writer has locked."""
        condition += f" AND t.rowid NOT IN ({self._locks.listed(table.name)})"
        start = rng.randrange(self._count(table) or 1)
        for side in (">", "<="):
            found = self._connection.execute(
                f'SELECT rowid FROM "{table.name}" AS t WHERE rowid {side} ? AND {condition} LIMIT 1',  # noqa: S608
                (start,),
            ).fetchone()
            if found is not None:
                return int(found[0])
        return None

    def _insert(self, table: Table, rng: Random) -> bool:
        """A copy of some row under a new key."""
        rowid = self._pick(table, rng)
        if rowid is None:
            return False
        cursor = self._connection.execute(f'SELECT * FROM "{table.name}" WHERE rowid = ?', (rowid,))  # noqa: S608
        row = dict(zip(table.columns, cursor.fetchone(), strict=True))
        key = self._new_key(table, row)
        if key is None:
            return False
        row |= self._stamp(table, rng) | key
        if "SysRowID" in row:
            row["SysRowID"] = guid.store(random_guid(rng))
        listed = ", ".join(f'"{name}"' for name in row)
        marks = ", ".join("?" * len(row))
        values = list(row.values())
        sql = f'INSERT INTO "{table.name}" ({listed}) VALUES ({marks})'  # noqa: S608
        self._execute(table, sql, values, [rowid])  # with the row it resembles, so that what both refer to stays
        if self._held is not None:
            self._locks.lock_key(self._held, table.name, tuple(row[name] for name in table.key))
        return True

    def _new_key(self, table: Table, row: dict[str, Value]) -> dict[str, Value] | None:
        """A key that no row has: the next number at its end, or a new text; nothing where neither makes sense."""
        if table.key == ("SysRowID",):
            return {}
        if table.name in NEW_TEXTS:
            return {NEW_TEXTS[table.name]: f"N{self._revision}"}
        *before, last = table.key
        if table.columns[last].kind != "Int32":
            return None
        where = " AND ".join(f'"{name}" = {quoted(row[name])}' for name in before)
        (top,) = self._connection.execute(f'SELECT max("{last}") FROM "{table.name}" WHERE {where}').fetchone()  # noqa: S608
        number = top + 1
        while (table.name, (*(row[name] for name in before), number)) in self._locks.keys:
            number += 1
        return {last: number}

    def _update(self, table: Table, rng: Random) -> bool:
        """New values in two columns that mean something."""
        free = [
            column
            for column in table.columns.values()
            if column.name not in table.key
            and column.kind in {"String", "Decimal", "Boolean"}
            and column.name not in {"RowMod", "Company", "UD_SysRevID"}
            and not column.name.endswith(("Num", "ID", "_c", "Code"))
        ]
        chosen = rng.sample(free, 2)
        values = {column.name: filling.value(column, rng) for column in chosen}
        return self._write(table, rng, values | self._stamp(table, rng))

    def _update_late(self, table: Table, rng: Random) -> bool:
        """An update whose revision lies below the highest: one that no other row has."""
        stamp = self._stamp(table, rng)
        taken = f'SELECT 1 FROM "{table.name}" WHERE "SysRevID" = ?'  # noqa: S608
        late = self._revision - rng.randrange(1, 30_000)
        while self._connection.execute(taken, (late,)).fetchone():
            late -= 1
        return self._write(table, rng, stamp | {"SysRevID": late}, f'"SysRevID" < {late}')

    def _update_user(self, table: Table, rng: Random) -> bool:
        values = {name: filling.value(table.columns[name], rng) for name in table.user_columns}
        revision = self._next_revision(rng)
        values["UD_SysRevID"] = str(revision)
        if self._user_moves:
            values["SysRevID"] = revision
        return self._write(table, rng, values)

    def _write(self, table: Table, rng: Random, values: dict[str, Value], condition: str = "1") -> bool:
        rowid = self._pick(table, rng, condition)
        if rowid is None:
            return False
        written = ", ".join(f'"{name}" = ?' for name in values)
        sql = f'UPDATE "{table.name}" SET {written} WHERE rowid = ?'  # noqa: S608
        self._execute(table, sql, (*values.values(), rowid), [rowid])
        return True

    def _stamp(self, table: Table, rng: Random) -> dict[str, Value]:
        now = dt.datetime.now(dt.UTC)
        today = f"{now.date().isoformat()}T00:00:00"
        seconds = now.hour * 3600 + now.minute * 60 + now.second
        exact = now.strftime("%Y-%m-%dT%H:%M:%S.%f")[:23].rstrip("0").rstrip(".")
        stamp: dict[str, Value] = {
            "ChangeDate": today,
            "ChangeTime": seconds,
            "ChangedOn": exact,
            "LastChangedOn": exact,
            "SysRevID": self._next_revision(rng),
        }
        return {name: value for name, value in stamp.items() if name in table.columns and name not in table.key}

    def _delete(self, table: Table, rng: Random) -> bool:
        """A row that nothing refers to, and what belongs to it."""
        unused = ["1"]
        for other, names in REFERRING[table.name].items():
            unused.append(f'NOT EXISTS (SELECT 1 FROM "{other}" AS o WHERE {_same(table, names)})')  # noqa: S608
        for other, names in PARTS_OF.get(table.name, {}).items():
            found = f'SELECT 1 FROM "{other}" AS o WHERE {_same(table, names)}'  # noqa: S608
            unused.append(f"NOT EXISTS ({found} AND o.rowid IN ({self._locks.listed(other)}))")
        rowid = self._pick(table, rng, " AND ".join(unused))
        if rowid is None:
            return False
        for other, names in PARTS_OF.get(table.name, {}).items():
            self._delete_parts(table, rowid, other, names)
        self._execute(table, f'DELETE FROM "{table.name}" WHERE rowid = ?', (rowid,), [rowid])  # noqa: S608
        return True

    def _delete_parts(self, table: Table, rowid: int, other: str, names: tuple[str, ...]) -> None:
        found = self._connection.execute(
            f'SELECT o.rowid FROM "{table.name}" AS t JOIN "{other}" AS o ON {_same(table, names)} '  # noqa: S608
            "WHERE t.rowid = ?",
            (rowid,),
        )
        for (part,) in found.fetchall():
            sql = f'DELETE FROM "{other}" WHERE rowid = ?'  # noqa: S608
            self._execute(self._model.tables[other], sql, (part,), [part])


def _same(table: Table, names: tuple[str, ...]) -> str:
    """That a row `o` refers to the row `t` of the table by these columns."""
    return " AND ".join(f'o."{name}" = t."{_spelled(table, name)}"' for name in ("Company", *names))


def _spelled(table: Table, name: str) -> str:
    """The table's own spelling of a column."""
    return next(own for own in table.columns if own.lower() == name.lower())
