"""Bearer tokens: kept as long as they last, one for all threads."""

from __future__ import annotations

import base64
import binascii
import logging
import threading
import time
from abc import abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from tap_epicor.auth.sign_in import SignIn, SignInFailed
from tap_epicor.kinetic.errors import PassingError

if TYPE_CHECKING:
    from requests import PreparedRequest

logger = logging.getLogger(__name__)

MARGIN = 0.1
"""Part of its life before a token's end at which another is asked for."""
KEPT_MARGIN = 300.0
"""Seconds before the end of a token of an earlier run at which another is asked for, as MSAL does."""
PAUSE = 10.0
"""Seconds after which another token is asked for again, where none could be had and the old one is still good."""
WHOLE_SECOND = 1.0
"""Seconds by which `exp` and `iat`, which are whole, may be off."""
ON_THE_WAY = 1.0
"""Seconds that may pass until the server looks at a request that is signed."""


@dataclass(frozen=True)
class Token:
    """An access token.

    Attributes:
        value: the token.
        life: seconds that it lasts.
        came: when they begin, by the monotonic clock.
    """

    value: str
    life: float
    came: float = field(default_factory=time.monotonic)


class _Signed(threading.local):
    """The token that a thread has sent last."""

    token: str | None = None


class Bearer(SignIn):
    """Sends a bearer token, and asks for another before it ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._signed = _Signed()
        self._token: Token | None = None
        self._is_kept = False
        self._refused: str | None = None
        self._due = 0.0
        self._end = 0.0

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Sign a request."""
        self._signed.token = None
        self._signed.token = self._current()
        request.headers["Authorization"] = f"Bearer {self._signed.token}"
        return request

    def renew(self) -> bool:
        """Forget the token that this thread has sent last, which the server has refused.

        Returns:
            Whether another may do, although nothing was ever answered: it was kept from an earlier run, or another
            thread has forgotten it before. Not where no token was sent, since the sign-in itself was refused.
        """
        with self._lock:
            if self._signed.token is None:
                return False
            if self._token is None or self._token.value != self._signed.token:
                return True
            self._refused = self._token.value
            self._token = None
            return self._is_kept

    @abstractmethod
    def fetch(self, *, refused: str | None) -> Token:
        """Return a token.

        Args:
            refused: a token that the server has refused, so that it must be another.

        Raises:
            KineticError: if none can be had.
        """

    def kept(self) -> Token | None:
        """Return a token from an earlier run, if there is one."""
        return None

    def _current(self) -> str:
        with self._lock:
            token = self._token
            if token is None and self._refused is None and (kept := self.kept()):
                token = self._take(kept, is_kept=True)
            if token is None or time.monotonic() >= self._due:
                token = self._another(token)
            return token.value

    def _another(self, old: Token | None) -> Token:
        try:
            token = self.fetch(refused=self._refused)
        except PassingError as exc:
            left = self._end - time.monotonic()
            if old is None or left <= 0:
                raise
            logger.warning("%s The token that there is is good for %.0f s more.", exc, left)
            self._due = time.monotonic() + min(left, exc.wait or PAUSE)
            return old
        self._refused = None
        return self._take(token, is_kept=False)

    def _take(self, token: Token, *, is_kept: bool) -> Token:
        margin = max(WHOLE_SECOND + ON_THE_WAY, token.life * MARGIN, KEPT_MARGIN if is_kept else 0.0)
        self._token = token
        self._is_kept = is_kept
        self._due = token.came + token.life - margin
        self._end = token.came + token.life - WHOLE_SECOND
        return token


class ReadyToken(Bearer):
    """A token that the settings hold, for as long as it lasts.

    Args:
        value: the token.
    """

    def __init__(self, value: str) -> None:
        super().__init__()
        self._value = value

    def fetch(self, *, refused: str | None) -> Token:
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
