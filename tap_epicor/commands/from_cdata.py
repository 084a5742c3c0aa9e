"""`tap-epicor from-cdata`: a connection string of the commercial provider becomes a configuration."""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

import click

from tap_epicor.address import holds_sign_in
from tap_epicor.checks import problems
from tap_epicor.commands.connection_string import PROPERTIES, ConnectionStringError, read
from tap_epicor.commands.env_file import env_line
from tap_epicor.settings import GROUPS, SECRETS
from tap_epicor.settings import PROPERTIES as SETTINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_HELP = """Turn a connection string of CData's provider for Kinetic into a configuration.

CONNECTION_STRING may be in the form of ADO.NET, JDBC or ODBC; `-` reads it from standard input, where it does not stand
in the shell's history. The configuration goes to standard output, without secrets: these go to a file only, by --env
or --output.

Example: tap-epicor from-cdata - --env .env < connection.txt > config.json
"""
_ENTRA: Final = tuple(prop.name for prop in GROUPS["Signing in with Microsoft Entra ID"])
_SCHEMES: Final = {
    "basic": "Basic",
    "epicortoken": "EpicorToken",
    "azuread": "AzureADOpenID",
    "azureadopenid": "AzureADOpenID",
    "azureserviceprincipal": "AzureServicePrincipal",
    "azureserviceprincipalcert": "AzureServicePrincipal",
}
_NO = ("", "false", "no", "off", "0")


@dataclass
class Conversion:
    """A configuration, and what there is to say of how it came about.

    Attributes:
        config: the configuration, secrets included.
        notes: what could not be taken over, a sentence each.
    """

    config: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def convert(text: str) -> Conversion:
    """Return the configuration that does what a connection string does.

    Args:
        text: the connection string.

    Raises:
        ConnectionStringError: if it can't be taken apart.
    """
    given = read(text)
    values = {name: value for name, value in given.values.items() if value}
    result = Conversion(notes=given.unknown)
    for prop in PROPERTIES:
        if prop.name not in values or _is_proxy(prop.name):
            continue
        if prop.setting is None:
            result.notes.append(f"`{prop.name}` is left out: {prop.word}.")
            continue
        try:
            result.config[prop.setting] = _CONVERTERS.get(prop.setting, str)(values[prop.name])
        except ValueError as exc:
            result.notes.append(f"`{prop.name}` is left out: {exc}.")
    _leave_out_query(result)
    _add_proxy(values, result)
    _leave_out_what_has_no_effect(result)
    return result


def _leave_out_query(result: Conversion) -> None:
    """Leave out what stands in the address after its path: the tap does not send it, and keys are given so."""
    url, *more = re.split(r"[?#]", result.config.get("url", ""), maxsplit=1)
    if more:
        result.config["url"] = url
        result.notes.append("What stands in `URL` after its path is left out: give an API key in `api_key`.")


def _names(value: str) -> str | list[str]:
    names = [name.strip() for name in re.split(r"[,;]", value) if name.strip()]
    return names if len(names) > 1 else "".join(names)


def _api_version(value: str) -> str:
    found = re.fullmatch(r"v?([12])(\.0)?", value.lower())
    if not found:
        raise ValueError("it is neither v1 nor v2")
    return f"v{found[1]}"


def _auth_scheme(value: str) -> str:
    if value.lower() not in _SCHEMES:
        raise ValueError(f"the tap does not sign in so; it knows {', '.join(dict.fromkeys(_SCHEMES.values()))}")
    return _SCHEMES[value.lower()]


def _initiate_oauth(value: str) -> str:
    if value.upper() not in {"OFF", "REFRESH", "GETANDREFRESH"}:
        raise ValueError("it is none of OFF, GETANDREFRESH and REFRESH")
    return value.upper()


def _positive(value: str) -> int:
    if not re.fullmatch(r"0*[1-9][0-9]{0,8}", value, re.ASCII):
        raise ValueError("only a whole number above 0 can be given; the default stays")
    return int(value)


def _authority_file(value: str) -> str:
    if value == "*":
        raise ValueError("the tap trusts no server blindly; give the file of the authority's certificate in `ssl_ca`")
    if "-----BEGIN" in value:
        raise ValueError("write the certificate to a file, and give its path in `ssl_ca`")
    if re.fullmatch(r"(?:[0-9A-Fa-f]{2}[\s:]?){16,32}", value):
        raise ValueError("a thumbprint can't be given; give the file of the certificate in `ssl_ca`")
    return value


def _settings_location(value: str) -> str:
    if not value.startswith("memory://"):
        raise ValueError("the provider's own file can't be read; give one for the tap in `oauth_settings_location`")
    return value


_CONVERTERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "api_version": _api_version,
    "auth_scheme": _auth_scheme,
    "company": _names,
    "initiate_oauth": _initiate_oauth,
    "oauth_jwt_cert_type": str.upper,
    "oauth_settings_location": _settings_location,
    "page_size": _positive,
    "service": _names,
    "ssl_ca": _authority_file,
    "timeout": _positive,
}


def _is_proxy(name: str) -> bool:
    return name.startswith("Firewall") or (name.startswith("Proxy") and name != "ProxyExceptions")


