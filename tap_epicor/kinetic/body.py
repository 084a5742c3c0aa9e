"""The body of an answer: read whole or not at all, and never more of it than memory has room for."""

from __future__ import annotations

import gzip
import io
import zlib
from typing import IO, TYPE_CHECKING, cast

from tap_epicor.kinetic.errors import PassingError, TooLong, UnreadableAnswer

if TYPE_CHECKING:
    import requests

LONGEST = 512 << 20
"""Bytes of an answer, unpacked, beyond which it is refused: 5,000 rows of the widest set take some 100 MB."""

_PART = 1 << 20


def read_body(response: requests.Response, path: str, longest: int = LONGEST) -> bytes:
    """Return the body of an answer, unpacked.

    The packing's own check sum and length are looked at, which urllib3 does not do for one that is cut short.

    Args:
        response: an answer of which only the headers have been read.
        path: path of the request, for the message.
        longest: bytes, unpacked, beyond which it is refused.

    Raises:
        TooLong: if it is longer.
        PassingError: if what was packed is cut short or damaged.
        UnreadableAnswer: if it is packed in a way that was not asked for.
        urllib3.exceptions.HTTPError: if the connection fails, or fewer bytes come than were announced.
    """
    packing = response.headers.get("Content-Encoding", "").strip().lower()
    if packing in {"gzip", "x-gzip"}:
        stream = cast("IO[bytes]", gzip.GzipFile(fileobj=response.raw))
    elif packing in {"", "identity"}:
        stream = cast("IO[bytes]", response.raw)
    else:
        raise UnreadableAnswer("the answer is packed in another way than was asked for", path=path)
    # What was announced is read at once, and what was not is collected where it stays: two copies would not be small.
    announced = 0 if packing in {"gzip", "x-gzip"} else response.raw.length_remaining or 0
    collected = io.BytesIO()
    try:
        body = stream.read(min(announced, longest + 1) or _PART)
        if 0 < len(body) == announced <= longest:
            return body
        while body:
            if collected.tell() + len(body) > longest:
                raise TooLong(f"the answer is longer than {longest >> 20} MiB", path=path)
            collected.write(body)
            body = stream.read(_PART)
    except (EOFError, gzip.BadGzipFile, zlib.error) as exc:
        raise PassingError(
            "the answer, packed with gzip, is cut short or damaged",
            path=path,
            cure="Something between here and Kinetic (a proxy, a gateway) spoils it if that stays so.",
        ) from exc
    return collected.getvalue()
