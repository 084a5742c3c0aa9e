"""The page size: lower while the server fails, higher again, and never above what the server gives."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

import pytest

from tap_epicor.kinetic.errors import NotFound, ServerFailed, TooMuch
from tap_epicor.kinetic.pages import read
from tap_epicor.kinetic.plan import Part, make_plan
from tap_epicor.kinetic.source import Rows, Source
from tests.kinetic.clients import client
from tests.kinetic.stock import Stock, read_all
from tests.scripted import Reply, Request, serving

if TYPE_CHECKING:
    from tap_epicor.kinetic.plan import Plan

KEY = (Part("Num", "Edm.Int32"),)
BY_KEY = make_plan(KEY)
BY_REVISION = make_plan(KEY, Part("SysRevID", "Edm.Int64"), since=-1)
BY_SKIP = make_plan(())
WAYS = pytest.mark.parametrize("plan", [BY_KEY, BY_REVISION, BY_SKIP], ids=["key", "revision", "skip"])


def stock(count: int, **faults: Any) -> Stock:
    return Stock([{"Num": number, "SysRevID": number} for number in range(count)], **faults)


def sizes(shelf: Stock) -> list[int]:
    return [int(options["$top"]) for options in shelf.asked]


@WAYS
def test_the_size_falls_to_what_the_server_can_do_and_does_not_try_again_what_failed_twice(
    plan: Plan, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    shelf = stock(400, fails_from=30, failure=Reply(status=504))
    with serving(shelf.answer) as server:
        found, error = read_all(shelf, server.url, plan, 100)
    assert (found, error) == (list(range(400)), None)
    assert len([size for size in sizes(shelf) if size >= 100]) <= 2
    assert max(sizes(shelf)[len(sizes(shelf)) // 2 :]) < 30
    said = [record.message for record in caplog.records if "asking for" in record.message]
    assert said[0] == (
        "Erp.BO.ASvc/As: the server fails at 100 rows at once (HTTP 504: no explanation came with it): "
        "asking for fewer."
    )
    assert len(said) <= 8


@WAYS
@pytest.mark.parametrize("status", [413, 500, 504])
def test_the_size_rises_again_after_a_passing_failure(
    plan: Plan, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    shelf = stock(600, befalls={3: lambda _: Reply(status=status)})
    with serving(shelf.answer) as server:
        found, error = read_all(shelf, server.url, plan, 100)
    assert (found, error) == (list(range(600)), None)
    assert sizes(shelf).count(101) >= 3
    assert any(50 <= size <= 51 for size in sizes(shelf))
    said = [record.message.split(": ")[1] for record in caplog.records if "asking for" in record.message]
    assert len(said) == 2
    assert said[1] == "asking for more rows at once again."


@WAYS
def test_a_server_that_is_silent_at_many_rows_is_asked_for_fewer(plan: Plan) -> None:
    shelf = stock(60, fails_from=50, failure=Reply(drop=True))

    def answer(request: Request) -> Reply:
        reply = shelf.answer(request)
        if reply.drop:
            time.sleep(0.4)
        return reply

    with serving(answer) as server:
        found, error = read_all(shelf, server.url, plan, 50)
    assert (found, error) == (list(range(60)), None)


@WAYS
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_servers_own_limit_is_learned_and_said_once_for_all_reads_of_a_client(
    plan: Plan, version: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    shelf = stock(100, most=7)
    with serving(shelf.answer) as server:
        rows = Rows(client(server.url, version), Source("Erp.BO.ASvc", "As"), "EPIC06", columns=("Num",))
        for _ in range(2):
            assert sum(len(page.rows) for page in read(rows, plan, 50)) == 100
    said = [record.message.split(": ", 1)[1] for record in caplog.records if "at a time" in record.message]
    assert len(said) == 1
    assert said[0].endswith("the server gives at most 7 at a time: set `page_size` to that.")
    assert max(sizes(shelf)[8:]) == 7


def test_rows_that_trickle_in_at_the_end_are_not_taken_for_a_limit(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    def one_more(shelf: Stock) -> None:
        number = len(shelf.rows)
        if number < 12:
            shelf.rows.append({"Num": number, "SysRevID": number})

    shelf = stock(1, befalls=dict.fromkeys(range(2, 40), one_more))
    with serving(shelf.answer) as server:
        found, error = read_all(shelf, server.url, BY_REVISION, 50)
    assert (found, error) == (list(range(12)), None)
    assert "at a time" not in caplog.text


@WAYS
@pytest.mark.parametrize(("reply", "kind"), [(Reply(status=500), ServerFailed), (Reply(status=504), TooMuch)])
def test_a_server_that_fails_at_everything_ends_the_read_with_its_own_words(
    plan: Plan, reply: Reply, kind: type[Exception]
) -> None:
    shelf = stock(50, fails_from=1, failure=reply)
    with serving(shelf.answer) as server:
        found, error = read_all(shelf, server.url, plan, 1000)
    assert found == []
    assert type(error) is kind
    assert len(shelf.asked) < 15


def test_a_failure_that_fewer_rows_do_not_cure_does_not_lower_the_size() -> None:
    shelf = stock(50, fails_from=1, failure=Reply(status=404))
    with serving(shelf.answer) as server:
        _, error = read_all(shelf, server.url, BY_KEY, 1000)
    assert isinstance(error, NotFound)
    assert sizes(shelf) == [1000]
