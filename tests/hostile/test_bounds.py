"""A server can make the tap neither fill its memory by lists, nor wait for ever."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import pytest

from tap_epicor.kinetic.catalogue import ListRefused, find_baqs, find_services
from tap_epicor.kinetic.errors import KineticError
from tap_epicor.kinetic.patience import Patience
from tests.hostile.server import Tenant
from tests.kinetic.clients import client
from tests.scripted import Reply, serving

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (lambda: b"x" * (65 << 20), "longer than 64 MiB"),
        (lambda: b" ".join(b"Erp.BO.S%dSvc" % number for number in range(20_001)), "more than 20,000 services"),
        (lambda: b"Erp.BO." + b"x" * 5_000_000 + b"Svc", "does not list its services"),
        (lambda: b"a." * 1_000_000, "does not list its services"),
        (lambda: b"[" * 5_000_000, "does not list its services"),
    ],
    ids=["a long one", "too many", "a long name", "dots", "brackets"],
)
def test_a_list_of_services_is_bounded(body: Callable[[], bytes], said: str) -> None:
    content = body()
    with serving(Tenant(services=Reply(content)).answer) as server:
        started = time.process_time()
        with pytest.raises(ListRefused, match=said):
            find_services(client(server.url), ["Erp.*"], "EPIC06")
        assert time.process_time() - started < 5


def test_ids_that_no_baq_has_are_left_out_and_told(caplog: pytest.LogCaptureFixture) -> None:
    ids = ["good", "bad\x1b[31m", "worse\x9b"]
    listed = Reply({"value": [{"Company": "EPIC06", "QueryID": query} for query in ids]})
    with serving(Tenant(baqs=listed).answer) as server, caplog.at_level(logging.WARNING):
        assert find_baqs(client(server.url), ["*"], "EPIC06") == ["good"]
    assert [r"bad\x1b[31m" in caplog.text, r"worse\x9b" in caplog.text] == [True, True]


@pytest.mark.parametrize("wait", ["999999999", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_time_to_wait_is_bounded_by_patience(wait: str) -> None:
    patience = Patience(tries=3, first_tries=3, first_wait=0.01, longest_wait=0.01, in_all=0.3)
    with serving(lambda _: Reply({"ErrorMessage": "later"}, 429, {"Retry-After": wait})) as server:
        started = time.monotonic()
        with pytest.raises(KineticError, match="later"):
            client(server.url, patience=patience).get_json("api/v1/x")
        assert time.monotonic() - started < 3
