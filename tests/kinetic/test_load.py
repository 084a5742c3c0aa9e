"""The load on the server stays within the settings in all phases, by the sandbox's own journal, and gives way."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from requests.auth import HTTPBasicAuth

from tap_epicor.kinetic.load import SLOW_ANSWERS, Load
from tap_epicor.kinetic.query import Query
from tests.kinetic.clients import HURRY, client
from tests.sandboxes import sandbox
from tests.singer import choose, discover, tap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.sandboxes import Sandbox

SERVICES = "Erp.BO.CustomerSvc,Erp.BO.PartSvc,Erp.BO.VendorSvc,Erp.BO.PlantSvc"
CUSTOMERS = "erp_customer_customers"


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with sandbox() as running:
        running.switch(latency_ms=30)
        yield running


def most_at_once(requests: list[dict[str, Any]]) -> int:
    """Return how many requests were under way at the busiest moment."""
    moments = sorted([(one["started"], 1) for one in requests] + [(one["ended"], -1) for one in requests])
    under_way = [0]
    for _, step in moments:
        under_way.append(under_way[-1] + step)
    return max(under_way)


def gaps(requests: list[dict[str, Any]]) -> list[float]:
    """Return the seconds between the beginnings of requests."""
    return [later - earlier for earlier, later in pairwise(sorted(one["started"] for one in requests))]


@pytest.mark.parametrize("most", [1, 2])
def test_no_more_connections_than_allowed_while_discovering_and_reading(
    server: Sandbox, tmp_path: Path, most: int
) -> None:
    config = server.config(service=SERVICES, max_connections=most, page_size=100)
    server.requests()
    catalog = discover(tmp_path, config)
    discovering = server.requests()
    assert most_at_once(discovering) == most
    assert tap(tmp_path, config, catalog=choose(catalog, CUSTOMERS)).code == 0
    assert most_at_once(server.requests()) <= most


def test_requests_are_evenly_spaced_while_signing_in_discovering_and_reading(server: Sandbox, tmp_path: Path) -> None:
    config = server.config(service=SERVICES, auth_scheme="EpicorToken", requests_per_minute=300, page_size=100)
    server.requests()
    catalog = discover(tmp_path, config)
    discovering = server.requests()
    assert "POST" in {one["method"] for one in discovering}
    # They begin 200 ms apart, and are seen a little later, on a busy machine perhaps more than a little.
    assert min(gaps(discovering)) > 0.1
    assert tap(tmp_path, config, catalog=choose(catalog, CUSTOMERS)).code == 0
    reading = server.requests()
    assert min(gaps(reading)) > 0.1


def ask_in_parallel(server: Sandbox, load: Load, threads: int = 4, requests: int = 6) -> None:
    """Ask for rows from several threads at once."""
    auth = HTTPBasicAuth("manager", "manager")
    impatient = replace(HURRY, in_all=0.5)
    kinetic = client(server.url, "v1", auth=auth, headers={"x-api-key": server.api_key}, load=load, patience=impatient)

    def ask() -> None:
        for _ in range(requests):
            kinetic.get_json("api/v1/Erp.BO.PlantSvc/Plants", Query(top=1), company="EPIC06")

    with ThreadPoolExecutor(threads) as pool:
        for asked in [pool.submit(ask) for _ in range(threads)]:
            asked.result()


def test_a_server_that_is_short_of_licences_gets_fewer_requests_at_once_and_more_again_later(server: Sandbox) -> None:
    load = Load(4, calm=1.5)
    server.requests()
    server.switch(seats=2)
    try:
        ask_in_parallel(server, load)
    finally:
        server.switch(seats=0)
    short = server.requests()
    refused = [one for one in short if one["status"] == 400]
    assert refused
    assert most_at_once(short) > 2
    # A busy machine may have a seat of an answer that was sent still taken, so that two are too many for it, too.
    left = load.allowed
    assert 1 <= most_at_once([one for one in short if one["started"] > refused[-1]["ended"]]) <= left <= 2
    time.sleep(1.6)
    ask_in_parallel(server, load)
    assert load.allowed == left + 1
    assert most_at_once(server.requests()) == left + 1


def test_a_server_that_has_become_slower_gets_fewer_requests_at_once(server: Sandbox) -> None:
    load = Load(4, slower=0.25)
    ask_in_parallel(server, load)
    server.requests()
    server.switch(latency_ms=350)
    try:
        ask_in_parallel(server, load, requests=4)
    finally:
        server.switch(latency_ms=30)
    slow = sorted(server.requests(), key=lambda one: float(one["started"]))
    assert most_at_once(slow[:4]) == 4
    assert most_at_once(slow[-4:]) == 1


def test_as_many_requests_come_as_are_allowed_in_a_minute() -> None:
    load, started = Load(per_minute=3000), time.monotonic()
    for _ in range(11):
        load.await_turn()
    assert 0.2 <= time.monotonic() - started < 0.4


def test_a_refused_licence_halves_the_number_at_once_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    load = Load(8)
    # Eight that were under way together are refused: that is one sign, not eight.
    for _ in range(8):
        load.refused_a_licence(seconds=0.5)
    assert load.allowed == 4
    assert [record.message for record in caplog.records] == [
        "Requests at once: 4 from now on: the server has no licence free."
    ]


def test_one_request_is_always_allowed() -> None:
    load = Load(2)
    for _ in range(5):
        load.refused_a_licence(seconds=0)
    assert load.allowed == 1


def test_answers_that_have_become_slower_lower_the_number_at_once(caplog: pytest.LogCaptureFixture) -> None:
    load = Load(4)
    for kind in ("small", "large"):
        load.answered(kind, {"small": 0.1, "large": 30.0}[kind])
    for number in range(SLOW_ANSWERS):
        assert load.allowed == 4
        load.answered("small" if number % 2 else "large", 20.1 if number % 2 else 50.0)
    assert load.allowed == 2
    assert "answers take 15 s longer than usual" in caplog.text


def test_large_answers_are_no_sign_of_want() -> None:
    load = Load(4)
    load.answered("small", 0.1)
    for _ in range(10):
        load.answered("large", 40.0)
    assert load.allowed == 4


def test_a_slow_answer_now_and_then_is_no_sign_of_want() -> None:
    load = Load(4)
    for _ in range(10):
        load.answered("a", 0.1)
        load.answered("a", 20.0)
    assert load.allowed == 4


def test_the_number_at_once_rises_again_by_one_each_time_that_all_was_well_for_a_while() -> None:
    load = Load(4, calm=0.05)
    load.refused_a_licence(seconds=0)
    load.refused_a_licence(seconds=0)
    assert load.allowed == 1
    seen = []
    for _ in range(5):
        time.sleep(0.06)
        load.answered("a", 0.01)
        load.answered("a", 0.01)
        seen.append(load.allowed)
    assert seen == [2, 3, 4, 4, 4]


def test_requests_that_wait_are_let_through_when_the_number_at_once_rises() -> None:
    load = Load(2, calm=0.0)
    load.refused_a_licence(seconds=0)
    second = threading.Event()

    def request() -> None:
        with load.slot():
            second.set()

    with load.slot():
        waiting = threading.Thread(target=request)
        waiting.start()
        assert not second.wait(0.05)
        load.answered("a", 0.0)
        assert second.wait(2)
    waiting.join()
