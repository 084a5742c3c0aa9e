"""Patience: who asks for pages is told at once that fewer rows may do; all else is tried again for a while."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tap_epicor.kinetic.errors import (
    PassingError,
    ServerFailed,
    TooMuch,
)
from tests.kinetic.clients import client
from tests.scripted import Reply, in_turn, serving

if TYPE_CHECKING:
    from tests.scripted import Request

ROWS = Reply({"value": [{"A": 1}]})


def refusal(message: str, kind: str = "System.UnauthorizedAccessException") -> dict[str, object]:
    return {"HttpStatus": 401, "ReasonPhrase": "REST API Exception", "ErrorMessage": message, "ErrorType": kind}


def test_patience_ends_with_what_was_last_said() -> None:
    with serving(in_turn(ROWS, Reply(status=503, body=refusal("still busy")))) as server:
        kinetic = client(server.url)
        kinetic.get_json("api/x")
        with pytest.raises(PassingError, match="HTTP 503: still busy"):
            kinetic.get_json("api/x")
    assert len(server.requests) == 5


def test_a_wrong_address_is_told_soon() -> None:
    with pytest.raises(PassingError, match=r"no answer from 127\.0\.0\.1:9.*Check `url`"):
        client("http://127.0.0.1:9/kinetic").get_json("api/x")


TIMED_OUT = {
    "413": Reply(status=413),
    "504": Reply(status=504),
    "query time-out": Reply(status=500, body=refusal("Execution Timeout Expired.")),
}


@pytest.mark.parametrize("reply", TIMED_OUT.values(), ids=TIMED_OUT.keys())
def test_what_fewer_rows_may_cure_is_told_at_once_to_who_has_no_patience(reply: Reply) -> None:
    with serving(in_turn(reply, ROWS)) as server:
        kinetic = client(server.url)
        with pytest.raises(TooMuch):
            kinetic.get_json("api/x", patient=False)
        assert len(server.requests) == 1
        assert kinetic.get_json("api/x", patient=False) == {"value": [{"A": 1}]}


def test_silence_is_told_at_once_to_who_has_no_patience() -> None:
    def silent(_: Request) -> Reply:
        threading.Event().wait(0.3)
        return ROWS

    with serving(silent) as server, pytest.raises(TooMuch, match=r"sent nothing for 0\.1 seconds"):
        client(server.url, timeout=(2.0, 0.1)).get_json("api/x", patient=False)
    assert len(server.requests) == 1


def test_a_failure_is_told_at_once_to_who_has_no_patience() -> None:
    with serving(in_turn(Reply(status=500))) as server, pytest.raises(ServerFailed):
        client(server.url).get_json("api/x", patient=False)
    assert len(server.requests) == 1


def test_what_has_nothing_to_do_with_the_rows_is_tried_again_without_patience_too() -> None:
    with serving(in_turn(Reply(status=503), Reply(status=429), ROWS)) as server:
        assert client(server.url).get_json("api/x", patient=False) == {"value": [{"A": 1}]}


def test_a_time_to_wait_is_kept_to_without_patience_too() -> None:
    with serving(in_turn(Reply(status=504, headers={"Retry-After": "0"}), ROWS)) as server:
        assert client(server.url).get_json("api/x", patient=False) == {"value": [{"A": 1}]}
        assert len(server.requests) == 2
