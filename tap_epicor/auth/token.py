"""Signing in with a token of Kinetic's own, from `TokenResource.svc`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec
import requests
from requests.auth import HTTPBasicAuth

from tap_epicor.auth.bearer import Bearer, Token, claims, seconds
from tap_epicor.kinetic.errors import (
    PassingError,
    Unreachable,
    UnreadableAnswer,
    WrongPassword,
    from_response,
    redirected,
    tls_failed,
)
from tap_epicor.kinetic.no_answer import why_no_answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_epicor.auth.transport import Transport

USUAL_LIFE = 3600.0
"""Seconds that a token is taken to last that does not say: one hour was seen (`exp` less `iat` of a captured token)."""

_PATH = "TokenResource.svc"
_OK = 200
_REDIRECTS = range(300, 400)
_TEMPORARY = frozenset({408, 429, 502, 503, 504})


_PASSING = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)
"""What happens to an answer on its way, and may not happen to the next one."""


class EpicorToken(Bearer):
    """A bearer token that is asked for once, for all threads, and again before it ends.

    Three forms of the request are in the wild: user and password as headers (two or more public clients), by Basic,
    and as a form (one each). The next one is tried where the server does not understand one, but not where it knows
    the user's password to be wrong, since failed sign-ins may lock an account.

    Args:
        base_url: the instance.
        user: an Epicor user.
        password: the user's password.
        transport: how to speak HTTP.
        api_key: sent along where there is one.
    """

    def __init__(
        self,
        base_url: str,
        user: str,
        password: str,
        transport: Transport,
        api_key: str | None = None,
    ) -> None:
        super().__init__()
        self._url = f"{base_url}/{_PATH}/"
        self._user = user
        self._password = password
        self._transport = transport
        self._key = {"x-api-key": api_key} if api_key else {}
        self._secrets = (password, f"{user}:{password}", *self._key.values())

    def fetch(self, *, refused: str | None = None) -> Token:  # noqa: ARG002
        """Return a new token.

        Raises:
            KineticError: if the server gives none.
        """
        response = None
        for form in self._forms():
            response = self._answer(form)
            if response.status_code == _OK and (token := _read(response.content)):
                return token
            error = self._error(response)
            if isinstance(error, WrongPassword) or response.status_code in _TEMPORARY:
                raise error
        if response is None or response.status_code == _OK:
            raise UnreadableAnswer("the answer holds no AccessToken", path=_PATH)
        raise self._error(response)

    def _answer(self, form: Callable[[], requests.Response]) -> requests.Response:
        try:
            response = form()
        except requests.exceptions.SSLError as exc:
            raise tls_failed(str(exc), _PATH, self._secrets) from exc
        except _PASSING as exc:
            why = why_no_answer(exc, self._secrets)
            raise PassingError(f"no token: no answer ({why})", path=_PATH, cure=Unreachable.cure) from exc
        except requests.RequestException as exc:
            # Not its text: that of an InvalidHeader holds the header.
            raise Unreachable(f"no token: {type(exc).__name__}", path=_PATH) from exc
        if response.status_code in _REDIRECTS:
            raise redirected(response.status_code, response.headers, _PATH, self._secrets)
        return response

    def _forms(self) -> list[Callable[[], requests.Response]]:
        accept = {"Accept": "application/json", **self._key}
        post = self._transport.post
        named = {"username": self._user.encode(), "password": self._password.encode()}
        basic = HTTPBasicAuth(self._user.encode(), self._password.encode())
        fields = {"grant_type": "password", "username": self._user, "password": self._password}
        return [
            lambda: post(self._url, headers={**accept, **named}, data=b"", auth=_unsigned),
            lambda: post(self._url, headers=accept, data=b"", auth=basic),
            lambda: post(self._url, headers=accept, data=fields, auth=_unsigned),
        ]

    def _error(self, response: requests.Response) -> Exception:
        return from_response(
            response.status_code,
            response.headers,
            response.content,
            _PATH,
            self._secrets,
        )


def _unsigned(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Leave a request alone, so that no netrc file signs it."""
    return request


def _read(body: bytes) -> Token | None:
    try:
        answer: Any = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return None
    value = answer.get("AccessToken") if isinstance(answer, dict) else None
    if not isinstance(value, str) or not value:
        return None
    return Token(value, _life(value) or seconds(answer.get("ExpiresIn")) or USUAL_LIFE)


def _life(token: str) -> float | None:
    """Return how long a token lasts, by its own claims and not by this machine's clock."""
    said = claims(token)
    if (end := seconds(said.get("exp"))) is None:
        return None
    begin = seconds(said.get("iat")) or seconds(said.get("nbf")) or time.time()
    return max(0.0, end - begin)
