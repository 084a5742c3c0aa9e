"""A user's consent, kept by the platform: a refresh token that was replaced goes back into the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airbyte_protocol_dataclasses.models import (
    AirbyteControlConnectorConfigMessage,
    AirbyteControlMessage,
    AirbyteMessage,
    OrchestratorType,
    Type,
)

from tap_epicor.airbyte.messages import now
from tap_epicor.airbyte.specification import KEPT_HERE, REFRESH_TOKEN

if TYPE_CHECKING:
    from collections.abc import Mapping


def replaced(given: Mapping[str, Any], settings: Mapping[str, Any]) -> AirbyteMessage | None:
    """Return the message that hands a new refresh token to the platform; None where there is none.

    Args:
        given: the configuration as the platform gave it.
        settings: the same as the tap understands it.
    """
    if settings.get("oauth_settings_location") != KEPT_HERE or not settings.get("oauth_client_id"):
        return None
    from tap_epicor.auth.accounts import Accounts  # noqa: PLC0415 - MSAL is imported only for those who use it
    from tap_epicor.auth.registration import registration  # noqa: PLC0415
    from tap_epicor.auth.vault import open_vault  # noqa: PLC0415

    accounts = Accounts(open_vault(KEPT_HERE, None).read(), registration(settings))
    accounts.entered = accounts.chosen()
    token = accounts.refresh_token() if accounts.entered else ""
    if not token or token == given.get(REFRESH_TOKEN):
        return None
    config = AirbyteControlConnectorConfigMessage({**given, REFRESH_TOKEN: token})
    said = AirbyteControlMessage(OrchestratorType.CONNECTOR_CONFIG, float(now()), connectorConfig=config)
    return AirbyteMessage(type=Type.CONTROL, control=said)
