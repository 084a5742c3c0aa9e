"""What writers that have not committed keep to themselves.

As in SQL Server, a row that one transaction has written is locked to all others until it commits; where others
would wait for it there, they take another row here. So no row ends with a lower revision than it had.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tap_epicor.sandbox.masters import Value

Row = tuple[str, int]
Key = tuple[str, tuple["Value", ...]]


@dataclass
class Held:
    """Changes that a writer has not committed.

    Args:
        writes: Each as SQL and its values, in order.
        rows: The table and rowid of each row that it locked.
        keys: The table and key of each row that it will insert.
    """

    writes: list[tuple[str, Sequence[Value]]] = field(default_factory=list)
    rows: set[Row] = field(default_factory=set)
    keys: set[Key] = field(default_factory=set)


class Locks:
    """The locks of all writers; only to be touched inside the database's transaction."""

    def __init__(self) -> None:
        self.rows: set[Row] = set()
        self.keys: set[Key] = set()

    def lock(self, held: Held, table: str, rowids: Iterable[int]) -> None:
        """Locks rows of a table for a writer."""
        rows = {(table, rowid) for rowid in rowids}
        held.rows |= rows
        self.rows |= rows

    def lock_key(self, held: Held, table: str, key: tuple[Value, ...]) -> None:
        """Keeps a key of a table for a row that a writer will insert."""
        held.keys.add((table, key))
        self.keys.add((table, key))

    def release(self, held: Held) -> None:
        """Gives a writer's locks back."""
        self.rows -= held.rows
        self.keys -= held.keys

    def clear(self) -> None:
        """Gives all locks back."""
        self.rows.clear()
        self.keys.clear()

    def listed(self, table: str) -> str:
        """The rowids of a table's locked rows, for SQL."""
        return ", ".join(str(rowid) for name, rowid in sorted(self.rows) if name == table)
