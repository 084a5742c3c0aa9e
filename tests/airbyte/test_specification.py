"""What the connector says of itself: the settings, which of them are secret, and how a user consents."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from tap_epicor.airbyte.cli import source as command
from tap_epicor.settings import PROPERTIES, SECRETS
from tests.airbyte.connector import EXECUTABLE, source
from tests.commands.test_help import commands
from tests.test_documents import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    import click

    from tests.sandboxes import Sandbox


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    (said,) = source(tmp_path_factory.mktemp("spec"), "spec").of("SPEC")
    assert isinstance(said, dict)
    return said


@pytest.fixture
def settings(spec: dict[str, Any]) -> dict[str, dict[str, Any]]:
    properties: dict[str, dict[str, Any]] = spec["connectionSpecification"]["properties"]
    return properties


def test_each_setting_of_the_tap_is_offered_but_those_that_are_the_platforms(settings: dict[str, Any]) -> None:
    assert set(PROPERTIES) - set(settings) == {
        "backfill",
        "callback_url",
        "emit_activate_version_messages",
        "initiate_oauth",
        "max_duration",
        "oauth_verifier",
        "quiet_hours",
        "shard",
        "summary_path",
    }
    assert set(settings) <= set(PROPERTIES)


def test_every_secret_is_marked(settings: dict[str, Any]) -> None:
    assert {name for name, said in settings.items() if said.get("airbyte_secret")} == set(SECRETS) & set(settings)


def test_every_setting_can_be_asked_for_in_a_form(spec: dict[str, Any], settings: dict[str, Any]) -> None:
    schema = spec["connectionSpecification"]
    jsonschema.Draft7Validator.check_schema(schema)
    groups = {group["id"] for group in schema["groups"]}
    for name, said in settings.items():
        assert said["type"] in {"string", "integer", "number", "boolean"}, name
        assert said["title"], name
        assert said["description"], name
        assert said["group"] in groups, name
    assert [said["order"] for said in settings.values()] == list(range(len(settings)))


def test_the_defaults_are_those_of_the_tap(settings: dict[str, Any]) -> None:
    for name, said in settings.items():
        assert said.get("default") == PROPERTIES[name].default, name


def test_a_right_configuration_fits_it(spec: dict[str, Any], kinetic: Sandbox) -> None:
    validator = jsonschema.Draft7Validator(spec["connectionSpecification"])
    assert list(validator.iter_errors(kinetic.config(streams='{"erp_*": {"page_size": 5}}', max_deletes=2.5))) == []
    assert [error.message for error in validator.iter_errors({})] == ["'url' is a required property"]


def test_consent_is_asked_for_by_settings_that_there_are(spec: dict[str, Any], settings: dict[str, Any]) -> None:
    consent = spec["advanced_auth"]
    assert consent["auth_flow_type"] == "oauth2.0"
    (asked,) = consent["predicate_key"]
    assert consent["predicate_value"] in settings[asked]["enum"]
    parts = consent["oauth_config_specification"]
    read = [
        said["path_in_connector_config"]
        for part in (
            "oauth_user_input_from_connector_config_specification",
            "complete_oauth_output_specification",
            "complete_oauth_server_output_specification",
        )
        for said in parts[part]["properties"].values()
    ]
    assert sorted(read) == [
        ["azure_authority"],
        ["azure_tenant"],
        ["oauth_client_id"],
        ["oauth_client_secret"],
        ["oauth_refresh_token"],
        ["oauth_scope"],
    ]
    assert all(name in settings for (name,) in read)
    address = parts["oauth_connector_input_specification"]["consent_url"]
    assert address.startswith("{{ azure_authority }}/{{ azure_tenant }}/oauth2/v2.0/authorize?response_type=code&")
    assert "offline_access" in address, "without it there is no refresh token"


@pytest.mark.parametrize(("path", "one"), commands(command, "source-epicor"), ids=str)
def test_every_command_has_help_with_an_example_and_stands_in_the_document(path: str, one: click.Command) -> None:
    assert one.help
    assert f"Example: {path}" in " ".join(one.help.split())
    assert path in (ROOT / "docs" / "airbyte.md").read_text()


def test_a_command_that_there_is_not_is_told(tmp_path: Path) -> None:
    done = subprocess.run([EXECUTABLE, "write"], capture_output=True, check=False, cwd=tmp_path)
    assert done.returncode == 2
    assert b"No such command 'write'" in done.stderr
