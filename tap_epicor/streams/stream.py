"""A stream: pages become records, and the bookmark moves behind them."""

from __future__ import annotations

from copy import deepcopy
from itertools import islice
from typing import TYPE_CHECKING, Any

from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import DefaultStreamMap
from singer_sdk.streams import Stream

from tap_epicor.kinetic.plan import Part, parts
from tap_epicor.streams.backfill import restricted
from tap_epicor.streams.batches import Batches
from tap_epicor.streams.bookmark import Bookmark
from tap_epicor.streams.definition import COMPANY, DefinitionError, EpicorMetadata
from tap_epicor.streams.deletes import NOTED, Deletes, read_without, why_kept, why_no_sweep
from tap_epicor.streams.failures import told
from tap_epicor.streams.kin import adapted_with_kin
from tap_epicor.streams.lines import Lines, alias_of
from tap_epicor.streams.reckoning import Reckoning
from tap_epicor.streams.records import Records
from tap_epicor.streams.shards import DONE, share
from tap_epicor.streams.stream_maps import KeyMaps, failed_map
from tap_epicor.streams.sweep import DELETED_AT, DELETED_SCHEMA
from tap_epicor.streams.wanted import manner_of, page_size, rows_of, servers_own
from tap_epicor.streams.ways import reading_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence

    from singer_sdk import metrics
    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.singerlib import RecordMessage, SchemaMessage
    from singer_sdk.singerlib.catalog import MetadataMapping

    from tap_epicor.kinetic.catalogue import Found
    from tap_epicor.kinetic.client import Kinetic
    from tap_epicor.kinetic.source import Rows
    from tap_epicor.stream_settings import StreamSettings
    from tap_epicor.streams.definition import Definition
    from tap_epicor.streams.reading import Outlook, Reading
    from tap_epicor.streams.reckoning import Run
    from tap_epicor.tap import EpicorTap


