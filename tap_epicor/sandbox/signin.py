"""Who may ask: passwords, access tokens and API keys."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import msgspec

from tap_epicor.sandbox.errors import UNAUTHORIZED, ServerError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_epicor.sandbox.bearers import Issuer

_JWT_HEADER = base64.urlsafe_b64encode(b'{"typ":"JWT","alg":"HS256"}').rstrip(b"=").decode()


class _Claims(msgspec.Struct):
    iss: str
    username: str
    iat: str
    exp: str


@dataclass(frozen=True)
class Account:
    """The one account, and the API key.

    Args:
        user: Its name.
        password: Its password.
        api_key: The key that v2 wants.
        issuer: Whose access tokens are taken beside this server's own.
        secret: What tokens are signed with.
    """

    user: str
    password: str
    api_key: str
    issuer: Issuer | None = None
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def check(self, authorization: str) -> None:
        """Takes Basic, and Bearer with a token of this server or of the issuer.

        Raises:
            ServerError: 401 for anything else.
        """
        scheme, _, credentials = authorization.partition(" ")
        if scheme.lower() == "basic" and _basic(credentials) == (self.user, self.password):
            return
        token = credentials.strip()
        if scheme.lower() == "bearer" and (self._is_valid(token) or (self.issuer and self.issuer.vouches_for(token))):
            return
        raise _wrong_password()

    def check_key(self, key: str | None, company: str) -> None:
        """Takes the API key.

        Raises:
            ServerError: 401, whose text repeats the key that was sent.
        """
        if key != self.api_key:
            raise ServerError(401, f"Invalid API Key {key or ''}.\r\nCompany {company}.", UNAUTHORIZED)

    def sign_in(self, headers: Mapping[str, str], body: bytes) -> None:
        """Takes the name and password of a demand for a token: own headers, Basic, or a form.

        Raises:
            ServerError: 401 when they are wrong.
        """
        form = parse_qs(body.decode("utf-8", "replace"))
        given = {
            (headers.get("username", ""), headers.get("password", "")),
            _basic(headers.get("authorization", "").partition(" ")[2]),
            (form.get("username", [""])[0], form.get("password", [""])[0]),
        }
        if (self.user, self.password) not in given:
            raise _wrong_password()

    def token(self, seconds: int) -> str:
        """An access token; its times are strings, as the real one's are."""
        now = int(time.time())
        claims = _Claims("epicor", self.user, str(now), str(now + seconds))
        signed = f"{_JWT_HEADER}.{_encoded(msgspec.json.encode(claims))}"
        return f"{signed}.{self._signature(signed)}"

    def _is_valid(self, token: str) -> bool:
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(self._signature(signed), signature):
            return False
        payload = signed.partition(".")[2]
        claims = msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), type=_Claims)
        return int(claims.exp) > time.time()

    def _signature(self, signed: str) -> str:
        return _encoded(hmac.new(self.secret, signed.encode(), hashlib.sha256).digest())


def denied(service: str, method: str, status: int) -> ServerError:
    """The answer of a service that the account may not use."""
    return ServerError(status, f"Access denied ({service.removesuffix('Svc')}.{method}).", UNAUTHORIZED)


def _wrong_password() -> ServerError:
    return ServerError(401, "Invalid username or password.", UNAUTHORIZED)


def _basic(credentials: str) -> tuple[str, str]:
    try:
        user, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, password


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
