"""`tap-epicor login` and `tap-epicor oauth …`: a user's consent, and what became of it."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from tap_epicor.commands.configuration import checked, config_option

MODES = click.Choice(["APP", "WEB"], case_sensitive=False)


@click.command()
@config_option
@click.option("--device", is_flag=True, help="Consent on any other device, with a code to type.")
@click.option(
    "--timeout",
    type=click.IntRange(1, 86400),
    help="Seconds to wait for you; by default 300 for the browser, and with --device as long as the code lasts.",
)
def login(config: dict[str, Any], timeout: int | None, *, device: bool) -> None:
    """Sign in with Microsoft Entra ID, once: the tokens are kept and renewed.

    Example: tap-epicor login --config config.json
    """
    procedures = _procedures(_lasting(config))
    procedures.login(device=device, timeout=timeout, show=_tell)
    _tell(f"You are signed in. The tokens are kept in {procedures.vault.location}.")


@click.group()
def oauth() -> None:
    """Sign in step by step, for web applications and machines without a browser.

    Example: tap-epicor oauth authorization-url --config config.json
    """


@oauth.command("authorization-url")
@config_option
@click.option(
    "--auth-mode",
    type=MODES,
    default="APP",
    help="APP: the callback is on this machine. WEB: it is a web application's own.",
)
@click.option("--callback-url", help="Where the browser comes back to; WEB wants it.")
@click.option("--permissions", help="Scopes to ask for instead of `oauth_scope`.")
@click.option("--state", help="What the answer must repeat; random where left out.")
@click.option("--prompt", help="What Microsoft is to ask, such as consent or select_account.")
def authorization_url(  # noqa: PLR0913, PLR0917
    config: dict[str, Any],
    auth_mode: str,
    callback_url: str | None,
    permissions: str | None,
    state: str | None,
    prompt: str | None,
) -> None:
    """Print the address at which a user consents, as JSON.

    Example: tap-epicor oauth authorization-url --config config.json
    """
    if auth_mode.upper() == "WEB" and not callback_url:
        raise click.UsageError("--auth-mode WEB wants --callback-url: the web application's own redirect address.")
    _print(_procedures(_lasting(config), permissions).authorization_url(callback_url, state, prompt))


@oauth.command("access-token")
@config_option
@click.option("--auth-mode", type=MODES, expose_value=False, help="Either: what the address was made with holds.")
@click.option("--verifier", required=True, help="The code that came back, or the whole callback URL.")
def access_token(config: dict[str, Any], verifier: str) -> None:
    """Print the tokens for a consent, as JSON, and keep them.

    Example: tap-epicor oauth access-token --config config.json --verifier CODE
    """
    _print(_procedures(_lasting(config)).access_token(verifier))


@oauth.command("refresh-token")
@config_option
@click.option("--refresh-token", help="The refresh token; the kept one where left out.")
def refresh_token(config: dict[str, Any], refresh_token: str | None) -> None:
    """Print new tokens for those that are kept, as JSON, and keep them.

    Example: tap-epicor oauth refresh-token --config config.json
    """
    _print(_procedures(config).refresh_token(refresh_token))


@oauth.command("show")
@config_option
def show(config: dict[str, Any]) -> None:
    """Print what is kept, as JSON without secrets.

    Where it is kept, for which account and scopes, and when it ends.

    Example: tap-epicor oauth show --config config.json
    """
    procedures = _procedures(config)
    entries = procedures.show()
    if not entries:
        _tell("Nobody has signed in yet: run `tap-epicor login`.")
    _print({"OAuthSettingsLocation": procedures.vault.location, "SignedIn": entries})


def _procedures(config: dict[str, Any], permissions: str | None = None) -> Any:  # noqa: ANN401
    from tap_epicor.auth.procedures import Procedures  # noqa: PLC0415
    from tap_epicor.connection import transport  # noqa: PLC0415

    checked(config)
    return Procedures(config, transport(config), permissions)


def _lasting(config: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration whose tokens outlive the command."""
    if str(config.get("oauth_settings_location")).startswith("memory://"):
        raise click.UsageError(
            "`oauth_settings_location` begins with memory://, where all is forgotten when this command ends: "
            "give the path of a file."
        )
    return config


def _print(answer: dict[str, Any]) -> None:
    click.echo(json.dumps(answer))


def _tell(text: str) -> None:
    click.echo(text, file=sys.stderr)
