"""A user's consent in Airbyte: the platform asks for it as specified, and keeps what replaces the token."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import requests

from tests.airbyte.connector import Output, choose, source
from tests.auth.flows import PLANTS, settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.auth.provider import Provider
    from tests.sandboxes import Sandbox

REDIRECT = "https://tap.example.com/callback"


def rendered(template: str, values: Mapping[str, str]) -> str:
    """Return a template of the platform's with its values: names in braces first, then what is to be encoded."""
    named = re.sub(r"{{\s*(\w+)\s*}}", lambda found: values[found[1]], template)
    return re.sub(r"{{\s*(.*?)\s*\|\s*urlEncoder\s*}}", lambda found: quote(found[1], safe=""), named)


@pytest.fixture
def config(entra: Provider, server: Sandbox, tmp_path: Path) -> dict[str, Any]:
    """A configuration as the form of Airbyte gives it, before anybody has consented."""
    made = settings(entra, server, tmp_path, "secret")
    return {name: value for name, value in made.items() if name not in {"initiate_oauth", "oauth_settings_location"}}


@pytest.fixture
def token(entra: Provider, config: dict[str, Any], tmp_path: Path) -> str:
    """The refresh token that the platform gets when it asks as the specification says."""
    (spec,) = source(tmp_path, "spec").of("SPEC")
    asked = spec["advanced_auth"]["oauth_config_specification"]["oauth_connector_input_specification"]
    values = {
        **{name: str(config[name]) for name in ("azure_authority", "azure_tenant", "oauth_scope")},
        **{f"{name}_key": name for name in ("client_id", "client_secret", "redirect_uri", "state")},
        "auth_code_key": "code",
        "client_id_value": config["oauth_client_id"],
        "client_secret_value": config["oauth_client_secret"],
        "redirect_uri_value": REDIRECT,
        "state_value": "state-1",
    }
    ended = parse_qs(urlsplit(entra.approve(rendered(asked["consent_url"], values))).query)
    assert ended["state"] == ["state-1"]
    values["auth_code_value"] = ended["code"][0]
    answer = requests.post(
        rendered(asked["access_token_url"], values),
        data={rendered(name, values): rendered(said, values) for name, said in asked["access_token_params"].items()},
        headers=asked["access_token_headers"],
        verify=str(config["ssl_ca"]),
        timeout=10,
    )
    assert answer.ok, answer.text
    (name,) = asked["extract_output"]
    return str(answer.json()[name])


def handed_over(output: Output) -> str:
    """Return the refresh token that the platform is to keep from now on."""
    (control,) = output.of("CONTROL")
    assert control["type"] == "CONNECTOR_CONFIG"
    return str(control["connectorConfig"]["config"]["oauth_refresh_token"])


def test_a_consent_that_the_platform_asked_for_reads_and_what_replaces_it_is_handed_over(
    tmp_path: Path, config: dict[str, Any], token: str
) -> None:
    found = source(tmp_path, "discover", config={**config, "oauth_refresh_token": token})
    second = handed_over(found)
    assert second != token
    done = source(
        tmp_path, "read", config={**config, "oauth_refresh_token": second}, catalog=choose(found.streams, PLANTS)
    )
    assert done.code == 0, done.log()
    assert done.rows[PLANTS]
    assert handed_over(done) not in {token, second}


def test_no_token_stands_in_the_log(tmp_path: Path, config: dict[str, Any], token: str) -> None:
    done = source(tmp_path, "check", "--debug", config={**config, "oauth_refresh_token": token})
    assert done.of("CONNECTION_STATUS") == [{"status": "SUCCEEDED"}]
    for secret in (token, handed_over(done), config["oauth_client_secret"]):
        assert secret not in done.log()


def test_a_consent_that_is_missing_is_told(tmp_path: Path, config: dict[str, Any]) -> None:
    (status,) = source(tmp_path, "check", config=config).of("CONNECTION_STATUS")
    assert status["status"] == "FAILED"
    assert "nobody has signed in yet" in status["message"]
