"""The tap: settings in, streams out."""

from __future__ import annotations

import gc
import sys
from copy import deepcopy
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TextIO, cast

import click
import msgspec
from singer_sdk import Tap
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.helpers._classproperty import classproperty
from singer_sdk.helpers._util import read_json_file
from singer_sdk.helpers.capabilities import CapabilitiesEnum, PluginCapabilities, TapCapabilities
from singer_sdk.plugin_base import JSONSchemaValidator, _ConfigInput
from singer_sdk.singerlib import Schema, StateMessage

from tap_epicor.checks import misfit, problems, tidy
from tap_epicor.clock import Clock
from tap_epicor.connection import connect
from tap_epicor.environment import settings_in_environment
from tap_epicor.inputs import catalog_file, state_file
from tap_epicor.kinetic.errors import KineticError
from tap_epicor.kinetic.patience import TimeUp
from tap_epicor.settings import CONFIG_SCHEMA
from tap_epicor.stream_settings import as_list, stream_settings
from tap_epicor.streams.backfill import StateKept, named
from tap_epicor.streams.definition import digest, is_selected, source_of
from tap_epicor.streams.discovery import discover, from_entries, without_streams
from tap_epicor.streams.drift import find_today, since_last_run
from tap_epicor.streams.metrics import log_request
from tap_epicor.streams.pen import Pen
from tap_epicor.streams.progress import shown
from tap_epicor.streams.reckoning import Run
from tap_epicor.streams.shards import Shard, ShardError, shard_in
from tap_epicor.streams.side_by_side import sync
from tap_epicor.streams.stopping import Stopped, end_soon
from tap_epicor.streams.stream import EpicorStream
from tap_epicor.streams.summary import SummaryNotWritten, begin, tell
from tap_epicor.streams.writer import PageWriter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import FrameType

    from tap_epicor.kinetic.client import Kinetic
    from tap_epicor.kinetic.source import Source


