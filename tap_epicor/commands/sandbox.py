"""`tap-epicor sandbox`: a stand-in Epicor server to try the tap against."""

from __future__ import annotations

import json
from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import click
import requests

from tap_epicor.sandbox.launch import COMPANIES, Launch
from tap_epicor.sandbox.switches import Switches

if TYPE_CHECKING:
    from tap_epicor.sandbox.server import Address

_START = """Start a stand-in Epicor Kinetic server with believable data.

Options below --first-revision choose what it does where real servers differ.

Example: tap-epicor sandbox --port 8080 --scale 10000
"""
_CHANGE = """Let rows come, change and go on a running sandbox.

Example: tap-epicor sandbox change --url http://127.0.0.1:8080/kinetic --inserts 10 --updates 20 --deletes 5
"""


def _options() -> list[click.Parameter]:
    """The options of the start: each field of `Launch` and `Switches`."""
    options: list[click.Parameter] = []
    for group in (Launch, Switches):
        hints = get_type_hints(group)
        options += [
            _option(one.name, hints[one.name], one.default, one.metadata["help"])
            for one in fields(group)
            if one.name != "switches"
        ]
    return options


def _option(name: str, hint: Any, default: Any, text: str) -> click.Option:  # noqa: ANN401 - as dataclasses say it
    flag = f"--{name.replace('_', '-')}"
    if name == "company":
        return click.Option([flag], multiple=True, default=COMPANIES, show_default=True, help=text)
    choices = get_args(hint)
    kind = click.Choice(choices) if choices else hint
    return click.Option([flag, name], type=kind, default=default, show_default=default != "", help=text)


@click.pass_context
def _start(context: click.Context, /, **chosen: Any) -> None:  # noqa: ANN401 - the options above
    """Serves until it is interrupted."""
    if context.invoked_subcommand is not None:
        return
    try:
        from tap_epicor.sandbox import server  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"The sandbox needs {error.name}: install it with  pip install 'tap-epicor[sandbox]'"
        ) from error
    switches = Switches(**{one.name: chosen.pop(one.name) for one in fields(Switches)})
    click.echo("Preparing the rows …")
    launch = Launch(**chosen, switches=switches)
    server.run(launch, partial(_describe, launch.company[0]))


def _describe(company: str, address: Address) -> None:
    """Tells a person where the server listens and what to do with it."""
    sample = {
        "url": address.url,
        "api_version": "v2",
        "company": company,
        "user": address.user,
        "password": address.password,
        "api_key": address.api_key,
        "service": ["Erp.BO.CustomerSvc", "Erp.BO.PartSvc"],
    }
    click.echo(f"Listening at {address.url}  (rows in {address.database})")
    click.echo(f"Sign in as {address.user} / {address.password}, with the API key {address.api_key}")
    click.echo(f"A configuration for the tap:\n{json.dumps(sample, indent=2)}")
    click.echo(f"To change rows:  tap-epicor sandbox change --url {address.url} --inserts 10 --updates 10 --deletes 5")
    click.echo("Stop it with Ctrl+C.")


sandbox = click.Group("sandbox", help=_START, params=_options(), callback=_start, invoke_without_command=True)


@sandbox.command("change", help=_CHANGE)
@click.option("--url", required=True, help="Where the sandbox listens, as it says when it starts.")
@click.option("--inserts", default=0, show_default=True, help="Rows to come.")
@click.option("--updates", default=0, show_default=True, help="Rows to change.")
@click.option("--deletes", default=0, show_default=True, help="Rows to go.")
@click.option("--seed", default=0, show_default=True, help="Another seed, other rows.")
def change(url: str, inserts: int, updates: int, deletes: int, seed: int) -> None:
    """Posts the demand to the sandbox and prints what changed."""
    demand = {"inserts": inserts, "updates": updates, "deletes": deletes, "seed": seed}
    origin = "/".join(url.split("/")[:3])
    try:
        response = requests.post(f"{origin}/sandbox/change", json=demand, timeout=600)
        response.raise_for_status()
        changed = response.json()
    except requests.RequestException as error:
        raise click.ClickException(f"The sandbox at {origin} did not make the changes: {error}") from error
    for kind in ("inserted", "updated", "deleted"):
        listed = ", ".join(f"{table} {rows}" for table, rows in sorted(changed[kind].items()))
        click.echo(f"{kind:>8}: {listed or 'nothing'}")
    click.echo(f"The highest revision is now {changed['revision']}.")