class EpicorStream(Stream):
    """The rows of an entity set or a BAQ, company by company.

    Args:
        tap: the tap that it belongs to.
        definition: what it is.
        settings: what the configuration says of it.
        kinetic: the client.
    """

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE
    lines_class = Lines

    def __init__(
        self,
        tap: EpicorTap,
        definition: Definition,
        settings: StreamSettings,
        kinetic: Kinetic,
    ) -> None:
        super().__init__(tap, schema=dict(definition.schema), name=definition.name)
        self._definition = definition
        self._settings = settings
        self._kinetic = kinetic
        self._companies: Sequence[str] = tap.companies
        self._shard = tap.shard
        self._told: set[str] = set()
        self._whole = False
        self._run: Run = tap.run
        self._writer = tap.message_writer
        self._reckoning = Reckoning(definition.name, "")
        self.primary_keys = list(definition.key)
        self.replication_key = definition.replication_key
        self.selected_by_default = definition.selected

    @property
    def metadata(self) -> MetadataMapping:
        """The metadata of the catalog entry, with what a sync needs."""
        if self._metadata is None and self._tap_input_catalog is None:
            metadata = super().metadata
            metadata[()] = EpicorMetadata(
                inclusion=metadata.root.inclusion,
                selected=metadata.root.selected,
                selected_by_default=self._definition.selected,
                table_key_properties=list(self._definition.key),
                replication_key=self._definition.replication_key,
                valid_replication_keys=list(self._definition.cursors) or None,
                epicor=self._definition.to_metadata(),
            )
        return super().metadata

    @property
    def definition(self) -> Definition:
        """What it is, as the server has it today."""
        return self._definition

    def adapt(self, found: Found) -> None:
        """Fit the stream to what the server says of its set today.

        Args:
            found: what it says.
        """
        self._definition = adapted_with_kin(self._definition, found, self._settings)
        self._schema = self._input_schema = dict(self._definition.schema)

    @property
    def partitions(self) -> list[dict[str, str]]:
        """The companies, each with its own bookmark; of a shard those that it has not read to the end yet."""
        if self._shard is None:
            return [{COMPANY: company} for company in self._companies]
        return self._shard.contexts(self.name, self.get_context_state)

    @property
    def emit_activate_version_messages(self) -> bool:
        """Never before the read, or loaders delete rows that were not replaced: see `_sync_records`."""
        return False

    def get_replication_key_signpost(self, context: Context | None = None) -> None:
        """Give no limit: bookmarks end at rows that were written."""

    def get_records(self, context: Context | None) -> Iterable[Record]:
        """Return the rows of one company; the bookmark moves when those of a page have been written.

        Args:
            context: the company.
        """
        records = self._read(str((context or {}).get(COMPANY, "")), self._reckoning, self.get_context_state(context))
        return islice(records, self.ABORT_AT_RECORD_COUNT)

    def _read(self, company: str, reckoning: Reckoning, state: dict[str, Any]) -> Iterator[Record]:
        added = self._added(company) | ({DELETED_AT: None} if self._settings.sweeps else {})
        lines = self._lines(added)
        reading, rows = self._reading(company, reckoning, state, whole=lines is not None and lines.by_text)
        deletes = self._deletes(rows, state)
        records = self._records(rows, added)
        for page in reading.pages():
            made: Sequence[Any] = page.rows
            if page.rows.ready:
                records.check(page)
            else:
                made = records.of(page)
            if deletes:
                deletes.note(made)
            if lines:
                self._write(lines.of_rows(page.rows) if page.rows.ready else lines.of_records(made))
            else:
                yield from made
            made = ()
            page.rows.let_go()
        if deletes and reckoning.outcome == "complete" and not self._settings.backfill:
            reckoning.outcome = "interrupted"
            deletes.send(self._writer, filters=reading.filters)
            reckoning.outcome = "complete"
        if self._shard and reckoning.outcome == "complete":
            state[DONE] = self._shard.label
            self._write_state_now()

    def outlook(self, company: str) -> Outlook:
        """Return how one company's rows would be read, and how many that is.

        Args:
            company: company id.

        Raises:
            KineticError: if the server can't be asked.
            DefinitionError: if the stream can't be read.
        """
        state = deepcopy(self.get_context_state({COMPANY: company}))
        reading, _ = self._reading(company, Reckoning(self.name, company), state, whole=False)
        return reading.outlook()

    def _reading(
        self, company: str, reckoning: Reckoning, state: dict[str, Any], *, whole: bool
    ) -> tuple[Reading, Rows]:
        """Return the reading of one company, and its rows."""
        if self._definition.unfit:
            raise DefinitionError(self._definition.unfit)
        cursor = self._cursor()
        part = share(self._shard, self.name, company, self._settings, state)
        rows = self._rows(company, cursor, part.settings, whole=whole)
        if self._settings.backfill:
            rows = restricted(rows, self._definition, self._settings.backfill, reckoning, replaced=self._replaces())
        reading = reading_of(
            self._definition,
            rows,
            key=self._key(),
            cursor=cursor,
            bookmark=Bookmark(state, cursor, part.condition, reckoning.name),
            manner=manner_of(
                self.config,
                self._definition,
                part,
                most=self.ABORT_AT_RECORD_COUNT,
                resumes=not self._replaces(),
            ),
            reckoning=reckoning,
            save=self._write_state_now,
        )
        return reading, rows

    def _deletes(self, rows: Rows, state: dict[str, Any]) -> Deletes | None:
        """Return what finds out about deletes; None where nothing is to."""
        if self.ABORT_AT_RECORD_COUNT is not None:
            return None
        if not self._settings.sweeps:
            read_without(state, self._write_state_now, self._reckoning.name, self.logger)
            return None
        if self._shard:
            state[NOTED] = False
            return None
        key = self._key()
        maps = KeyMaps(self.name, self.stream_maps, self.config, self.logger)
        if why := why_no_sweep(key, maps, self._settings, replaced=self._replaces()):
            self.logger.warning("%s: `deletes` has no effect: %s.", self.name, why)
            return None
        return Deletes(
            rows,
            key,
            condition=self._settings.condition,
            schema=self.effective_schema,
            config=self.config,
            page_size=page_size(self.config, self._settings),
            maps=maps,
            added=self._added(rows.company),
            state=state,
            save=self._write_state_now,
            reckoning=self._reckoning,
            logger=self.logger,
        )

    def _added(self, company: str) -> Record:
        """Return the columns that the rows get here."""
        return {COMPANY: company} if self._definition.company_added else {}

    def _lines(self, added: Record) -> Lines | Batches | None:
        """Return what writes pages whole; None where records go the SDK's own way, one by one."""
        alias, batch_config = alias_of(self.stream_maps, self.mask), self.config.get("batch_config")
        dropped = set(self.effective_schema["properties"]) - {*self._wanted(), *added}
        if self._whole and batch_config:
            schemas = {message.stream: message.schema for message in self._generate_schema_messages()}
            maps = None if alias else self._generate_record_messages
            name = f"{self.tap_name}--{self.name}"
            return Batches(batch_config, name, schemas, self._stream_version, added, dropped, maps)
        return self.lines_class(alias, self._stream_version, added, dropped) if self._whole and alias else None

    def _write(self, lines: Iterable[tuple[bytes, int]]) -> None:
        for some, number in lines:
            self._writer.write_lines(some, number)
            self.state_manager.is_flushed = False
            self._counter.increment(number)

    def get_batch_config(self, config: Mapping[str, Any]) -> None:
        """Keep the SDK from writing batches its own way, which knows no selection, stream maps or bookmark."""

    def get_record_counter(self, **options: Any) -> metrics.Counter:  # noqa: ANN401
        """Return the metric of records, which counts those that are written by the page, too."""
        self._counter = super().get_record_counter(**options)
        return self._counter

    def _records(self, rows: Rows, added: Record) -> Records:
        return Records(
            rows,
            schema=self.effective_schema,
            key=self.primary_keys,
            wanted=self._wanted(),
            added=added,
            others={company for company in self._companies if company != rows.company},
            name=self.name,
            told=self._told,
            logger=self.logger,
        )

    def _generate_schema_messages(self) -> Generator[SchemaMessage, None, None]:
        """Yield the schema, with the column of deletes where there may be any."""
        for message in super()._generate_schema_messages():
            if self._settings.sweeps:
                properties = {**message.schema["properties"], DELETED_AT: DELETED_SCHEMA}
                message.schema = {**message.schema, "properties": properties}
            yield message

    def _generate_record_messages(self, record: Record) -> Generator[RecordMessage, None, None]:
        """Yield the messages of a row, one for each stream map that keeps it.

        Raises:
            StreamMapError: if an expression fails on the row.
        """
        try:
            for message in super()._generate_record_messages(record):
                if self._settings.sweeps:
                    message.record.setdefault(DELETED_AT, None)
                yield message
        except Exception as exc:
            if all(isinstance(one, DefaultStreamMap) for one in self.stream_maps):
                raise
            key = {name: record.get(name) for name in self.primary_keys}
            raise failed_map(self.name, key, exc, "Mend it: columns may be null.") from exc

    def _rows(self, company: str, cursor: Part | None, settings: StreamSettings, *, whole: bool) -> Rows:
        if not self.primary_keys and not self._replaces():
            self.logger.warning(
                "%s has no key: a loader adds all rows again in each run. Name its `key` in `streams`, or set "
                "`emit_activate_version_messages`, upon which loaders remove the rows of the run before.",
                self.name,
            )
        return rows_of(
            self._kinetic,
            self._definition,
            settings,
            company=company,
            columns=self._wanted(),
            properties=self.effective_schema["properties"],
            compared=servers_own(self._definition, {*self.primary_keys, *([cursor.name] if cursor else [])}),
            whole=whole,
        )

    def _wanted(self) -> tuple[str, ...]:
        """Return the columns that the server is to send."""
        names = self.effective_schema["properties"]
        return servers_own(self._definition, [name for name in names if self.mask.get(("properties", name), True)])

    def _key(self) -> tuple[Part, ...]:
        return parts(servers_own(self._definition, self.primary_keys), self._definition.types)

    def _cursor(self) -> Part | None:
        if self._settings.backfill or self.replication_method != "INCREMENTAL" or not self.replication_key:
            return None
        return Part(self.replication_key, self._definition.types[self.replication_key])

    def _replaces(self) -> bool:
        asked = self._shard is None and self.config.get("emit_activate_version_messages")
        return self.replication_method == "FULL_TABLE" and bool(asked)

    def _write_state_now(self) -> None:
        self.state_manager.is_flushed = False
        self._write_state_message()

    def _sync_records(
        self,
        context: Context | None = None,
        *,
        write_messages: bool = True,
    ) -> Generator[dict[str, Any], Any, Any]:
        """Read company by company: what ends the read of one ends no other's."""
        if self._replaces():
            self._stream_version = self._initialized_at // 1000
        self._whole = write_messages and self.selected and self.ABORT_AT_RECORD_COUNT is None
        for one in [context] if context else self.partitions:
            yield from self._sync_company(one, write_messages)
            if self.ABORT_AT_RECORD_COUNT is not None and self._reckoning.received:
                return
        if self._replaces() and write_messages and self.ABORT_AT_RECORD_COUNT is None:
            self._activate()

    def _sync_company(self, context: Context, write_messages: bool) -> Iterator[dict[str, Any]]:  # noqa: FBT001
        company = str(context.get(COMPANY, ""))
        if self._run.over:
            self._run.not_read(self.name, company)
            return
        with self._run.reckoning(self.name, company) as self._reckoning:
            before = self._writer.records
            records = super()._sync_records(context, write_messages=write_messages)
            if self.ABORT_AT_RECORD_COUNT is not None:
                yield from records
                return
            try:
                with told(self._run, self._reckoning, self.logger):
                    yield from records
            finally:
                self._reckoning.written = self._writer.records - before - self._reckoning.deleted

    def _activate(self) -> None:
        """Let loaders remove the rows of runs before this one, if it is proved that this one brought all."""
        why = why_kept([one for one in self._run.reckonings if one.stream == self.name])
        if why:
            self.logger.warning("%s: loaders are not told to remove the rows of runs before: %s.", self.name, why)
        elif self._stream_version is not None:
            self._write_activate_version_message(self._stream_version)

    def _write_starting_replication_value(self, context: Context | None) -> None:
        """Leave the state alone: the bookmark says where to start."""

    def _increment_stream_state(self, latest_record: Record, *, context: Context | None = None) -> None:
        """Leave the state alone: bookmarks move by the page."""

    def _process_record(
        self,
        record: Record,
        child_context: Context | None = None,
        partition_context: Context | None = None,
    ) -> None:
        """Leave the record alone: there are no child streams, and the company is a column of its own."""
