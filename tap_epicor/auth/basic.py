"""Signing in with an Epicor user and a password."""

from __future__ import annotations

from requests.auth import HTTPBasicAuth


def basic(user: str, password: str) -> HTTPBasicAuth:
    """Return a sign-in that sends user and password with every request, in UTF-8."""
    return HTTPBasicAuth(user.encode(), password.encode())