class EpicorTap(Tap):
    """Copies Epicor Kinetic and ERP 10.2: business objects and BAQs, over the REST services v1 and v2."""

    name = "tap-epicor"
    config_jsonschema: ClassVar[dict[str, Any]] = CONFIG_SCHEMA
    dynamic_catalog = True
    message_writer_class = PageWriter
    message_writer: PageWriter
    stream_class = EpicorStream
    run_class = Run
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        TapCapabilities.CATALOG,
        TapCapabilities.STATE,
        TapCapabilities.DISCOVER,
        TapCapabilities.ACTIVATE_VERSION,
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.BATCH,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    def __init__(self, *, catalog: Any = None, **kwargs: Any) -> None:  # noqa: ANN401
        self._entries: Sequence[Mapping[str, Any]] | None = None
        self._known: list[Source] = []
        if isinstance(catalog, dict):
            self._known = [source for entry in catalog.get("streams", []) if (source := source_of(entry))]
            # The SDK builds every stream of a catalog: only the selected ones are worth that.
            self._entries = [entry for entry in catalog.get("streams", []) if is_selected(entry)]
            catalog = {**catalog, "streams": self._entries}
        self.run = self.run_class()
        self._pen = Pen()
        super().__init__(catalog=catalog, **kwargs)

    @property
    def companies(self) -> tuple[str, ...]:
        """The companies to read; an empty name stands for the account's own."""
        return as_list(self.config.get("company")) or ("",)

    @cached_property
    def kinetic(self) -> Kinetic:
        """The client that all streams share."""
        return connect(self.config)

    @cached_property
    def shard(self) -> Shard | None:
        """The share of the load that is read; None for all of it.

        Raises:
            ShardError: if there is none in the file.
        """
        return shard_in(self.config["shard"]) if self.config.get("shard") else None

    def setup_mapper(self) -> None:
        """Make the stream maps; the SDK takes `__else__` out of the settings that it makes them from."""
        given = deepcopy(self._config.get("stream_maps"))
        super().setup_mapper()
        if given is not None:
            self._config["stream_maps"] = given

    def run_discovery(self) -> str:
        """Write the catalog to standard output, stream by stream: that of a whole tenant is large.

        Returns:
            Nothing, though the SDK's own way returns all of it.
        """
        write = sys.stdout.write
        write('{\n"streams": [')
        for number, stream in enumerate(self.streams.values()):
            entry = msgspec.json.encode(stream._singer_catalog_entry.to_dict())  # noqa: SLF001
            write((",\n" if number else "\n") + msgspec.json.format(entry, indent=2).decode())
        write("\n]\n}\n")
        return ""

    def discover_streams(self) -> list[EpicorStream]:
        """Return the streams of the catalog, or of the tenant where there is no catalog."""
        begin(self.config.get("summary_path"))
        if self._entries is None:
            definitions = discover(self.config, self.kinetic)
            self._known = [definition.source for definition in definitions]
        else:
            definitions = from_entries(self.config, self._entries)
            if not definitions:
                self.logger.warning("The catalog selects no stream: nothing is read.")
        self.kinetic.on_answer = log_request
        self.kinetic.meanwhile = self._pen.lent
        return [
            self.stream_class(self, definition, stream_settings(self.config, definition.name), self.kinetic)
            for definition in definitions
        ]

    def sync_all(self) -> None:  # type: ignore[misc]  # final, and yet the only place where a run as a whole can end
        """Read all streams, and tell what became of each.

        Raises:
            RunIncomplete: if a stream is not complete; the others have been read, and the state is written.
            RunStopped: if there was too little time; the state is written.
            Stopped: if the run was told to end; the state is written.
            SummaryNotWritten: if the file of `summary_path` can't be written.
        """
        self.run.clock = Clock(self.config, self.run.began)
        self.kinetic.time_left = self.run.clock.left
        try:
            self._sync_all()
        except Stopped:
            self.run.over = "Nothing more was read, since the run was told to end."
            self.state_writer.write_state(self.state)
            self._end_with_state()
            self._tell_in_spite()
            raise
        except OSError:
            self.run.over = "Nothing more was read, since the rows can't be written."
            self._tell_in_spite()
            raise
        tell(self.run, self.config.get("summary_path"))
        self.run.check()

    def _sync_all(self) -> None:
        for name in without_streams(self.config, self._known) if self.shard is None else ():
            why = "it has no stream: its description could not be read, or holds no set; see above, or run --discover"
            self.logger.error("%s is not read: %s.", name, why)
            self.run.not_read(name, "", why)
        if backfill := self.config.get("backfill"):
            self._keep_state(backfill)
        columns = self._columns() if self._entries is None else self._adapt()
        self._reset_state_progress_markers()
        self._set_compatible_replication_methods()
        if self.state:
            self.state_writer.write_state(self.state)
        self._tell_of_columns(columns)
        streams = self.to_read()
        # What is there by now stays: to look it over again and again takes a sixteenth of the time.
        gc.freeze()
        try:
            with shown(self.run, sum(len(stream.partitions) for stream in streams)):
                sync(streams, self.kinetic.readers, self._pen)
        finally:
            gc.unfreeze()
        self._end_with_state()
        for stream in self.streams.values():
            stream.log_sync_costs()

    def _end_with_state(self) -> None:
        """Write STATE once more where rows came last, although it says the same as before."""
        state = self.state_writer.given if isinstance(self.state_writer, StateKept) else self.state
        if self.message_writer.rows_are_last and state is not None:
            self.write_message(StateMessage(value=state))

    def _keep_state(self, backfill: Mapping[str, Any]) -> None:
        """Let the run begin without a state, and write none but the one that it was given."""
        self._state_writer = StateKept(self.message_writer, self.state)
        self.state_writer.write_state(self.state)
        # In place: the streams have it already.
        cast("dict[str, Any]", self.state).clear()
        for name in named(backfill, [stream.name for stream in self.streams.values() if stream.selected])[1]:
            why = "`backfill` names it, and no stream of that name is selected"
            self.logger.error("%s is not read: %s.", name, why)
            self.run.not_read(name, "", why)

    def to_read(self) -> list[EpicorStream]:
        """Return the streams to read, with a shard those that are in it.

        Raises:
            ShardError: if the catalog does not have one of them.
        """
        selected = {name: stream for name, stream in self.streams.items() if stream.selected}
        if self.shard is None:
            wanted = named(self.config.get("backfill") or {"*": None}, selected)[0]
            return [stream for name, stream in selected.items() if name in wanted and isinstance(stream, EpicorStream)]
        names = dict.fromkeys(one.stream for one in self.shard.reads)
        if lacking := [name for name in names if name not in selected]:
            raise ShardError(f"The shard reads {', '.join(lacking)}, which is not selected: plan again.")
        left = [stream for name in names if isinstance(stream := selected[name], EpicorStream) and stream.partitions]
        if not left:
            self.logger.info("Nothing is left to read: the state says that %s is done.", self.shard.label)
        return left

    def _tell_in_spite(self) -> None:
        """Tell what became of the run where something else ends it, which goes before a file that can't be written."""
        try:
            tell(self.run, self.config.get("summary_path"))
        except SummaryNotWritten as exc:
            self.logger.error("%s", exc)  # noqa: TRY400 - all that a user needs

    def _columns(self) -> dict[str, str]:
        """Return a digest of each stream's columns as they were discovered."""
        return {stream.name: stream.definition.digest for stream in self.to_read()}

    def _tell_of_columns(self, columns: Mapping[str, str]) -> None:
        """Tell what became of columns since the last run; a shard has none before it."""
        for name, today in columns.items() if self.shard is None else ():
            stream, bookmarks = self.streams[name], cast("dict[str, Any]", self.state).setdefault("bookmarks", {})
            if isinstance(stream, EpicorStream):
                said = since_last_run(stream.definition, today, bookmarks.setdefault(name, {"partitions": []}))
                self.run.drift |= {name: said} if said else {}

    def _adapt(self) -> dict[str, str]:
        """Fit the streams of a catalog to what their sets are today, and return a digest of each one's columns."""
        streams = self.to_read()
        try:
            today = find_today(self.kinetic, [stream.definition.source for stream in streams], self.companies[0])
        except KineticError as exc:
            self.run.over = "Nothing was read, since the server can't be reached or refuses the sign-in."
            self.logger.error("%s", exc)  # noqa: TRY400 - all that a user needs
            return {}
        except TimeUp:
            self.run.out_of_time()
            return {}
        changed = False
        for stream in streams:
            if stream.definition.source in today and (entry := self.catalog.get_stream(stream.name)):
                before = stream.schema
                stream.adapt(today[stream.definition.source])
                if stream.schema != before:
                    entry.schema = Schema.from_dict(stream.effective_schema)
                    changed = True
        if changed:
            self.setup_mapper()
        sources = {stream.name: stream.definition.source for stream in streams}
        return {name: digest(today[source]) for name, source in sources.items() if source in today}

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        end_soon(signum)
        self.message_writer.stop(signum)

    @classmethod
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> _ConfigInput:
        """Read the configuration files; where none is named, the environment."""
        config: dict[str, Any] = {}
        for name in value:
            if name == "ENV":
                continue
            try:
                content: object = read_json_file(name)
            except (OSError, ValueError) as exc:
                raise click.BadParameter(f"{name} can't be read: {exc}", ctx, param) from exc
            if not isinstance(content, dict):
                raise click.BadParameter(f"{name} is not a JSON object of settings.", ctx, param)
            config |= content
        return _ConfigInput(config=config, parse_env=not value or "ENV" in value)

    @classmethod
    def invoke(  # type: ignore[override]  # click gives files of text, of which the bytes can be read, too
        cls,
        *,
        state: TextIO | None = None,
        catalog: TextIO | None = None,
        **options: Any,  # noqa: ANN401
    ) -> None:
        """Run the tap, after a look at the files of `--catalog` and `--state`."""
        super().invoke(state=state_file(state), catalog=catalog_file(catalog), **options)

    @classproperty
    def _env_var_config(cls) -> dict[str, Any]:  # noqa: N805
        """The settings in `TAP_EPICOR_…` variables and in the `.env` file of the working folder."""
        cls.append_builtin_config(cls.config_jsonschema)
        return settings_in_environment(cls.config_jsonschema)

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        self._config = tidy(self._config)
        try:
            errors = super()._validate_config(raise_errors=True)
        except ConfigValidationError:
            errors = list(self._misfits())
        if not errors:
            errors = problems(self._config, self.config_jsonschema["properties"])
        if errors and raise_errors:
            raise ConfigValidationError("The configuration is not right", errors=errors, schema={})
        return errors

    def _misfits(self) -> Iterator[str]:
        """Yield what does not fit the schema; a missing `url` is told with the other problems."""
        for error in JSONSchemaValidator(self.config_jsonschema).iter_errors(self._config):
            if error.validator != "required" or error.path:
                yield misfit(error)
