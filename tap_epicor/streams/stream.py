"""A stream: pages become records, and the bookmark moves behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.singerlib.catalog import StreamMetadata
from singer_sdk.streams import Stream

from tap_epicor.kinetic.errors import KineticError
from tap_epicor.kinetic.pages import LostPlace, read
from tap_epicor.kinetic.plan import Part, less_overlap, make_plan, parse_cursor_value, parts
from tap_epicor.kinetic.probes import count, highest_to_track
from tap_epicor.kinetic.source import Rows
from tap_epicor.streams.bookmark import Bookmark
from tap_epicor.streams.definition import COMPANY, COUNTER
from tap_epicor.streams.parameters import check_parameters
from tap_epicor.streams.values import Repair

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.singerlib.catalog import MetadataMapping

    from tap_epicor.kinetic.client import Kinetic
    from tap_epicor.kinetic.pages import Page
    from tap_epicor.kinetic.plan import Plan
    from tap_epicor.settings import StreamSettings
    from tap_epicor.streams.definition import Definition
    from tap_epicor.tap import EpicorTap


class Incomplete(KineticError):
    """A stream that was read whole has another number of rows than the server counts."""


@dataclass(slots=True)
class EpicorMetadata(StreamMetadata):
    """A stream's metadata with what a sync needs, so that it asks the server for none."""

    epicor: dict[str, Any] | None = None


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

        Raises:
            KineticError: if the rows can't be had, or contradict the request.
        """
        company = str((context or {}).get(COMPANY, ""))
        rows = self._rows(company)
        cursor = self._cursor()
        bookmark = Bookmark(self.get_context_state(context), cursor, self._condition(), f"{self.name} ({company})")
        since = self._since(cursor, bookmark)
        if cursor and since is not None:
            yield from self._changes(rows, bookmark, cursor, since)
        else:
            yield from self._everything(rows, bookmark, cursor)

    def _changes(self, rows: Rows, bookmark: Bookmark, cursor: Part, since: Any) -> Iterator[Record]:  # noqa: ANN401
        plan = make_plan(self._key(), cursor, since=since)
        self._say(plan, rows)
        values: list[Any] = []
        for page in self._pages(rows, plan):
            yield from self._repaired(page, rows)
            if page.last is None:
                values += [row[cursor.name] for row in page.rows[-1:]]
            else:
                bookmark.advance(page.last[0])
                self._write_state_now()
        for value in values:
            bookmark.advance(value)
        self._write_state_now()

    def _everything(self, rows: Rows, bookmark: Bookmark, cursor: Part | None) -> Iterator[Record]:
        key = self._key()
        after, high = bookmark.left_off(key) if self._resumes() else (None, None)
        reason = None
        if after is None and cursor:
            high, reason = highest_to_track(rows, cursor)
        if reason:
            self.logger.warning("%s: changes can't be tracked: %s. It is read whole each time.", self.name, reason)
        before = self._counted(rows) if after is None else None
        plan = make_plan(key, after=after, filters=reason is None)
        self._say(plan, rows)
        received = 0
        try:
            for page in self._pages(rows, plan):
                yield from self._repaired(page, rows)
                received += len(page.rows)
                if page.last is not None and self._resumes():
                    bookmark.left_at(plan.order, page.last, high)
                    self._write_state_now()
        except LostPlace as exc:
            self.logger.warning("%s The stream is read from the beginning.", exc)
            bookmark.restart()
            yield from self._everything(rows, bookmark, cursor)
            return
        self._check_complete(rows, before, received)
        bookmark.finish(high)
        self._write_state_now()

    def _pages(self, rows: Rows, plan: Plan) -> Iterator[Page]:
        size = self._settings.page_size or int(self.config["page_size"])
        if self.ABORT_AT_RECORD_COUNT is not None:
            size = min(size, self.ABORT_AT_RECORD_COUNT + 1)
        return read(rows, plan, size)

    def _repaired(self, page: Page, rows: Rows) -> Iterator[Record]:
        added = {COMPANY: rows.company} if self._definition.company_added else {}
        repair = Repair(self.effective_schema, self.primary_keys, added, {COUNTER})
        yield from repair.rows(page.rows)
        if self._settings.select is None and repair.unknown - self._unknown:
            self._unknown |= repair.unknown
            names = ", ".join(sorted(repair.unknown))
            self.logger.warning("%s: the catalog does not know the columns %s: run --discover again.", self.name, names)

    def _rows(self, company: str) -> Rows:
        check_parameters(self._definition, self._settings)
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
        columns = [name for name in self.effective_schema["properties"] if self.mask.get(("properties", name), True)]
        wanted = tuple(name for name in columns if not (self._definition.company_added and name == COMPANY))
        return wanted if len(wanted) < self._definition.columns else ()

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

    def _since(self, cursor: Part | None, bookmark: Bookmark) -> Any | None:  # noqa: ANN401
        if cursor is None:
            return None
        if bookmark.value is not None:
            return less_overlap(cursor, bookmark.value, self.config["overlap"], self.config["overlap_days"])
        if (start := self.config.get("start_value")) is None:
            return None
        try:
            value = parse_cursor_value(cursor, start)
        except ValueError:
            self.logger.warning(
                "%s: `start_value` %r is no value of %s (%s): the stream is read from the beginning.",
                self.name,
                start,
                cursor.name,
                cursor.type,
            )
            return None
        return value - 1 if isinstance(value, int) else value

    def _condition(self) -> str | None:
        said = [self._settings.filter or "", *(f"{name}={value}" for name, value in self._settings.parameters)]
        return " & ".join(part for part in said if part) or None

    def _resumes(self) -> bool:
        """Return whether an interrupted read goes on; one that a version stands for must be of one piece."""
        return not self._replaces()

    def _replaces(self) -> bool:
        return self.replication_method == "FULL_TABLE" and bool(self.config.get("emit_activate_version_messages"))

    def _counted(self, rows: Rows) -> int | None:
        if self.config["completeness"] == "off" or self._definition.source.is_baq or self.ABORT_AT_RECORD_COUNT:
            return None
        return count(rows)

    def _check_complete(self, rows: Rows, before: int | None, received: int) -> None:
        after = self._counted(rows) if before is not None else None
        if before is None or after is None or min(before, after) <= received <= max(before, after):
            return
        message = f"received {received} rows; the server counted {before} before and {after} after"
        if self.config["completeness"] == "fail":
            cure = "Run again at a quieter time; if it stays so, set `completeness` to warn and report it."
            raise Incomplete(f"{self.name}: {message}", path=rows.path, cure=cure)
        self.logger.warning("%s: %s.", self.name, message)

    def _say(self, plan: Plan, rows: Rows) -> None:
        self.logger.info("%s (%s): reading %s.", self.name, rows.company or "own company", plan.why)

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
        yield from super()._sync_records(context, write_messages=write_messages)
        if self._replaces() and write_messages and self._stream_version is not None:
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
