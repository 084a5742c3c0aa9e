"""A real HTTP server that answers as a test says."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping


@dataclass(frozen=True)
class Request:
    """A request that came in, with the port at the other end of its connection."""

    path: str
    raw_query: str
    headers: Mapping[str, str]
    port: int = 0

    @property
    def options(self) -> dict[str, str]:
        """The query string's entries, `+` taken as a plus."""
        return dict(parse_qsl(self.raw_query.replace("+", "%2B"), keep_blank_values=True))


@dataclass
class Reply:
    """An answer to give; a body that is not bytes goes out as JSON."""

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    declared_length: int | None = None
    drop: bool = False


@dataclass
class Server:
    """The running server, with what it was asked."""

    url: str
    requests: list[Request]


@contextmanager
def serving(answer: Callable[[Request], Reply], tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Serve on a free port of the loopback until the block ends, with TLS where there is a context for it."""
    seen: list[Request] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.do_GET()

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            request = Request(unquote(parts.path), parts.query, dict(self.headers), self.client_address[1])
            seen.append(request)
            reply = answer(request)
            if reply.drop:
                self.close_connection = True
                self.connection.close()
                return
            body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(reply.declared_length or len(body)))
            self.end_headers()
            self.wfile.write(body)
            if reply.declared_length:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except (ValueError, OSError):
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield Server(f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}/kinetic", seen)
    finally:
        server.shutdown()
        server.server_close()


def in_turn(*replies: Reply) -> Callable[[Request], Reply]:
    """Answer with each reply in turn, with the last one from then on."""
    queue = list(replies)
    return lambda _: queue.pop(0) if len(queue) > 1 else queue[0]
