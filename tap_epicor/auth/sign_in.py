"""What all sign-ins have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from requests.auth import AuthBase, HTTPBasicAuth

from tap_epicor.kinetic.errors import KineticError

if TYPE_CHECKING:
    import requests


class SignInFailed(KineticError):
    """No token can be had, with what to do.

    Attributes:
        code: OAuth's name for the reason, such as `invalid_grant`; empty where there is none.
    """

    def __init__(self, message: str, *, code: str = "", cure: str = "") -> None:
        super().__init__(f"no sign-in: {message}", cure=cure)
        self.code = code


class SignIn(AuthBase):
    """Signs requests, and can do so anew when the server no longer takes what was good.

    Attributes:
        cure: what to do when Kinetic refuses it; None for what the error itself says.
    """

    cure: str | None = None

    def renew(self) -> bool:
        """Forget what the server refused, so that the next request is signed anew.

        Returns:
            Whether that may help although nothing was ever answered.
        """
        return False


class Unsigned(SignIn):
    """Leaves requests as they are, so that nothing else (a netrc file) signs them."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Return the request."""
        return request


class Basic(HTTPBasicAuth, SignIn):
    """An Epicor user and a password, sent with every request, in UTF-8.

    Args:
        user: the user.
        password: the user's password.
    """

    def __init__(self, user: str, password: str) -> None:
        super().__init__(user.encode(), password.encode())
