"""From the settings to an instance that answers, before anything is signed in to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import requests
from requests.utils import get_environ_proxies, select_proxy

from tap_epicor.address import base_url
from tap_epicor.commands.configuration import faults
from tap_epicor.commands.doctor.check import Check, Examination
from tap_epicor.connection import CONNECT_TIMEOUT, connect
from tap_epicor.kinetic.errors import (
    Denied,
    KineticError,
    NotFound,
    ServerFailed,
    SignInRefused,
    Unreachable,
    UnreadableAnswer,
)
from tap_epicor.kinetic.patience import Patience
from tap_epicor.kinetic.reach import Certificate, certificate, look_up, open_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_epicor.kinetic.client import Kinetic

BRIEFLY: Final = Patience(tries=2, first_tries=2, failed_tries=1, in_all=10)
"""A check tells what comes back; what a second later is gone stops no sync, and is no answer."""

_SOON: Final = 30
"""Days before its end in which a certificate is worth a word."""
_PAGES: Final = (b"<!doctype", b"<html")


def settings(examination: Examination) -> Iterator[Check]:
    """Check the settings as the tap does before its first request."""
    config = {name: value for name, value in examination.config.items() if value is not None}
    # What to read may come last: the connection can be tried without.
    errors = faults({**config, "service": config.get("service") or "*"})
    for error in errors:
        yield Check("settings", "read the settings", "failed", error)
    if errors:
        yield Check("settings", "go on", "skipped", "nothing was asked of the server", stops=True)
    else:
        yield Check("settings", "read the settings", "ok", f"{len(config)} settings, defaults included, fit together")


def address(examination: Examination) -> Iterator[Check]:
    """Check that something listens where the settings say."""
    url = base_url(examination.config)
    host, port = _place(url)
    if examination.config.get("proxy_url") or select_proxy(url, get_environ_proxies(url)):
        where = "`proxy_url`" if examination.config.get("proxy_url") else "the environment"
        yield Check("address", f"connect to {host}", "skipped", f"the proxy of {where} does that")
        return
    tried = f"connect to {host}, port {port}"
    try:
        found = look_up(host, port)
        open_port(host, port, CONNECT_TIMEOUT)
    except Unreachable as exc:
        yield examination.failure("address", tried, exc, stops=True)
    else:
        yield Check("address", tried, "ok", f"{', '.join(found)} answers")


def instance(examination: Examination) -> Iterator[Check]:
    """Check the certificate, and that Kinetic's REST services are where the settings say, without signing in.

    No public client tells what an unsigned request to them gets; a 401 or 403, an error of Kinetic's own, or an answer
    are taken for theirs, a web server's own page is not.
    """
    kinetic = examination.listen(connect(examination.config, patience=BRIEFLY, signed=False))
    tried = f"ask for REST {kinetic.dialect.version} at {urlsplit(kinetic.base_url).path}, without signing in"
    try:
        found = _greeting(kinetic, examination.companies[0])
    except KineticError as exc:
        yield _tls(examination, kinetic.base_url, exc)
        yield _no_greeting(examination, kinetic, tried, exc)
    else:
        yield _tls(examination, kinetic.base_url)
        yield Check("instance", tried, "ok", found)


def _greeting(kinetic: Kinetic, company: str) -> str:
    """Return what the REST services answer to someone who does not sign in.

    Raises:
        NotFound: if there are none at that address.
        KineticError: if it is not them who answer.
    """
    try:
        body = kinetic.get_text(f"{kinetic.dialect.root(company)}/", bytes, accept="application/json")
    except (SignInRefused, Denied) as exc:
        return f"it is there, and wants a sign-in (HTTP {exc.status})"
    except NotFound as exc:
        if exc.correlation_id:
            return "it is there (an error of Kinetic's own came)"
        raise
    if body.lstrip().lower().startswith(_PAGES):
        raise UnreadableAnswer("a web page came instead of an answer for programs")
    return "it is there, and answered"


def _no_greeting(examination: Examination, kinetic: Kinetic, tried: str, exc: KineticError) -> Check:
    if isinstance(exc, NotFound):
        return examination.failure("instance", tried, exc, cure=_elsewhere(examination, kinetic), stops=True)
    if isinstance(exc, ServerFailed):
        # It may be the missing sign-in that it fails at.
        return replace(examination.failure("instance", tried, exc), outcome="note", cure="")
    return examination.failure("instance", tried, exc, stops=True)


def _elsewhere(examination: Examination, kinetic: Kinetic) -> str:
    """Return what to do where nothing is at the address: perhaps only the version is another one."""
    version = kinetic.dialect.version
    other = "v1" if version == "v2" else "v2"
    company = examination.companies[0]
    if company or other == "v1":
        config = {**examination.config, "api_version": other}
        try:
            _greeting(examination.listen(connect(config, patience=BRIEFLY, signed=False)), company)
        except KineticError:
            pass
        else:
            return f"The instance is there, but not REST {version}: set `api_version` to {other}."
    return (
        "Check the instance's name in `url` or `erp_instance`: it is the first part of the path in the browser, as in "
        "https://server/KineticLive/…, and REST must be enabled for it."
    )


def _tls(examination: Examination, url: str, exc: KineticError | None = None) -> Check:
    """Return how the connection is protected; whether the certificate is trusted has been seen by a request."""
    host, port = _place(url)
    if not url.startswith("https:"):
        if _is_this_machine(host):
            return Check("TLS", "look at the address", "ok", "none, on this machine")
        found = "none: user, password and rows go over the network in plain text"
        return Check("TLS", "look at the address", "note", found, "Write `url` with https:// if the server speaks it.")
    tried = "look at the server's certificate"
    shown = certificate(host, port, CONNECT_TIMEOUT)
    if exc and isinstance(exc.__cause__, requests.exceptions.SSLError):
        return examination.failure("TLS", tried, exc, cure=_trust(shown) if shown else "", stops=True)
    if shown is None:
        return Check("TLS", tried, "ok", "it is trusted" if exc is None else "it could not be looked at")
    return _of_certificate(tried, shown)


def _trust(shown: Certificate) -> str:
    return (
        f"The certificate is for {shown.subject} and was issued by {shown.issuer}: ask for that authority's "
        "certificate as a PEM file, and name the file in `ssl_ca`."
    )


def _of_certificate(tried: str, shown: Certificate) -> Check:
    left = (shown.ends - datetime.now(UTC)).days
    found = f"{shown.protocol}; it is for {shown.subject}, and ends on {shown.ends:%Y-%m-%d}"
    if left >= _SOON:
        return Check("TLS", tried, "ok", found)
    cure = "The administrator renews it: when it has ended, no sync works."
    return Check("TLS", tried, "note", f"{found}, in {max(left, 0)} days", cure)


def _place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
