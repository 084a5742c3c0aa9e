"""The sign-in service on a bad day: what passes is tried again, and nothing that it says is shown."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest

from tap_epicor.auth.entra import ServicePrincipal
from tap_epicor.auth.registration import Registration
from tap_epicor.auth.sign_in import SignInFailed
from tap_epicor.auth.transport import Transport
from tap_epicor.kinetic.errors import PassingError, Unreachable
from tests.auth.service import HTML, Service, service
from tests.scripted import Reply, in_turn
from tests.singer import tap

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = {"token_type": "Bearer", "access_token": "access-token-of-secret", "expires_in": 3600}
CUT_SHORT = json.dumps({**TOKEN, "refresh_token": "refresh-token-of-secret"}).encode()[:-8]


def principal(at: Service) -> ServicePrincipal:
    registered = Registration("app", at.authority, ("api://kinetic/.default",), "hush-hush")
    return ServicePrincipal(registered, at.transport)


PASSING: dict[str, Reply] = {
    "503": Reply(HTML, status=503),
    "500": Reply({"error": "oops"}, status=500),
    "504 without a body": Reply(status=504),
    "408": Reply(b"timeout", status=408),
    "429": Reply(HTML, status=429),
    "429 in JSON": Reply({"error": "too_many_requests", "error_description": "AADSTS50196"}, status=429),
    "service_unavailable": Reply({"error": "service_unavailable"}, status=400),
    "temporarily_unavailable": Reply({"error": "temporarily_unavailable"}, status=400),
    "AADSTS90033": Reply({"error": "invalid_request", "error_codes": [90033]}, status=400),
    "a page": Reply(HTML),
    "nothing": Reply(b""),
    "a list": Reply([]),
    "deep lists": Reply(b"[" * 200_000),
    "JSON cut short": Reply(CUT_SHORT),
    "a life that is no number": Reply({**TOKEN, "expires_in": "soon"}),
    "no life but null": Reply({**TOKEN, "expires_in": None}),
    "a connection cut": Reply(drop=True),
}


@pytest.mark.parametrize("case", PASSING)
def test_what_passes_is_tried_again_and_not_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture, case: str) -> None:
    caplog.set_level(logging.DEBUG)
    with service(tmp_path, in_turn(PASSING[case], Reply(TOKEN))) as entra:
        sign = principal(entra)
        with pytest.raises(PassingError, match="the sign-in service") as caught:
            sign.fetch(refused=None)
        assert sign.fetch(refused=None).value == TOKEN["access_token"]
    assert caplog.records, "MSAL and urllib3 say something"
    assert "of-secret" not in caplog.text + str(caught.value)


@pytest.mark.parametrize("case", ["503", "429", "a page", "nothing", "a connection cut"])
def test_a_description_of_the_tenant_that_does_not_come_passes(tmp_path: Path, case: str) -> None:
    bad = [PASSING[case]]
    with service(tmp_path, lambda _: Reply(TOKEN), lambda good: bad.pop() if bad else good) as entra:
        sign = principal(entra)
        with pytest.raises(PassingError, match="the sign-in service"):
            sign.fetch(refused=None)
        assert sign.fetch(refused=None).value == TOKEN["access_token"]


@pytest.mark.parametrize(("said", "wait"), [("7", 7.0), ("nonsense", None), (None, None)])
def test_it_is_waited_for_as_long_as_it_says(tmp_path: Path, said: str | None, wait: float | None) -> None:
    busy = Reply(status=429, headers={"Retry-After": said} if said else {})
    with service(tmp_path, in_turn(busy)) as entra, pytest.raises(PassingError) as caught:
        principal(entra).fetch(refused=None)
    assert (caught.value.wait, caught.value.status) == (wait, 429)


def test_a_token_that_does_not_say_how_long_it_lasts_lasts_a_while(tmp_path: Path) -> None:
    answer = {name: value for name, value in TOKEN.items() if name != "expires_in"}
    with service(tmp_path, in_turn(Reply(answer))) as entra:
        assert principal(entra).fetch(refused=None).life == 600


FINAL: dict[str, tuple[Reply, str]] = {
    "a redirect": (Reply(status=302, headers={"Location": "https://portal.example.com/?x=of-secret"}), "redirects"),
    "a page of a proxy": (Reply(HTML, status=403), "HTTP 403"),
    "a wrong secret": (Reply({"error": "invalid_client", "error_description": "no"}, status=401), "invalid_client"),
}


@pytest.mark.parametrize("case", FINAL)
def test_what_does_not_pass_is_told_at_once(tmp_path: Path, case: str) -> None:
    reply, said = FINAL[case]
    with service(tmp_path, in_turn(reply)) as entra, pytest.raises(SignInFailed, match=said) as caught:
        principal(entra).fetch(refused=None)
    assert caught.value.cure
    assert "of-secret" not in str(caught.value)


def test_a_description_without_addresses_is_told(tmp_path: Path) -> None:
    with (
        service(tmp_path, in_turn(Reply(TOKEN)), lambda _: Reply({"issuer": "x"})) as entra,
        pytest.raises(SignInFailed, match="can't be read"),
    ):
        principal(entra).fetch(refused=None)


def test_a_certificate_that_is_not_trusted_is_told(tmp_path: Path) -> None:
    with service(tmp_path, in_turn(Reply(TOKEN))) as entra, pytest.raises(Unreachable, match="`ssl_ca`"):
        ServicePrincipal(Registration("app", entra.authority, ("s",), "hush-hush"), Transport()).fetch(refused=None)


@pytest.mark.parametrize("name", ["msal.token_cache", "msal.oauth2cli.oauth2", "msal.oauth2cli.oidc"])
def test_what_msal_logs_of_tokens_is_not_let_through(caplog: pytest.LogCaptureFixture, name: str) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger(name).error("Token response is not in json format: %s", "access-token-of-secret")
    assert not caplog.records


def test_a_run_waits_for_the_sign_in_service_and_shows_no_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAP_EPICOR_LOGLEVEL", "DEBUG")
    refused = Reply({"error": "invalid_client", "error_description": "no such secret"}, status=401)
    with service(tmp_path, in_turn(Reply(HTML, status=503), Reply(CUT_SHORT), refused)) as entra:
        config = {"url": "http://127.0.0.1:9/kinetic", "service": "Erp.BO.PlantSvc", **entra.settings}
        run = tap(tmp_path, config, "--discover")
        assert entra.asked() == 3
    assert run.code == 1
    assert "DEBUG" in run.log
    assert "HTTP 503" in run.log
    assert "invalid_client" in run.log
    assert "Traceback" not in run.log
    assert "of-secret" not in run.log
    assert "hush-hush" not in run.log
