"""The provider that other tests sign in at, flow by flow with MSAL, up to a row of the sandbox."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import jwt
import msal
import pytest
import requests

from tests.auth.browser import CHROMIUM, as_browser, sign_in_with_browser
from tests.auth.provider import Provider, Stuck, provider
from tests.sandboxes import Sandbox, sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

BACK = "http://localhost:8765/callback"
CLIENTS = ("public", "secret", "certificate", "thumbprint")
NEEDS_CHROMIUM = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")


@pytest.fixture(scope="module")
def entra(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with provider(tmp_path_factory.mktemp("provider")) as running:
        yield running


@pytest.fixture(scope="module")
def trusting(entra: Provider) -> Iterator[Sandbox]:
    """A sandbox that takes the provider's tokens."""
    with sandbox(*entra.sandbox_flags, scale=50) as running:
        yield running


def client(entra: Provider, kind: str, *, oidc: bool = False) -> Any:
    """An MSAL client whose requests trust the provider's authority alone."""
    session = requests.Session()
    session.trust_env = False
    session.verify = entra.ca_file
    where = {"oidc_authority": entra.issuer} if oidc else {"authority": entra.tenant_url, "instance_discovery": False}
    if kind == "public":
        return msal.PublicClientApplication(entra.public_client, http_client=session, **where)
    name = entra.secret_client if kind == "secret" else entra.certificate_client
    return msal.ConfidentialClientApplication(name, credential(entra, kind), http_client=session, **where)


def credential(entra: Provider, kind: str) -> Any:
    if kind == "secret":
        return entra.client_secret
    key, certificate = Path(entra.certificate_key).read_text(), Path(entra.certificate).read_text()
    if kind == "certificate":
        return {"private_key": key, "public_certificate": certificate}
    return {"private_key": key, "thumbprint": entra.thumbprint}


def signed_in(entra: Provider, app: Any) -> dict[str, Any]:
    flow = app.initiate_auth_code_flow([entra.scope], redirect_uri=BACK, response_mode="form_post")
    answer = dict(parse_qsl(urlsplit(entra.approve(flow["auth_uri"])).query))
    result: dict[str, Any] = app.acquire_token_by_auth_code_flow(flow, answer)
    return result


def row(trusting: Sandbox, result: dict[str, Any]) -> str:
    """The name of a customer, read with the access token."""
    headers = {"Authorization": f"Bearer {result['access_token']}", "Accept": "application/json"}
    address = f"{trusting.url}/api/v1/Erp.BO.CustomerSvc/Customers?$top=1"
    answer = requests.get(address, headers=headers, timeout=10)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["value"][0]["Name"])


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize("oidc", [False, True], ids=["authority", "oidc-authority"])
def test_a_code_becomes_a_token_that_reads_a_row(entra: Provider, trusting: Sandbox, kind: str, oidc: bool) -> None:  # noqa: FBT001
    app = client(entra, kind, oidc=oidc)
    assert row(trusting, signed_in(entra, app))
    assert app.get_accounts()[0]["username"] == entra.user


@pytest.mark.parametrize("kind", CLIENTS)
def test_a_refresh_gives_another_token_without_a_sign_in(entra: Provider, trusting: Sandbox, kind: str) -> None:
    app = client(entra, kind)
    first = signed_in(entra, app)
    before = entra.sign_ins()
    second = app.acquire_token_silent([entra.scope], app.get_accounts()[0], force_refresh=True)
    assert second["access_token"] != first["access_token"]
    assert row(trusting, second)
    assert entra.sign_ins() == before


def test_a_refresh_token_that_was_used_is_refused_and_ends_what_followed(entra: Provider) -> None:
    app = client(entra, "public")
    first = signed_in(entra, app)["refresh_token"]
    second = app.acquire_token_by_refresh_token(first, [entra.scope])["refresh_token"]
    assert second != first
    refused = app.acquire_token_by_refresh_token(first, [entra.scope])
    assert (refused["error"], refused["error_description"]) == ("invalid_grant", "refresh token already used")
    assert app.acquire_token_by_refresh_token(second, [entra.scope])["error"] == "invalid_grant"


@pytest.mark.parametrize("kind", CLIENTS[1:])
def test_a_client_without_a_person_reads_a_row(entra: Provider, trusting: Sandbox, kind: str) -> None:
    app = client(entra, kind)
    assert row(trusting, app.acquire_token_for_client([entra.app_scope]))


