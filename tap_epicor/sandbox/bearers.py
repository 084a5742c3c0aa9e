"""Access tokens of an identity provider, such as Entra ID."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from functools import cached_property

import jwt
import requests


@dataclass(frozen=True)
class Issuer:
    """A provider whose access tokens the server takes.

    Args:
        url: The issuer that its tokens name; the discovery document is below it.
        audience: What its tokens must be for.
        ca_file: Who vouches for its certificate; empty for the usual authorities.
    """

    url: str
    audience: str
    ca_file: str

    def vouches_for(self, token: str) -> bool:
        """Whether it signed the token for this audience, and the token is in time."""
        try:
            jwt.decode(
                token,
                self._keys.get_signing_key_from_jwt(token),
                algorithms=["RS256"],
                audience=self.audience,
                issuer=self.url,
                options={"require": ["exp", "iss", "aud"]},
            )
        except (jwt.PyJWTError, requests.RequestException):
            return False
        return True

    @cached_property
    def _keys(self) -> jwt.PyJWKClient:
        address = f"{self.url.rstrip('/')}/.well-known/openid-configuration"
        answer = requests.get(address, verify=self.ca_file or True, timeout=10)
        answer.raise_for_status()
        context = ssl.create_default_context(cafile=self.ca_file or None)
        return jwt.PyJWKClient(answer.json()["jwks_uri"], ssl_context=context)
