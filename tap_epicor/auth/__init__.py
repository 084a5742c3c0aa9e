"""Sign-ins: each is a `requests.auth.AuthBase`, chosen here by `auth_scheme`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_epicor.auth.bearer import ReadyToken
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
    scheme = config.get("auth_scheme", "Basic")
    if scheme == "Basic":
        return Basic(config["user"], config["password"])
    if scheme == "EpicorToken":
        return EpicorToken(base_url, config["user"], config["password"], transport, config.get("api_key"))
    return _entra(config, transport)


def _entra(config: Mapping[str, Any], transport: Transport) -> SignIn:
    """Return a sign-in with Microsoft; MSAL is imported only for those who use it."""
    is_principal = config["auth_scheme"] == "AzureServicePrincipal"
    renews_itself = config.get("oauth_client_id") and (is_principal or config.get("initiate_oauth", "OFF") != "OFF")
    if not renews_itself and (ready := config.get("oauth_access_token")):
        return ReadyToken(ready)
    from tap_epicor.auth.entra import ServicePrincipal, UserConsent  # noqa: PLC0415
    from tap_epicor.auth.registration import registration  # noqa: PLC0415
    from tap_epicor.auth.vault import open_vault  # noqa: PLC0415

    if is_principal:
        return ServicePrincipal(registration(config), transport)
    vault = open_vault(config.get("oauth_settings_location"), config.get("oauth_settings_key"))
    return UserConsent(registration(config), transport, vault, config)
