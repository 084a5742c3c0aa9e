"""The page that a browser comes back to: on this machine's loopback, for one answer."""

from __future__ import annotations

import errno
import html
import os
import re
import select
import socket
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl, urlsplit

from tap_epicor.auth.sign_in import SignInFailed
from tap_epicor.kinetic.errors import KineticError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from urllib.parse import SplitResult

    Answer = Mapping[str, str]

_IPV4 = (socket.AF_INET, "127.0.0.1")
_IPV6 = (socket.AF_INET6, "::1")
_FAMILIES = {"localhost": (_IPV4, _IPV6), "127.0.0.1": (_IPV4,), "::1": (_IPV6,)}
"""What a browser may take a host for."""
_NO_SUCH_FAMILY = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})

_SILENCE = 2.0
"""Seconds to wait for a connection to say something: browsers open some that never do."""
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title} - tap-epicor</title>
<style>body{{font:18px/1.5 system-ui,sans-serif;margin:0;padding:12vh 1em;background:#f3f4f6;color:#222}}
main{{max-width:32em;margin:auto;padding:1em 2em;background:#fff;border-radius:8px;border-top:6px solid {color}}}
h1{{font-size:1.5em;color:{color}}}code{{background:#eef0f3;padding:.1em .3em;border-radius:4px}}
small{{color:#666;overflow-wrap:anywhere}}</style>
<main><h1>{mark} {title}</h1><p>{text}</p>{more}
<p><small>This page comes from tap-epicor on your own machine.</small></p></main>
</html>"""
_CODE = re.compile(r"`([^`]+)`")


class CallbackPage:
    """Listens for the answer to one consent.

    Args:
        url: the callback URL; its host must be this machine's loopback.
        state: what the answer must repeat; others are turned away.
        exchange: makes tokens of the answer; what it raises is shown in the browser, too.

    Raises:
        SignInFailed: if it can't be listened on.
    """

    def __init__(self, url: str, state: str, exchange: Callable[[Answer], Any]) -> None:
        self._address = _on_this_machine(url)
        self._state = state
        self._exchange = exchange
        self._tokens: Any = None
        self._failure: Exception | None = None
        self._servers = _listen(self._address, self._answer)

    def __enter__(self) -> Self:
        """Listen."""
        return self

    def __exit__(self, *_: object) -> None:
        """Listen no more."""
        for server in self._servers:
            server.server_close()

    def wait(self, seconds: float) -> Any:  # noqa: ANN401
        """Return the tokens that the answer brought.

        Args:
            seconds: how long to wait.

        Raises:
            SignInFailed: if no answer comes in time, or it brings none.
        """
        end = time.monotonic() + seconds
        while self._tokens is None and self._failure is None:
            left = end - time.monotonic()
            if left <= 0:
                raise SignInFailed(
                    f"nobody consented in the browser within {seconds:.0f} seconds",
                    cure="Run `tap-epicor login` again; without a browser here, `tap-epicor login --device`.",
                )
            ready, _, _ = select.select(self._servers, [], [], left)
            if ready:
                ready[0].handle_request()
        if self._failure:
            raise self._failure
        return self._tokens

    def _answer(self, path: str) -> tuple[int, str]:
        parts = urlsplit(path)
        answer = dict(parse_qsl(parts.query))
        if parts.path.rstrip("/") != self._address.path.rstrip("/") or not answer:
            return 404, _page("There is nothing here", "This address only waits for a sign-in to end.", ok=False)
        if answer.get("state") != self._state:
            text = "This page belongs to another sign-in. Go on in the window that was opened last."
            return 400, _page("Not the sign-in that was waited for", text, ok=False)
        try:
            self._tokens = self._exchange(answer)
        except Exception as exc:  # noqa: BLE001
            self._failure = exc
            return 200, _page("The sign-in did not work", *_reasons(exc), ok=False)
        text = "tap-epicor may now read Epicor Kinetic for you. You can close this window and go back to the terminal."
        return 200, _page("You are signed in", text, ok=True)


def _on_this_machine(url: str) -> SplitResult:
    try:
        address = urlsplit(url)
        is_here = address.scheme == "http" and address.hostname in _FAMILIES and address.port != 0
    except ValueError:
        is_here = False
    if not is_here:
        raise SignInFailed(
            f"`callback_url` {url} is not on this machine",
            cure="Use http://localhost and a port, or the commands of `tap-epicor oauth` for a web application.",
        )
    return address


def _listen(address: SplitResult, answer: Callable[[str], tuple[int, str]]) -> list[HTTPServer]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _SILENCE

        def do_GET(self) -> None:
            status, page = answer(self.path)
            body = page.encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("Referrer-Policy", "no-referrer")
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: the address holds the code."""

    class Server(HTTPServer):
        # On Windows it would let two programs have one port.
        allow_reuse_address = os.name != "nt"
        timeout = 0

        def handle_error(self, *_: object) -> None:
            """Say nothing: a browser that is closed early has given its answer, or will not."""

    servers: list[HTTPServer] = []
    for family, host in _FAMILIES[str(address.hostname)]:
        Server.address_family = family
        try:
            servers.append(Server((host, address.port or 80), Handler))
        except OSError as exc:
            if servers and exc.errno in _NO_SUCH_FAMILY:
                continue
            for server in servers:
                server.server_close()
            raise SignInFailed(
                f"`callback_url` {address.geturl()} can't be listened on: {exc.strerror}",
                cure="End what holds the port, or choose another `callback_url` and add it to the app registration.",
            ) from exc
    return servers


def _reasons(exc: Exception) -> tuple[str, str]:
    """Return what to do about a failure, and what was said."""
    if isinstance(exc, KineticError) and exc.cure:
        return exc.cure, exc.message.removeprefix("no sign-in: ")
    return str(exc), ""


def _page(title: str, text: str, details: str = "", *, ok: bool) -> str:
    more = f"<p><small>Details: {html.escape(details)}</small></p>" if details else ""
    return _PAGE.format(
        title=html.escape(title),
        text=_CODE.sub(r"<code>\1</code>", html.escape(text)),
        more=more,
        mark="✓" if ok else "✗",
        color="#17692f" if ok else "#a11",
    )
