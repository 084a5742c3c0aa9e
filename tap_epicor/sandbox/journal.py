"""The requests that came, for tests to look at."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST = 100_000


class Entry(msgspec.Struct, kw_only=True):
    """A request and its answer.

    Args:
        method: The HTTP method.
        path: The path, not decoded.
        query: The query string, not decoded.
        status: The answer's; 0 when the connection was closed instead.
        rows: How many rows it held.
        bytes: The size of its body before compression.
        started: When the request came, in seconds since 1970.
        ended: When the answer was ready.
    """

    method: str
    path: str
    query: str
    started: float
    status: int = 0
    rows: int = 0
    bytes: int = 0
    ended: float = 0.0


class Journal:
    """The last requests."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=_MOST)
        self._lock = threading.Lock()

    def add(self, entry: Entry) -> None:
        """Keeps a request."""
        with self._lock:
            self._entries.append(entry)

    def clear(self) -> None:
        """Forgets all."""
        with self._lock:
            self._entries.clear()

    def list(self) -> Sequence[Entry]:
        """All that are kept, the oldest first."""
        with self._lock:
            return list(self._entries)
