"""`tap-epicor baqs`: the queries that a tenant has, to be searched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from tap_epicor.commands.configuration import config_option, connectable
from tap_epicor.commands.services import MOST_DESCRIBED
from tap_epicor.commands.tables import followed, json_option, matches, show, show_json, told
from tap_epicor.kinetic.catalogue import ListRefused, describe_baqs, is_pattern, list_baqs
from tap_epicor.kinetic.dialect import BAQ_SERVICE
from tap_epicor.kinetic.source import Source
from tap_epicor.stream_settings import as_list
from tap_epicor.streams.definition import available_columns, stream_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tap_epicor.kinetic.catalogue import Found
    from tap_epicor.kinetic.client import Kinetic

_COLUMNS: Final = {
    "id": "BAQ",
    "stream": "Stream",
    "description": "Description",
    "parameters": "Parameters",
    "columns": "Columns",
}


@click.command(short_help="List the BAQs, their parameters and columns.")
@click.argument("pattern", required=False)
@config_option
@click.option("--details", is_flag=True, help="Ask for parameters and columns of all BAQs shown, two requests each.")
@json_option
def baqs(config: dict[str, Any], pattern: str | None, *, details: bool, as_json: bool) -> None:
    """List the BAQs (Business Activity Queries) that the server has, as PATTERN wants them.

    PATTERN is a part of an id or of a description, whatever its case; with * and ? it stands for the whole. Where it
    leaves 25 BAQs or fewer, or with --details, they are shown with their columns and parameters; a parameter with ?
    behind it may be left out. A table on a terminal, tab-separated lines elsewhere.

    Example: tap-epicor baqs --config config.json shipment
    """
    from tap_epicor.connection import connect  # noqa: PLC0415 - heavy

    kinetic = connect(connectable(config))
    company = next(iter(as_list(config.get("company"))), "")
    known = _known(kinetic, company, config, pattern)
    wanted = [name for name, said in known.items() if not pattern or matches(pattern, name, said)]
    described = details or (bool(pattern) and len(wanted) <= MOST_DESCRIBED)
    found = {one.source.name: one for one in _described(kinetic, wanted, company)} if described else {}
    if as_json:
        show_json([_as_json(name, known[name], found.get(name)) for name in wanted])
    else:
        rows = [_row(name, known[name], found.get(name)) for name in wanted]
        show(_COLUMNS, rows, people=["id", "description", *(["parameters", "columns"] if described else [])])
    told(f"{len(wanted)} of {len(known)} BAQs.")
    if not described and wanted:
        told("Give a part of a name to see parameters and columns: tap-epicor baqs customer")


def _known(kinetic: Kinetic, company: str, config: Mapping[str, Any], pattern: str | None) -> dict[str, str]:
    """Return the BAQs of the tenant; those that someone names, where the server does not list them."""
    try:
        return list_baqs(kinetic, company, described=True)
    except ListRefused as exc:
        named = [name for name in (*as_list(config.get("baqs")), pattern) if name and not is_pattern(name)]
        if not named:
            raise
        told(f"{exc} Only those are looked at that are named.")
        return dict.fromkeys(named, "")


def _described(kinetic: Kinetic, wanted: Sequence[str], company: str) -> Iterator[Found]:
    return followed("BAQs", len(wanted), describe_baqs(kinetic, wanted, company))


def _as_json(name: str, description: str, found: Found | None) -> dict[str, Any]:
    return {
        "id": name,
        "description": description or None,
        "stream": stream_name(Source(BAQ_SERVICE, name)),
        "parameters": None
        if found is None or found.parameters is None
        else [{"name": one.name, "type": one.type, "optional": one.optional} for one in found.parameters],
        "columns": found and {column.name: column.type for column in available_columns(found).values()},
    }


def _row(name: str, description: str, found: Found | None) -> dict[str, Any]:
    row: dict[str, Any] = {**dict.fromkeys(_COLUMNS), "id": name, "description": description}
    row["stream"] = stream_name(Source(BAQ_SERVICE, name))
    if found:
        row |= {
            "parameters": None
            if found.parameters is None
            else tuple(f"{one.name}{'?' if one.optional else ''}" for one in found.parameters),
            "columns": tuple(available_columns(found)),
        }
    return row
