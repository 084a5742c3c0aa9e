"""Bearer tokens: kept as long as they last, one for all threads."""

from __future__ import annotations

import base64
import binascii
import threading
import time
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from tap_epicor.auth.sign_in import SignIn, SignInFailed

if TYPE_CHECKING:
    from requests import PreparedRequest

MARGIN = 0.1
"""Part of its life before a token's end at which another is asked for."""
WHOLE_SECOND = 1.0
"""Seconds by which `exp` and `iat`, which are whole, may be off."""


@dataclass(frozen=True)
class Token:
    """An access token.

    Attributes:
        value: the token.
        life: seconds that it lasts from now on.
    """

    value: str
    life: float


class Bearer(SignIn):
    """Sends a bearer token, and asks for another before it ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._until = 0.0
        self._refused = False

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Sign a request."""
        request.headers["Authorization"] = f"Bearer {self._current()}"
        return request

    def renew(self) -> None:
        """Forget the token, which the server has refused."""
        with self._lock:
            self._token = None
            self._refused = True

    @abstractmethod
    def fetch(self, *, refused: bool) -> Token:
        """Return a token.

        Args:
            refused: whether the server has refused the one before, so that it must be another.

        Raises:
            KineticError: if none can be had.
        """

    def _current(self) -> str:
        with self._lock:
            if self._token is None or time.monotonic() >= self._until:
                self._token = self.fetch(refused=self._refused)
                self._refused = False
                self._until = time.monotonic() + self._token.life - max(WHOLE_SECOND, self._token.life * MARGIN)
            return self._token.value


class ReadyToken(Bearer):
    """A token that the settings hold, for as long as it lasts.

    Args:
        value: the token.
    """

    def __init__(self, value: str) -> None:
        super().__init__()
        self._value = value

    def fetch(self, *, refused: bool) -> Token:
        """Return the token.

        Raises:
            SignInFailed: if it has ended.
        """
        end = claims(self._value).get("exp")
        left = None if seconds(end) is None else float(str(end)) - time.time()
        if refused or (left is not None and left <= 0):
            raise SignInFailed(
                "the access token in `oauth_access_token` has ended, or Kinetic refuses it",
                cure="Give a new one; or, so that it is renewed, give `oauth_refresh_token` and "
                "`oauth_client_id`, and set `initiate_oauth` to REFRESH.",
            )
        return Token(self._value, left if left is not None else float("inf"))


def claims(token: str) -> dict[str, Any]:
    """Return what a JWT says, unchecked; nothing where it is none."""
    try:
        payload = token.split(".")[1]
        content = msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError, binascii.Error):
        return {}
    return content if isinstance(content, dict) else {}


def seconds(value: object) -> float | None:
    """Return a number of seconds, which Kinetic writes as a string (captured); None where it is none."""
    try:
        return float(str(value))
    except ValueError:
        return None
