"""What happens to a sandbox while it is read: changes, long transactions, and answers that go wrong."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.sandboxes import Sandbox

HTML = {"Content-Type": "text/html"}
BUSY = '{"HttpStatus": 503, "ErrorMessage": "Conversions are pending.", "ErrorType": "ConversionsPendingException"}'
REFUSED = '{"HttpStatus": 401, "ErrorMessage": "Invalid username or password."}'
FAULTS: tuple[dict[str, Any], ...] = (
    {"status": 500},
    {"status": 500, "times": 3},
    {"status": 503, "body": BUSY},
    {"status": 429, "headers": {"Retry-After": "1"}},
    {"status": 429},
    {"status": 401, "body": REFUSED},
    {"status": 502, "body": "<html>Bad Gateway</html>", "headers": HTML},
    {"status": 200, "body": "<html>Please sign in</html>", "headers": HTML},
    {"status": 200, "body": '{"value": [{"Company": "EPIC'},
    {"drop": "before"},
    {"drop": "before", "times": 3},
    {"drop": "in-body"},
    {"drop": "truncate"},
    {"delay": 1.5},
)
MOST_FAULTS = 8
WITHIN_REQUESTS = 120


def put_faults(server: Sandbox, chance: random.Random) -> int:
    """Put some faults in the way of the next run, and return how many requests they are for."""
    chosen = [chance.choice(FAULTS) for _ in range(chance.randrange(MOST_FAULTS))]
    for fault in chosen:
        server.fault(**fault, skip=chance.randrange(WITHIN_REQUESTS), path="/api/")
    return sum(fault.get("times", 1) for fault in chosen)


def take_faults(server: Sandbox) -> int:
    """Take the faults away that still wait, and return how many requests they were for."""
    waiting = requests.get(f"{server.admin}/faults", timeout=10).json()
    requests.delete(f"{server.admin}/faults", timeout=10).raise_for_status()
    return sum(fault["times"] for fault in waiting)


@dataclass
class Weather:
    """What has happened so far."""

    server: Sandbox
    changed: int = 0


@contextmanager
def weather(server: Sandbox, seed: int, *, deletes: bool) -> Iterator[Weather]:
    """Change rows, at once and late, until the block ends."""
    told = Weather(server)
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        blowing = pool.submit(_blow, told, random.Random(seed), stop, deletes=deletes)
        try:
            yield told
        finally:
            stop.set()
            blowing.result()


def _blow(told: Weather, chance: random.Random, stop: threading.Event, *, deletes: bool) -> None:
    while not stop.wait(chance.uniform(0.1, 1.0)):
        seed = chance.randrange(2**31)
        going = chance.randrange(3) if deletes else 0
        coming, changing = chance.randrange(8), chance.randrange(30)
        done = told.server.change(inserts=coming, updates=changing, deletes=going, user_updates=2, seed=seed)
        told.changed += sum(sum(done[kind].values()) for kind in ("inserted", "updated", "user_updated", "deleted"))
        writers = chance.randrange(12)
        told.server.write(writers=writers, over=1.0, longest=8.0, inserts=1, updates=2, deletes=going and 1, seed=seed)
