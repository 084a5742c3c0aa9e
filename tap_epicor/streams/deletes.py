"""How a loader is told that rows are gone: by a record for each, or at once when a stream was replaced as a whole.

`sweep` finds out which rows are gone; here they become messages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from singer_sdk.helpers._util import utc_now
from singer_sdk.singerlib import RecordMessage

from tap_epicor.streams.key_file import Head
from tap_epicor.streams.key_store import KeyStore
from tap_epicor.streams.sweep import DELETED, DELETED_AT, Sweep
from tap_epicor.streams.values import Repair

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from logging import Logger

    from tap_epicor.kinetic.plan import Part
    from tap_epicor.kinetic.source import Rows
    from tap_epicor.stream_settings import StreamSettings
    from tap_epicor.streams.key_file import Key
    from tap_epicor.streams.reckoning import Reckoning
    from tap_epicor.streams.stream_maps import KeyMaps
    from tap_epicor.streams.sweep import Row
    from tap_epicor.streams.writer import PageWriter

NOTED: Final = "keys_noted"
"""Name under which STATE says whether all rows since the last sweep were noted in the key store; absent before one."""


class Deletes:
    """The deletes of one stream in one company, found by a sweep.

    Args:
        rows: the rows of the stream.
        key: the columns of its key.
        condition: what restricts the rows; None for nothing.
        schema: the stream's JSON schema.
        config: the configuration.
        page_size: rows to ask for at once.
        maps: what stream maps make of a key.
        added: columns that the rows get here, of which the loader's key may be made, too.
        state: the part of STATE that belongs to it; changed in place.
        save: writes STATE.
        reckoning: what becomes of it.
        logger: for what was found.

    Raises:
        KeyStoreError: if there is no such key store.
    """

    def __init__(  # noqa: PLR0913
        self,
        rows: Rows,
        key: Sequence[Part],
        *,
        condition: str | None,
        schema: Mapping[str, Any],
        config: Mapping[str, Any],
        page_size: int,
        maps: KeyMaps,
        added: Mapping[str, Any],
        state: dict[str, Any],
        save: Callable[[], None],
        reckoning: Reckoning,
        logger: Logger,
    ) -> None:
        self._names = [part.name for part in key]
        self._added = added
        self._path = rows.path
        self._maps = maps
        self._state = state
        self._save = save
        self._reckoning = reckoning
        self._logger = logger
        head = Head(
            f"{rows.kinetic.base_url} {rows.kinetic.dialect.version}",
            str(rows.source),
            rows.company,
            tuple((part.name, part.type) for part in key),
            condition,
        )
        properties = {name: schema["properties"][name] for name in self._names}
        self._sweep = Sweep(
            rows,
            key,
            KeyStore(config["key_store"], reckoning.stream, head, logger),
            prepared=Repair({"properties": properties}, (), {}).rows,
            page_size=page_size,
            most=config["max_deletes"],
            confirmed=state.get(DELETED),
        )
        if state.get(NOTED) is False:
            self._tell(
                "since the last sweep it was read without `deletes`: rows that were sent then and are gone by now stay "
                "in the loader. To be rid of them, empty its table there and run with --full-refresh"
            )

    def note(self, records: Iterable[Row]) -> None:
        """Note rows that are about to be sent.

        Raises:
            KeyStoreError: if they can't be.
        """
        self._sweep.note(records)

    def send(self, writer: PageWriter, *, filters: bool) -> None:
        """Sweep, and send a record for each row that is gone; the order of what follows is told in `sweep`.

        Args:
            writer: where the records go.
            filters: whether the server filters by the set's own columns.

        Raises:
            KineticError: if the keys can't be read, or more rows are gone than may be.
            KeyStoreError: if the store can't be read or written.
            NoRoom: if there is no room to compare keys.
            StreamMapError: if stream maps can't make the loader's key of a key.
        """
        outcome = self._sweep.compare(filters=filters)
        self._logger.log(*outcome.told(self._reckoning.name))
        self._write(self._sweep.gone(), writer)
        self._save()
        self._sweep.finish()
        if self._sweep.deleted_at is not None:
            self._state[DELETED] = self._sweep.deleted_at
        self._state[NOTED] = True
        self._save()
        if outcome.unproved:
            self._reckoning.notes.append(f"{outcome.gone} rows seem to be gone: {outcome.unproved}")
        outcome.check(self._path)

    def _write(self, gone: Iterable[Key], writer: PageWriter) -> None:
        now = utc_now()
        before = writer.records
        try:
            for key in gone:
                known = {**self._added, **dict(zip(self._names, key, strict=True))}
                for stream, mapped in self._maps.keys(known):
                    row = {**mapped, DELETED_AT: now.isoformat()}
                    writer.write_message(RecordMessage(stream=stream, record=row, time_extracted=now))
        finally:
            self._reckoning.deleted = writer.records - before

    def _tell(self, said: str) -> None:
        self._logger.warning("%s: %s.", self._reckoning.name, said)
        self._reckoning.notes.append(said)


def why_no_sweep(key: Sequence[Part], maps: KeyMaps, settings: StreamSettings, *, replaced: bool) -> str | None:
    """Return why a stream can't have a sweep, or needs none; None where it gets one.

    Args:
        key: the columns of its key.
        maps: what stream maps make of a key.
        settings: what the configuration says of it.
        replaced: whether it is replaced as a whole.
    """
    if replaced:
        return "the stream is replaced as a whole"
    if not key:
        return "it has no key that tells which rows are gone"
    if not maps:
        return "its stream maps leave the loader no key that tells which rows are gone"
    if settings.replication_parameter:
        return "the BAQ returns what changed, and so not all of its keys"
    return None


def read_without(state: dict[str, Any], save: Callable[[], None], name: str, logger: Logger) -> None:
    """Say in STATE that a stream that was swept before is read without noting its rows, before the first of them.

    Args:
        state: the part of STATE that belongs to it; changed in place.
        save: writes STATE.
        name: the stream and company.
        logger: for what follows from it.
    """
    if state.get(NOTED):
        state[NOTED] = False
        save()
        logger.warning(
            "%s: it had `deletes` before, and has none now: of rows that are sent from now on, those that are gone "
            "before it has them again will stay in the loader.",
            name,
        )


def why_kept(reckonings: Sequence[Reckoning]) -> str | None:
    """Return why a loader must keep the rows that a stream did not bring, though it was replaced as a whole.

    The message ACTIVATE_VERSION removes them at once, and of all companies: it takes a read that was proved.

    Args:
        reckonings: those of the stream, one for each company.

    Returns:
        Sentences; None where all rows came, and the message may be sent.
    """
    for one in reckonings:
        if one.outcome != "complete":
            return f"{one.name} is {one.outcome}. A run that reads it whole removes them"
        if one.skipped:
            return f"{one.skipped} rows of {one.name} that the server can't give were left out. Mend these in Kinetic"
        if one.counted_after is None and not one.received:
            return (
                f"no row of {one.name} came, and no count says that there is none (`completeness` off, a BAQ, or a "
                "server that refuses to count). If there is none indeed, empty the table yourself"
            )
    return None
