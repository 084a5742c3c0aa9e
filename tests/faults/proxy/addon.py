"""What mitmproxy does to the sandbox's answers: `mitmdump -s addon.py`, in an environment of its own.

Which answers are spoilt, and how, depends on the seed and on the request alone (and how often it came), so that a seed
gives the same faults in whatever order requests come. A request to the host `faults.test` sets the seed, the share of
the answers to spoil and the kinds of faults, and is answered with the faults since the last one.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import re
import socket
import struct
from collections import Counter
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Self

from mitmproxy import ctx
from mitmproxy.http import Response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mitmproxy.http import HTTPFlow

CONTROL = "faults.test"
BELOW, ABOVE = 0.2, 0.9
"""Seconds of stalls; the tap's time-out in these tests is 0.6 seconds."""
UPGRADE = 4
"""Requests in a row that an upgrade answers: two minutes of waits that grow, scaled."""


def said(status: int, message: str, kind: str, **headers: str) -> Response:
    """Return an error as Kinetic writes it."""
    body = {"HttpStatus": status, "ReasonPhrase": "REST API Exception", "ErrorMessage": message, "ErrorType": kind}
    return Response.make(status, json.dumps(body), {"Content-Type": "application/json", **headers})


def plain(status: int, body: bytes = b"", **headers: str) -> Response:
    return Response.make(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


def in_seconds(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


LICENCE = ("Maximum users exceeded on license", "Ice.Core.LicenseAccessException")
CONVERSIONS = ("Conversions are pending", "Ice.Common.ConversionsPendingException")
ANSWERS: dict[str, Callable[[], Response]] = {
    "401": lambda: said(401, "Token expired", "System.UnauthorizedAccessException"),
    "403": lambda: said(403, "Access denied (Erp.BO.Customer.GetRows).", "System.UnauthorizedAccessException"),
    "410": lambda: said(410, "Session not found", "Ice.Common.InvalidSessionException"),
    "413": lambda: plain(413),
    "429": lambda: plain(429),
    "429 with seconds": lambda: plain(429, Retry_After="0"),
    "429 with a date": lambda: plain(503, Retry_After=in_seconds(0.3)),
    "429 for a day": lambda: plain(429, Retry_After="86400"),
    "500 with an empty body": lambda: plain(500),
    "500 by time-out": lambda: said(500, "Execution Timeout Expired.", "System.Data.SqlClient.SqlException"),
    "502": lambda: plain(502, b"<html><head><title>Bad Gateway</title></head></html>", Content_Type="text/html"),
    "504": lambda: plain(504),
    "licence 400": lambda: said(400, *LICENCE, **{"Retry-After": "0"}),
    "upgrade": lambda: said(503, *CONVERSIONS),
    "a page of HTML": lambda: plain(200, b"<html><body>Maintenance</body></html>", Content_Type="text/html"),
    "nothing": lambda: plain(200),
    "a redirect": lambda: plain(302, Location="https://login.example.com/"),
}


class Faults:
    """The addon."""

    def __init__(self) -> None:
        self._seed = 0
        self._share = 0.0
        self._kinds: list[str] = []
        self._came: Counter[str] = Counter()
        self._upgrade = 0
        self._injected: list[str] = []
        self._spoil: dict[str, Callable[[HTTPFlow, random.Random], Awaitable[None]]] = {
            **{kind: _instead(answer) for kind, answer in ANSWERS.items()},
            "reset before": reset_before,
            "reset in the body": reset_in_body,
            "reset after the body": reset_after,
            "gzip cut short": gzip_cut_short,
            "gzip corrupted": gzip_corrupted,
            "half a document": half_a_document,
            "length too small": length_too_small,
            "length too large": length_too_large,
            "two lengths": two_lengths,
            "stall below": stall_below,
            "stall above": stall_above,
            "another case of value": value_in_another_case,
            "another case of columns": columns_in_another_case,
            "a property of 10 MB": another_property,
            "all rows at once": whatever_top_says,
        }

    async def request(self, flow: HTTPFlow) -> None:
        """Take orders; let a request ask for more than it did."""
        if flow.request.host == CONTROL:
            told = self._injected
            order = json.loads(flow.request.content or b"{}")
            self._seed, self._share = order["seed"], order["share"]
            self._kinds = [kind for kind in sorted(self._spoil) if kind not in order["without"]]
            self._came, self._upgrade, self._injected = Counter(), 0, []
            flow.response = Response.make(200, json.dumps({"injected": told, "kinds": self._kinds}))
            return
        chosen = self._choose(flow)
        flow.metadata["fault"] = chosen
        if chosen and chosen[0] == "all rows at once":
            flow.request.path = re.sub(r"%24top=\d+", "%24top=1000000", flow.request.path)

    async def response(self, flow: HTTPFlow) -> None:
        """Spoil an answer."""
        if chosen := flow.metadata.get("fault"):
            kind, rng = chosen
            await self._spoil[kind](flow, rng)

    def _choose(self, flow: HTTPFlow) -> tuple[str, random.Random] | None:
        asked = f"{flow.request.method} {flow.request.pretty_url}"
        self._came[asked] += 1
        rng = random.Random(f"{self._seed} {asked.partition('/kinetic')[2]} {self._came[asked]}")
        if self._upgrade:
            self._upgrade -= 1
            kind = "upgrade"
        elif rng.random() < self._share:
            kind = rng.choice(self._kinds)
            self._upgrade = UPGRADE - 1 if kind == "upgrade" else 0
        else:
            return None
        self._injected.append(f"{kind}: {asked[:300]}")
        return kind, rng


def _instead(answer: Callable[[], Response]) -> Callable[[HTTPFlow, random.Random], Awaitable[None]]:
    async def spoil(flow: HTTPFlow, _: random.Random) -> None:
        flow.response = answer()

    return spoil


def _writer(flow: HTTPFlow) -> Any:
    """Return the connection to the tap: what HTTP forbids is written past mitmproxy's own HTTP."""
    handlers = ctx.master.addons.get("proxyserver").connections.values()
    handler = next(one for one in handlers if one.client is flow.client_conn)
    return handler.transports[handler.client].writer


async def _end(flow: HTTPFlow, rng: random.Random) -> None:
    """End the connection, by a reset or as if all were well."""
    writer = _writer(flow)
    await asyncio.sleep(0.01)
    if rng.random() < 0.5:
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()
    flow.kill()


async def _send(flow: HTTPFlow, body: bytes, length: int, *, two_lengths: bool = False) -> None:
    response = flow.response
    assert response
    headers = {
        name: value
        for name, value in response.headers.items()
        if name.lower() not in {"transfer-encoding", "content-length"} or two_lengths
    }
    headers["Content-Length"] = str(length)
    head = [
        f"HTTP/1.1 {response.status_code} {response.reason}",
        *(f"{name}: {text}" for name, text in headers.items()),
    ]
    writer = _writer(flow)
    writer.write("\r\n".join([*head, "", ""]).encode() + body)
    await writer.drain()


def _raw(flow: HTTPFlow) -> bytes:
    assert flow.response
    return flow.response.raw_content or b""


async def reset_before(flow: HTTPFlow, rng: random.Random) -> None:
    await _end(flow, rng)


async def reset_in_body(flow: HTTPFlow, rng: random.Random) -> None:
    body = _raw(flow)
    await _send(flow, body[: rng.randrange(len(body) + 1)], len(body))
    await _end(flow, rng)


async def reset_after(flow: HTTPFlow, rng: random.Random) -> None:
    body = _raw(flow)
    await _send(flow, body, len(body))
    await _end(flow, rng)


async def length_too_small(flow: HTTPFlow, rng: random.Random) -> None:
    body = _raw(flow)
    await _send(flow, body, rng.randrange(len(body) + 1))
    await _end(flow, rng)


async def length_too_large(flow: HTTPFlow, rng: random.Random) -> None:
    body = _raw(flow)
    await _send(flow, body, len(body) + rng.randrange(1, 10))
    await asyncio.sleep(rng.choice([0, ABOVE]))
    await _end(flow, rng)


async def two_lengths(flow: HTTPFlow, rng: random.Random) -> None:
    body = _raw(flow)
    await _send(flow, body, len(body) + rng.randrange(1, 10), two_lengths=True)
    await _end(flow, rng)


def _replace(flow: HTTPFlow, packed: bytes) -> None:
    assert flow.response
    flow.response.headers["Content-Encoding"] = "gzip"
    flow.response.raw_content = packed
    flow.response.headers["Content-Length"] = str(len(packed))


async def gzip_cut_short(flow: HTTPFlow, rng: random.Random) -> None:
    assert flow.response
    packed = gzip.compress(flow.response.content or b"")
    _replace(flow, packed[: rng.randrange(1, len(packed))])


async def gzip_corrupted(flow: HTTPFlow, rng: random.Random) -> None:
    assert flow.response
    packed = bytearray(gzip.compress(flow.response.content or b""))
    for _ in range(rng.randrange(1, 20)):
        packed[rng.randrange(len(packed))] ^= 1 << rng.randrange(8)
    _replace(flow, bytes(packed))


async def half_a_document(flow: HTTPFlow, rng: random.Random) -> None:
    assert flow.response
    content = flow.response.content or b"?"
    flow.response.content = content[: rng.randrange(len(content))]


async def stall_below(flow: HTTPFlow, rng: random.Random) -> None:  # noqa: ARG001
    await asyncio.sleep(BELOW)


async def stall_above(flow: HTTPFlow, rng: random.Random) -> None:  # noqa: ARG001
    await asyncio.sleep(ABOVE)


def _json(flow: HTTPFlow) -> dict[str, Any]:
    assert flow.response
    try:
        content = json.loads(flow.response.content or b"", parse_float=_Digits)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


class _Digits(float):
    """A fraction that is written as it was read."""

    def __new__(cls, text: str) -> Self:
        self = super().__new__(cls, text)
        self.text = text
        return self

    text: str

    def __repr__(self) -> str:
        return self.text


def _rewrite(flow: HTTPFlow, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    content = _json(flow)
    if flow.response and content:
        flow.response.text = _exact(change(content))


def _exact(content: Any) -> str:
    """Return JSON, fractions with all their digits."""
    if isinstance(content, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{_exact(value)}" for name, value in content.items()) + "}"
    if isinstance(content, list):
        return "[" + ",".join(map(_exact, content)) + "]"
    return content.text if isinstance(content, _Digits) else json.dumps(content)


async def value_in_another_case(flow: HTTPFlow, rng: random.Random) -> None:  # noqa: ARG001
    _rewrite(flow, lambda answer: {name.capitalize(): value for name, value in answer.items()})


def _rows(answer: dict[str, Any]) -> list[dict[str, Any]]:
    rows = answer.get("value")
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


async def columns_in_another_case(flow: HTTPFlow, rng: random.Random) -> None:  # noqa: ARG001
    _rewrite(
        flow,
        lambda answer: {**answer, "value": [{name.upper(): row[name] for name in row} for row in _rows(answer)]},
    )


async def another_property(flow: HTTPFlow, rng: random.Random) -> None:
    def change(answer: dict[str, Any]) -> dict[str, Any]:
        rows = _rows(answer)
        if rows:
            rng.choice(rows)["Remarks_c"] = "x" * (10 << 20)
        return {**answer, "odata.added": "yes"}

    _rewrite(flow, change)


async def whatever_top_says(flow: HTTPFlow, rng: random.Random) -> None:
    """The request has asked for all rows already."""


addons = [Faults()]
