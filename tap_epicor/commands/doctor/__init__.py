"""`tap-epicor doctor`: would a sync work, and what is this server like?"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tap_epicor.commands.configuration import config_option
from tap_epicor.commands.tables import json_option, show_json, told

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TextIO


@click.command(short_help="Try everything that a sync needs, and say what to do.")
@config_option
@click.option("--catalog", type=click.File(encoding="utf-8"), help="Look at the streams that this catalog selects.")
@click.option(
    "--most",
    type=click.IntRange(min=0),
    default=25,
    show_default=True,
    help="Services, and BAQs, to look at; the others are left alone.",
)
@json_option
@click.option(
    "--bundle",
    "bundle_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write what was found to a file that can be attached to a report.",
)
def doctor(
    config: dict[str, Any], catalog: TextIO | None, most: int, bundle_path: Path | None, *, as_json: bool
) -> None:
    """Try all that a sync needs, a line each: what was tried, what came back, what to do.

    From the address to the sign-in and the company; then each service and BAQ of the configuration, or those that a
    catalog selects; then what differs from server to server: how many rows come at once, how long a page takes, where
    changes can be asked for. Nothing is written to the server. It gets one request at a time: up to ten for each
    service (two of its sets are looked at, and those with a filter or child rows in `streams`, with up to seven more
    for each of these), up to four for each BAQ (it runs once or twice), some ten for the rest; with the starter
    selection, one more for each of its services. What fails in passing is asked once more. The last line says how many
    they were; those that a token service gets are not counted.

    The file of --bundle has the outcome of each check, the requests (path, status, time), versions and settings. No
    rows are in it, no secrets, and not the names of server, instance, companies and users.

    Ends with 0 where a sync would work, and with 1 where it would not, or not for each service.

    Example: tap-epicor doctor --config config.json --bundle report.json
    """
    from tap_epicor.commands.doctor.bundle import bundle  # noqa: PLC0415 - heavy
    from tap_epicor.commands.doctor.check import Check, Examination  # noqa: PLC0415
    from tap_epicor.commands.doctor.examination import examine  # noqa: PLC0415
    from tap_epicor.commands.doctor.report import as_json as checks_as_json  # noqa: PLC0415
    from tap_epicor.commands.doctor.report import line, verdict, works  # noqa: PLC0415

    checks: list[Check] = []
    started = time.monotonic()
    for check in examine(Examination(config, _entries(catalog), most)):
        checks.append(check)
        if not as_json:
            line(check)
    seconds = time.monotonic() - started
    if as_json:
        show_json(checks_as_json(checks, seconds))
    else:
        click.echo(f"\n{verdict(checks, seconds)}")
    if bundle_path:
        _write(bundle_path, bundle(config, checks, seconds))
    if not works(checks):
        sys.exit(1)


def _entries(catalog: TextIO | None) -> Sequence[Mapping[str, Any]] | None:
    from tap_epicor.inputs import catalog_file  # noqa: PLC0415
    from tap_epicor.streams.definition import is_selected  # noqa: PLC0415

    if (file := catalog_file(catalog)) is None:
        return None
    return [entry for entry in json.load(file)["streams"] if is_selected(entry)]


def _write(path: Path, content: Mapping[str, Any]) -> None:
    try:
        path.write_text(f"{json.dumps(content, indent=2, ensure_ascii=False)}\n", encoding="utf-8")
    except OSError as exc:
        raise click.ClickException(f"{path} can't be written: {exc.strerror}") from exc
    told(f"{path} is written: no rows and no secrets are in it, nor the names of server, companies and users.")
