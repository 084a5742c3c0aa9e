"""The tap beside other ways to copy the same rows: tables in Markdown, ratios first. See docs/speed.md."""

from __future__ import annotations

import platform
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench import speed
from bench.cores import cores, pin
from bench.growth import growth
from bench.runs import ROOT, RunFailed, serving
from bench.stages import stages
from bench.starting import starting
from bench.tenant import tenant
from bench.waiting import waiting
from bench.ways import CONTENDERS, THE_TAP

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.runs import Server


@dataclass(frozen=True)
class Options:
    """What the command line says; its help tells what each is."""

    quick: bool
    rows: int
    rounds: int
    page_size: int
    pipe: bool
    sizes: tuple[int, int]
    latency: tuple[int, ...]
    pages: int
    waited_page_size: int
    profile: bool
    keep: bool
    way: str


_PAGE = ROOT / "docs" / "speed.md"
PARTS = ("speed", "growth", "waiting", "starting", "tenant")


@click.command(help=__doc__)
@click.argument("parts", nargs=-1, type=click.Choice(PARTS))
@click.option("--quick", is_flag=True, help="Only check that it works, and that all deliver every row, by its key.")
@click.option("--rows", default=30_000, show_default=True, help="Rows that the plain tap reads; fast ones read more.")
@click.option("--rounds", default=3, show_default=True, help="How often each runs, in turn.")
@click.option("--page-size", default=5_000, show_default=True, help="Rows of a page.")
@click.option("--pipe", is_flag=True, help="Send the output through a pipe to cat, instead of to /dev/null.")
@click.option("--sizes", default=(50_000, 250_000), show_default=True, nargs=2, type=int, help="Rows of two sets.")
@click.option(
    "--latency", default=(0, 50, 500), show_default=True, multiple=True, type=int, help="Milliseconds a page."
)
@click.option("--pages", default=200, show_default=True, help="Pages that are waited for.")
@click.option("--waited-page-size", default=1_000, show_default=True, help="Rows of such a page.")
@click.option("--profile", is_flag=True, help="Show instead which modules the tap's time goes to.")
@click.option("--keep", is_flag=True, help="Put the tables into docs/speed.md.")
@click.option("--way", default=THE_TAP.name, show_default=True, help="Which contender to profile.")
def main(parts: Sequence[str], **options: Any) -> None:  # noqa: ANN401 - the options above
    """Measure, and print a table of each part."""
    client, server_core = cores()
    pin(client)
    chosen = Options(**options)
    said = [f"{_machine()}; {_binding(client, server_core)}.\n"]
    click.echo(said[0])
    try:
        with serving(server_core) as server, tempfile.TemporaryDirectory() as folder:
            for measure in _chosen(parts, chosen):
                said.append(measure(server, Path(folder)))
                click.echo(said[-1])
                sys.stdout.flush()
    except RunFailed as exc:
        raise click.ClickException(str(exc)) from exc
    if chosen.keep:
        _keep("\n".join(said))


def _keep(tables: str) -> None:
    """Put tables in the place of those that the documentation has."""
    start, end = "<!-- bench: begin -->\n", "<!-- bench: end -->"
    before, _, rest = _PAGE.read_text().partition(start)
    _PAGE.write_text(f"{before}{start}\n{tables}\n{end}{rest.partition(end)[2]}")


def _chosen(parts: Sequence[str], options: Options) -> list[Callable[[Server, Path], str]]:
    size = options.page_size
    if options.quick:
        return [
            partial(speed.check, rows=3_000, page_size=700),
            partial(growth, sizes=(1_000, 3_000), page_size=700, rounds=1),
            partial(waiting, latencies=(5,), pages=3, page_size=700, rounds=1),
        ]
    if options.profile:
        contender = next((one for one in CONTENDERS if one.name == options.way), None)
        if contender is None:
            raise click.BadParameter(f"the ways are: {', '.join(repr(one.name) for one in CONTENDERS)}")
        return [partial(stages, contender=contender, rows=options.rows, page_size=size)]
    every: dict[str, Callable[[Server, Path], str]] = {
        "speed": partial(
            speed.compare, rows=options.rows, page_size=size, rounds=options.rounds, through_pipe=options.pipe
        ),
        "growth": partial(growth, sizes=options.sizes, page_size=size, rounds=options.rounds),
        "waiting": partial(
            waiting,
            latencies=options.latency,
            pages=options.pages,
            page_size=options.waited_page_size,
            rounds=options.rounds,
        ),
        "starting": lambda _server, _folder: starting(rounds=max(options.rounds, 5)),
        "tenant": partial(tenant, latency=50, connections=4),
    }
    return [every[part] for part in parts or PARTS]


def _machine() -> str:
    python = f"{platform.python_implementation()} {platform.python_version()}"
    sdk, requests = version("singer-sdk"), version("requests")
    return f"{python} on {platform.system()} {platform.machine()}, singer-sdk {sdk}, requests {requests}"


def _binding(client: Sequence[str], server_core: Sequence[str]) -> str:
    if not client:
        return "contenders and server on the same cores"
    return f"contenders on core {client[0]}, the server on core {server_core[0]}"


if __name__ == "__main__":
    main(prog_name="python -m bench")
