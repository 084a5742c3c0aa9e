"""What a command lists: a table on a terminal, tab-separated lines or JSON for machines."""

from __future__ import annotations

import json
import sys
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


def matches(pattern: str, *texts: str) -> bool:
    """Return whether one of some texts has a pattern in it, whatever its case.

    Args:
        pattern: a part of the text; where it holds `*` or `?`, the whole of it.
        texts: the texts.
    """
    wanted = pattern.lower() if {"*", "?"} & set(pattern) else f"*{pattern.lower().replace('[', '[[]')}*"
    return any(fnmatchcase(text.lower(), wanted) for text in texts)


def show(columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]], *, people: Sequence[str]) -> None:
    """Print rows: for people where standard output is a terminal, otherwise tab-separated with a line of names.

    Args:
        columns: name of each column, and its title for people.
        rows: a value of each column; a tuple is several of them.
        people: names of the columns that people see.
    """
    if not sys.stdout.isatty():
        lines = [list(columns), *([_text(row[name], ",") for name in columns] for row in rows)]
        click.echo("".join("\t".join(line) + "\n" for line in lines), nl=False)
        return
    from rich.console import Console  # noqa: PLC0415 - heavy, and of use only to people
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in people:
        numbers = [row[name] for row in rows if row[name] not in (None, "")]
        is_number = bool(numbers) and all(isinstance(value, int) for value in numbers)
        table.add_column(columns[name], justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_text(row[name], ", ", thousands=True)) for name in people))
    Console().print(table)


def show_json(content: Any) -> None:  # noqa: ANN401 - what JSON can say
    """Print JSON."""
    click.echo(json.dumps(content, indent=2, ensure_ascii=False))


def told(text: str) -> None:
    """Tell a person something, beside what goes to a machine."""
    click.echo(text, err=True)


def followed(what: str, total: int, items: Iterable[Any], done: Callable[[Any], int] | None = None) -> Iterator[Any]:
    """Yield items while a bar on the terminal shows how far that is.

    Args:
        what: what is done, for people.
        total: how many steps there are.
        items: what comes, one after the other.
        done: the steps that are done when an item has come; each item is a step where left out.
    """
    from rich.console import Console  # noqa: PLC0415 - heavy
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        for number, item in enumerate(items, start=1):
            yield item
            progress.update(task, completed=done(item) if done else number)


def _text(value: object, between: str, *, thousands: bool = False) -> str:
    if isinstance(value, tuple):
        return between.join(map(str, value))
    if thousands and isinstance(value, int):
        return f"{value:,}"
    return "" if value is None else str(value)
