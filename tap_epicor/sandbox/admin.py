"""The endpoints below `/sandbox`: faults, the journal, changes, writers, copies and switches."""

from __future__ import annotations

from dataclasses import asdict
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

from tap_epicor.sandbox import model
from tap_epicor.sandbox.changes import Changes, Demand
from tap_epicor.sandbox.faults import Fault
from tap_epicor.sandbox.switches import Switches
from tap_epicor.sandbox.writers import Plan

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from tap_epicor.sandbox.app import Sandbox

_T = TypeVar("_T")


def routes(sandbox: Sandbox) -> list[Route]:
    """The endpoints of a server."""
    door = _Door(sandbox)
    return [
        Route("/faults", _from_here(door.faults), methods=["GET", "POST", "DELETE"]),
        Route("/requests", _from_here(door.requests), methods=["GET", "DELETE"]),
        Route("/change", _from_here(door.change), methods=["POST"]),
        Route("/writers", _from_here(door.writers), methods=["GET", "POST"]),
        Route("/writers/commit", _from_here(door.commit), methods=["POST"]),
        Route("/keep", _from_here(door.keep), methods=["POST"]),
        Route("/restore", _from_here(door.restore), methods=["POST"]),
        Route("/switches", _from_here(door.switches), methods=["GET", "PATCH"]),
    ]


def _from_here(endpoint: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint, closed to other machines."""

    async def guarded(request: Request) -> Response:
        if request.client is None or not ip_address(request.client.host).is_loopback:
            return Response(status_code=403)
        return await endpoint(request)

    return guarded


class _Door:
    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def faults(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._sandbox.faults.clear()
        if request.method == "POST":
            faults = _read(await request.body(), list[Fault])
            if isinstance(faults, Response):
                return faults
            self._sandbox.faults.add(faults)
        return _json(self._sandbox.faults.list())

    async def requests(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._sandbox.journal.clear()
        return _json(self._sandbox.journal.list())

    async def change(self, request: Request) -> Response:
        demand = _read(await request.body() or b"{}", Demand)
        if isinstance(demand, Response):
            return demand
        return _json(await run_in_threadpool(self._change, demand))

    def _change(self, demand: Demand) -> dict[str, object]:
        moves = self._sandbox.switches.ud_revision == "moves"
        with self._sandbox.database.transaction() as connection:
            return Changes(connection, model.load(), self._sandbox.writers.locks, user_moves=moves).apply(demand)

    async def writers(self, request: Request) -> Response:
        if request.method == "POST":
            plan = _read(await request.body(), Plan)
            if isinstance(plan, Response):
                return plan
            self._sandbox.writers.start(plan)
        return _json(self._sandbox.writers.tally)

    async def commit(self, _request: Request) -> Response:
        await self._sandbox.writers.commit()
        return _json(self._sandbox.writers.tally)

    async def keep(self, _request: Request) -> Response:
        await run_in_threadpool(self._sandbox.database.keep)
        return Response(status_code=204)

    async def restore(self, _request: Request) -> Response:
        await self._sandbox.writers.abandon()
        try:
            await run_in_threadpool(self._sandbox.database.restore)
        except FileNotFoundError:
            return _refused("no copy was kept: POST /sandbox/keep first")
        return Response(status_code=204)

    async def switches(self, request: Request) -> Response:
        if request.method == "PATCH":
            given = _read(await request.body(), dict[str, Any])
            if isinstance(given, Response):
                return given
            merged = _read(msgspec.json.encode(asdict(self._sandbox.switches) | given), Switches)
            unknown = set(given) - set(asdict(self._sandbox.switches))
            if isinstance(merged, Response) or unknown:
                return merged if isinstance(merged, Response) else _refused(f"no such switches: {sorted(unknown)}")
            self._sandbox.switches = merged
        return _json(asdict(self._sandbox.switches))


def _read(body: bytes, kind: type[_T]) -> _T | Response:
    """What was posted, or the answer that refuses it."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        return _refused(str(error))


def _refused(text: str) -> Response:
    return Response(msgspec.json.encode({"error": text}), 400, media_type="application/json")


def _json(value: object) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")
