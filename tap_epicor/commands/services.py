"""`tap-epicor services`: what a tenant has, to be searched."""

from __future__ import annotations

import logging
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import click

from tap_epicor.commands.configuration import config_option, connectable
from tap_epicor.commands.tables import followed, json_option, matches, show, show_json, told
from tap_epicor.kinetic.catalogue import ListRefused, describe_services, is_many, list_services
from tap_epicor.kinetic.dialect import BAQ_SERVICE
from tap_epicor.kinetic.errors import KineticError, PassingError, SignInRefused, Unreachable
from tap_epicor.kinetic.probes import count
from tap_epicor.kinetic.source import Rows
from tap_epicor.kinetic.starter import stand_ins
from tap_epicor.stream_settings import as_list
from tap_epicor.streams.definition import change_cursors, stream_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tap_epicor.kinetic.catalogue import Found
    from tap_epicor.kinetic.client import Kinetic

logger = logging.getLogger(__name__)

MOST_DESCRIBED: Final = 25
"""Services whose sets are asked for without being told to."""

_COLUMNS: Final = {
    "service": "Service",
    "set": "Set",
    "stream": "Stream",
    "key": "Key",
    "changes_by": "Changes by",
    "columns": "Columns",
    "rows": "Rows",
    "description": "Description",
}
SERVICE_NAME: Final = re.compile(r"[A-Za-z]\w*\.[A-Za-z]\w*\.\w+Svc")


@click.command(short_help="List the services, their sets, keys and rows.")
@click.argument("pattern", required=False)
@config_option
@click.option(
    "--details",
    is_flag=True,
    help="Ask for the sets of all services, a request each; PATTERN then finds the names of sets, too.",
)
@click.option("--count", "counted", is_flag=True, help="Count the rows of each set shown, a request each.")
@click.option("--starter", is_flag=True, help="Only the tables that `starter` in `service` stands for.")
@json_option
def services(  # noqa: PLR0913 - its options
    config: dict[str, Any], pattern: str | None, *, details: bool, counted: bool, starter: bool, as_json: bool
) -> None:
    """List the services that the server has, as PATTERN wants them.

    PATTERN is a part of a name or of a description, whatever its case; with * and ? it stands for the whole name.
    Names come from one list, at once. Where PATTERN leaves 25 services or fewer, they are shown with their sets: the
    key, what changes are tracked by (nothing: the set is read whole each time), the number of columns. --details does
    that for all services, and --count asks how many rows there are, in all companies of the configuration. Both take
    a request for each service or set, max_connections at a time. A number that the server does not tell is left empty.
    --starter shows the tables that most sync first, with what each is.

    A table on a terminal, tab-separated lines elsewhere.

    Example: tap-epicor services --config config.json customer --count
    """
    from tap_epicor.connection import connect  # noqa: PLC0415 - heavy

    kinetic = connect(connectable(config))
    companies = as_list(config.get("company")) or ("",)
    known = _known(kinetic, companies[0], config, pattern)
    tables = stand_ins(known) if starter else {}
    known = {name: known[name] for name in sorted({source.service for source in tables})} if starter else known
    named = [name for name, said in known.items() if not pattern or matches(pattern, name, said)]
    described = details or counted or starter or (bool(pattern) and len(named) <= MOST_DESCRIBED)
    asked = list(known) if details else named
    rows = list(_sets(kinetic, asked, companies[0], known)) if described else [_row(name, known) for name in named]
    rows = [row for row in rows if not pattern or row["service"] in named or matches(pattern, row["set"])]
    if starter:
        rows = [
            row | {"description": tables[row["found"].source].what} for row in rows if row["found"].source in tables
        ]
    if counted:
        _count(kinetic, rows, companies)
    _print(rows, known, as_json=as_json, described=described, counted=counted, starter=starter)
    _tell(rows, pattern, known, described=described, details=details)


