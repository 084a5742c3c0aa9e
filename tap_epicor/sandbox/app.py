"""The server as an ASGI application: IIS in front, the API behind, and the room's own door beside it."""

from __future__ import annotations

import asyncio
import gzip
import time
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from tap_epicor.sandbox import admin, drift
from tap_epicor.sandbox.api import JSON, XML, Answer, Api, Call, accepts_json
from tap_epicor.sandbox.errors import LICENCE, EmptyError, PageError, ServerError, StallError
from tap_epicor.sandbox.faults import Fault, Faults
from tap_epicor.sandbox.journal import Entry, Journal
from tap_epicor.sandbox.writers import Writers

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive, Scope, Send

    from tap_epicor.sandbox.database import Database
    from tap_epicor.sandbox.signin import Account
    from tap_epicor.sandbox.switches import Switches

_HTML = "text/html"
_SMALLEST_ZIPPED = 512
_STALL_SECONDS = 60
_TOO_LONG = "The request filtering module is configured to deny a request where the query string is too long."
_REMOVED = "The resource you are looking for has been removed, had its name changed, or is temporarily unavailable."


class Sandbox:
    """One server: its rows, its account and all that may change while it runs.

    Args:
        database: The rows.
        account: Who may ask.
        switches: The behaviour to begin with.
        instance: The first segment of every path.
        abort: Closes the connection of a client's address.
    """

    def __init__(
        self,
        database: Database,
        account: Account,
        switches: Switches,
        instance: str,
        abort: Callable[[tuple[str, int]], None],
    ) -> None:
        self.database = database
        self.switches = switches
        self.faults = Faults()
        self.journal = Journal()
        self.writers = Writers(database, lambda: self.switches.ud_revision == "moves")
        self._account = account
        self._companies = database.companies
        self._instance = instance
        self._abort = abort
        self._seated = 0

    def application(self) -> Starlette:
        """The ASGI application."""
        return Starlette(routes=[Mount("/sandbox", routes=admin.routes(self)), Route("/{path:path}", self)])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request outside `/sandbox`."""
        request = Request(scope, receive)
        path = scope["raw_path"].decode("latin-1")
        query = scope["query_string"].decode("latin-1")
        entry = Entry(method=request.method, path=path, query=query, started=time.time())
        fault = self.faults.take(request.method, f"{path}?{query}" if query else path)
        await asyncio.sleep(fault.delay if fault else 0)
        if fault and fault.drop == "before":
            self._finish(entry, None)
            self._abort(scope["client"])
            return
        answer = await self._answer(request, fault, path, query)
        self._finish(entry, answer)
        response = await run_in_threadpool(_response, answer, request.headers.get("accept-encoding", ""))
        await _Sender(send, fault.drop if fault else None).respond(response, scope, receive)

    def _finish(self, entry: Entry, answer: Answer | None) -> None:
        if answer is not None:
            entry.status, entry.rows, entry.bytes = answer.status, answer.rows, len(answer.body)
        entry.ended = time.time()
        self.journal.add(entry)

    async def _answer(self, request: Request, fault: Fault | None, path: str, query: str) -> Answer:
        if fault and fault.status is not None:
            media = next((value for name, value in fault.headers.items() if name.lower() == "content-type"), JSON)
            others = {name: value for name, value in fault.headers.items() if name.lower() != "content-type"}
            return Answer(fault.body.encode(), fault.status, media, others)
        headers = {name.lower(): value for name, value in request.headers.items()}
        prefix = f"/{self._instance}/"
        call = Call(
            method=request.method,
            root=f"{request.url.scheme}://{request.headers.get('host', '')}/{self._instance}",
            path=path.removeprefix(prefix[:-1]),
            query=query,
            headers=headers,
            body=await request.body(),
        )
        if len(query) > self.switches.query_bytes:
            return _page("404.15", _TOO_LONG)
        if not path.startswith(prefix):
            return _page("404.0", _REMOVED)
        try:
            return await self._seated_answer(call)
        except StallError:
            await asyncio.sleep(_STALL_SECONDS)
            return Answer(b"", 504)

    async def _seated_answer(self, call: Call) -> Answer:
        """The answer, while a licence is to be had; it is held until the answer is ready."""
        if 0 < self.switches.seats <= self._seated:
            return _of_error(ServerError(400, "Maximum users exceeded on license DefaultUser.", LICENCE), call)
        self._seated += 1
        try:
            await asyncio.sleep(self.switches.latency_ms / 1000)
            return await run_in_threadpool(self._api_answer, call)
        finally:
            self._seated -= 1

    def _api_answer(self, call: Call) -> Answer:
        api = Api(self.database, drift.load(self.switches.drift), self._account, self._companies, self.switches)
        try:
            return api.answer(call)
        except ServerError as error:
            return _of_error(error, call)
        except EmptyError:
            return Answer(b"", 500)
        except PageError as page:
            return Answer(page.html, page.status, _HTML)


class _Sender:
    """Sends a response, or less than that."""

    def __init__(self, send: Send, drop: str | None) -> None:
        self._send = send
        self._drop = drop

    async def respond(self, response: Response, scope: Scope, receive: Receive) -> None:
        whole = bytes(response.body)
        half = whole[: len(whole) // 2]
        if self._drop == "truncate":
            response.headers["content-length"] = str(len(half))
            response.body = half
        if self._drop == "in-body":
            await self._send(
                {"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers}
            )
            await self._send({"type": "http.response.body", "body": half, "more_body": True})
            return
        await response(scope, receive, self._send)


def _of_error(error: ServerError, call: Call) -> Answer:
    headers = {"WWW-Authenticate": 'Basic realm="Epicor"'} if error.status == 401 else {}  # noqa: PLR2004
    if accepts_json(call.headers):
        return Answer(error.json(), error.status, JSON, headers)
    return Answer(error.xml(), error.status, XML, headers)


def _page(code: str, text: str) -> Answer:
    page = PageError(code, text)
    return Answer(page.html, page.status, _HTML)


def _response(answer: Answer, accepted: str) -> Response:
    headers = dict(answer.headers)
    body = answer.body
    if "gzip" in accepted and len(body) >= _SMALLEST_ZIPPED:
        body = gzip.compress(body, compresslevel=1)
        headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    return Response(body, answer.status, headers, answer.media)
