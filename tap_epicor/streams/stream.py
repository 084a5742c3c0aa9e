"""A stream: pages become records, and the bookmark moves behind them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.singerlib.catalog import StreamMetadata
from singer_sdk.streams import Stream

from tap_epicor.kinetic.errors import KineticError
from tap_epicor.kinetic.order import BrokenOrder
from tap_epicor.kinetic.pages import LostPlace, read
from tap_epicor.kinetic.plan import Part, less_overlap, make_plan, parse_cursor_value, parts
from tap_epicor.kinetic.probes import count, highest, highest_to_track
from tap_epicor.kinetic.source import Rows
from tap_epicor.streams.bookmark import Bookmark, Left
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
    from tap_epicor.stream_settings import StreamSettings
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
        self._untrackable: set[str] = set()
        self._incomplete = False
        self._highest_left: Any = None
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
        since = self._since(cursor, bookmark, rows)
        if cursor is None or since is None:
            yield from self._everything(rows, bookmark, cursor)
            return
        yield from self._changes(rows, bookmark, cursor, since)
        if bookmark.is_far_above(self._highest_left):
            self.logger.warning(
                "%s (%s): no row has a %s near the bookmark %s: the database was restored or copied, or rows were "
                "deleted. The stream is read anew.",
                self.name,
                company,
                cursor.name,
                bookmark.value,
            )
            bookmark.forget()
            yield from self._everything(rows, bookmark, cursor)

    def _changes(self, rows: Rows, bookmark: Bookmark, cursor: Part, since: Any) -> Iterator[Record]:  # noqa: ANN401
        plan = make_plan(self._key(), cursor, since=since)
        self._say(plan, rows)
        last = None
        for page in self._pages(rows, plan):
            last = page.rows[-1][cursor.name]
            yield from self._repaired(page, rows)
            if page.last is not None:
                bookmark.advance(last)
                self._write_state_now()
        self._highest_left = highest(rows, cursor) if last is None and bookmark.value is not None else None
        bookmark.advance(last)
        self._write_state_now()

    def _everything(self, rows: Rows, bookmark: Bookmark, cursor: Part | None) -> Iterator[Record]:
        key = self._key()
        left = bookmark.left_off(key) if self._resumes() else None
        if left is None:
            high = self._trackable(rows, cursor)
            left = Left(after=None, high=high, received=0, counted=self._counted(rows))
        plan = make_plan(key, after=left.after, filters=cursor is None or cursor.name not in self._untrackable)
        self._say(plan, rows)
        received = left.received
        try:
            for page in self._pages(rows, plan):
                yield from self._repaired(page, rows)
                received += len(page.rows)
                if page.last is not None and self._resumes():
                    bookmark.left_at(plan.order, replace(left, after=page.last, received=received))
                    self._write_state_now()
        except LostPlace as exc:
            self.logger.warning("%s The stream is read from the beginning.", exc)
            bookmark.restart()
            yield from self._everything(rows, bookmark, cursor)
            return
        whole = self._is_whole(rows, bookmark, left, received)
        bookmark.finish(left.high if whole else None)
        self._incomplete |= not whole
        self._write_state_now()

    def _trackable(self, rows: Rows, cursor: Part | None) -> Any | None:  # noqa: ANN401
        """Return the highest value of the cursor; None where there is none, or changes can't be tracked by it."""
        if cursor is None:
            return None
        value, reason = highest_to_track(rows, cursor)
        if reason:
            self._untrackable.add(cursor.name)
            self.logger.warning("%s: changes can't be tracked: %s. It is read whole each time.", self.name, reason)
        return value

    def _pages(self, rows: Rows, plan: Plan) -> Iterator[Page]:
        size = self._settings.page_size or int(self.config["page_size"])
        if self.ABORT_AT_RECORD_COUNT is not None:
            size = min(size, self.ABORT_AT_RECORD_COUNT + 1)
        return read(rows, plan, size)

    def _repaired(self, page: Page, rows: Rows) -> Iterator[Record]:
        self._check_company(page, rows)
        added = {COMPANY: rows.company} if self._definition.company_added else {}
        repair = Repair(self.effective_schema, self.primary_keys, added, {COUNTER})
        yield from repair.rows(page.rows)
        if self._settings.select is None and repair.unknown - self._unknown:
            self._unknown |= repair.unknown
            names = ", ".join(sorted(repair.unknown))
            self.logger.warning("%s: the catalog does not know the columns %s: run --discover again.", self.name, names)

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

    def _since(self, cursor: Part | None, bookmark: Bookmark, rows: Rows) -> Any | None:  # noqa: ANN401
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
        self._trackable(rows, cursor)
        if cursor.name in self._untrackable:
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

    def _is_whole(self, rows: Rows, bookmark: Bookmark, left: Left, received: int) -> bool:
        """Return whether no fewer rows came than the server counts; what changed meanwhile can explain a difference.

        Raises:
            Incomplete: if there is another number of rows, and `completeness` is to fail; the next run starts again.
        """
        now = self._counted(rows) if left.counted is not None else None
        if now is None or left.counted is None:
            if received or left.high is None:
                return True
            self.logger.warning(
                "%s: no row came, though there are some. It is read whole again by the next run.", self.name
            )
            return False
        if min(left.counted, now) <= received <= max(left.counted, now):
            return True
        message = f"{self.name}: received {received} rows; the server counted {left.counted} before and {now} after"
        if self.config["completeness"] == "fail":
            bookmark.restart()
            self._write_state_now()
            cure = "Run again at a quieter time; if it stays so, set `completeness` to warn and report it."
            raise Incomplete(message, path=rows.path, cure=cure)
        missing = received < min(left.counted, now)
        told = "It keeps no bookmark, and is read whole again by the next run." if missing else ""
        self.logger.warning("%s. %s", message, told)
        return not missing

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
