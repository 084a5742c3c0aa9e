"""One request: what is sent, what is tried again, what is said when it fails."""

from __future__ import annotations

import gzip
import logging
import threading
from contextvars import copy_context
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest

from tap_epicor.kinetic.errors import (
    Denied,
    KineticError,
    PassingError,
    ServerFailed,
    SignInRefused,
    TooLong,
    Unreachable,
    UnreadableAnswer,
    WrongKey,
    WrongPassword,
    from_response,
)
from tap_epicor.kinetic.load import Load
from tap_epicor.kinetic.patience import counted_retries
from tap_epicor.kinetic.query import Query
from tests.kinetic.clients import HURRY, client
from tests.scripted import Reply, in_turn, serving

if TYPE_CHECKING:
    from tests.scripted import Request

ROWS = Reply({"value": [{"A": 1}]})


def redirect_to(url: str) -> Reply:
    return Reply(status=302, headers={"Location": url})


def refusal(message: str, kind: str = "System.UnauthorizedAccessException") -> dict[str, object]:
    return {"HttpStatus": 401, "ReasonPhrase": "REST API Exception", "ErrorMessage": message, "ErrorType": kind}


def test_asks_for_json_packed_and_signs_in() -> None:
    with serving(in_turn(ROWS)) as server:
        client(server.url, headers={"x-api-key": "K"}).get_json("api/x")
    headers = server.requests[0].headers
    assert headers["Accept"] == "application/json"
    assert headers["Accept-Encoding"] == "gzip"
    assert headers["Authorization"].startswith("Basic ")
    assert headers["x-api-key"] == "K"


def test_v1_names_company_and_plant_in_call_settings() -> None:
    with serving(in_turn(ROWS)) as server:
        client(server.url, "v1", plant="MfgSys").get_json("api/v1/x", company="EPIC06")
    assert server.requests[0].headers["CallSettings"] == '{"Company": "EPIC06", "Plant": "MfgSys"}'


def test_v2_sends_no_call_settings_without_a_plant() -> None:
    with serving(in_turn(ROWS)) as server:
        client(server.url, "v2").get_json("api/v2/x", company="EPIC06")
    assert "CallSettings" not in server.requests[0].headers


def test_spaces_leave_as_percent_20_and_a_plus_stays_a_plus() -> None:
    with serving(in_turn(ROWS)) as server:
        client(server.url).get_json("api/x", Query(filter="PartNum gt 'A+B C&D'", top=5))
    assert "+" not in server.requests[0].raw_query
    assert " " not in server.requests[0].raw_query
    assert server.requests[0].options == {"$filter": "PartNum gt 'A+B C&D'", "$top": "5"}


def test_fractions_keep_every_digit() -> None:
    with serving(in_turn(Reply(b'{"value": [{"A": 12345678901234.12345678}]}'))) as server:
        answer = client(server.url).get_json("api/x")
    assert answer["value"][0]["A"] == Decimal("12345678901234.12345678")


@pytest.mark.parametrize(
    "passing",
    [
        Reply(status=429),
        Reply(status=502),
        Reply(status=503, body=refusal("busy", "Epicor.Customization.ConversionsPendingException")),
        Reply(status=504, body=b"<html><title>Gateway Time-out</title></html>"),
        Reply(status=500, body=refusal("Execution Timeout Expired.")),
        Reply(b'{"value": [{"A": 1}, {"A"'),
        Reply(b'{"value": []}', declared_length=500),
        Reply({"value": [{"A": 1}]}, headers={"content-length": "17"}),
        Reply(drop=True),
    ],
    ids=["429", "502", "conversions", "504", "query time-out", "half a document", "short body", "two lengths", "reset"],
)
def test_what_passes_by_itself_is_tried_again(passing: Reply) -> None:
    with serving(in_turn(ROWS, passing, passing, ROWS)) as server:
        kinetic = client(server.url)
        kinetic.get_json("api/x")
        assert kinetic.get_json("api/x") == {"value": [{"A": 1}]}
    assert len(server.requests) == 4


NO_LICENCE = Reply(
    status=400,
    body=refusal("Maximum users exceeded on license", "Ice.Core.LicenseAccessException"),
    headers={"Retry-After": "0"},
)


def test_a_licence_that_is_not_free_is_waited_for() -> None:
    with serving(in_turn(NO_LICENCE, ROWS)) as server:
        assert client(server.url).get_json("api/x") == {"value": [{"A": 1}]}


