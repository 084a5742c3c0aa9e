"""The SQLite database: opened, made on first use, and its revision counter."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tap_epicor.sandbox import generation, model
from tap_epicor.sandbox.history import History
from tap_epicor.sandbox.launch import COMPANIES, FIRST_REVISION

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECOND_COMPANY_SHARE = 5


class Database:
    """The database of one server: a connection for each thread, and one writer at a time.

    Args:
        path: The file; it is made unless it holds data.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._writing = threading.Lock()
        self._local = threading.local()

    @property
    def connection(self) -> sqlite3.Connection:
        """This thread's connection."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = connect(self.path)
            self._local.connection = connection
        return connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """The one transaction that writes; it commits unless the block fails."""
        with self._writing:
            connection = self.connection
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def keep(self) -> None:
        """Keeps a copy of all rows and of the revision counter, in place of an older one."""
        with self._writing, closing(sqlite3.connect(self._kept)) as kept:
            self.connection.backup(kept)

    def restore(self) -> None:
        """Goes back to the copy, revisions included.

        Raises:
            FileNotFoundError: When none was kept.
        """
        if not Path(self._kept).exists():
            raise FileNotFoundError(self._kept)
        with self._writing, closing(sqlite3.connect(self._kept)) as kept:
            kept.backup(self.connection)

    @property
    def _kept(self) -> str:
        return f"{self.path}.kept"

    @property
    def companies(self) -> tuple[str, ...]:
        """The companies, the account's own first."""
        (listed,) = self.connection.execute("SELECT value FROM _facts WHERE name = 'companies'").fetchone()
        return tuple(str(listed).split(","))

    def is_filled(self) -> bool:
        """Whether the file holds data."""
        if not Path(self.path).exists():
            return False
        with closing(sqlite3.connect(self.path)) as connection:
            found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = '_facts'").fetchone()
        return found is not None

    def fill(
        self,
        *,
        rows: int,
        seed: int,
        companies: tuple[str, ...] = COMPANIES,
        collation: str = "nocase",
        first_revision: int = FIRST_REVISION,
    ) -> None:
        """Writes a past into a new file.

        Args:
            rows: Rows of the biggest table.
            seed: Another seed, another past.
            companies: Their ids; the first has most rows.
            collation: How strings compare.
            first_revision: The least SysRevID.
        """
        first, *others = companies
        share = rows // _SECOND_COMPANY_SHARE
        histories = [History(first, seed, max(rows - share * len(others), 1))]
        histories += [History(company, seed, max(share, 1)) for company in others]
        unfinished = Path(f"{self.path}.part")
        unfinished.unlink(missing_ok=True)
        with closing(sqlite3.connect(unfinished, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("PRAGMA cache_size = -65536")
            connection.execute("BEGIN")
            generation.fill(connection, model.load(), histories, first_revision, collation)
        unfinished.replace(self.path)


def connect(path: str) -> sqlite3.Connection:
    """A connection to a database file."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=30)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA case_sensitive_like = OFF")
    return connection
