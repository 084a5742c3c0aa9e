"""A stream: pages become records, and the bookmark moves behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from singer_sdk.helpers._util import utc_now
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.singerlib.catalog import StreamMetadata
from singer_sdk.streams import Stream

from tap_epicor.kinetic.errors import KineticError
from tap_epicor.kinetic.order import BrokenOrder
from tap_epicor.kinetic.plan import Part, parts
from tap_epicor.kinetic.source import Rows
from tap_epicor.streams.bookmark import Bookmark, BookmarkError
from tap_epicor.streams.definition import COMPANY, COUNTER, DefinitionError
from tap_epicor.streams.drift import adapted
from tap_epicor.streams.key_file import Head
from tap_epicor.streams.key_store import KeyStore, KeyStoreError
from tap_epicor.streams.parameters import check_parameters, replication_parameter
from tap_epicor.streams.reading import Manner, Reading
from tap_epicor.streams.remaining import NoRoom
from tap_epicor.streams.sweep import DELETED, DELETED_AT, DELETED_SCHEMA, Sweep
from tap_epicor.streams.values import Repair, ValueMismatch

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.singerlib import SchemaMessage
    from singer_sdk.singerlib.catalog import MetadataMapping

    from tap_epicor.kinetic.catalogue import Found
    from tap_epicor.kinetic.client import Kinetic
    from tap_epicor.kinetic.pages import Page
    from tap_epicor.kinetic.source import Source
    from tap_epicor.stream_settings import StreamSettings
    from tap_epicor.streams.definition import Definition
    from tap_epicor.streams.reckoning import Reckoning, Run
    from tap_epicor.tap import EpicorTap


@dataclass(slots=True)
class EpicorMetadata(StreamMetadata):
    """A stream's metadata with what a sync needs, so that it asks the server for none."""

    epicor: dict[str, Any] | None = None


FAILURES = (KineticError, DefinitionError, BookmarkError, ValueMismatch, KeyStoreError, NoRoom)
"""What ends the read of one stream, with a message that says all that a user needs; the others are read."""