def test_licences_that_are_not_free_lower_the_number_of_requests_under_way() -> None:
    load = Load(4)
    with serving(in_turn(NO_LICENCE, NO_LICENCE, ROWS)) as server:
        client(server.url, load=load).get_json("api/x")
    assert load.allowed == 1


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_waited_out(form: str) -> None:
    until = datetime.now(UTC) + timedelta(seconds=2)
    value = "1" if form == "seconds" else format_datetime(until, usegmt=True)
    busy = Reply(status=429, headers={"Retry-After": value})
    started = datetime.now(UTC)
    with serving(in_turn(busy, ROWS)) as server:
        client(server.url).get_json("api/x")
    assert (datetime.now(UTC) - started).total_seconds() > 0.9


def test_retry_after_as_a_date_is_read_by_the_clock_of_the_server() -> None:
    behind = datetime.now(UTC) - timedelta(days=300)
    until = behind + timedelta(seconds=7)
    headers = {"Date": format_datetime(behind, usegmt=True), "Retry-After": format_datetime(until, usegmt=True)}
    told = from_response(503, headers, b"", "")
    assert isinstance(told, PassingError)
    assert told.wait == 7


def test_an_absurd_retry_after_is_cut_to_the_time_that_is_left_and_said(caplog: pytest.LogCaptureFixture) -> None:
    for value in ("86400", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"):
        caplog.clear()
        with serving(in_turn(Reply(status=429, headers={"Retry-After": value}), ROWS)) as server:
            hurried = client(server.url, patience=replace(HURRY, in_all=0.2))
            assert hurried.get_json("api/x") == {"value": [{"A": 1}]}
        assert "but patience ends sooner" in caplog.text


def test_an_empty_500_is_tried_again_twice_before_it_counts() -> None:
    with serving(in_turn(Reply(status=500))) as server, pytest.raises(ServerFailed):
        client(server.url).get_json("api/x")
    assert len(server.requests) == 3


def test_an_answer_of_kinetic_is_waited_for_though_nothing_else_has_come_yet() -> None:
    upgrade = Reply(status=503, body=refusal("busy", "Epicor.Customization.ConversionsPendingException"))
    with serving(in_turn(upgrade, upgrade, upgrade, ROWS)) as server:
        assert client(server.url).get_json("api/x") == {"value": [{"A": 1}]}


def test_nothing_and_what_is_not_kinetics_is_told_soon_where_nothing_else_has_come() -> None:
    for strange in (Reply(drop=True), Reply(b"<html>Sign in</html>")):
        with serving(in_turn(strange)) as server, pytest.raises(PassingError):
            client(server.url).get_json("api/x")
        assert len(server.requests) == 2


@pytest.mark.parametrize("context", [True, False], ids=["its own", "another"])
def test_retries_are_counted_for_a_thread_and_those_in_its_context(context: bool) -> None:  # noqa: FBT001
    with serving(in_turn(Reply(status=503), ROWS)) as server, counted_retries() as retries:
        ask = client(server.url).get_json
        thread = threading.Thread(
            target=copy_context().run if context else lambda run, *rest: run(*rest), args=(ask, "api/x")
        )
        thread.start()
        thread.join()
        assert retries.count == int(context)


def test_other_failures_before_it_do_not_make_an_empty_500_count_sooner() -> None:
    busy = Reply(status=503)
    with serving(in_turn(busy, Reply(status=500), Reply(status=500), ROWS)) as server:
        hurried = client(server.url, patience=replace(HURRY, tries=9))
        assert hurried.get_json("api/x") == {"value": [{"A": 1}]}


def test_a_session_that_ended_is_begun_anew() -> None:
    renewed = threading.Event()
    ended = Reply(status=410, body=refusal("Session not found", "Ice.Common.InvalidSessionException"))
    with serving(in_turn(ended, ROWS)) as server:
        assert client(server.url, renew=renewed.set).get_json("api/x") == {"value": [{"A": 1}]}
    assert renewed.is_set()


def test_a_document_that_can_not_be_read_is_asked_for_again() -> None:
    def read(body: bytes) -> str:
        if not body.endswith(b"</a>"):
            raise UnreadableAnswer("half a document")
        return body.decode()

    with serving(in_turn(Reply(b"<a>"), Reply(b"<html>"), Reply(b"<a></a>"))) as server:
        assert client(server.url).get_text("api/x", read) == "<a></a>"


def test_json_nested_too_deep_is_told() -> None:
    with (
        serving(in_turn(Reply(b'{"value":' + b"[" * 100_000))) as server,
        pytest.raises(PassingError, match="not a whole"),
    ):
        client(server.url).get_json("api/x")


def packed(body: bytes) -> Reply:
    return Reply(body, headers={"Content-Encoding": "gzip"})


WHOLE = gzip.compress(b'{"value": [{"A": 1}]}')


def test_an_answer_packed_with_gzip_is_unpacked_also_where_it_is_in_two_parts() -> None:
    in_parts = gzip.compress(b'{"value": ') + gzip.compress(b'[{"A": 1}]}')
    with serving(in_turn(packed(WHOLE), packed(in_parts))) as server:
        kinetic = client(server.url)
        assert kinetic.get_json("api/x") == kinetic.get_json("api/x") == {"value": [{"A": 1}]}


@pytest.mark.parametrize(
    "spoilt",
    [WHOLE[:20], WHOLE[:-8], WHOLE[:-8] + b"\0" * 8, b"{}" + WHOLE, WHOLE[:12] + b"\xff" + WHOLE[13:]],
    ids=["cut short", "no check sum", "another check sum", "another beginning", "a wrong byte"],
)
def test_gzip_that_is_cut_short_or_damaged_is_asked_for_again(spoilt: bytes) -> None:
    with serving(in_turn(packed(WHOLE), packed(spoilt), packed(WHOLE))) as server:
        kinetic = client(server.url)
        kinetic.get_json("api/x")
        with counted_retries() as retries:
            assert kinetic.get_json("api/x") == {"value": [{"A": 1}]}
        assert retries.count == 1


def test_another_packing_than_was_asked_for_is_told() -> None:
    reply = Reply(b"...", headers={"Content-Encoding": "br"})
    with serving(in_turn(reply)) as server, pytest.raises(UnreadableAnswer, match="another way than was asked for"):
        client(server.url).get_json("api/x")


def test_an_answer_beyond_any_bound_is_refused_before_memory_is_full() -> None:
    bomb = packed(gzip.compress(b" " * (3 << 20)))
    with serving(in_turn(bomb)) as server, pytest.raises(TooLong, match=r"longer than 2 MiB.*`page_size`"):
        client(server.url).get_text("api/x", bytes, longest=2 << 20)


def test_the_three_refusals_are_told_apart() -> None:
    bodies = {
        WrongPassword: "Invalid username or password.",
        WrongKey: "Invalid API Key abc-123.\r\nCompany EPIC06.",
        Denied: "Access denied (Erp.BO.Company.GetRows).",
    }
    for kind, message in bodies.items():
        with serving(in_turn(Reply(status=401, body=refusal(message)))) as server, pytest.raises(kind):
            client(server.url).get_json("api/x")


def test_the_key_that_kinetic_echoes_is_cut_out() -> None:
    body = refusal("Invalid API Key 7qR.x/Y+z=.\r\nCompany EPIC06.")
    with serving(in_turn(Reply(status=401, body=body))) as server, pytest.raises(WrongKey) as caught:
        client(server.url, secrets=("7qR.x/Y+z=",)).get_json("api/x")
    assert "7qR" not in str(caught.value)
    assert "Company EPIC06" in str(caught.value)


def test_a_refusal_at_the_first_request_is_final() -> None:
    refused = Reply(status=401, body=refusal("Invalid username or password."))
    with serving(in_turn(refused, ROWS)) as server, pytest.raises(WrongPassword):
        client(server.url).get_json("api/x")
    assert len(server.requests) == 1


def test_a_sign_in_that_was_good_is_renewed_once() -> None:
    renewed = threading.Event()
    with serving(in_turn(ROWS, Reply(status=401, body=refusal("Token expired")), ROWS)) as server:
        kinetic = client(server.url, renew=renewed.set)
        kinetic.get_json("api/x")
        assert kinetic.get_json("api/x") == {"value": [{"A": 1}]}
    assert renewed.is_set()


def test_a_sign_in_that_stays_refused_is_an_error() -> None:
    with serving(in_turn(ROWS, Reply(status=401, body=refusal("Token expired")))) as server:
        kinetic = client(server.url)
        kinetic.get_json("api/x")
        with pytest.raises(SignInRefused, match="Token expired"):
            kinetic.get_json("api/x")
    assert len(server.requests) == 3


def test_a_redirect_is_not_followed() -> None:
    told = pytest.raises(UnreadableAnswer, match="redirects to http://127")
    with serving(in_turn(ROWS)) as elsewhere, serving(in_turn(redirect_to(elsewhere.url))) as server, told:
        client(server.url).get_json("api/x")
    assert elsewhere.requests == []


def test_a_header_that_can_not_be_sent_is_told_without_it() -> None:
    with serving(in_turn(ROWS)) as server, pytest.raises(Unreachable, match="`api_key`") as caught:
        client(server.url, headers={"x-api-key": "hush\nhush"}).get_json("api/x")
    assert "hush" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_tls_where_there_is_none_is_not_tried_again() -> None:
    with serving(in_turn(ROWS)) as server, pytest.raises(Unreachable, match="speaks no TLS"):
        client(server.url.replace("http:", "https:")).get_json("api/x")


def test_a_next_link_that_is_no_address_is_told() -> None:
    with pytest.raises(UnreadableAnswer, match="no address"):
        client("http://127.0.0.1:9/kinetic").follow("http://[::1/x", "api/x")


def test_a_next_link_to_another_host_is_refused() -> None:
    with serving(in_turn(ROWS)) as server, pytest.raises(UnreadableAnswer, match=r"evil\.example\.com"):
        client(server.url).follow("https://evil.example.com/kinetic/api/x", "api/x")
    assert server.requests == []


def test_a_relative_next_link_is_followed() -> None:
    with serving(in_turn(ROWS)) as server:
        client(server.url).follow("Customers?%24skiptoken=7", "api/v2/odata/EPIC06/Erp.BO.CustomerSvc/Customers")
    assert server.requests[0].path == "/kinetic/api/v2/odata/EPIC06/Erp.BO.CustomerSvc/Customers"
    assert server.requests[0].options == {"$skiptoken": "7"}


def test_a_login_page_is_told_apart_from_data() -> None:
    portal = Reply(b"<html><body>Sign in to Contoso</body></html>", headers={"Content-Type": "text/html"})
    with serving(in_turn(portal)) as server, pytest.raises(PassingError, match=r"not a whole JSON object.*portal"):
        client(server.url).get_json("api/x")


def test_a_message_holds_path_status_and_correlation_id() -> None:
    body = refusal("Could not find a property named 'X' on type 'Epicor.QueryItem'.", "ODataException")
    body["CorrelationId"] = "9f2e"
    with serving(in_turn(Reply(status=400, body=body))) as server, pytest.raises(Exception, match=r"9f2e") as caught:
        client(server.url).get_json("api/v1/BaqSvc/zTop/")
    assert "/kinetic/api/v1/BaqSvc/zTop/: HTTP 400: Could not find a property named 'X'" in str(caught.value)


def test_no_secret_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(in_turn(Reply(status=503), ROWS)) as server:
        client(server.url, headers={"x-api-key": "key-of-secret"}, secrets=("key-of-secret",)).get_json("api/x")
    assert "secret-word" not in caplog.text
    assert "key-of-secret" not in caplog.text
    assert "api/x" in caplog.text


def test_no_more_requests_are_under_way_than_allowed() -> None:
    under_way, most, lock, gate = 0, 0, threading.Lock(), threading.Event()

    def answer(_: Request) -> Reply:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        gate.wait(0.1)
        with lock:
            under_way -= 1
        return ROWS

    with serving(answer) as server:
        kinetic = client(server.url, load=Load(2))
        threads = [threading.Thread(target=kinetic.get_json, args=("api/x",)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert most == 2


@pytest.mark.parametrize("link", ["../../../../../other/x", "{url}/../other/x", "{url}/%2e%2e/other/x"])
def test_a_next_link_does_not_lead_out_of_the_instance_by_its_path(link: str) -> None:
    with serving(in_turn(ROWS)) as server, pytest.raises(UnreadableAnswer, match="leaves this instance"):
        client(server.url).follow(link.format(url=server.url), "api/v2/odata/EPIC06/x")
    assert server.requests == []


def test_headers_that_can_not_be_read_are_told() -> None:
    reply = Reply(status=302, headers={"Location": "http://x/\x9b31m"})
    with serving(in_turn(reply)) as server, pytest.raises(KineticError) as told:
        client(server.url).get_json("api/x")
    assert "\x9b" not in str(told.value)
