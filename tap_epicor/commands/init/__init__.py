"""`tap-epicor init`: from nothing to a configuration that works, by a few questions."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from tap_epicor.commands.tables import told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_epicor.commands.init.files import Change


@click.command(short_help="Ask for what is needed, try it, and write the configuration.")
@click.option("--url", help="Address of Kinetic, as a browser shows it.")
@click.option("--ssl-ca", help="PEM file of the authority that issued the server's certificate.")
@click.option("--company", help="Company ids, separated by commas.")
@click.option("--api-version", type=click.Choice(["v1", "v2"]), help="Version of the REST services.")
@click.option(
    "--auth-scheme",
    type=click.Choice(["Basic", "EpicorToken", "AzureADOpenID", "AzureServicePrincipal"]),
    help="How to sign in.",
)
@click.option("--user", help="Epicor user.")
@click.option("--azure-tenant", help="Tenant of Microsoft Entra ID.")
@click.option("--oauth-client-id", help="Client id of the app registration.")
@click.option("--service", help="`starter`, or names of services, separated by commas.")
@click.option("--baqs", help="BAQs by id, separated by commas.")
@click.option(
    "--to",
    "to",
    type=click.Choice(["meltano", "file"]),
    help="Write the settings into meltano.yml, or into config.json.",
)
@click.option("--untested", is_flag=True, help="Ask nothing of the server.")
@click.option("--yes", is_flag=True, help="Replace what is there already without a question.")
def init(*, to: str | None, untested: bool, yes: bool, **given: str | None) -> None:
    """Ask a few questions, try each answer at the server, and write the configuration.

    The address may be pasted as a browser shows it; which versions of the REST services there are is found out. A wrong
    answer is told as by the doctor, and asked for again. When all is answered, this is written into the working folder:
    the settings into meltano.yml (--to meltano) or config.json (--to file), passwords and keys into .env for its owner
    alone, and .env into .gitignore where there is a git repository. Comments and other plugins of a meltano.yml stay.

    Each question has an option, but secrets, which come from the environment (TAP_EPICOR_PASSWORD, TAP_EPICOR_API_KEY,
    TAP_EPICOR_OAUTH_CLIENT_SECRET). Without a terminal all must be given, and what is wrong ends the command with 1.

    Example: tap-epicor init

    Example: tap-epicor init --url https://erp.example.com/KineticLive --company EPIC06 --user reader --service starter
    """
    from tap_epicor.commands.configuration import in_environment  # noqa: PLC0415 - heavy
    from tap_epicor.commands.init.answers import Answers  # noqa: PLC0415
    from tap_epicor.commands.init.files import changes  # noqa: PLC0415
    from tap_epicor.commands.init.questions import Interview  # noqa: PLC0415
    from tap_epicor.settings import SECRETS  # noqa: PLC0415

    usual = in_environment()
    interactive = sys.stdin is not None and sys.stdin.isatty()
    secrets = {name: str(value) for name, value in usual.items() if name in SECRETS}
    answers = Answers(
        {**secrets, **{name: said for name, said in given.items() if said is not None}}, usual, interactive
    )
    interview = Interview(answers, usual, untested=untested)
    config = interview.hold()
    if to is None and interactive:
        to = click.prompt("Write the settings into", type=click.Choice(["meltano", "file"]), default="meltano")
    meltano = to != "file"

    def agreed(question: str) -> bool:
        if yes:
            return True
        if not interactive:
            raise click.ClickException(f"{question} --yes does so. Nothing is written.")
        return click.confirm(question, default=True)

    planned = changes(config, interview.there, meltano=meltano, agreed=agreed)
    if interactive and not yes:
        _show(planned)
        click.confirm("Write?", default=True, abort=True)
    for change in planned:
        change.write()
        told(f"{change.path} is written.")
    _tell_what_next(config, meltano=meltano)


def _show(planned: Sequence[Change]) -> None:
    click.echo("\nThis will be written:")
    for change in planned:
        click.echo(f"  {change.path}: {change.what}")


def _tell_what_next(config: dict[str, Any], *, meltano: bool) -> None:
    files = "--config config.json --config ENV"
    lines = ["tap-epicor login"] if config.get("auth_scheme") == "AzureADOpenID" else []
    if meltano:
        lines += ["meltano install", "meltano invoke tap-epicor:doctor", "meltano invoke tap-epicor:plan"]
        lines += ["meltano add target-postgres && meltano run tap-epicor target-postgres"]
    else:
        lines = [f"{line} {files}" for line in [*lines, "tap-epicor doctor", "tap-epicor plan"]]
        lines += [f"tap-epicor {files} | target-…"]
    click.echo("\nWhat to do next:")
    for line in lines:
        click.echo(f"  {line}")
