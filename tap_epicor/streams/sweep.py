"""Deletes: which rows that a loader holds are gone.

Kinetic has no feed of deletes. After a stream's rows were read, a sweep reads all keys, compares them with those known
from before, and says which are gone. What it does, and why in this order:

1. Before the rows of a page are sent, their keys are noted (`note`): whatever the loader holds is known, also when this
   run is killed.
2. All keys are read, and what remains of the known ones is proved to be gone (`compare`).
3. Deletes go out as records (`gone`), and are flushed.
4. Only then the new keys replace the known ones (`finish`). Whoever is killed before that finds the same deletes again.
5. Only then STATE says so (`deleted_at`). Deletes that the loader has lost, since it failed after the sweep had ended,
   are known by a STATE that does not say so, and are sent again: the store holds those of its last sweep.

A delete that comes twice does no harm.
"""

from __future__ import annotations

import math
import tempfile
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from logging import INFO, WARNING
from typing import TYPE_CHECKING, Any, Final

from tap_epicor.kinetic.errors import KineticError
from tap_epicor.kinetic.pages import read
from tap_epicor.kinetic.plan import make_plan
from tap_epicor.kinetic.presence import NotTold, ask_for
from tap_epicor.kinetic.probes import count
from tap_epicor.kinetic.shape import UNDECLARED
from tap_epicor.streams.key_file import KEYS, SENT, KeyWriter, keys_of
from tap_epicor.streams.remaining import Remaining

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tap_epicor.kinetic.plan import Part, Plan
    from tap_epicor.kinetic.presence import Told
    from tap_epicor.kinetic.source import Rows
    from tap_epicor.streams.key_file import Key
    from tap_epicor.streams.key_store import KeyStore

DELETED_AT: Final = "_sdc_deleted_at"
"""Column by which the targets of the Singer SDK know that a row is gone."""

DELETED_SCHEMA: Final = {"type": ["string", "null"], "format": "date-time"}
DELETED: Final = "deleted_at"
"""Name under which STATE says which sweep's deletes were sent."""

_MOST_RESPELLED: Final = 100
_TOGETHER: Final = 1000
_IN_MEMORY: Final = 8 << 20

Row = dict[str, Any]


class TooManyDeletes(KineticError):
    """More rows are gone than `max_deletes` allows."""


@dataclass(frozen=True)
class Outcome:
    """What a sweep found.

    Attributes:
        known: rows that were known before.
        found: rows that the server has.
        gone: known rows that are not there any more.
        learned: whether no sweep came before it, so that only rows of this run were known.
        respelled: rows that the server finds by a known key, though it writes their key otherwise.
        unproved: why nothing is deleted though rows seem to be gone; None where that does not hold.
        allowed: rows that may go; None where they are no more than that.
        needed: per cent that `max_deletes` would have to be.
    """

    known: int
    found: int
    gone: int
    learned: bool
    respelled: int = 0
    unproved: str | None = None
    allowed: int | None = None
    needed: int = 0

    @property
    def deletes(self) -> bool:
        """Whether the rows that are gone are deleted."""
        return self.unproved is None and self.allowed is None

    def told(self, name: str) -> tuple[int, str]:
        """Return what to log: a level, and sentences.

        Args:
            name: the stream and company.
        """
        said = f"{name}: {self.found:,} keys are there, {self.known:,} were known"
        said += ", of which " + (f"{self.gone:,} are gone." if self.gone else "none is gone.")
        if self.learned:
            said += (
                " No sweep came before: rows that were gone before this run are not known. Loaders of the Singer SDK "
                "understand deletes only with `add_record_metadata`."
            )
        if self.respelled:
            said += (
                f" {self.respelled:,} keys are gone by which the server finds rows with other ones, in other letters "
                "or spaces: these are not deleted; a loader that tells them apart holds such a row twice."
            )
        if self.unproved:
            said += f" None of them is deleted, since that is not proved: {self.unproved}. The next run looks again."
        return (WARNING if self.respelled or self.unproved else INFO), said

    def check(self, path: str) -> None:
        """Check that no more rows are gone than may be.

        Args:
            path: path of the rows, for the message.

        Raises:
            TooManyDeletes: if there are.
        """
        if self.allowed is not None:
            raise TooManyDeletes(
                f"{self.gone} of {max(self.known, self.found)} rows are gone, and `max_deletes` allows {self.allowed}: "
                "none of them was deleted",
                path=path,
                cure=f"If they are gone indeed, run once with `max_deletes` {self.needed}; they are not forgotten.",
            )


