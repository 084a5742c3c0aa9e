"""A Kinetic server that costs less than its clients: the rows are rendered beforehand, and found by arithmetic.

    python -m bench.server [CORE]

prints its address and serves until its standard input ends. The first part of a path says what the instance is:
`/{rows}-{milliseconds}-{name}/api/v2/…` has that many rows in each set, answers that much later, and is counted under
its name: `/counts/{rows}-{milliseconds}-{name}` tells.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections import defaultdict
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from bench.cores import pin
from bench.metadata import DEAF_SERVICE, csdl, service_list
from bench.ranges import NotServed, ranges
from bench.rows import BLOCK, COLUMNS, KEY, Blocks, Shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_PATH: Final = re.compile(
    r"/(?P<instance>(?P<rows>\d+)-(?P<wait>\d+)-\w+)/api/"
    r"(?:helppage/services|(?:(?P<v1>v1)|(?P<v2>v2)/odata/\w+)/(?P<service>[\w.]+)/(?P<name>\$metadata|\w+))"
)
_ROWS_WITHOUT_TOP: Final = 100
_ORDERS: Final = frozenset({"", "SysRevID", *(",".join(KEY[first:last]) for first in (0, 1) for last in (1, 2, 3))})
_JSON: Final = "application/json"


@dataclass
class Counts:
    """What an instance was asked for.

    Attributes:
        requests: requests for rows.
        metadata_requests: requests for metadata and lists.
        rows: rows sent.
        touched: rows that a database would have to go over for them: those sent, and those skipped.
        sent: bytes of rows.
        began: when the first request for rows came, in seconds of the monotonic clock that all processes share.
    """

    requests: int = 0
    metadata_requests: int = 0
    rows: int = 0
    touched: int = 0
    sent: int = 0
    began: float = 0.0


counts: defaultdict[str, Counts] = defaultdict(Counts)
_counting = threading.Lock()
_rendering = threading.Lock()
_blocks: dict[Shape, Blocks] = {}


def _blocks_of(shape: Shape) -> Blocks:
    with _rendering:
        if shape not in _blocks:
            _blocks[shape] = Blocks(shape)
        return _blocks[shape]


class Handler(BaseHTTPRequestHandler):
    """Answers one connection's requests."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answer a request."""
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        if path.startswith("/counts/"):
            self._send(200, [json.dumps(asdict(counts[path.removeprefix("/counts/")])).encode()])
            return
        match = _PATH.fullmatch(path)
        if match is None:
            self._refuse(404, f"nothing at {path}")
            return
        arrived = time.monotonic()
        options = dict(parse_qsl(parts.query.replace("+", "%2B")))
        time.sleep(int(match["wait"]) / 1000)
        counted = counts[match["instance"]]
        if match["name"] in {None, "$metadata"}:
            with _counting:
                counted.metadata_requests += 1
            self._describe(match)
            return
        with _counting:
            counted.began = counted.began or arrived
        try:
            self._send_rows(match, options, counted)
        except (NotServed, ValueError) as exc:
            self._refuse(400, str(exc))

    def _describe(self, match: re.Match[str]) -> None:
        if match["name"] is None:
            self._send(200, [json.dumps(service_list()).encode()])
        else:
            self._send(200, [csdl(match["service"], match["v1"] or match["v2"])], "application/xml")

    def _send_rows(self, match: re.Match[str], options: dict[str, str], counted: Counts) -> None:
        quotes = match["v1"] is not None
        total = int(match["rows"])
        among = ranges(options.get("$filter", ""), total)
        skip, top = int(options.get("$skip", 0)), int(options.get("$top", _ROWS_WITHOUT_TOP))
        wanted = _ordered(among, options.get("$orderby", ""), skip, top)
        text = _blocks_of(Shape(_columns(options, match["service"]), quotes))
        pieces = [_head(quotes, options, sum(map(len, among)))]
        for one in wanted:
            pieces += [*text.text(one.start, one.stop), memoryview(b",")]
        if wanted:
            pieces.pop()
        pieces.append(memoryview(b"]}"))
        sent = sum(map(len, wanted))
        size = self._send(200, pieces)
        with _counting:
            counted.requests += 1
            counted.rows += sent
            counted.touched += sent + skip
            counted.sent += size
        if sent == top and wanted[-1].stop < total:
            # While the client has its hands full.
            text.block(min(wanted[-1].stop + top, total - 1) // BLOCK)

    def _refuse(self, status: int, message: str) -> None:
        self._send(status, [json.dumps({"HttpStatus": status, "ErrorMessage": message}).encode()])

    def _send(self, status: int, pieces: Sequence[bytes | memoryview], kind: str = _JSON) -> int:
        size = sum(map(len, pieces))
        self.send_response_only(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        for piece in pieces:
            self.wfile.write(piece)
        return size


def _columns(options: dict[str, str], service: str) -> tuple[str, ...]:
    wanted = options.get("$select")
    if not wanted or service == DEAF_SERVICE:
        return tuple(COLUMNS)
    chosen = set(wanted.split(","))
    if unknown := chosen - COLUMNS.keys():
        raise NotServed(f"no such columns: {', '.join(unknown)}")
    return tuple(name for name in COLUMNS if name in chosen)


def _ordered(among: Sequence[range], order: str, skip: int, top: int) -> list[range]:
    """Return the rows of a page: the key and the revision rise together, so that there are but two orders."""
    if order.endswith(" desc") and order.removesuffix(" desc") in {"SysRevID", "OrderNum"}:
        backwards = (range(number, number + 1) for one in reversed(among) for number in reversed(one))
        return [next(backwards, range(0)) for _ in range(skip + top)][skip:] if among else []
    if order not in _ORDERS:
        raise NotServed(f"rows in the order of {order!r}")
    return list(_page(among, skip, top))


def _page(among: Iterable[range], skip: int, top: int) -> Iterable[range]:
    for one in among:
        taken = one[skip : skip + top]
        skip = max(0, skip - len(one))
        top -= len(taken)
        if taken:
            yield taken


def _head(quotes: bool, options: dict[str, str], count: int) -> memoryview:  # noqa: FBT001
    if quotes:
        told = f'"odata.count":"{count}",' if options.get("$inlinecount") == "allpages" else ""
        return memoryview(f'{{"odata.metadata":"$metadata#OrderDtls",{told}"value":['.encode())
    told = f'"@odata.count":{count},' if options.get("$count") == "true" else ""
    return memoryview(f'{{"@odata.context":"$metadata#OrderDtls",{told}"value":['.encode())


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def main() -> None:
    """Serve."""
    pin(sys.argv[1:])
    server = _Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
