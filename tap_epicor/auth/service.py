"""The sign-in service as MSAL asks it: what passes by itself, or is no answer at all, is told before MSAL reads it.

MSAL takes an outage for a refusal, keeps it for a minute, and logs a body that it can't read, tokens in it included.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
import urllib3

from tap_epicor.auth.sign_in import SignInFailed
from tap_epicor.kinetic.errors import PassingError, redact, tls_failed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_epicor.auth.transport import Transport

REACH = "Check that this machine may reach it; `proxy_url` and `ssl_ca` hold for it too."

_OK = 200
_REDIRECTS = range(300, 400)
_TEMPORARY = frozenset({408, 429})
_SERVER_ERROR = 500
_PASSING = frozenset({"temporarily_unavailable", "server_error", "service_unavailable"})
_PASSING_NUMBER = 90033
"""AADSTS90033, "a transient error has occurred": Microsoft Entra authentication and authorization error codes."""


class SignInService:
    """What MSAL takes for its HTTP client.

    Args:
        transport: how to speak HTTP.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def get(self, url: str, **options: Any) -> requests.Response:  # noqa: ANN401
        """Return a description; MSAL itself tells what is wrong where there is none."""
        response = self._ask(lambda: self._transport.get(url, **options))
        if response.status_code == _OK:
            _read(response)
        return response

    def post(self, url: str, **options: Any) -> requests.Response:  # noqa: ANN401
        """Return the answer to a form, which holds tokens or says why not."""
        response = self._ask(lambda: self._transport.post(url, **options))
        answer = _read(response)
        if passes(answer):
            raise _outage(response, f"says {redact(str(answer['error']))}")
        if "access_token" in answer and not str(answer.get("expires_in", "0")).isdigit():
            raise _outage(response, "does not say in a number how long its token lasts")
        return response

    def close(self) -> None:
        """Close connections."""
        self._transport.close()

    def _ask(self, question: Callable[[], requests.Response]) -> requests.Response:
        try:
            response = question()
        except requests.RequestException as exc:
            said = redact(str(exc))
            if isinstance(exc, requests.exceptions.SSLError) and "CERTIFICATE_VERIFY_FAILED" in said:
                raise tls_failed(said, "") from exc
            raise PassingError(f"the sign-in service does not answer: {said}", cure=REACH) from exc
        if response.status_code >= _SERVER_ERROR or response.status_code in _TEMPORARY:
            raise _outage(response, "fails for now")
        if response.status_code in _REDIRECTS:
            host = redact(str(urlsplit(response.headers.get("Location", "")).hostname))
            raise SignInFailed(
                f"the sign-in service redirects to {host}",
                cure="Check `azure_authority`; a portal in between (`proxy_url`) can't be signed in to.",
            )
        return response


def passes(answer: Mapping[str, Any]) -> bool:
    """Return whether an answer says that the service fails for now."""
    numbers = answer.get("error_codes")
    return str(answer.get("error")) in _PASSING or (isinstance(numbers, list) and _PASSING_NUMBER in numbers)


def _read(response: requests.Response) -> dict[str, Any]:
    """Return an answer's JSON object; its text is never told, since there may be tokens in it."""
    try:
        answer = json.loads(response.text)
    except (ValueError, RecursionError):
        answer = None
    if isinstance(answer, dict):
        return answer
    if response.status_code == _OK:
        raise _outage(response, f"answers with {len(response.content)} bytes that are no JSON object")
    raise SignInFailed(
        f"the sign-in service answers HTTP {response.status_code} without saying why",
        cure=f"Check `azure_authority` and `azure_tenant`. {REACH}",
    )


def _outage(response: requests.Response, what: str) -> PassingError:
    error = PassingError(f"the sign-in service {what}", status=response.status_code, cure=REACH)
    error.wait = _wait(response.headers.get("Retry-After", ""))
    return error


def _wait(said: str) -> float | None:
    try:
        return urllib3.Retry().parse_retry_after(said)
    except urllib3.exceptions.InvalidHeader:
        return None
