"""Which sign-in a configuration means, and what of it has no effect or can't work."""

from __future__ import annotations

from typing import Any

import pytest

from tap_epicor.auth import sign_in
from tap_epicor.auth.bearer import ReadyToken
from tap_epicor.auth.entra import ServicePrincipal
from tap_epicor.auth.transport import Transport
from tap_epicor.checks import sign_in_problems

PRINCIPAL = {"auth_scheme": "AzureServicePrincipal", "oauth_client_id": "app", "oauth_client_secret": "hush"}
TENANT = {"azure_tenant": "contoso.example"}
PERSON = {"auth_scheme": "AzureADOpenID", "oauth_client_id": "app", "initiate_oauth": "REFRESH"}


def problems(config: dict[str, Any]) -> str:
    return "\n".join(sign_in_problems(config))


@pytest.mark.parametrize("tenant", ["organizations", "common", "consumers", "Organizations", None])
def test_an_app_of_its_own_needs_its_tenant(tenant: str | None) -> None:
    assert "`azure_tenant` names no tenant" in problems({**PRINCIPAL, "azure_tenant": tenant})


def test_an_app_with_its_tenant_has_no_problem() -> None:
    assert problems({**PRINCIPAL, **TENANT}) == ""


def test_a_left_over_token_does_not_go_before_a_secret() -> None:
    config = {**PRINCIPAL, **TENANT, "oauth_access_token": "left-over"}
    assert "`oauth_access_token` would have no effect" in problems(config)
    assert isinstance(sign_in(config, "https://erp.example.com/K", Transport()), ServicePrincipal)


@pytest.mark.parametrize("scheme", ["AzureServicePrincipal", "AzureADOpenID"])
def test_a_ready_token_alone_is_enough(scheme: str) -> None:
    config = {"auth_scheme": scheme, "oauth_access_token": "ready"}
    assert problems(config) == ""
    assert isinstance(sign_in(config, "https://erp.example.com/K", Transport()), ReadyToken)


@pytest.mark.parametrize("url", ["http://localhost:99999", "http://localhost:abc", "http://[::1"])
def test_a_callback_url_that_can_not_be_read_is_told(url: str) -> None:
    assert "`callback_url` is no address" in problems({**PERSON, "callback_url": url})


@pytest.mark.parametrize("url", ["http://localhost:33333", "https://app.example.com/callback"])
def test_a_callback_url_may_be_a_web_applications(url: str) -> None:
    assert problems({**PERSON, "callback_url": url}) == ""


@pytest.mark.parametrize("host", ["login.microsoftonline.us", "http://login.example.com", "https://[::1"])
def test_an_authority_that_msal_would_not_take_is_told(host: str) -> None:
    assert "`azure_authority` must begin with https://" in problems({**PERSON, "azure_authority": host})
