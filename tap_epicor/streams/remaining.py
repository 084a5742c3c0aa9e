"""Known keys less those that were found: what remains is gone, perhaps.

In a temporary SQLite database on disk, so that memory does not grow with the table. Keys are compared as bytes and
never put into an order that means anything: that is the server's own affair.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from tap_epicor.streams.key_file import Key, decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PAGE: Final = 1000


class NoRoom(Exception):
    """The temporary database can't be written."""


class Remaining:
    """The keys that were known and have not been found."""

    def __init__(self) -> None:
        with _explained():
            self._database = sqlite3.connect("", isolation_level=None)
            self._database.execute("PRAGMA journal_mode = OFF")
            self._database.execute("PRAGMA synchronous = OFF")
            self._database.execute("PRAGMA cache_size = -32000")
            self._database.execute(
                "CREATE TABLE keys (key BLOB PRIMARY KEY, sent INTEGER, there INTEGER DEFAULT 0) WITHOUT ROWID"
            )

    def add(self, keys: Iterable[Key], *, sent: bool = False) -> None:
        """Add known keys.

        Args:
            keys: the keys.
            sent: whether their deletes were sent before; a key that was noted since then counts as new.
        """
        self._many(
            "INSERT INTO keys (key, sent) VALUES (?, ?) ON CONFLICT DO UPDATE SET sent = min(sent, excluded.sent)",
            ((encode(key), int(sent)) for key in keys),
        )

    def found(self, keys: Iterable[Key]) -> None:
        """Take keys away that were found."""
        self._many("DELETE FROM keys WHERE key = ?", ((encode(key),) for key in keys))

    def keep(self, keys: Iterable[Key]) -> None:
        """Mark keys that are there all the same."""
        self._many("UPDATE keys SET there = 1 WHERE key = ?", ((encode(key),) for key in keys))

    def count(self, *, sent: bool = False) -> int:
        """Return how many keys there are, of those that are not known to be there."""
        with _explained():
            query = "SELECT count(*) FROM keys WHERE sent = ? AND NOT there"
            (number,) = self._database.execute(query, (int(sent),)).fetchone()
        return int(number)

    def gone(self) -> Iterator[tuple[Key, bool]]:
        """Yield the keys that are not known to be there, and whether their deletes were sent before."""
        yield from self._pages("NOT there")

    def there(self) -> Iterator[tuple[Key, bool]]:
        """Yield the keys that were not found and are there all the same, and whether deletes of them were sent."""
        yield from self._pages("there")

    def close(self) -> None:
        """Remove the database."""
        self._database.close()

    def _pages(self, condition: str) -> Iterator[tuple[Key, bool]]:
        query = f"SELECT key, sent FROM keys WHERE key > ? AND {condition} ORDER BY key LIMIT {_PAGE}"  # noqa: S608
        last = b""
        while True:
            with _explained():
                page: list[tuple[bytes, int]] = self._database.execute(query, (last,)).fetchall()
            if not page:
                return
            yield from ((tuple(decode(key)), bool(sent)) for key, sent in page)
            last = page[-1][0]

    def _many(self, statement: str, values: Iterable[tuple[Any, ...]]) -> None:
        with _explained():
            self._database.execute("BEGIN")
            self._database.executemany(statement, values)
            self._database.execute("COMMIT")


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as exc:
        raise NoRoom(
            f"the temporary database in which keys are compared can't be written: {exc}. Make room in the folder for "
            "temporary files, or set TMPDIR to another."
        ) from exc
