"""What is wrong with a configuration, all of it at once, each with its cure, before the first request."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
from fsspec import get_filesystem_class
from fsspec.utils import get_protocol
from singer_sdk.typing import NumberType

from tap_epicor.address import has_instance, holds_sign_in, is_readable, scheme_of
from tap_epicor.clock import duration, quiet_hours
from tap_epicor.settings import PROPERTIES, SECRETS
from tap_epicor.stream_settings import STREAM_SETTINGS, as_list

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

_ENTRA_SCHEMES = ("AzureADOpenID", "AzureServicePrincipal")
_ENTRA_DEFAULTS = {
    name: PROPERTIES[name].default for name in ("azure_tenant", "azure_authority", "initiate_oauth", "callback_url")
}
_NO_TENANT = ("organizations", "common", "consumers")
"""What stands for all tenants of a kind."""
_KEPT_AS_THEY_ARE = ("oauth_jwt_cert", "oauth_settings_key")
"""Settings in which spaces and line breaks may mean something: a certificate's content, and a passphrase of files."""
_NUMBERS = frozenset(name for name, setting in PROPERTIES.items() if isinstance(setting.wrapped, NumberType))
_SEVERAL = ("company", "service", "baqs")
_IN_HEADERS = ("api_key", "oauth_access_token", "user_agent")
_LAST_LATIN = 0xFF
_LONGEST_TIMEOUT = 86_400
"""Seconds: a day. Sockets can't wait for a few hundred years."""
_LONGEST_VALUE = 60
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
}
_PARTNERS = {
    "oauth_client_secret": "oauth_client_id",
    "oauth_jwt_cert": "oauth_client_id",
    "oauth_jwt_cert_type": "oauth_jwt_cert",
    "oauth_jwt_cert_password": "oauth_jwt_cert",
    "oauth_jwt_cert_subject": "oauth_jwt_cert",
    "oauth_verifier": "oauth_client_id",
    "oauth_refresh_token": "oauth_client_id",
}


def problems(config: Mapping[str, Any], known: Collection[str]) -> list[str]:
    """Return what is wrong with a configuration, a sentence each.

    Args:
        config: the configuration, of which each value is of the right type.
        known: the names of all settings.
    """
    return [
        *_unknown_names(config, known, "setting"),
        *_unknown_stream_settings(config),
        *_broken_lists(config),
        *_deletes(config),
        *_batches(config),
        *_clock(config),
        *_backfill(config),
        *client_problems(config),
        *_nothing_to_read(config),
    ]


