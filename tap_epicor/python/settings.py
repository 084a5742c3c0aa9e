"""The settings of a client: those of the tap that say where Kinetic is, how to sign in, and how to ask."""

from __future__ import annotations

from typing import Any, Final, Literal, TypedDict

from singer_sdk.plugin_base import JSONSchemaValidator

from tap_epicor.checks import client_problems, misfit, nearest, tidy
from tap_epicor.kinetic.errors import KineticError
from tap_epicor.settings import CONFIG_SCHEMA
from tap_epicor.stream_settings import as_list


class ClientSettings(TypedDict, total=False):
    """What `Kinetic` takes beside `url`; docs/settings.md explains each."""

    erp_instance: str | None
    api_version: Literal["v1", "v2"] | None
    company: str | int | None
    plant: str | None
    auth_scheme: Literal["Basic", "EpicorToken", "AzureADOpenID", "AzureServicePrincipal"] | None
    user: str | None
    password: str | None
    api_key: str | None
    license_type: Literal["Default", "WebService", "WebServiceShared", "DataCollection"] | None
    azure_tenant: str | None
    azure_authority: str | None
    initiate_oauth: Literal["OFF", "REFRESH", "GETANDREFRESH"] | None
    oauth_client_id: str | None
    oauth_scope: str | None
    oauth_client_secret: str | None
    oauth_jwt_cert: str | None
    oauth_jwt_cert_type: str | None
    oauth_jwt_cert_password: str | None
    oauth_jwt_cert_subject: str | None
    callback_url: str | None
    oauth_settings_location: str | None
    oauth_settings_key: str | None
    oauth_verifier: str | None
    oauth_access_token: str | None
    oauth_refresh_token: str | None
    page_size: int | None
    unreadable_rows: Literal["fail", "skip"] | None
    max_connections: int | None
    requests_per_minute: int | None
    timeout: float | None
    ssl_ca: str | None
    proxy_url: str | None
    user_agent: str | None


NAMES: Final = ("url", *ClientSettings.__annotations__)
_SCHEMA: Final = {
    **CONFIG_SCHEMA,
    "properties": {name: schema for name, schema in CONFIG_SCHEMA["properties"].items() if name in NAMES},
}


class WrongSettings(KineticError):
    """Settings that no client can be made of: all that is wrong with them, each with its cure.

    Attributes:
        problems: what is wrong, a sentence each.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems

    def __str__(self) -> str:
        return self.message


def checked(given: dict[str, Any]) -> dict[str, Any]:
    """Return settings as a client is made of them, with their defaults.

    Args:
        given: the settings as they were given.

    Raises:
        WrongSettings: if they are not right.
    """
    settings = tidy(given)
    errors = JSONSchemaValidator(_SCHEMA).iter_errors(settings)
    problems = [misfit(error) for error in errors if error.validator != "required" or error.path]
    strangers = [
        f"There is no setting of a client {name!r}{nearest(name, NAMES) or ': remove it.'}"
        for name in settings
        if name not in NAMES
    ]
    problems = problems or [*strangers, *client_problems(settings)]
    if not problems and len(as_list(settings.get("company"))) > 1:
        problems = ["`company` names several: make a client for each of them."]
    if problems:
        raise WrongSettings(problems)
    return settings
