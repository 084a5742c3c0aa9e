"""Sign-ins: each is a `requests.auth.AuthBase`, chosen here by `auth_scheme`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_epicor.auth.sign_in import Basic, SignIn
from tap_epicor.auth.token import EpicorToken

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_epicor.auth.transport import Transport

__all__ = ["SignIn", "sign_in"]


def sign_in(config: Mapping[str, Any], base_url: str, transport: Transport) -> SignIn:
    """Return what signs requests, as the configuration wants it.

    Args:
        config: a configuration without problems.
        base_url: the instance.
        transport: how to speak HTTP where a sign-in does so itself.
    """
    if config.get("auth_scheme") == "EpicorToken":
        return EpicorToken(base_url, config["user"], config["password"], transport)
    return Basic(config["user"], config["password"])