class Sweep:
    """A sweep of one stream in one company.

    Args:
        rows: the rows of the stream.
        key: the columns of its key.
        store: the keys known.
        prepared: makes rows fit the stream's schema.
        page_size: rows to ask for at once.
        most: per cent of the known rows that may go.
        confirmed: `deleted_at` of the last sweep whose deletes the loader has kept, from STATE; None for none.
    """

    def __init__(  # noqa: PLR0913
        self,
        rows: Rows,
        key: Sequence[Part],
        store: KeyStore,
        *,
        prepared: Callable[[list[Row]], Iterable[Row]],
        page_size: int,
        most: float,
        confirmed: str | None,
    ) -> None:
        names = tuple(part.name for part in key)
        self._key = key
        self._rows = replace(rows, select=names, columns=names, shape=UNDECLARED, expand=())
        self._store = store
        self._prepared = prepared
        self._page_size = page_size
        self._most = most
        self._kept_at: str | None = None
        self.deleted_at = confirmed
        """What STATE must say when the sweep has ended."""

    def note(self, records: Iterable[Row]) -> None:
        """Note rows that are about to be sent.

        Raises:
            KeyStoreError: if they can't be.
        """
        self._store.note(keys_of(records, self._key))

    def compare(self, *, filters: bool = True) -> Outcome:
        """Read all keys, and find out which of the known ones are gone.

        Args:
            filters: whether the server filters by the set's own columns. Where it does not, only a count that is
                exact before and after proves that rows are gone.

        Raises:
            KineticError: if the keys can't be read.
            KeyStoreError: if the known ones can't be.
            NoRoom: if there is no room to compare them.
        """
        self._remaining = Remaining()
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115
        self._writer = KeyWriter(self._file, self._store.head)
        learned = not self._load()
        known = self._remaining.count()
        before = self._counted()
        found, ends = self._find(make_plan(self._key, filters=filters))
        after = self._counted()
        gone = self._remaining.count()
        outcome = Outcome(known, found, gone, learned)
        # The loader holds what was known and, after the stream was read, what was found.
        held = max(known, found)
        allowed = max(1, math.floor(held * self._most / 100)) if self._most else 0
        if gone > allowed:
            outcome = replace(outcome, allowed=allowed, needed=math.ceil(100 * gone / held))
        elif gone or self._remaining.count(sent=True):
            respelled, doubt = self._doubt(found, ends if filters else [], before, after)
            outcome = replace(outcome, gone=self._remaining.count(), respelled=respelled, unproved=doubt)
        self._deletes = outcome.deletes
        return outcome

    def gone(self) -> Iterator[Key]:
        """Yield the keys of the rows to delete; also those that an earlier sweep sent and the loader may have lost."""
        if self._deletes:
            yield from (key for key, _ in self._remaining.gone())

    def finish(self) -> None:
        """Replace the known keys; to be called after `compare`, when the deletes were sent.

        After a sweep that deleted nothing, though rows seem to be gone, these are known as before.

        Raises:
            KeyStoreError: if the store can't be written.
        """
        with self._file, closing(self._remaining):
            self._add((key for key, _ in self._remaining.there()), KEYS)
            self._add((key for key, sent in self._remaining.gone() if not sent), SENT if self._deletes else KEYS)
            self._add((key for key, sent in self._remaining.gone() if sent), SENT)
            if self._deletes and any(True for _ in self._remaining.gone()):
                self._kept_at = self.deleted_at = datetime.now(UTC).isoformat()
            self._writer.close(self._kept_at)
            self._store.replace(self._file)

    def _load(self) -> bool:
        """Load the known keys, and return whether there was a sweep before."""
        last = self._store.last()
        if last:
            self._kept_at = last.deleted_at
            for kind, keys in last.blocks():
                if kind == KEYS or last.deleted_at != self.deleted_at:
                    self._remaining.add(keys, sent=kind == SENT)
        for keys in self._store.notes():
            self._remaining.add(keys)
        return last is not None

    def _find(self, plan: Plan) -> tuple[int, list[Key]]:
        """Take away the keys that there are; return how many, and the first and the last one."""
        found = 0
        ends: list[Key] = []
        for page in read(self._rows, plan, self._page_size):
            keys = self._keys(page.rows)
            self._remaining.found(keys)
            self._writer.add(keys)
            found += len(keys)
            ends = [ends[0] if ends else keys[0], keys[-1]]
        return found, ends

    def _doubt(self, found: int, ends: list[Key], before: int | None, after: int | None) -> tuple[int, str | None]:
        """Ask for what seems to be gone; return how many are spelled otherwise, and why that proves nothing."""
        if before is not None and after is not None and not min(before, after) <= found <= max(before, after):
            return 0, f"{found} keys came, and the server counted {before} rows before and {after} after"
        respelled = 0
        try:
            for told in ask_for(self._rows, self._key, (key for key, _ in self._remaining.gone()), ends, self._keys):
                self._remaining.keep(told.came & set(told.asked))
                if told.came - set(told.asked):
                    respelled += self._ask_singly(told, ends)
                    if respelled > _MOST_RESPELLED:
                        return respelled, "the server does not write keys as it did before"
        except NotTold as exc:
            if not found == before == after:
                return respelled, f"{exc}, and it does not count exactly as many rows as came"
        return respelled, None

    def _ask_singly(self, told: Told, ends: list[Key]) -> int:
        """Keep those keys by which the server finds rows with other ones; return how many there are.

        To SQL Server keys may be equal that differ in case or in spaces at their end. To a loader they may be equal or
        not, so that deleting the one may delete the other.
        """
        respelled = 0
        for key in set(told.asked) - told.came:
            if any(one.came for one in ask_for(self._rows, self._key, [key], ends, self._keys)):
                self._remaining.keep([key])
                respelled += 1
        return respelled

    def _keys(self, rows: list[Row]) -> list[Key]:
        return keys_of(self._prepared(rows), self._key)

    def _counted(self) -> int | None:
        """Return the server's count; of a BAQ none, which it would run once more for that."""
        return None if self._rows.source.is_baq else count(self._rows)

    def _add(self, keys: Iterator[Key], kind: str) -> None:
        while some := list(islice(keys, _TOGETHER)):
            self._writer.add(some, kind)
