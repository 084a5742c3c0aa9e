"""The `source-epicor` command: what Airbyte's platform runs, and how it ends."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec
from airbyte_protocol_dataclasses.models import (
    AirbyteConnectionStatus,
    AirbyteMessage,
    FailureType,
    Status,
    SyncMode,
    Type,
)
from singer_sdk.exceptions import ConfigValidationError

from tap_epicor.airbyte import messages
from tap_epicor.airbyte.catalog import configured, discovered, only_selected, singer_catalog
from tap_epicor.airbyte.checking import look
from tap_epicor.airbyte.consent import replaced
from tap_epicor.airbyte.failures import failure_type, told
from tap_epicor.airbyte.logs import log_through
from tap_epicor.airbyte.source import EpicorSource
from tap_epicor.airbyte.specification import specification, tap_settings
from tap_epicor.airbyte.state import singer_state
from tap_epicor.airbyte.writer import AirbyteWriter
from tap_epicor.cli import EXPLAINED, Command, OutputFailed, writing
from tap_epicor.inputs import InputError
from tap_epicor.streams.reckoning import RunIncomplete
from tap_epicor.streams.stopping import Stopped

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILE = click.Path(path_type=Path)
_EXPLAINED = (*EXPLAINED, ConfigValidationError)

config_option = click.option("--config", required=True, type=_FILE, help="File of the configuration, JSON.")
debug_option = click.option("--debug", is_flag=True, help="Log everything, each request too.")


@click.group(cls=Command)
def source() -> None:
    """Copy Epicor Kinetic, as a source in Airbyte's protocol.

    Example: source-epicor read --config config.json --catalog configured_catalog.json --state state.json
    """


@source.command()
@debug_option
@click.pass_obj
def spec(writer: AirbyteWriter, *, debug: bool) -> None:
    """Write which settings there are.

    Example: source-epicor spec
    """
    log_through(writer, debug=debug)
    writer.write_message(AirbyteMessage(type=Type.SPEC, spec=specification()))


@source.command()
@config_option
@debug_option
@click.pass_obj
def check(writer: AirbyteWriter, config: Path, *, debug: bool) -> None:
    """Look whether the settings are right, and the server answers and has what they name.

    Example: source-epicor check --config config.json
    """
    log_through(writer, debug=debug)
    found = AirbyteConnectionStatus(Status.SUCCEEDED)
    try:
        with _opened(config, writer) as opened:
            look(opened.config, opened.kinetic)
    except _EXPLAINED as exc:
        found = AirbyteConnectionStatus(Status.FAILED, told(exc))
    writer.write_message(AirbyteMessage(type=Type.CONNECTION_STATUS, connectionStatus=found))


@source.command()
@config_option
@debug_option
@click.pass_obj
def discover(writer: AirbyteWriter, config: Path, *, debug: bool) -> None:
    """Write which streams there are.

    Example: source-epicor discover --config config.json
    """
    log_through(writer, debug=debug)
    with _opened(config, writer) as opened:
        catalog = discovered(opened.config, opened.kinetic)
    writer.write_message(AirbyteMessage(type=Type.CATALOG, catalog=catalog))


@source.command()
@config_option
@click.option("--catalog", required=True, type=_FILE, help="File of the configured catalog, JSON.")
@click.option("--state", type=_FILE, help="File with the states of the last sync, JSON.")
@debug_option
@click.pass_obj
def read(writer: AirbyteWriter, config: Path, catalog: Path, state: Path | None, *, debug: bool) -> None:
    """Write the rows of the streams of a configured catalog, and how far each has come.

    Example: source-epicor read --config config.json --catalog configured_catalog.json
    """
    log_through(writer, debug=debug)
    with _opened(config, writer) as opened:
        chosen = configured(catalog)
        incremental = [one.stream.name for one in chosen.streams if one.sync_mode is SyncMode.incremental]
        states = singer_state(state, incremental)
        entries = singer_catalog(chosen, opened.config, opened.kinetic)
        settings = only_selected(opened.config, entries)
        reading = EpicorSource(config=settings, catalog=entries, state=states, message_writer=writer)
        try:
            reading.sync_all()
        except RunIncomplete as exc:
            writer.write_message(messages.error(str(exc), reading.run.kinds))
            raise SystemExit(1) from exc


def main() -> None:
    """Run the command; whatever goes wrong ends with a message of the protocol."""
    if sys.stdout is None:
        sys.exit("Standard output is closed: it is what the platform reads.")
    try:
        code = _run(AirbyteWriter())
        with writing():
            sys.stdout.flush()
    except OutputFailed as exc:
        code = str(exc)
        # What is left in the buffer goes nowhere, so that Python does not fail at it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if code == Stopped(signal.SIGTERM).code:
        # Who sent it wants to see that it did what it does; to the first process of a container it does nothing.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTERM)
    sys.exit(code)


def _run(writer: AirbyteWriter) -> int | str | None:
    """Run the command, and return what to exit with."""
    try:
        source(obj=writer)
    except SystemExit as exc:
        return exc.code
    except OutputFailed:
        raise
    except _EXPLAINED as exc:
        with writing():
            writer.write_message(messages.error(told(exc), failure_type(exc)))
    except Exception as exc:  # noqa: BLE001 - told as one of the connector's own
        said = "An error of the connector itself: please report it, with what stands under it in the log."
        trace = "".join(traceback.format_tb(exc.__traceback__))
        kind = type(exc).__name__
        with writing():
            writer.write_message(messages.error(said, FailureType.system_error, internal=kind, trace=trace))
    return 1


@contextmanager
def _opened(path: Path, writer: AirbyteWriter) -> Iterator[EpicorSource]:
    """Hand out the source of a configuration; what the platform must keep for its sign-in is handed over afterwards.

    Args:
        path: the file of the configuration.
        writer: what all messages are written by.

    Raises:
        InputError: if it holds none.
        ConfigValidationError: if a setting is wrong.
    """
    try:
        given: object = msgspec.json.decode(path.read_bytes())
    except OSError as exc:
        raise InputError(f"The file of `--config` can't be read: {exc.strerror}.") from exc
    except (msgspec.DecodeError, RecursionError) as exc:
        raise InputError(f"The file of `--config` is not JSON: {exc}.") from exc
    if not isinstance(given, dict):
        raise InputError("The file of `--config` is not a JSON object of settings.")
    config: dict[str, Any] = given
    # Without its mapper, for which the SDK would ask for all streams.
    opened = EpicorSource(config=tap_settings(config), message_writer=writer, setup_mapper=False)
    try:
        yield opened
    finally:
        if message := replaced(config, opened.config):
            writer.write_message(message)
