"""`tap-epicor plan`: what a run would read, before it does; and how several machines share it."""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from tap_epicor.commands.configuration import config_option
from tap_epicor.commands.tables import followed, json_option, show, show_json, told
from tap_epicor.inputs import InputError, catalog_file, shard_state_file, state_file
from tap_epicor.streams.prospects import paged_as, prospects, sample, shards
from tap_epicor.streams.shards import merged, plan_in

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import IO, TextIO

    from tap_epicor.streams.prospects import Prospect, Sample
    from tap_epicor.streams.shards import Plan, Shard

_COLUMNS: Final = {
    "stream": "Stream",
    "company": "Company",
    "rows": "Rows",
    "pages": "Pages",
    "requests": "Requests",
    "way": "How it is read",
}


@click.command(short_help="Tell what a run would read, and how; share it out with --shards.")
@config_option
@click.option("--catalog", type=click.File(), help="Catalog with the streams selected; else they are discovered.")
@click.option("--state", type=click.File(), help="State that the run would start from.")
@click.option(
    "--sample/--no-sample", "samples", default=True, help="Whether to read one page, to see how long it takes."
)
@click.option("--shards", "number", type=click.IntRange(1, 1000), help="Share the load out among so many runs.")
@click.option("--into", type=click.Path(file_okay=False), help="Folder for a file of each shard, and plan.json.")
@json_option
def plan(  # noqa: PLR0913
    config: dict[str, Any],
    catalog: TextIO | None,
    state: TextIO | None,
    number: int | None,
    into: str | None,
    *,
    samples: bool,
    as_json: bool,
) -> None:
    """Tell how a run would read each selected stream.

    And why so, about how many rows, pages and requests that is, and how long it would take. No row is read but a page
    of the largest stream, to see how long one takes.

    With --shards, the load is shared out among so many runs on as many machines as you like: by streams, companies,
    and ranges of the keys of big sets. Each shard is a file that the setting `shard` (or --shard) takes. A stream that
    can't be asked about is in one of them, too.

    Example: tap-epicor plan --config config.json --catalog catalog.json

    Example: tap-epicor plan --config config.json --catalog catalog.json --shards 8 --into shards
    """
    from tap_epicor.tap import EpicorTap  # noqa: PLC0415 - it imports this package's neighbours

    logging.disable(logging.INFO)
    selected, before = _content(catalog_file(catalog)), _state(state_file(state))
    tap = EpicorTap(config=config, catalog=selected, state=before, validate_config=True)
    streams = tap.to_read()
    tap.kinetic.on_answer, connections = None, tap.kinetic.max_connections
    found = [one for some in followed("Asking", len(streams), prospects(streams, connections)) for one in some]
    failed = [one for one in found if one.error]
    if number is None and into is None:
        page = sample(found) if samples else None
        _tell(paged_as(found, page), page, connections, as_json=as_json)
    else:
        _share(shards(found, number or 1, before or {}), into)
    for one in failed:
        told(f"{one.stream.name} ({one.company}): {one.error}")
    if failed and number is None and into is None:
        sys.exit(1)


@click.command("merge-states", short_help="Make one state of those that the shards of a plan ended with.")
@click.option("--plan", "plan_file", required=True, type=click.Path(), help="The file plan.json.")
@click.option("--into", type=click.Path(dir_okay=False), help="File for it, written at once or not at all.")
@click.argument("states", nargs=-1, type=click.File())
def merge_states(plan_file: str, into: str | None, states: Sequence[TextIO]) -> None:
    """Print one state of those that the shards of a plan ended with.

    A stream of which all shards are done gets the bookmark of when the load was planned, so that the next run reads
    what was written since. A stream of which one is lacking keeps the bookmark of before; it is named, and the exit
    code is 1.

    Example: tap-epicor merge-states --plan shards/plan.json --into state.json states/*.json
    """
    state, missing = merged(plan_in(plan_file), [_state(shard_state_file(one)) or {} for one in states])
    if into is None:
        click.echo(json.dumps(state))
    else:
        _written(Path(into), msgspec.json.encode(state))
    for sentence in missing:
        told(f"{sentence}.")
    if missing:
        sys.exit(1)


def _content(file: Any) -> dict[str, Any] | None:  # noqa: ANN401
    return None if file is None else json.loads(file.read())


def _state(file: IO[str] | None) -> dict[str, Any] | None:
    """Return the state in a file, as the tap writes it or as Meltano keeps it."""
    state = _content(file)
    return state and state.get("singer_state", state)


def _tell(found: Sequence[Prospect], page: Sample | None, connections: int, *, as_json: bool) -> None:
    rows = [
        {
            "stream": one.stream.name,
            "company": one.company,
            "rows": one.rows,
            "pages": one.pages,
            "requests": one.requests,
            "way": _way(one),
        }
        for one in found
    ]
    totals = {name: sum(getattr(one, name) or 0 for one in found) for name in ("rows", "pages", "requests")}
    seconds = _seconds(found, page, connections)
    if as_json:
        took = page and {"rows": page.rows, "seconds": round(page.seconds, 3)}
        show_json({"reads": rows, "totals": totals, "page": took, "connections": connections, "seconds": seconds})
        return
    show(_COLUMNS, sorted(rows, key=lambda row: -(row["rows"] or 0)), people=list(_COLUMNS))
    told(f"{totals['rows']:,} rows in {totals['pages']:,} pages: about {totals['requests']:,} requests.")
    if page and seconds is not None:
        told(
            f"A page of {page.rows:,} rows took {page.seconds:.2f} s: about {_duration(seconds)} with {connections} "
            "connections (`max_connections`), if the loader keeps up."
        )
    if uncounted := sum(1 for one in found if one.outlook and one.rows is None):
        told(f"The rows of {uncounted} reads are not counted, and not in these figures.")


def _way(one: Prospect) -> str:
    """Return how a stream would be read, and why."""
    if one.outlook is None:
        return f"not at all: {one.error}"
    untracked = one.outlook.untracked
    return f"{one.outlook.plan.why}; changes can't be tracked: {untracked}" if untracked else one.outlook.plan.why


def _seconds(found: Sequence[Prospect], page: Sample | None, connections: int) -> float | None:
    """Return about how long the run would take: all pages as long as the one that was read, by their rows."""
    if page is None:
        return None
    rows = sum(one.rows or 0 for one in found)
    others = sum((one.requests or 0) - (one.pages or 0) for one in found)
    return round((rows * page.seconds / page.rows + others * min(page.seconds, 0.1)) / connections, 1)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _share(shared: Plan, into: str | None) -> None:
    if into is None:
        click.echo(_text(shared))
        return
    folder = Path(into)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for gone in ("plan.json", *(path.name for path in folder.glob("shard-*.json"))):
            (folder / gone).unlink(missing_ok=True)
    except OSError as exc:
        raise InputError(f"`--into` {into} can't be written: {exc.strerror}.") from exc
    for shard in shared.shards:
        path = folder / f"shard-{shard.shard}.json"
        _written(path, _text(shard))
        click.echo(path)
    _written(folder / "plan.json", _text(shared))


def _text(content: Plan | Shard) -> bytes:
    return msgspec.json.format(msgspec.json.encode(content), indent=2)


def _written(path: Path, text: bytes) -> None:
    """Write a file whole, or leave it as it was.

    Raises:
        InputError: if it can't be written.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_bytes(text)
        draft.replace(path)
    except OSError as exc:
        raise InputError(f"`--into` {path} can't be written: {exc.strerror}.") from exc
    finally:
        draft.unlink(missing_ok=True)
