"""Settings: what is wrong is told at once, before the first request, with its cure."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from singer_sdk.exceptions import ConfigValidationError

from tap_epicor.address import base_url
from tap_epicor.checks import problems, secrets_in, tidy
from tap_epicor.settings import PROPERTIES, SECRETS
from tap_epicor.stream_settings import as_list, stream_settings
from tap_epicor.tap import EpicorTap

if TYPE_CHECKING:
    from pathlib import Path

RIGHT: dict[str, Any] = {
    "url": "https://erp.example.com/KineticLive",
    "service": "Erp.BO.CustomerSvc",
    "user": "reader",
    "password": "hush-hush",
}
RIGHT_V2 = {**RIGHT, "api_version": "v2", "company": "EPIC06", "api_key": "k"}


def wrong(**changes: Any) -> list[str]:
    config = {name: value for name, value in {**RIGHT, **changes}.items() if value is not None}
    return problems(config, PROPERTIES)


@pytest.mark.parametrize("config", [RIGHT, RIGHT_V2, {**RIGHT, "service": None, "baqs": "zTop"}])
def test_a_right_configuration_has_no_problems(config: dict[str, Any]) -> None:
    assert problems({name: value for name, value in config.items() if value is not None}, PROPERTIES) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"url": None}, "`url` is missing"),
        ({"url": "ftp://erp.example.com/Kinetic"}, "must be http:// or https://"),
        ({"url": "https://erp.example.com"}, "`erp_instance` is missing"),
        ({"url": "https://me:pw@erp.example.com/Kinetic"}, "holds a user or password"),
        ({"service": None}, "`service` is empty"),
        ({"api_version": "v2", "api_key": "k"}, "`company` is missing"),
        ({"api_version": "v2", "company": "A"}, "`api_key` is missing"),
        ({"password": None}, "`password` is missing"),
        ({"user": None}, "`user` is missing"),
        ({"auth_scheme": "AzureADOpenID"}, "`oauth_client_id` is missing"),
        ({"auth_scheme": "AzureADOpenID", "oauth_client_id": "x"}, "set it to REFRESH"),
        ({"auth_scheme": "AzureServicePrincipal", "oauth_client_id": "x"}, "`oauth_jwt_cert` is missing"),
        (
            {"auth_scheme": "AzureADOpenID", "oauth_client_id": "x", "oauth_jwt_cert_password": "p"},
            "`oauth_jwt_cert_password` is of no use without `oauth_jwt_cert`",
        ),
        ({"streams": {"a": {"deletes": "sweep"}}}, "`key_store` is missing"),
        ({"streams": {"a": {"deletes": "sweep", "key": []}}, "key_store": "k"}, "`deletes` is of no use without `key`"),
        (
            {"streams": {"a": {"deletes": "sweep", "replication_parameter": "Since"}}, "key_store": "k"},
            "`deletes` can't be had with `replication_parameter`",
        ),
        ({"streams": {"a": {"deletes": "sweep"}}, "key_store": "nowhere://k"}, "at an address that can't be used"),
        ({"oauth_client_id": "x"}, "would have no effect with `auth_scheme` Basic"),
        ({"passwrd": "x"}, "did you mean 'password'?"),
        ({"start_date": "2024-01-01"}, "did you mean 'start_value'?"),
        ({"streams": {"erp_*": {"filtr": "x"}}}, "did you mean 'filter'?"),
        ({"company": '["EPIC06"'}, "not a JSON list"),
        ({"company": "[" * 100_000}, "not a JSON list"),
        ({"streams": {"erp_*": {"key": "[,"}}}, "`key` of 'erp_*' in `streams` begins with '['"),
        ({"timeout": float("nan")}, "`timeout` is nan seconds"),
        ({"plant": "\ud800"}, "`plant` holds half of a character"),
        ({"ssl_ca": "a" * 5000}, "`ssl_ca` names a file that is not there"),
        ({"ssl_ca": "/nowhere/ca.pem"}, "not there: /nowhere/ca.pem"),
        ({"proxy_url": "proxy:3128"}, "http://host:port"),
    ],
)
def test_a_wrong_setting_is_told_with_its_cure(changes: dict[str, Any], said: str) -> None:
    assert any(said in problem for problem in wrong(**changes)), wrong(**changes)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(ConfigValidationError) as caught:
        EpicorTap(config={"url": "https://erp.example.com", "api_version": "v2", "pasword": "x"})
    told = "\n".join(caught.value.errors)
    for name in ("erp_instance", "service", "company", "api_key", "user", "password"):
        assert f"`{name}`" in told


def test_a_missing_url_is_told_with_its_cure() -> None:
    with pytest.raises(ConfigValidationError) as caught:
        EpicorTap(config={name: value for name, value in RIGHT.items() if name != "url"})
    assert caught.value.errors[0].startswith("`url` is missing: give the address")


def test_a_secret_of_the_wrong_type_is_not_shown() -> None:
    with pytest.raises(ConfigValidationError) as caught:
        EpicorTap(config={**RIGHT, "password": 4711_0815})
    assert "47110815" not in "\n".join(caught.value.errors)


@pytest.mark.parametrize(
    ("url", "instance", "base"),
    [
        ("https://erp.example.com", "KineticLive", "https://erp.example.com/KineticLive"),
        ("erp.example.com", "KineticLive", "https://erp.example.com/KineticLive"),
        ("erp.example.com/KineticLive", None, "https://erp.example.com/KineticLive"),
        ("https://erp.example.com/KineticLive/", "KineticLive", "https://erp.example.com/KineticLive"),
        ("https://erp.example.com/KineticLive/Apps/ERP/Home/#/home", None, "https://erp.example.com/KineticLive"),
        ("https://erp.example.com/KineticLive/api/v1", None, "https://erp.example.com/KineticLive"),
        ("https://gateway.example.com/erp", "Kinetic", "https://gateway.example.com/erp/Kinetic"),
        ("http://127.0.0.1:8080/kinetic", None, "http://127.0.0.1:8080/kinetic"),
    ],
)
def test_an_address_is_understood_however_it_was_copied(url: str, instance: str | None, base: str) -> None:
    assert base_url({"url": url, "erp_instance": instance}) == base


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ()),
        ("", ()),
        ("EPIC06", ("EPIC06",)),
        ("EPIC06, EPIC07", ("EPIC06", "EPIC07")),
        ('["EPIC06", "EPIC07"]', ("EPIC06", "EPIC07")),
        (["EPIC06", 166075], ("EPIC06", "166075")),
        (166075, ("166075",)),
    ],
)
def test_a_list_may_be_written_in_many_ways(value: object, expected: tuple[str, ...]) -> None:
    assert as_list(value) == expected


@given(st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1), max_size=5))
def test_a_list_of_names_survives_commas(names: list[str]) -> None:
    assert as_list(",".join(names)) == tuple(names)


def test_what_a_streams_own_name_says_goes_before_patterns() -> None:
    config = {"streams": {"erp_part_parts": {"page_size": 5}, "erp_*": {"page_size": 9, "filter": "A eq 1"}}}
    settings = stream_settings(config, "erp_part_parts")
    assert (settings.page_size, settings.filter) == (5, "A eq 1")
    assert stream_settings(config, "ice_ud01_ud01s").page_size is None


def test_parameters_become_text_as_the_query_string_wants_it() -> None:
    config = {"streams": {"baq_zTop": {"parameters": {"Plant": ["LAF", "MfgSys"], "Open": True, "Days": 30}}}}
    expected = (("Plant", "LAF"), ("Plant", "MfgSys"), ("Open", "true"), ("Days", "30"))
    assert stream_settings(config, "baq_zTop").parameters == expected


@pytest.mark.parametrize("text", ["EPIC06,EPIC07", '["EPIC06", "EPIC07"]'])
def test_environment_variables_hold_lists(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAP_EPICOR_COMPANY", text)
    assert as_list(EpicorTap._env_var_config["company"]) == ("EPIC06", "EPIC07")


def test_a_company_of_digits_stays_text_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAP_EPICOR_COMPANY", "0166075")
    assert as_list(EpicorTap._env_var_config["company"]) == ("0166075",)


def test_the_env_file_of_the_working_folder_is_read(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("TAP_EPICOR_USER=from-file\nTAP_EPICOR_PAGE_SIZE=50\n")
    monkeypatch.chdir(tmp_path)
    for name in ("TAP_EPICOR_USER", "TAP_EPICOR_PAGE_SIZE"):
        monkeypatch.setenv(name, "x")
        monkeypatch.delenv(name)
    config = EpicorTap._env_var_config
    assert (config["user"], config["page_size"]) == ("from-file", 50)


def test_the_environment_goes_before_the_env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("TAP_EPICOR_USER=from-file\nTAP_EPICOR_PLANT=LAF\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TAP_EPICOR_USER", "from-environment")
    config = EpicorTap._env_var_config
    assert (config["user"], config["plant"]) == ("from-environment", "LAF")
    assert "TAP_EPICOR_PLANT" not in os.environ


def test_the_env_file_of_a_folder_above_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("TAP_EPICOR_USER=from-above\n")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert EpicorTap._env_var_config == {}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("timeout", "2.5", 2.5),
        ("page_size", " 50 ", 50),
        ("emit_activate_version_messages", "Yes", True),
        ("emit_activate_version_messages", "off", False),
        ("streams", '{"erp_*": {"page_size": 5}}', {"erp_*": {"page_size": 5}}),
    ],
)
def test_a_variable_becomes_what_its_setting_is(
    name: str, text: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"TAP_EPICOR_{name.upper()}", text)
    assert EpicorTap._env_var_config == {name: value}


def test_an_empty_variable_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAP_EPICOR_PAGE_SIZE", "")
    assert EpicorTap._env_var_config == {}


def test_an_env_file_that_is_no_text_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_bytes(b"TAP_EPICOR_USER=\xff\xfe")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigValidationError) as caught:
        assert EpicorTap._env_var_config
    assert "Write it in UTF-8" in caught.value.errors[0]


def test_spaces_and_line_breaks_around_texts_are_dropped() -> None:
    given = {"password": "a b\n", "user": " me ", "oauth_jwt_cert": "pem\n", "plant": " ", "page_size": 5}
    assert tidy(given) == {"password": "a b", "user": "me", "oauth_jwt_cert": "pem\n", "page_size": 5}


@pytest.mark.parametrize(
    ("text", "value"), [("2.5", 2.5), (" 120\n", 120), ("1e1", 10.0), ("long", "long"), ("nan", "nan")]
)
def test_a_number_may_come_as_text_as_from_meltano(text: str, value: object) -> None:
    assert tidy({"timeout": text, "page_size": "5"}) == {"timeout": value, "page_size": "5"}


def test_user_and_password_in_one_are_a_secret_too() -> None:
    assert "reader:hush-hush" in secrets_in(RIGHT)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("initiate_oauth", "REFRESH"),
        ("azure_tenant", "contoso.com"),
        ("azure_authority", "https://login.microsoftonline.us"),
        ("callback_url", "http://localhost:1"),
    ],
)
@pytest.mark.parametrize("scheme", ["Basic", "EpicorToken"])
def test_settings_of_entra_without_entra_are_told(name: str, value: str, scheme: str) -> None:
    told = wrong(auth_scheme=scheme, **{name: value})
    assert told == [
        f"`{name}` would have no effect with `auth_scheme` {scheme}: choose AzureADOpenID, or remove it.",
    ]
    assert wrong(auth_scheme=scheme, **{name: PROPERTIES[name].default}) == []


def test_every_setting_has_title_and_description() -> None:
    for name, prop in PROPERTIES.items():
        assert prop.title, name
        assert str(prop.description).endswith("."), name


def test_secrets_are_marked() -> None:
    assert set(SECRETS) == {
        "password",
        "api_key",
        "oauth_client_secret",
        "oauth_jwt_cert",
        "oauth_jwt_cert_password",
        "oauth_verifier",
        "oauth_access_token",
        "oauth_refresh_token",
        "oauth_settings_key",
        "proxy_url",
    }
    for name in SECRETS:
        assert EpicorTap.config_jsonschema["properties"][name]["secret"] is True


def test_the_password_of_a_proxy_is_a_secret_of_its_own() -> None:
    assert "hush-hush" in secrets_in({"proxy_url": "http://me:hush-hush@proxy.example.com:3128"})
    assert secrets_in({"proxy_url": "http://proxy.example.com:3128"}) == ("http://proxy.example.com:3128",)
