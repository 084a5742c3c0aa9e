"""The settings as Airbyte's form asks for them, and a configuration of Airbyte's as the tap's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from airbyte_protocol_dataclasses.models import (
    AdvancedAuth,
    AuthFlowType,
    ConnectorSpecification,
    OAuthConfigSpecification,
    OauthConnectorInputSpecification,
)
from singer_sdk.exceptions import ConfigValidationError

from tap_epicor.auth.vault import MEMORY
from tap_epicor.checks import nearest
from tap_epicor.settings import CONFIG_SCHEMA, GROUPS, PROPERTIES

if TYPE_CHECKING:
    from collections.abc import Mapping

USER_CONSENT: Final = "AzureADOpenID"
REFRESH_TOKEN: Final = "oauth_refresh_token"  # noqa: S105 - the name of a setting
KEPT_HERE: Final = f"{MEMORY}airbyte"
"""Where tokens are kept unless the settings name a file: a container's files end with it."""

_NOT_OFFERED: Final = (
    "backfill",
    "callback_url",
    "emit_activate_version_messages",
    "initiate_oauth",
    "max_duration",
    "oauth_verifier",
    "quiet_hours",
    "shard",
    "summary_path",
)
"""Settings that are the platform's affair: consent, when and how long to read, refreshes, and what became of a run."""
_LONG: Final = ("oauth_jwt_cert", "streams")
_COPIED: Final = ("title", "description", "default", "minimum", "maximum", "exclusiveMinimum")
_ADDRESS: Final = "{{ azure_authority }}/{{ azure_tenant }}/oauth2/v2.0/"
_ENCODED: Final = "{{ {{%s_value}} | urlEncoder }}"


def specification() -> ConnectorSpecification:
    """Return what the connector is, and which settings it has."""
    properties: dict[str, dict[str, Any]] = {}
    for group, settings in GROUPS.items():
        for setting in settings:
            if setting.name not in _NOT_OFFERED:
                properties[setting.name] = {
                    **_asked(setting.name),
                    "group": _id(group),
                    "order": len(properties),
                }
    return ConnectorSpecification(
        connectionSpecification={
            "$schema": "http://json-schema.org/draft-07/schema#",
            "title": "Epicor Kinetic",
            "type": "object",
            "required": CONFIG_SCHEMA["required"],
            "additionalProperties": True,
            "properties": properties,
            "groups": [{"id": _id(group), "title": group} for group in GROUPS],
        },
        supportsIncremental=True,
        advanced_auth=_consent(),
    )


def tap_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration of Airbyte's as the tap understands it.

    Args:
        config: the configuration.

    Raises:
        ConfigValidationError: if it holds what the form does not ask for, or `streams` is no JSON object.
    """
    offered = [name for name in PROPERTIES if name not in _NOT_OFFERED]
    errors = [
        f"There is no setting {name!r}{nearest(name, offered) or ': remove it.'}"
        for name in config
        if name not in offered
    ]
    settings = dict(config)
    if isinstance(text := settings.get("streams"), str) and text.strip():
        try:
            settings["streams"] = dict(json.loads(text))
        except (ValueError, TypeError):
            errors.append("`streams` is no JSON object: write it as " + json.dumps(_example("streams")))
    if errors:
        raise ConfigValidationError("The configuration is not right", errors=errors, schema={})
    settings.setdefault("oauth_settings_location", KEPT_HERE)
    if settings.get("auth_scheme") == USER_CONSENT:
        settings["initiate_oauth"] = "OFF" if settings.get("oauth_access_token") else "REFRESH"
    elif settings["oauth_settings_location"] == KEPT_HERE:
        del settings["oauth_settings_location"]
    # What is read whole takes the place of what was there: so it never goes on where another attempt left off.
    settings["emit_activate_version_messages"] = True
    return settings


def _asked(name: str) -> dict[str, Any]:
    """Return how the form asks for a setting: one type each, lists as text with commas, objects as JSON."""
    schema = CONFIG_SCHEMA["properties"][name]
    types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    is_text = not {"integer", "number", "boolean"} & set(types) or "string" in types
    asked = {word: schema[word] for word in _COPIED if schema.get(word) is not None}
    asked["type"] = "string" if is_text else next(one for one in types if one != "null")
    if choices := [value for value in schema.get("enum") or () if value is not None]:
        asked["enum"] = choices
    if (example := _example(name)) is not None:
        asked["examples"] = [example if isinstance(example, str) else json.dumps(example)]
    if schema.get("secret"):
        asked["airbyte_secret"] = True
    if name in _LONG:
        asked["multiline"] = True
    if name == "streams":
        asked["description"] += " As a JSON object."
    return asked


def _example(name: str) -> Any:  # noqa: ANN401
    return next(iter(CONFIG_SCHEMA["properties"][name].get("examples") or ()), None)


def _id(group: str) -> str:
    return group.lower().replace(" ", "_")


def _consent() -> AdvancedAuth:
    """Return how the platform asks a user's consent: at Entra's addresses, with the app registration of the settings.

    Source: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
    """
    settings = ("azure_authority", "azure_tenant", "oauth_scope")
    return AdvancedAuth(
        auth_flow_type=AuthFlowType.oauth2_0,
        predicate_key=["auth_scheme"],
        predicate_value=USER_CONSENT,
        oauth_config_specification=OAuthConfigSpecification(
            oauth_user_input_from_connector_config_specification=_object(
                {name: {"type": "string", "path_in_connector_config": [name]} for name in settings}
            ),
            oauth_connector_input_specification=OauthConnectorInputSpecification(
                consent_url=f"{_ADDRESS}authorize?response_type=code&{{{{client_id_key}}}}={{{{client_id_value}}}}"
                f"&{{{{redirect_uri_key}}}}={_ENCODED % 'redirect_uri'}&{{{{state_key}}}}={{{{state_value}}}}"
                "&scope={{ {{oauth_scope}} | urlEncoder }}%20openid%20profile%20offline_access",
                access_token_url=f"{_ADDRESS}token",
                access_token_headers={"Content-Type": "application/x-www-form-urlencoded"},
                access_token_params={
                    "grant_type": "authorization_code",
                    **{
                        f"{{{{{name}_key}}}}": f"{{{{{name}_value}}}}"
                        for name in ("client_id", "client_secret", "auth_code", "redirect_uri")
                    },
                },
                extract_output=["refresh_token"],
            ),
            complete_oauth_output_specification=_object(
                {
                    "refresh_token": {
                        "type": "string",
                        "path_in_oauth_response": ["refresh_token"],
                        "path_in_connector_config": [REFRESH_TOKEN],
                    }
                }
            ),
            complete_oauth_server_input_specification=_object(
                {name: {"type": "string"} for name in ("client_id", "client_secret")}
            ),
            complete_oauth_server_output_specification=_object(
                {
                    name: {"type": "string", "path_in_connector_config": [f"oauth_{name}"]}
                    for name in ("client_id", "client_secret")
                }
            ),
        ),
    )


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties)}