class EpicorStream(Stream):
    """The rows of an entity set or a BAQ, company by company.

    Args:
        tap: the tap that it belongs to.
        definition: what it is.
        settings: what the configuration says of it.
        kinetic: the client.
    """

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

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
        self._unknown: set[str] = set()
        self._absent: set[str] = set()
        self._incomplete = False
        self._run: Run = tap.run
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
    def source(self) -> Source:
        """The entity set or BAQ that it reads."""
        return self._definition.source

    def adapt(self, found: Found) -> None:
        """Fit the stream to what the server says of its set today.

        Args:
            found: what it says.
        """
        self._definition = adapted(self._definition, found)
        self._schema = self._input_schema = dict(self._definition.schema)

    @property
    def partitions(self) -> list[dict[str, str]]:
        """The companies, each with its own bookmark."""
        return [{COMPANY: company} for company in self._companies]

    @property
    def emit_activate_version_messages(self) -> bool:
        """Never before the read, or loaders delete rows that were not replaced: see `_sync_records`."""
        return False

    def get_replication_key_signpost(self, context: Context | None = None) -> None:  # noqa: ARG002
        """Give no limit: bookmarks end at rows that were written."""
        return

    def get_records(self, context: Context | None) -> Iterable[Record]:
        """Yield the rows of one company; the bookmark moves when those of a page have been written.

        Args:
            context: the company.
        """
        company = str((context or {}).get(COMPANY, ""))
        if self._run.over:
            self._run.not_read(self.name, company)
            self._incomplete = True
            return
        with self._run.reckoning(self.name, company, self._kinetic) as reckoning:
            try:
                yield from self._records(company, reckoning, self.get_context_state(context))
            except FAILURES as exc:
                if self.ABORT_AT_RECORD_COUNT is not None:
                    raise
                self._run.failed(reckoning, exc)
                self.logger.error("%s: %s", reckoning.name, exc)  # noqa: TRY400 - all that a user needs
        self._incomplete |= reckoning.outcome != "complete"

    def _records(self, company: str, reckoning: Reckoning, state: dict[str, Any]) -> Iterator[Record]:
        if self._definition.unfit:
            raise DefinitionError(self._definition.unfit)
        rows = self._rows(company)
        cursor = self._cursor()
        reading = Reading(
            rows,
            key=self._key(),
            cursor=cursor,
            bookmark=Bookmark(state, cursor, self._condition(), reckoning.name),
            manner=self._manner(),
            reckoning=reckoning,
            save=self._write_state_now,
        )
        sweep = self._sweep(rows, state)
        for page in reading.pages():
            yield from self._repaired(page, rows, sweep)
            reckoning.written += len(page.rows)
        if sweep and reckoning.outcome == "complete":
            yield from self._deletes(sweep, rows, reckoning, state, filters=reading.filters)

    def _sweep(self, rows: Rows, state: dict[str, Any]) -> Sweep | None:
        """Return the sweep that is to follow the read; None where there is none."""
        if not self._settings.sweeps or self.ABORT_AT_RECORD_COUNT is not None:
            return None
        key = self._key()
        if why := self._needs_no_sweep(key):
            self.logger.warning("%s: `deletes` has no effect: %s.", self.name, why)
            return None
        properties = self.effective_schema["properties"]
        head = Head(
            f"{rows.kinetic.base_url} {rows.kinetic.dialect.version}",
            str(rows.source),
            rows.company,
            tuple((part.name, part.type) for part in key),
            self._condition(),
        )
        return Sweep(
            rows,
            key,
            KeyStore(self.config["key_store"], self.name, head, self.logger),
            prepared=Repair({"properties": {part.name: properties[part.name] for part in key}}, (), {}).rows,
            page_size=self._settings.page_size or int(self.config["page_size"]),
            most=self.config["max_deletes"],
            confirmed=state.get(DELETED),
        )

    def _needs_no_sweep(self, key: tuple[Part, ...]) -> str | None:
        if self._replaces():
            return "the stream is replaced as a whole"
        if not key:
            return "it has no key that tells which rows are gone"
        if self._settings.replication_parameter:
            return "the BAQ returns what changed, and so not all of its keys"
        return None

    def _deletes(
        self,
        sweep: Sweep,
        rows: Rows,
        reckoning: Reckoning,
        state: dict[str, Any],
        *,
        filters: bool,
    ) -> Iterator[Record]:
        """Yield a record for each row that is gone; the order of what follows is told in `sweep`."""
        outcome = sweep.compare(filters=filters)
        self.logger.log(*outcome.told(reckoning.name))
        now = utc_now().isoformat()
        added = {COMPANY: rows.company} if self._definition.company_added else {}
        names = [part.name for part in self._key()]
        for key in sweep.gone():
            yield {**added, **dict(zip(names, key, strict=True)), DELETED_AT: now}
            reckoning.deleted += 1
        self._write_state_now()
        sweep.finish()
        if sweep.deleted_at is not None:
            state[DELETED] = sweep.deleted_at
        self._write_state_now()
        if outcome.unproved:
            reckoning.notes.append(f"{outcome.gone} rows seem to be gone: {outcome.unproved}")
        outcome.check(rows.path)

    def _generate_schema_messages(self) -> Generator[SchemaMessage, None, None]:
        """Yield the schema, with the column of deletes where there may be any."""
        for message in super()._generate_schema_messages():
            if self._settings.sweeps:
                properties = {**message.schema["properties"], DELETED_AT: DELETED_SCHEMA}
                message.schema = {**message.schema, "properties": properties}
            yield message

    def _manner(self) -> Manner:
        size = self._settings.page_size or int(self.config["page_size"])
        counts = not self._definition.source.is_baq and self.ABORT_AT_RECORD_COUNT is None
        if self.ABORT_AT_RECORD_COUNT is not None:
            size = min(size, self.ABORT_AT_RECORD_COUNT + 1)
        return Manner(
            page_size=size,
            start_value=self.config.get("start_value"),
            overlap=self.config["overlap"],
            overlap_days=self.config["overlap_days"],
            overlap_minutes=self.config["overlap_minutes"],
            completeness=self.config["completeness"] if counts else "off",
            restored=self.config["restored"],
            skips=self.config["unreadable_rows"] == "skip",
            resumes=not self._replaces(),
            parameter=replication_parameter(self._definition, self._settings),
        )

    def _repaired(self, page: Page, rows: Rows, sweep: Sweep | None) -> Iterator[Record]:
        self._check_company(page, rows)
        added: Record = {COMPANY: rows.company} if self._definition.company_added else {}
        if sweep:
            added[DELETED_AT] = None
        repair = Repair(self.effective_schema, self.primary_keys, added, {COUNTER})
        self._tell_of_absent(repair.absent(page.rows, self._wanted()))
        records = list(repair.rows(page.rows))
        if sweep:
            sweep.note(records)
        yield from records
        if self._settings.select is None and repair.unknown - self._unknown:
            self._unknown |= repair.unknown
            names = ", ".join(sorted(repair.unknown))
            self.logger.warning("%s: the catalog does not know the columns %s: run --discover again.", self.name, names)

    def _tell_of_absent(self, names: list[str]) -> None:
        if new := [name for name in names if name not in self._absent]:
            self._absent.update(new)
            self.logger.warning(
                "%s: no row of a page has the columns %s, though the server declares them: they are null.",
                self.name,
                ", ".join(new),
            )

    def _check_company(self, page: Page, rows: Rows) -> None:
        """Check that the server has not sent the rows of another of the companies that are read, each on its own.

        Raises:
            BrokenOrder: if it has: something between ignores `CallSettings`, or takes it away.
        """
        others = {company for company in self._companies if company != rows.company}
        found = next((row[COMPANY] for row in page.rows if row.get(COMPANY) in others), None) if others else None
        if found and not any(row.get(COMPANY) == rows.company for row in page.rows):
            raise BrokenOrder(
                f"asked for company {rows.company}, the server sent rows of {found}",
                path=rows.path,
                cure="The account may read only that one, or a gateway takes the header CallSettings away: use "
                "`api_version` v2, or one `company` for each user.",
            )

    def _rows(self, company: str) -> Rows:
        check_parameters(self._definition, self._settings)
        if not self.primary_keys and not self._replaces():
            self.logger.warning(
                "%s has no key: a loader adds all rows again in each run. Name its `key` in `streams`, or set "
                "`emit_activate_version_messages`, upon which loaders remove the rows of the run before.",
                self.name,
            )
        return Rows(
            self._kinetic,
            self._definition.source,
            company,
            self._settings.filter,
            self._settings.parameters,
            self._select(),
            self._sortable(),
        )

    def _select(self) -> tuple[str, ...]:
        wanted = self._wanted()
        return wanted if len(wanted) < self._definition.columns else ()

    def _wanted(self) -> tuple[str, ...]:
        """Return the columns that the server is to send."""
        columns = [name for name in self.effective_schema["properties"] if self.mask.get(("properties", name), True)]
        return tuple(name for name in columns if not (self._definition.company_added and name == COMPANY))

    def _sortable(self) -> tuple[str, ...]:
        properties = self.effective_schema["properties"]
        own = (name for name in properties if not (self._definition.company_added and name == COMPANY))
        return tuple(name for name in own if not {"object", "array"} & {*properties[name]["type"]})

    def _key(self) -> tuple[Part, ...]:
        names = self.primary_keys
        if self._definition.company_added:
            names = [name for name in names if name != COMPANY]
        return parts(names, self._definition.types)

    def _cursor(self) -> Part | None:
        if self.replication_method != "INCREMENTAL" or not self.replication_key:
            return None
        return Part(self.replication_key, self._definition.types[self.replication_key])

    def _condition(self) -> str | None:
        said = [self._settings.filter or "", *(f"{name}={value}" for name, value in self._settings.parameters)]
        return " & ".join(part for part in said if part) or None

    def _replaces(self) -> bool:
        return self.replication_method == "FULL_TABLE" and bool(self.config.get("emit_activate_version_messages"))

    def _write_state_now(self) -> None:
        self.state_manager.is_flushed = False
        self._write_state_message()

    def _sync_records(
        self,
        context: Context | None = None,
        *,
        write_messages: bool = True,
    ) -> Generator[dict[str, Any], Any, Any]:
        if self._replaces():
            self._stream_version = self._initialized_at // 1000
        try:
            yield from super()._sync_records(context, write_messages=write_messages)
        except Exception as exc:
            if isinstance(exc, OSError) or self.ABORT_AT_RECORD_COUNT is not None:
                raise
            self.logger.exception("%s: an error of the tap itself; please report it.", self.name)
            self._run.broke(self.name, exc)
            self._incomplete = True
        if self._replaces() and write_messages and self._stream_version is not None and not self._incomplete:
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
