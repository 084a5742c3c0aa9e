"""`check` says whether a sync would work, and what to do where it would not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import ConfigValidationError

from tap_epicor.airbyte.specification import tap_settings
from tests.airbyte.connector import source

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sandboxes import Sandbox


def test_what_is_right_succeeds(kinetic: Sandbox, tmp_path: Path) -> None:
    kinetic.requests()
    done = source(tmp_path, "check", config=kinetic.config(baqs="zCustomer01"))
    assert done.of("CONNECTION_STATUS") == [{"status": "SUCCEEDED"}]
    assert done.code == 0
    assert len(kinetic.requests()) < 20, "of 37 services, one in each company is enough to look at"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"password": "hush-hush"}, "Check `user` and `password`"),
        ({"api_key": "hush-hush"}, "Check `api_key`"),
        ({"company": "EPIC06,EPIC99"}, "EPIC99"),
        ({"service": "Erp.BO.PartSvc,Erp.BO.NoSvc"}, "Erp.BO.NoSvc"),
        ({"service": "", "baqs": "zCustomer01,zNo"}, "zNo"),
        ({"service": "Erp.BO.No*"}, "nothing matches Erp.BO.No*"),
        ({"url": "http://127.0.0.1:9/kinetic"}, "Check `url`"),
        ({"page_size": 0}, "`page_size` is 0: it must be 1 or more."),
        ({"service": "Erp.BO.PartSvc", "streams": '{"*_parts": {"key": "No"}}'}, "`key` names a column that there is"),
        ({"baqs": "zCustomer01", "streams": '{"baq_*": {"key": "No"}}'}, "baq_zCustomer01: `key` names a column"),
    ],
    ids=lambda value: next(iter(value), "") if isinstance(value, dict) else "",
)
def test_what_is_wrong_is_told_without_a_secret(
    kinetic: Sandbox, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    done = source(tmp_path, "check", config={**kinetic.config(), **changes})
    (status,) = done.of("CONNECTION_STATUS")
    assert status["status"] == "FAILED"
    assert said in status["message"]
    assert done.code == 0, "the platform reads the message, and takes another code for a broken connector"
    assert "hush-hush" not in str(done.messages)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pasword": "x"}, "There is no setting 'pasword'; did you mean 'password'?"),
        ({"stream_maps": {}}, "There is no setting 'stream_maps'"),
        ({"initiate_oauth": "OFF"}, "There is no setting 'initiate_oauth'"),
        ({"streams": '{"erp_*"'}, '`streams` is no JSON object: write it as {"erp_customer_customers": {"filter": '),
        ({"streams": "[1]"}, "`streams` is no JSON object"),
    ],
)
def test_a_setting_that_the_form_does_not_ask_for_is_told(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigValidationError) as told:
        tap_settings({"url": "https://erp.example.com", **changes})
    (error,) = told.value.errors
    assert said in error


def test_what_is_the_platforms_is_set_for_the_tap() -> None:
    basic = tap_settings({"url": "https://erp.example.com", "streams": '{"erp_*": {"page_size": 5}}'})
    assert basic["streams"] == {"erp_*": {"page_size": 5}}
    assert basic["emit_activate_version_messages"] is True
    assert "oauth_settings_location" not in basic
    consent = tap_settings({"auth_scheme": "AzureADOpenID", "oauth_client_id": "app"})
    assert (consent["initiate_oauth"], consent["oauth_settings_location"]) == ("REFRESH", "memory://airbyte")
    assert tap_settings({"auth_scheme": "AzureADOpenID", "oauth_access_token": "t"})["initiate_oauth"] == "OFF"


@pytest.mark.parametrize(("content", "said"), [("{", "is not JSON"), ("[]", "is not a JSON object of settings")])
def test_a_file_that_holds_no_configuration_is_told(tmp_path: Path, content: str, said: str) -> None:
    (status,) = source(tmp_path, "check", config=content).of("CONNECTION_STATUS")
    assert said in status["message"]
