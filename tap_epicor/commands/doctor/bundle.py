"""A file to attach to a report: what was found, and nothing that is the company's own business.

There are no rows in it, no values of rows, no secrets. The server, the instance, companies, sites, users and paths are
called SERVER, COMPANY and so on; filters, parameters and start values are said to be set, and no more. The names of
services, sets, columns and BAQs stay, since a report is about them.
"""

from __future__ import annotations

import platform
import re
import ssl
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from tap_epicor.address import base_url, has_instance, is_readable
from tap_epicor.checks import secrets_in
from tap_epicor.commands.doctor.report import as_json
from tap_epicor.kinetic.errors import redact
from tap_epicor.settings import PROPERTIES
from tap_epicor.stream_settings import as_list

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tap_epicor.commands.doctor.check import Check

_PACKAGES: Final = ("tap-epicor", "singer-sdk", "requests", "urllib3", "msal", "msgspec", "cryptography")
_SHOWN: Final = frozenset({"api_version", "auth_scheme", "license_type", "initiate_oauth", "service", "baqs"})
"""Settings whose values are texts, and nobody's secret; numbers and choices are shown, too."""
_SHOWN_OF_STREAMS: Final = frozenset(
    {"key", "replication_key", "select", "page_size", "deletes", "replication_parameter"}
)
_SET: Final = "(set)"
_SHORTEST: Final = 3
"""Letters below which a text of unknown settings is not looked for: it would be found everywhere."""
_ADDRESS: Final = re.compile(
    r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])|(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{1,4}(?![\w:])"
)


def bundle(config: Mapping[str, Any], checks: Sequence[Check], seconds: float) -> dict[str, Any]:
    """Return what goes into the file.

    Args:
        config: the configuration.
        checks: the checks as they were done.
        seconds: how long they took.
    """
    names = sorted(_names(config), key=lambda pair: len(pair[0]), reverse=True)
    told: dict[str, Any] = _hidden(as_json(checks, seconds), names, secrets_in(config))
    return {
        "about": "made by `tap-epicor doctor --bundle`; read it before you send it",
        "versions": {**_versions(), "python": platform.python_version(), "openssl": ssl.OPENSSL_VERSION},
        "platform": platform.platform(),
        "settings": {name: _setting(name, value) for name, value in sorted(config.items())},
        **told,
    }


def _setting(name: str, value: Any) -> Any:  # noqa: ANN401
    prop = PROPERTIES.get(name)
    if prop is None or prop.secret:
        return _SET
    if name == "streams":
        return {
            str(stream): {one: said if one in _SHOWN_OF_STREAMS else _SET for one, said in values.items()}
            for stream, values in value.items()
        }
    if name == "company":
        return f"({len(as_list(value))} set)"
    is_choice = bool(prop.to_dict()[name].get("enum"))
    return value if name in _SHOWN or is_choice or isinstance(value, int | float) else _SET


def _names(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is the company's own, and what stands for it."""
    if config.get("url") and is_readable(config):
        url = urlsplit(base_url(config))
        yield url.netloc, "SERVER"
        yield url.hostname or "", "SERVER"
        # The certificate may be for all of its domain.
        yield (url.hostname or "").partition(".")[2], "DOMAIN"
        if has_instance(config):
            yield url.path.strip("/").rpartition("/")[2], "INSTANCE"
    if config.get("proxy_url"):
        proxy = urlsplit(config["proxy_url"])
        yield from ((part, "PROXY") for part in (proxy.netloc, proxy.hostname, proxy.username, proxy.password) if part)
    yield from ((company, "COMPANY") for company in as_list(config.get("company")))
    for name, value in config.items():
        if _setting(name, value) == _SET and value != getattr(PROPERTIES.get(name), "default", None):
            yield from ((text, name.upper()) for text in _texts(value))
    for values in (config.get("streams") or {}).values():
        told = [values.get("filter"), list((values.get("parameters") or {}).values())]
        yield from ((text, "VALUE") for text in _texts(told))


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401
    if isinstance(value, str) and len(value) >= _SHORTEST:
        yield value
        # What stands in quotes within an expression, as a salt does in a stream map.
        yield from (text for text in re.findall(r"'([^']+)'", value) if len(text) >= _SHORTEST)
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)


def _hidden(content: Any, names: Sequence[tuple[str, str]], secrets: Sequence[str]) -> Any:  # noqa: ANN401
    if isinstance(content, dict):
        return {_hidden(name, names, secrets): _hidden(value, names, secrets) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [_hidden(value, names, secrets) for value in content]
    if not isinstance(content, str):
        return content
    text = redact(content, secrets)
    for name, stands_for in names:
        for form in {name, quote(name, safe="")} - {""}:
            text = re.sub(rf"(?<!\w){re.escape(form)}(?!\w)", stands_for, text, flags=re.IGNORECASE)
    return _ADDRESS.sub("ADDRESS", text)


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
