from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
import requests

if TYPE_CHECKING:
    from tests.sandbox.conftest import Server

CUSTOMERS = "Erp.BO.CustomerSvc/Customers"


def test_a_fault_answers_in_the_servers_place(server: Server) -> None:
    server.fault(path="Customers", status=503, body="busy", headers={"Retry-After": "7", "Content-Type": "text/plain"})
    answer = server.v2(CUSTOMERS)
    assert (answer.status_code, answer.text, answer.headers["Retry-After"]) == (503, "busy", "7")


def test_a_fault_meets_as_many_requests_as_it_says(server: Server) -> None:
    server.fault(path="Customers", status=502, times=2)
    assert [server.v2(CUSTOMERS).status_code for _ in range(3)] == [502, 502, 200]


def test_a_fault_lets_the_first_requests_through(server: Server) -> None:
    server.fault(path="Customers", status=502, skip=1)
    assert [server.v2(CUSTOMERS).status_code for _ in range(3)] == [200, 502, 200]


def test_a_fault_meets_only_its_path_and_method(server: Server) -> None:
    server.fault(path=r"\$skip=7", status=502)
    server.fault(path="", method="POST", status=502)
    assert server.v2(CUSTOMERS).status_code == 200


def test_a_fault_may_only_delay(server: Server) -> None:
    server.fault(path="Customers", delay=0.2)
    started = time.monotonic()
    assert server.v2(CUSTOMERS).status_code == 200
    assert time.monotonic() - started > 0.2


@pytest.mark.parametrize("drop", ["before", "in-body"])
def test_a_connection_may_be_closed(server: Server, drop: str) -> None:
    server.fault(path="Customers", drop=drop)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        server.v2(CUSTOMERS)


def test_a_body_may_be_cut_short(server: Server) -> None:
    server.fault(path="Customers", drop="truncate")
    answer = server.v2(CUSTOMERS, **{"Accept-Encoding": "identity"})
    assert answer.status_code == 200
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_after_a_closed_connection_the_server_goes_on(server: Server) -> None:
    server.fault(path="Customers", drop="before")
    with pytest.raises(requests.ConnectionError):
        server.v2(CUSTOMERS)
    assert server.v2(CUSTOMERS).status_code == 200


def test_a_wrong_fault_is_refused(server: Server) -> None:
    answer = requests.post(f"{server.origin}/sandbox/faults", json=[{"drop": "sometimes"}], timeout=30)
    assert answer.status_code == 400


def test_the_journal_keeps_requests_as_they_came(server: Server) -> None:
    server.v2(f"{CUSTOMERS}?$top=3&$filter=Name%20ne%20%27x%2By%27")
    entry = server.journal()[-1]
    assert entry["path"] == f"/kinetic/api/v2/odata/EPIC06/{CUSTOMERS}"
    assert entry["query"] == "$top=3&$filter=Name%20ne%20%27x%2By%27"
    assert (entry["method"], entry["status"], entry["rows"]) == ("GET", 200, 3)
    assert entry["started"] <= entry["ended"]


def test_the_journal_may_be_emptied(server: Server) -> None:
    server.v2(CUSTOMERS)
    requests.delete(f"{server.origin}/sandbox/requests", timeout=30)
    assert server.journal() == []
