"""Starts a server and says where it listens."""

from __future__ import annotations

import asyncio
import socket
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from tap_epicor.sandbox.app import Sandbox
from tap_epicor.sandbox.bearers import Issuer
from tap_epicor.sandbox.database import Database
from tap_epicor.sandbox.signin import Account

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_epicor.sandbox.launch import Launch


@dataclass(frozen=True)
class Address:
    """Where a server listens, and how to sign in."""

    url: str
    database: str
    user: str
    password: str
    api_key: str


def run(launch: Launch, ready: Callable[[Address], None]) -> None:
    """Serves until SIGTERM or SIGINT.

    Args:
        launch: How to start.
        ready: Is told when requests are answered.
    """
    with tempfile.TemporaryDirectory(prefix="sandbox-") as folder:
        database = _database(launch, launch.database or str(Path(folder) / "kinetic.db"))
        sock = socket.create_server((launch.host, launch.port), backlog=256)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        port = sock.getsockname()[1]
        url = f"http://{launch.host}:{port}/{launch.instance}"
        address = Address(url, database.path, launch.user, launch.password, launch.api_key)
        issuer = Issuer(launch.issuer, launch.audience, launch.issuer_ca) if launch.issuer else None
        account = Account(launch.user, launch.password, launch.api_key, issuer)
        sandbox = Sandbox(database, account, launch.switches, launch.instance, _Protocol.abort)
        config = uvicorn.Config(
            sandbox.application(),
            http=_Protocol,
            log_level="critical",
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        server = _Server(config, lambda: ready(address))
        try:
            asyncio.run(server.serve(sockets=[sock]))
        except KeyboardInterrupt:
            return


def announce(address: Address) -> None:
    """Tells a program where the server listens: one line of JSON on standard output."""
    sys.stdout.buffer.write(msgspec.json.encode(address) + b"\n")
    sys.stdout.flush()


def _database(launch: Launch, path: str) -> Database:
    database = Database(path)
    if not database.is_filled():
        database.fill(
            rows=launch.scale,
            seed=launch.seed,
            companies=launch.company,
            collation=launch.switches.collation,
            first_revision=launch.first_revision,
        )
    return database


class _Server(uvicorn.Server):
    """Says when it is ready."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


class _Protocol(H11Protocol):
    """Knows the open connections, so that a fault can close one."""

    _open: dict[tuple[str, int], asyncio.Transport] = {}  # noqa: RUF012 - shared by all connections

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - as the base class
        super().connection_made(transport)
        if self.client is not None:
            self._open[self.client] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self.client is not None:
            self._open.pop(self.client, None)
        super().connection_lost(exc)

    @classmethod
    def abort(cls, peer: tuple[str, int]) -> None:
        """Closes the connection of a client without a word."""
        transport = cls._open.get(peer)
        if transport is not None:
            transport.abort()