def client_problems(config: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the settings that a client is made of, a sentence each."""
    return [*_address(config), *_version(config), *sign_in_problems(config), *_token(config), *_network(config)]


def sign_in_problems(config: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the settings of the sign-in alone, a sentence each."""
    return [*_unsendable(config), *_sign_in(config), *_oauth(config)]


def tidy(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration without empty settings, and without spaces and line breaks around texts.

    Numbers may come as text: Meltano has no kind of setting for a number that need not be whole which it can write.

    Args:
        config: the configuration as it was given.
    """
    stripped = {
        name: value.strip() if isinstance(value, str) and name not in _KEPT_AS_THEY_ARE else value
        for name, value in config.items()
    }
    given = {name: value for name, value in stripped.items() if value not in (None, "")}
    return {name: _number(value) if name in _NUMBERS else value for name, value in given.items()}


def _number(value: Any) -> Any:  # noqa: ANN401
    """Return the number that a text stands for; whatever else it is stays, to be told."""
    try:
        return msgspec.json.decode(value, type=int | float) if isinstance(value, str) else value
    except ValueError:
        return value


def misfit(error: Any) -> str:  # noqa: ANN401
    """Return a sentence for a setting that does not fit the schema: its name first, and no secret.

    Args:
        error: the ValidationError of `jsonschema`, which has no types.
    """
    path = [str(part) for part in error.absolute_path]
    if not path:
        return f"The configuration as a whole breaks the rule {error.validator} ({_shown(error.validator_value)})."
    name, *inner = path
    where = f"`{name}`" + "".join(f", {part!r}" for part in inner)
    shown = "" if name in SECRETS else f" is {_shown(error.instance)}"
    wanted = error.validator_value
    if error.validator == "type":
        types = [wanted] if isinstance(wanted, str) else wanted
        must = " or ".join(_TYPES[one] for one in types if one != "null")
    elif error.validator in {"enum", "minimum", "maximum", "exclusiveMinimum"}:
        must = {
            "enum": f"one of {_shown(wanted)}",
            "minimum": f"{wanted} or more",
            "maximum": f"{wanted} or less",
            "exclusiveMinimum": f"more than {wanted}",
        }[str(error.validator)]
    else:
        return f"{where}{shown}: it breaks the rule {error.validator} ({_shown(wanted)})."
    return f"{where}{shown}: it must be {must}."


def nearest(name: str, known: Collection[str]) -> str:
    """Return a hint at the name that was probably meant, or an empty text."""
    by_lower = {one.lower(): one for one in known}
    matches = get_close_matches(name.lower(), list(by_lower), n=1)
    return f"; did you mean {by_lower[matches[0]]!r}?" if matches else ""


def _unknown_names(given: Mapping[str, Any], known: Collection[str], what: str) -> Iterator[str]:
    for name in given:
        if name not in known:
            yield f"There is no {what} {name!r}{nearest(name, known) or ': remove it.'}"


def _unknown_stream_settings(config: Mapping[str, Any]) -> Iterator[str]:
    known = STREAM_SETTINGS.wrapped
    for stream, values in (config.get("streams") or {}).items():
        yield from _unknown_names(values, known, f"setting of a stream (`streams`, {stream!r})")


def _deletes(config: Mapping[str, Any]) -> Iterator[str]:
    """Tell where `deletes` can't be had; that a set has no key at all is seen only when it is known."""
    sweeping = {
        stream: values for stream, values in (config.get("streams") or {}).items() if values.get("deletes") == "sweep"
    }
    if sweeping and not config.get("key_store"):
        yield (
            f"`key_store` is missing: `deletes` (`streams`, {next(iter(sweeping))!r}) keeps there which rows there "
            "were. Give a folder that lasts from run to run, or an address such as s3://bucket/keys."
        )
    for stream, values in sweeping.items():
        where = f"(`streams`, {stream!r})"
        if "key" in values and not as_list(values["key"]):
            yield f"`deletes` is of no use without `key` {where}: name the columns that tell rows apart, or remove it."
        if values.get("replication_parameter"):
            yield (
                f"`deletes` can't be had with `replication_parameter` {where}: such a query returns what changed, and "
                "that a row is missing tells nothing. Remove one of them."
            )
    if sweeping and config.get("key_store"):
        try:
            get_filesystem_class(get_protocol(config["key_store"]))
        except (ImportError, ValueError) as exc:
            yield f"`key_store` is at an address that can't be used: {exc}"


def _batches(config: Mapping[str, Any]) -> Iterator[str]:
    """Tell what is wrong with `batch_config`, which the SDK hands on as it is."""
    given = config.get("batch_config")
    if given is None:
        return
    known = {"encoding": ("format", "compression"), "storage": ("root", "prefix", "params")}
    yield from _unknown_names(given, (*known, "batch_size"), "part of `batch_config`")
    for part, names in known.items():
        yield from _unknown_names(given.get(part) or {}, names, f"part of `batch_config`, {part!r},")
    if not (given.get("encoding") or {}).get("format"):
        yield "`batch_config` has no format: give encoding, format jsonl or parquet."
    elif given["encoding"]["format"] == "parquet" and find_spec("pyarrow") is None:
        yield "`batch_config` wants parquet, which needs pyarrow: pip install 'tap-epicor[parquet]', or take jsonl."
    size = given.get("batch_size", 1)
    if type(size) is not int or size < 1:
        yield f"`batch_config`, 'batch_size' is {_shown(size)}: it must be a whole number, 1 or more."
    root = (given.get("storage") or {}).get("root")
    if not root:
        yield "`batch_config` has no place for files: give storage, root, a folder or an address as s3://bucket/folder."
        return
    try:
        get_filesystem_class(get_protocol(root))
    except (ImportError, ValueError) as exc:
        yield f"`batch_config`, storage, root is at an address that can't be used: {exc}"


def _backfill(config: Mapping[str, Any]) -> Iterator[str]:
    for stream, values in (config.get("backfill") or {}).items():
        if values.get("since") is None and values.get("until") is None:
            yield f"`backfill`, {stream!r} has neither `since` nor `until`: give one, such as 2024-01-31."
    if config.get("backfill") and config.get("shard"):
        yield "`backfill` and `shard` are two runs: remove one of them."


def _clock(config: Mapping[str, Any]) -> Iterator[str]:
    for name, read in (("max_duration", duration), ("quiet_hours", quiet_hours)):
        try:
            if name in config:
                read(config[name])
        except ValueError as exc:
            yield f"`{name}` is {_shown(config[name])}: {exc}."


def _broken_lists(config: Mapping[str, Any]) -> Iterator[str]:
    lists = {f"`{name}`": config.get(name) for name in _SEVERAL}
    for stream, values in (config.get("streams") or {}).items():
        lists |= {f"`{name}` of {stream!r} in `streams`": values.get(name) for name in ("key", "select", "expand")}
    for name, value in lists.items():
        try:
            as_list(value)
        except (ValueError, RecursionError):
            yield f'{name} begins with \'[\', but is not a JSON list: write it as ["A", "B"] or as A,B.'


def _address(config: Mapping[str, Any]) -> Iterator[str]:
    if not config.get("url"):
        yield "`url` is missing: give the address of the server, such as https://erp.example.com/KineticLive."
        return
    if not is_readable(config):
        yield "`url` is no address: write it as https://erp.example.com/KineticLive (an IPv6 address in [ and ])."
        return
    if scheme_of(config) not in {"http", "https"}:
        yield f"`url` begins with {scheme_of(config)}://: it must be http:// or https://."
    if holds_sign_in(config):
        yield "`url` holds a user or password: give them in `user` and `password`, where they are kept secret."
    if not has_instance(config):
        yield "`erp_instance` is missing: give the instance's name, the first part of the browser's path."


def _nothing_to_read(config: Mapping[str, Any]) -> Iterator[str]:
    if not config.get("service") and not config.get("baqs"):
        yield "`service` is empty: name at least one service, such as Erp.BO.CustomerSvc, or BAQs in `baqs`."


def _version(config: Mapping[str, Any]) -> Iterator[str]:
    if config.get("api_version") == "v2":
        if not config.get("company"):
            yield "`company` is missing: API v2 has it in every address. Give the company's id, or several."
        if not config.get("api_key"):
            yield "`api_key` is missing: API v2 always wants one. Make it in Kinetic's API Key Maintenance."


def _shown(value: object) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…"


def _unsendable(config: Mapping[str, Any]) -> Iterator[str]:
    """Tell what can't stand in a header or an address, without its value."""
    for name, value in config.items():
        if _has_half_a_character(value):
            yield f"`{name}` holds half of a character, or a byte that is no UTF-8: write it again."
            continue
        if not isinstance(value, str) or name in _KEPT_AS_THEY_ARE or name in _SEVERAL:
            continue
        if _CONTROL.search(value):
            yield f"`{name}` holds a line break or another control character: copy it again, in one line."
        elif name in _IN_HEADERS and not _is_latin(value):
            yield f"`{name}` holds a character that can't be sent in a header: copy it again, without look-alikes."


def _has_half_a_character(value: object) -> bool:
    """Return whether there is a lone surrogate in a value: no request can hold it, nor a key or certificate."""
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        return True
    return False


def _is_latin(text: str) -> bool:
    return all(ord(letter) <= _LAST_LATIN for letter in text)


def _sign_in(config: Mapping[str, Any]) -> Iterator[str]:
    scheme = config.get("auth_scheme", "Basic")
    if scheme in {"Basic", "EpicorToken"}:
        for name in ("user", "password"):
            if not config.get(name):
                yield f"`{name}` is missing: `auth_scheme` {scheme} signs in with an Epicor user and a password."


def _oauth(config: Mapping[str, Any]) -> Iterator[str]:
    scheme = config.get("auth_scheme", "Basic")
    given = [
        name
        for name, value in config.items()
        if name.startswith("oauth_") or (name in _ENTRA_DEFAULTS and value != _ENTRA_DEFAULTS[name])
    ]
    if scheme not in _ENTRA_SCHEMES:
        if given:
            names = ", ".join(f"`{name}`" for name in given)
            yield f"{names} would have no effect with `auth_scheme` {scheme}: choose AzureADOpenID, or remove it."
        return
    if not config.get("oauth_client_id") and not config.get("oauth_access_token"):
        yield f"`oauth_client_id` is missing: `auth_scheme` {scheme} signs in through an app registration."
    yield from _addresses_of_sign_in(config)
    for name, partner in _PARTNERS.items():
        if config.get(name) and not config.get(partner):
            yield f"`{name}` is of no use without `{partner}`: give that too, or remove it."
    secret = config.get("oauth_client_secret") or config.get("oauth_jwt_cert")
    if scheme == "AzureServicePrincipal" and config.get("oauth_client_id"):
        yield from _service_principal(config, secret)
    if config.get("oauth_client_secret") and config.get("oauth_jwt_cert"):
        yield "`oauth_client_secret` and `oauth_jwt_cert` are two ways of doing the same: keep one."


def _service_principal(config: Mapping[str, Any], secret: object) -> Iterator[str]:
    if not secret:
        yield "`oauth_client_secret` or `oauth_jwt_cert` is missing: an app signs in as itself with one of them."
    if str(config.get("azure_tenant") or "organizations").lower() in _NO_TENANT:
        yield "`azure_tenant` names no tenant: an app signs in as itself in one, so give the tenant's id or domain."
    if config.get("oauth_access_token"):
        yield "`oauth_access_token` would have no effect, since the app gets its own: remove it, or `oauth_client_id`."


def _addresses_of_sign_in(config: Mapping[str, Any]) -> Iterator[str]:
    if not _is_address(config.get("callback_url") or ""):
        yield "`callback_url` is no address: write it as http://localhost:33333."
    authority = config.get("azure_authority") or "https://"
    if not authority.startswith("https://") or not _is_address(authority):
        yield "`azure_authority` must begin with https://, as https://login.microsoftonline.us."


def _is_address(url: str) -> bool:
    try:
        urlsplit(url).port  # noqa: B018
    except ValueError:
        return False
    return True


def _token(config: Mapping[str, Any]) -> Iterator[str]:
    if config.get("auth_scheme") != "AzureADOpenID" or config.get("oauth_access_token"):
        return
    if config.get("initiate_oauth", "OFF") == "OFF":
        yield (
            "`initiate_oauth` is OFF, which uses only what the settings hold, and there is no `oauth_access_token`: "
            "set it to REFRESH, after `tap-epicor login`."
        )


def _network(config: Mapping[str, Any]) -> Iterator[str]:
    if not float(config.get("timeout", 0)) <= _LONGEST_TIMEOUT:
        yield f"`timeout` is {config['timeout']} seconds: it must be {_LONGEST_TIMEOUT} or less."
    bundle = config.get("ssl_ca")
    if bundle and not _is_file(bundle):
        yield f"`ssl_ca` names a file that is not there: {bundle}"
    proxy = config.get("proxy_url")
    if proxy and "://" not in proxy:
        yield "`proxy_url` has no scheme: write it as http://host:port."


def _is_file(path: str) -> bool:
    try:
        return Path(path).is_file()
    except OSError:
        return False


def secrets_in(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the secret values of a configuration, which must never be shown: also user and password as one."""
    alone = tuple(str(config[name]) for name in SECRETS if config.get(name))
    with suppress(ValueError):
        alone += tuple(filter(None, [urlsplit(str(config.get("proxy_url") or "")).password]))
    if config.get("user") and config.get("password"):
        return (*alone, f"{config['user']}:{config['password']}")
    return alone
