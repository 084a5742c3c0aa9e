"""Settings become one signed-in client, shared by all streams and commands."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from tap_epicor.address import base_url
from tap_epicor.auth import sign_in
from tap_epicor.auth.sign_in import Unsigned
from tap_epicor.auth.transport import Transport
from tap_epicor.checks import secrets_in
from tap_epicor.kinetic.client import Kinetic
from tap_epicor.kinetic.dialect import DIALECTS
from tap_epicor.kinetic.licence import licence_header
from tap_epicor.kinetic.load import Load

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_epicor.kinetic.patience import Patience

CONNECT_TIMEOUT = 10.0
"""Seconds to wait for a connection."""


def connect(config: Mapping[str, Any], *, patience: Patience | None = None, signed: bool = True) -> Kinetic:
    """Return a client of the instance that the configuration names; no request is made yet.

    Args:
        config: a configuration without problems.
        patience: how long to go on trying what passes by itself.
        signed: whether requests carry the sign-in, the API key and the kind of licence.
    """
    url = base_url(config)
    load = Load(config.get("max_connections", 4), config.get("requests_per_minute"))
    sign = sign_in(config, url, transport(config, load.await_turn)) if signed else Unsigned()
    return Kinetic(
        url,
        DIALECTS[config.get("api_version", "v1")],
        auth=sign,
        renew=sign.renew,
        refusal_cure=sign.cure,
        headers=_headers(config, signed=signed),
        plant=config.get("plant"),
        secrets=secrets_in(config),
        timeout=(CONNECT_TIMEOUT, float(config.get("timeout", 300))),
        verify=config.get("ssl_ca") or True,
        proxy=config.get("proxy_url"),
        load=load,
        patience=patience,
    )


def transport(config: Mapping[str, Any], await_turn: Callable[[], None] = lambda: None) -> Transport:
    """Return how sign-ins speak HTTP.

    Args:
        config: a configuration without problems.
        await_turn: waits until a request may begin.
    """
    return Transport(
        verify=config.get("ssl_ca") or True,
        proxy=config.get("proxy_url"),
        headers={"User-Agent": _headers(config, signed=False)["User-Agent"]},
        await_turn=await_turn,
    )


def _headers(config: Mapping[str, Any], *, signed: bool) -> dict[str, str]:
    headers = {"User-Agent": config.get("user_agent") or f"tap-epicor/{version('tap-epicor')}"}
    if not signed:
        return headers
    if config.get("api_key"):
        headers["x-api-key"] = config["api_key"]
    if config.get("license_type"):
        headers |= licence_header(config["license_type"])
    return headers
