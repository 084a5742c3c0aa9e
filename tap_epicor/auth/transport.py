"""How sign-ins speak HTTP: with the certificate authority, the proxy and the time-out of the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from collections.abc import Callable


class Transport(requests.Session):
    """A session whose settings hold for each request, whatever the environment says.

    `REQUESTS_CA_BUNDLE` goes before a session's `verify`, but not before a request's. Redirects are never followed:
    what signs in (headers, forms) would go along to whatever host they name.

    Args:
        verify: whether to check certificates, or the path of a bundle to check them with.
        proxy: address of a proxy; None for what the environment says.
        timeout: seconds to connect, and seconds without a byte while reading.
        headers: sent with every request.
        await_turn: waits until a request may begin.
    """

    def __init__(
        self,
        *,
        verify: bool | str = True,
        proxy: str | None = None,
        timeout: tuple[float, float] = (10.0, 60.0),
        headers: dict[str, str] | None = None,
        await_turn: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__()
        self._await_turn = await_turn
        self.headers.update(headers or {})
        self._options: dict[str, Any] = {"verify": verify, "timeout": timeout}
        if proxy:
            self._options["proxies"] = {"http": proxy, "https": proxy}

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:  # noqa: ANN401
        """Send a request with these settings, unless the call says otherwise."""
        self._await_turn()
        given = {name: value for name, value in kwargs.items() if value is not None}
        return super().request(method, url, *args, **{**self._options, **given, "allow_redirects": False})