def test_a_wrong_secret_is_refused(entra: Provider) -> None:
    form = {"grant_type": "client_credentials", "client_id": entra.secret_client, "client_secret": "wrong"}
    answer = requests.post(entra.token_url, form | {"scope": entra.app_scope}, verify=entra.ca_file, timeout=10)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_scope_that_nobody_registered_is_refused(entra: Provider) -> None:
    assert client(entra, "secret").acquire_token_for_client(["api://another/.default"])["error"] == "invalid_scope"


def test_a_device_code_becomes_a_token_that_reads_a_row(entra: Provider, trusting: Sandbox) -> None:
    app = client(entra, "public")
    flow = app.initiate_device_flow([entra.scope])
    assert flow["user_code"] in flow["message"]
    assert "Signed in" in entra.approve_device(flow["verification_uri"], flow["user_code"])
    result = app.acquire_token_by_device_flow(flow)
    assert row(trusting, result)
    assert result["refresh_token"]


def test_denied_consent_comes_back_as_an_error(entra: Provider) -> None:
    app = client(entra, "public")
    flow = app.initiate_auth_code_flow([entra.scope], redirect_uri=BACK, response_mode="form_post")
    answer = dict(parse_qsl(urlsplit(entra.deny(flow["auth_uri"])).query))
    assert answer["error"] == "access_denied"
    assert app.acquire_token_by_auth_code_flow(flow, answer)["error"] == "access_denied"


def test_a_denied_device_is_told_so(entra: Provider) -> None:
    app = client(entra, "public")
    flow = app.initiate_device_flow([entra.scope])
    entra.approve_device(flow["verification_uri"], flow["user_code"], "deny")
    assert app.acquire_token_by_device_flow(flow)["error"] == "access_denied"


def test_a_wrong_password_leads_nowhere(entra: Provider) -> None:
    flow = client(entra, "public").initiate_auth_code_flow([entra.scope], redirect_uri=BACK, response_mode="form_post")
    with pytest.raises(Stuck, match="incorrect"):
        entra.approve(flow["auth_uri"], password="wrong")


def test_tokens_live_as_long_as_asked(tmp_path: Path) -> None:
    with provider(tmp_path, access_seconds=7, refresh_seconds=1) as entra:
        app = client(entra, "public")
        given = signed_in(entra, app)
        claims = jwt.decode(given["access_token"], options={"verify_signature": False})
        assert claims["exp"] - claims["iat"] == given["expires_in"] == 7
        time.sleep(2)
        refused = app.acquire_token_by_refresh_token(given["refresh_token"], [entra.scope])
    assert (refused["error"], refused["error_description"]) == ("invalid_grant", "refresh token is expired")


def test_an_outage_loses_no_token(entra: Provider) -> None:
    app = client(entra, "public")
    given = signed_in(entra, app)
    entra.stop()
    with pytest.raises(requests.ConnectionError):
        app.acquire_token_by_refresh_token(given["refresh_token"], [entra.scope])
    entra.start()
    assert app.acquire_token_by_refresh_token(given["refresh_token"], [entra.scope])["access_token"]


@NEEDS_CHROMIUM
def test_a_browser_signs_in_where_a_program_opens_one(
    entra: Provider, trusting: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in as_browser(tmp_path / "end.png").items():
        monkeypatch.setenv(name, value)
    result = client(entra, "public").acquire_token_interactive([entra.scope], timeout=60)
    assert row(trusting, result)
    assert "Authentication" in text_of(tmp_path / "end.txt")
    assert (tmp_path / "end.png").stat().st_size > 1000


@NEEDS_CHROMIUM
def test_a_browser_denies(entra: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in as_browser(tmp_path / "end.png", answer="deny").items():
        monkeypatch.setenv(name, value)
    result = client(entra, "public").acquire_token_interactive([entra.scope], timeout=60)
    assert result["error"] == "access_denied"


@NEEDS_CHROMIUM
def test_a_browser_approves_a_device(entra: Provider, trusting: Sandbox, tmp_path: Path) -> None:
    app = client(entra, "public")
    flow = app.initiate_device_flow([entra.scope])
    seen = sign_in_with_browser(flow["verification_uri"], tmp_path / "end.png", user_code=flow["user_code"])
    assert "Signed in" in seen.text
    assert row(trusting, app.acquire_token_by_device_flow(flow))


def text_of(file: Path) -> str:
    """The text of a file that is about to be written."""
    for _ in range(100):
        if file.exists() and file.read_text():
            break
        time.sleep(0.1)
    return file.read_text()
