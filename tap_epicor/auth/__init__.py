"""Sign-ins: each is a `requests.auth.AuthBase`, chosen here by `auth_scheme`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_epicor.auth.basic import basic

if TYPE_CHECKING:
    from collections.abc import Mapping

    from requests.auth import AuthBase

__all__ = ["sign_in"]


def sign_in(config: Mapping[str, Any]) -> AuthBase:
    """Return what signs requests, as the configuration wants it.

    Args:
        config: a configuration without problems.
    """
    return basic(config["user"], config["password"])
