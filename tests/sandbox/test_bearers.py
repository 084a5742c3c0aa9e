from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
import pytest
import requests

from tests.auth.provider import KEY_ID, Provider, provider
from tests.sandbox.conftest import JSON, Server, start, stop

if TYPE_CHECKING:
    from collections.abc import Iterator

CUSTOMERS = "/api/v1/Erp.BO.CustomerSvc/Customers?$top=1"


@pytest.fixture(scope="module")
def entra(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with provider(tmp_path_factory.mktemp("provider")) as running:
        yield running


@pytest.fixture(scope="module")
def trusting(entra: Provider) -> Iterator[Server]:
    """A server that takes the provider's tokens."""
    server = start("--scale", "50", *entra.sandbox_flags)
    yield server
    stop(server)


def answer(server: Server, token: str) -> tuple[int, str]:
    got = server.get(CUSTOMERS, auth=None, headers=JSON | {"Authorization": f"Bearer {token}"})
    return got.status_code, str(got.json().get("ErrorMessage", ""))


def signed(entra: Provider, key: str, **changes: Any) -> str:
    claims = {"iss": entra.issuer, "aud": entra.audience, "exp": int(time.time()) + 60} | changes
    return jwt.encode(claims, Path(key).read_text(), algorithm="RS256", headers={"kid": KEY_ID})


def test_a_token_of_the_provider_opens_the_server(entra: Provider, trusting: Server) -> None:
    form = {
        "grant_type": "client_credentials",
        "client_id": entra.secret_client,
        "client_secret": entra.client_secret,
        "scope": entra.app_scope,
    }
    given = requests.post(entra.token_url, data=form, verify=entra.ca_file, timeout=10).json()
    assert answer(trusting, given["access_token"]) == (200, "")


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": -60},
        {"nbf": 600},
        {"aud": "api://another"},
        {"iss": "https://localhost/another/v2.0"},
    ],
    ids=["expired", "not-yet", "wrong-audience", "wrong-issuer"],
)
def test_a_token_that_is_not_for_here_and_now_gives_the_captured_401(
    entra: Provider, trusting: Server, changes: dict[str, Any]
) -> None:
    assert answer(trusting, signed(entra, entra.signing_key)) == (200, "")
    now = int(time.time())
    claims = {name: now + value if isinstance(value, int) else value for name, value in changes.items()}
    assert answer(trusting, signed(entra, entra.signing_key, **claims)) == (401, "Invalid username or password.")


def test_a_token_signed_by_another_key_gives_the_captured_401(entra: Provider, trusting: Server) -> None:
    assert answer(trusting, signed(entra, entra.certificate_key)) == (401, "Invalid username or password.")


def test_a_token_without_an_end_gives_401(entra: Provider, trusting: Server) -> None:
    claims = {"iss": entra.issuer, "aud": entra.audience}
    key = Path(entra.signing_key).read_text()
    assert answer(trusting, jwt.encode(claims, key, algorithm="RS256", headers={"kid": KEY_ID}))[0] == 401


def test_a_token_that_is_no_jwt_gives_401(trusting: Server) -> None:
    assert answer(trusting, "opaque")[0] == 401


def test_passwords_and_the_servers_own_tokens_are_taken_still(trusting: Server) -> None:
    own = requests.post(f"{trusting.url}/TokenResource.svc/", headers=JSON, auth=("manager", "manager"), timeout=10)
    assert answer(trusting, own.json()["AccessToken"]) == (200, "")
    assert trusting.get(CUSTOMERS).status_code == 200


def test_a_server_without_an_issuer_takes_none_of_its_tokens(entra: Provider, server: Server) -> None:
    assert answer(server, signed(entra, entra.signing_key))[0] == 401


def test_an_issuer_that_does_not_answer_gives_401_and_is_asked_again(tmp_path: Path) -> None:
    with provider(tmp_path) as entra:
        server = start("--scale", "50", *entra.sandbox_flags)
        entra.stop()
        down = answer(server, signed(entra, entra.signing_key))
        entra.start()
        up = answer(server, signed(entra, entra.signing_key))
        stop(server)
    assert (down[0], up[0]) == (401, 200)
