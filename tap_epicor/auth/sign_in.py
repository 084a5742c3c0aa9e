"""What all sign-ins have in common."""

from __future__ import annotations

from requests.auth import AuthBase, HTTPBasicAuth


class SignIn(AuthBase):
    """Signs requests, and can do so anew when the server no longer takes what was good."""

    def renew(self) -> None:
        """Forget what the server refused, so that the next request is signed anew."""


class Basic(HTTPBasicAuth, SignIn):
    """An Epicor user and a password, sent with every request, in UTF-8.

    Args:
        user: the user.
        password: the user's password.
    """

    def __init__(self, user: str, password: str) -> None:
        super().__init__(user.encode(), password.encode())
