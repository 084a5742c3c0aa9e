"""Signing in with a token of Kinetic's own, from `TokenResource.svc`."""

from __future__ import annotations

import base64
import binascii
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import requests
from requests.auth import HTTPBasicAuth

from tap_epicor.auth.sign_in import SignIn
from tap_epicor.kinetic.errors import PassingError, UnreadableAnswer, WrongPassword, from_response

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_epicor.auth.transport import Transport

USUAL_LIFE = 3600.0
"""Seconds that a token is taken to last that does not say: one hour was seen (`exp` less `iat` of a captured token)."""
MARGIN = 0.1
"""Part of its life before a token's end at which another is asked for."""

WHOLE_SECOND = 1.0
"""Seconds by which `exp` and `iat`, which are whole, may be off."""

_OK = 200
_TEMPORARY = frozenset({408, 429, 502, 503, 504})


@dataclass(frozen=True)
class Token:
    """An access token.

    Attributes:
        value: the token.
        until: moment of the monotonic clock at which another is to be asked for.
    """

    value: str
    until: float


class EpicorToken(SignIn):
    """A bearer token that is asked for once, for all threads, and again before it ends.

    Three forms of the request are in the wild: user and password as headers (two or more public clients), by Basic,
    and as a form (one each). The next one is tried where the server does not understand one, but not where it knows
    the user's password to be wrong, since failed sign-ins may lock an account.

    Args:
        base_url: the instance.
        user: an Epicor user.
        password: the user's password.
        transport: how to speak HTTP.
    """

    def __init__(self, base_url: str, user: str, password: str, transport: Transport) -> None:
        self._url = f"{base_url}/TokenResource.svc/"
        self._user = user
        self._password = password
        self._transport = transport
        self._lock = threading.Lock()
        self._token: Token | None = None

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign a request."""
        request.headers["Authorization"] = f"Bearer {self._current()}"
        return request

    def renew(self) -> None:
        """Forget the token."""
        with self._lock:
            self._token = None

    def _current(self) -> str:
        with self._lock:
            if self._token is None or time.monotonic() >= self._token.until:
                self._token = self._fetch()
            return self._token.value

    def _fetch(self) -> Token:
        response = None
        for form in self._forms():
            try:
                response = form()
            except (requests.ConnectionError, requests.Timeout) as exc:
                raise PassingError(f"no token: {type(exc).__name__}", path="TokenResource.svc") from exc
            if response.status_code == _OK and (token := _read(response.content)):
                return token
            error = self._error(response)
            if isinstance(error, WrongPassword) or response.status_code in _TEMPORARY:
                raise error
        if response is None or response.status_code == _OK:
            raise UnreadableAnswer("the answer holds no AccessToken", path="TokenResource.svc")
        raise self._error(response)

    def _forms(self) -> list[Callable[[], requests.Response]]:
        accept = {"Accept": "application/json"}
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
            "TokenResource.svc",
            (self._password,),
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
    life = _life(value) or _seconds(answer.get("ExpiresIn")) or USUAL_LIFE
    return Token(value, time.monotonic() + life - max(WHOLE_SECOND, life * MARGIN))


def _life(token: str) -> float | None:
    """Return how long a token lasts, by its own `exp` and `iat`, which Kinetic writes as strings (captured)."""
    try:
        payload = token.split(".")[1]
        claims = msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError, binascii.Error):
        return None
    if not isinstance(claims, dict) or (end := _seconds(claims.get("exp"))) is None:
        return None
    begin = _seconds(claims.get("iat")) or _seconds(claims.get("nbf")) or time.time()
    return max(0.0, end - begin)


def _seconds(value: object) -> float | None:
    try:
        return float(str(value))
    except ValueError:
        return None
