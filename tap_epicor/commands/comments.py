"""`tap-epicor comments`: what columns hold, as comments of the tables that a loader made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from tap_epicor.commands.tables import told
from tap_epicor.inputs import catalog_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import TextIO

_LONGEST_NAME: Final = 63
"""Bytes of a name in PostgreSQL, which cuts longer ones: NAMEDATALEN less one."""


@click.command(short_help="Print the descriptions of a catalog as COMMENT ON COLUMN, for PostgreSQL.")
@click.option("--catalog", type=click.File(), required=True, help="Catalog with descriptions; - for standard input.")
@click.option("--schema", help="Schema of the tables: what the loader calls default_target_schema.")
def comments(catalog: TextIO, schema: str | None) -> None:
    """Print COMMENT ON COLUMN statements for PostgreSQL, of the selected streams and columns of a catalog.

    Singer loaders leave the descriptions of columns out; this puts them into the tables that are there after a load.
    The catalog must have been discovered with `descriptions`, or hold descriptions of your own. Tables and columns have
    the names that target-postgres gives them: those of the catalog.

    Example: tap-epicor comments --catalog catalog.json --schema epicor

    Example: tap-epicor comments --catalog catalog.json --schema epicor | psql warehouse
    """
    file: Any = catalog_file(catalog)
    entries = msgspec.json.decode(file.read())["streams"]
    # Those that are not selected have been cut short.
    statements = [one for entry in entries if "schema" in entry for one in _of_stream(entry, schema)]
    click.echo("".join(f"{statement}\n" for statement in statements), nl=False)
    told(f"{len(statements)} comments." if statements else "No selected column has a description: see `descriptions`.")


def _of_stream(entry: Mapping[str, Any], schema: str | None) -> Iterator[str]:
    table = ".".join(_name(part) for part in (schema, entry["tap_stream_id"]) if part)
    left_out = set(_left_out(entry))
    for column, said in entry["schema"]["properties"].items():
        text = said.get("description")
        if isinstance(text, str) and text and column not in left_out:
            yield f"COMMENT ON COLUMN {table}.{_name(column)} IS {_literal(text)};"


def _left_out(entry: Mapping[str, Any]) -> Iterator[str]:
    for item in entry.get("metadata") or ():
        if len(item["breadcrumb"]) == 2:  # noqa: PLR2004 - "properties", and a column
            words = item["metadata"]
            selected = words.get("selected", words.get("selected-by-default"))
            if selected is False and words.get("inclusion") != "automatic":
                yield item["breadcrumb"][1]


def _name(name: str) -> str:
    cut = name.encode()[:_LONGEST_NAME].decode(errors="ignore").replace("\0", "")
    return '"' + cut.replace('"', '""') + '"'


def _literal(text: str) -> str:
    """Return a text as PostgreSQL writes it whatever `standard_conforming_strings` says; it has no null characters."""
    quoted = text.replace("\0", "").replace("\\", "\\\\").replace("'", "''")
    return f"E'{quoted}'"
