"""Faults that tests put in the way of requests."""

from __future__ import annotations

import re
import threading
from typing import Literal

import msgspec


class Fault(msgspec.Struct, kw_only=True):
    """What is to go wrong.

    Args:
        path: A regular expression searched in the path with its query string.
        method: Only this HTTP method.
        times: How many requests it meets.
        skip: How many matching requests it lets through first.
        status: Answers with this status.
        body: And this text.
        headers: And these headers.
        delay: After this many seconds.
        drop: Closes the connection before answering, or in the body; or cuts the body short in a whole answer.
    """

    path: str = ""
    method: str | None = None
    times: int = 1
    skip: int = 0
    status: int | None = None
    body: str = ""
    headers: dict[str, str] = {}
    delay: float = 0.0
    drop: Literal["before", "in-body", "truncate"] | None = None


class Faults:
    """The faults that wait for requests."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, faults: list[Fault]) -> None:
        """Puts faults at the end of the queue."""
        with self._lock:
            self._waiting += faults

    def clear(self) -> None:
        """Takes all faults away."""
        with self._lock:
            self._waiting.clear()

    def list(self) -> list[Fault]:
        """The faults that still wait."""
        with self._lock:
            return list(self._waiting)

    def take(self, method: str, address: str) -> Fault | None:
        """The fault that meets a request, if one does.

        Args:
            method: The request's.
            address: Its path and query string.
        """
        with self._lock:
            for fault in self._waiting:
                if fault.method not in (None, method) or not re.search(fault.path, address):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                if fault.times <= 0:
                    self._waiting.remove(fault)
                return fault
        return None