def _add_proxy(values: Mapping[str, str], result: Conversion) -> None:
    if "ProxyServer" in values:
        _add_proxy_url(values, "Proxy", result)
    if values.get("FirewallType", "NONE").upper() != "NONE":
        if values["FirewallType"].upper() == "TUNNEL" and "FirewallServer" in values and "ProxyServer" not in values:
            _add_proxy_url(values, "Firewall", result)
        else:
            result.notes.append("`FirewallType` is left out: only TUNNEL, with no `ProxyServer`, can be a `proxy_url`.")
    if values.get("ProxyAutoDetect", "").lower() not in _NO:
        held = "`proxy_url` holds" if "proxy_url" in result.config else "the environment's `HTTPS_PROXY` holds"
        result.notes.append(f"`ProxyAutoDetect` is left out: the tap does not look for a proxy, {held}.")


def _add_proxy_url(values: Mapping[str, str], what: str, result: Conversion) -> None:
    way = values.get(f"{what}AuthScheme", "BASIC").upper()
    if way not in {"BASIC", "NONE"}:
        result.notes.append(f"`ProxyAuthScheme` {way} is not supported: the proxy is given the password by BASIC.")
    user = values.get(f"{what}User") if way != "NONE" else None
    password = values.get(f"{what}Password", "")
    sign_in = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user else ""
    scheme = "https" if values.get(f"{what}SSLType", "").upper() == "ALWAYS" else "http"
    try:
        scheme, place = _place(values[f"{what}Server"], values.get(f"{what}Port"), scheme)
    except ValueError:
        result.notes.append(f"`{what}Server` is left out: with `{what}Port` it makes no address.")
        return
    result.config["proxy_url"] = f"{scheme}://{sign_in}{place}"


def _place(server: str, port: str | None, scheme: str) -> tuple[str, str]:
    """Scheme, and host with port, of a server that may be written with them."""
    parts = urlsplit(server if "://" in server else f"{scheme}://{server}")
    if not parts.hostname:
        raise ValueError("no host")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return parts.scheme, f"{host}:{_positive(port) if port else parts.port or 80}"


def _leave_out_what_has_no_effect(result: Conversion) -> None:
    scheme = result.config.get("auth_scheme", "Basic")
    if scheme.startswith("Azure"):
        return
    for prop in PROPERTIES:
        if prop.setting in _ENTRA and prop.setting in result.config:
            del result.config[prop.setting]
            result.notes.append(f"`{prop.name}` is left out: it has no effect with `AuthScheme` {scheme}.")


def secret_names(config: Mapping[str, Any]) -> list[str]:
    """Return the settings of a configuration that must not be shown, addresses with a password in them included."""
    addresses = [name for name in ("url", "proxy_url") if name in config and holds_sign_in({"url": config[name]})]
    return [name for name in config if name in SECRETS or name in addresses]


def property_table() -> str:
    """Return a table of the provider's properties: the setting for each, or why there is none."""
    rows = []
    for prop in PROPERTIES:
        names = f"`{prop.name}`" + (f" ({', '.join(prop.aliases)})" if prop.aliases else "")
        rows.append(f"| {names} | {f'`{prop.setting}`' if prop.setting else 'none'} | {prop.word} |")
    return "\n".join(["", "| Property | Setting | |", "|---|---|---|", *rows, "", ""])


@click.command("from-cdata", help=_HELP)
@click.argument("connection_string")
@click.option("--output", type=click.Path(path_type=Path), help="Write the configuration to this new file.")
@click.option("--env", type=click.Path(path_type=Path), help="Write the secrets to this new file, in .env form.")
def from_cdata(connection_string: str, output: Path | None, env: Path | None) -> None:
    """Prints or writes the configuration; what there is to say goes to standard error."""
    for path in (output, env):
        if path and path.exists():
            raise click.ClickException(f"{path} is there already: name another file, or remove it.")
    if output and env and output.resolve() == env.resolve():
        raise click.ClickException("--output and --env are two files: the tap reads the secrets from one of their own.")
    text = sys.stdin.read() if connection_string == "-" else connection_string
    try:
        result = convert(text)
    except ConnectionStringError as exc:
        raise click.ClickException(str(exc)) from exc
    if not result.config:
        raise click.ClickException("The connection string holds nothing that the tap knows: give all of it.")
    hidden = secret_names(result.config)
    _write(result.config, hidden, output, env)
    for note in result.notes:
        click.echo(note, err=True)
    for problem in problems(result.config, SETTINGS):
        click.echo(f"To mend: {problem}", err=True)


def _write(config: Mapping[str, Any], hidden: list[str], output: Path | None, env: Path | None) -> None:
    open_part = {name: value for name, value in config.items() if name not in hidden}
    secrets = ", ".join(f"`{name}`" for name in hidden)
    if env and hidden:
        _new_file(env, "".join(env_line(name, config[name]) for name in hidden))
        click.echo(f"The secrets ({secrets}) are in {env}.", err=True)
        if env.name == ".env":
            click.echo("Run the tap beside it with  --config CONFIG --config ENV  to read both.", err=True)
    elif env:
        click.echo(f"There is no secret to write to {env}.", err=True)
    if output:
        _new_file(output, f"{json.dumps(open_part if env else config, indent=2, ensure_ascii=False)}\n")
        click.echo(f"The configuration is in {output}.", err=True)
        return
    click.echo(json.dumps(open_part, indent=2, ensure_ascii=False))
    if hidden and not env:
        click.echo(f"Secrets are not shown: {secrets}. Write them to a file by --env .env or --output FILE.", err=True)


def _new_file(path: Path, text: str) -> None:
    """Write a file that only its owner may read, and none that is there already."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as exc:
        raise click.ClickException(f"{path} can't be written: {exc.strerror}") from exc
    with open(descriptor, "w", encoding="utf-8", newline="\n") as file:  # noqa: PTH123 - of a descriptor
        file.write(text)