def _known(kinetic: Kinetic, company: str, config: Mapping[str, Any], pattern: str | None) -> dict[str, str]:
    """Return the services of the tenant; those that someone names, where the server does not list them."""
    try:
        found = list_services(kinetic, company)
    except ListRefused as exc:
        named = [name for name in as_list(config.get("service")) if not is_many(name)]
        named += [pattern] if pattern and SERVICE_NAME.fullmatch(pattern) else []
        if not named:
            raise
        told(f"{exc} Only those are looked at that are named.")
        found = dict.fromkeys(named, "")
    return {name: found[name] for name in sorted(found) if name != BAQ_SERVICE}


def _sets(kinetic: Kinetic, names: Sequence[str], company: str, known: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    places = {name: place for place, name in enumerate(names, start=1)}
    found = describe_services(kinetic, names, company)
    for one in followed("Services", len(names), found, lambda one: places[one.source.service]):
        yield _row(one.source.service, known, one)


def _row(service: str, known: Mapping[str, str], found: Found | None = None) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(_COLUMNS)
    row |= {"service": service, "description": known[service], "found": found}
    if found:
        cursors = change_cursors(found) if found.type.key else ()
        row |= {
            "set": found.source.name,
            "stream": stream_name(found.source),
            "key": found.type.key,
            "changes_by": cursors[0] if cursors else None,
            "columns": len(found.type.columns),
        }
    return row


def _count(kinetic: Kinetic, rows: Sequence[dict[str, Any]], companies: Sequence[str]) -> None:
    """Count the rows of sets; the first one alone, since a wrong password that is sent often locks accounts."""

    def counted(row: dict[str, Any]) -> int | None:
        source = row["found"].source
        try:
            # Asked for two, so that a set of a single row is told from a server that counts the rows it sends.
            counts = [count(Rows(kinetic, source, company), top=2) for company in companies]
        except (SignInRefused, Unreachable, PassingError):
            raise
        except KineticError as exc:
            logger.warning("%s is not counted: %s", source, exc)
            return None
        return None if None in counts else sum(filter(None, counts))

    def results(pool: ThreadPoolExecutor) -> Iterator[int | None]:
        yield from map(counted, rows[:1])
        yield from pool.map(counted, rows[1:])

    with ThreadPoolExecutor(kinetic.max_connections, thread_name_prefix="count") as pool:
        try:
            for row, number in zip(rows, followed("Rows", len(rows), results(pool)), strict=True):
                row["rows"] = number
        finally:
            pool.shutdown(cancel_futures=True)


def _print(  # noqa: PLR0913 - what the options say
    rows: Sequence[Mapping[str, Any]],
    known: Mapping[str, str],
    *,
    as_json: bool,
    described: bool,
    counted: bool,
    starter: bool,
) -> None:
    has_descriptions = any(known[row["service"]] for row in rows)
    if as_json:
        by_service: dict[str, list[dict[str, Any]]] = {row["service"]: [] for row in rows}
        for row in rows:
            if row["set"]:
                wanted = ("set", "stream", "key", "changes_by", "columns", *(("rows",) if counted else ()))
                by_service[row["service"]].append({name: row[name] for name in wanted})
        show_json(
            [
                {"service": name, "description": known[name] or None, "sets": sets if described else None}
                for name, sets in by_service.items()
            ]
        )
        return
    people = ["service"]
    if described:
        people += [
            "set",
            "key",
            "changes_by",
            "columns",
            *(["rows"] if counted else []),
            *(["description"] if starter else []),
        ]
    elif has_descriptions:
        people += ["description"]
    show(_COLUMNS, rows, people=people)


def _tell(
    rows: Sequence[Mapping[str, Any]], pattern: str | None, known: Mapping[str, str], *, described: bool, details: bool
) -> None:
    shown = len({row["service"] for row in rows})
    sets = f", {len(rows)} set{'' if len(rows) == 1 else 's'}" if described else ""
    told(f"{shown} of {len(known)} service{'' if len(known) == 1 else 's'}{sets}.")
    if pattern and not details and shown < len(known):
        told("--details looks for it in the names of sets, too: a request for each service.")
    elif not pattern and not described:
        told("Give a part of a name to see the sets: tap-epicor services customer")
