"""A body of any form becomes one sentence with cause and cure, and no secret in it."""

from __future__ import annotations

import base64
import json
import string
import time
import unicodedata
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from html import escape
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_epicor.kinetic.errors import (
    LICENCE_WAIT,
    LONGEST_MESSAGE,
    BadRequest,
    Denied,
    KineticError,
    NoLicence,
    NotFound,
    PassingError,
    ServerFailed,
    SessionEnded,
    SignInRefused,
    TooLong,
    TooMuch,
    WrongKey,
    WrongPassword,
    from_response,
    redact,
    redirected,
    tls_failed,
)

NO_PROPERTY = "Could not find a property named 'X' on type 'Epicor.QueryItem'."
NOT_FOUND = "Dynamic query is not found <zTop> & more"


def error(body: object = b"", status: int = 400, retry_after: str | None = None, *secrets: str) -> KineticError:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return from_response(status, headers, content, "/kinetic/api/x", secrets)


def test_kinetics_json_is_read() -> None:
    told = error({"HttpStatus": 400, "ErrorMessage": NO_PROPERTY, "ErrorType": "Odata", "CorrelationId": "9f2e"})
    assert (told.message, told.correlation_id, told.status) == (NO_PROPERTY, "9f2e", 400)
    assert str(told) == f"/kinetic/api/x: HTTP 400: {NO_PROPERTY[:-1]} (correlation id 9f2e)."


@pytest.mark.parametrize(
    "body",
    [
        (
            "<RestApiError><ErrorMessage>Dynamic query is not found &lt;zTop&gt; &amp; more</ErrorMessage>"
            "<CorrelationId>9f2e</CorrelationId></RestApiError>"
        ),
        (
            '<?xml version="1.0"?><e:Error xmlns:e="urn:x"><e:ErrorMessage a="b">Dynamic query is not found '
            "&lt;zTop&gt; &#38; more</e:ErrorMessage><e:CorrelationId>9f2e</e:CorrelationId></e:Error>"
        ),
    ],
)
def test_kinetics_xml_is_read(body: str) -> None:
    told = error(body.encode(), 404)
    assert (type(told), told.message, told.correlation_id) == (NotFound, NOT_FOUND, "9f2e")


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"code": "", "message": NO_PROPERTY, "innererror": {"trace": "at Epicor…"}}},
        {"odata.error": {"code": "", "message": {"lang": "en-US", "value": NO_PROPERTY}}},
        {"error": {"code": "", "message": {"lang": "en-US", "value": NO_PROPERTY}}},
        {"Message": NO_PROPERTY},
        {"ReasonPhrase": NO_PROPERTY},
        (
            b'<m:error xmlns:m="urn:m"><m:code/><m:message xml:lang="en-US">'
            b"Could not find a property named &apos;X&apos; on type &#39;Epicor.QueryItem&#39;.</m:message></m:error>"
        ),
        b"\xef\xbb\xbf" + json.dumps({"ErrorMessage": NO_PROPERTY}).encode(),
    ],
    ids=["OData 4", "OData 3", "mixed", "Web API", "phrase", "OData XML", "byte order mark"],
)
def test_other_forms_are_read(body: object) -> None:
    assert error(body).message == NO_PROPERTY


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html><head><title>502 Bad\r\nGateway</title></head><body>nginx</body></html>", "502 Bad Gateway"),
        (b"<html><style>p {}</style><script>x()</script><p>No &amp; no</p></html>", "No & no"),
        (b"plain  text", "plain  text"),
        (b'{"ErrorMessage": "half', '{"ErrorMessage": "half'),
        (b"", "no explanation came with it"),
        (b" \r\n", "no explanation came with it"),
        (b"{}", "no explanation came with it"),
        (b'{"error": null}', "no explanation came with it"),
        (b'{"error": {"message": null}}', "no explanation came with it"),
    ],
)
def test_what_gateways_say_is_read(body: bytes, message: str) -> None:
    assert error(body, 502).message == message


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (401, "Invalid username or password.", WrongPassword),
        (401, "Invalid API Key k.\r\nCompany EPIC06.", WrongKey),
        (401, "Access denied (Erp.BO.Company.GetRows).", Denied),
        (401, "", SignInRefused),
        (403, "", Denied),
        (400, "Maximum users exceeded on license", NoLicence),
        (400, NO_PROPERTY, BadRequest),
        (404, "Resource not found for the segment 'Custs'", NotFound),
        (410, "InvalidSessionException", SessionEnded),
        (410, "", NotFound),
        (429, "", PassingError),
        (500, "", ServerFailed),
        (500, "Execution Timeout Expired.", TooMuch),
        (413, "", TooLong),
        (504, "", TooMuch),
        (500, "was deadlocked on lock resources: deadlock victim", PassingError),
        (503, "", PassingError),
    ],
)
def test_each_answer_has_its_kind(status: int, message: str, kind: type[KineticError]) -> None:
    assert type(error({"ErrorMessage": message}, status)) is kind


def test_a_licence_is_waited_for_unless_the_server_says_how_long() -> None:
    full = {"ErrorMessage": "Maximum users exceeded", "ErrorType": "Ice.Core.LicenseAccessException"}
    waits = [error(full, 400), error(full, 400, "7")]
    assert [told.wait for told in waits if isinstance(told, PassingError)] == [LICENCE_WAIT, 7]


def wait(retry_after: str | None) -> float | None:
    told = error(b"", 429, retry_after)
    assert isinstance(told, PassingError)
    return told.wait


@pytest.mark.parametrize(("value", "seconds"), [("0", 0), ("120", 120), (" 5 ", 5)])
def test_retry_after_may_be_seconds(value: str, seconds: float) -> None:
    assert wait(value) == seconds


@pytest.mark.parametrize("zone", ["GMT", "-0000"])
def test_retry_after_may_be_a_date(zone: str) -> None:
    until = datetime.now(UTC) + timedelta(seconds=60)
    seconds = wait(format_datetime(until, usegmt=True).replace("GMT", zone))
    assert seconds is not None
    assert 55 < seconds <= 60


def test_retry_after_in_the_past_is_no_wait() -> None:
    assert wait("Wed, 21 Oct 2015 07:28:00 GMT") == 0


@pytest.mark.parametrize(
    "value", [None, "", "soon", "-5", "1.5", "²", "Wed, 99 Oct 2015 07:28:00 GMT", "1 Jan 2024 00:00 +9999999999"]
)
def test_retry_after_that_says_nothing_is_left_alone(value: str | None) -> None:
    assert wait(value) is None


@given(st.text(st.characters(max_codepoint=255)))
def test_whatever_retry_after_holds_it_is_a_wait_or_nothing(value: str) -> None:
    seconds = wait(value)
    assert seconds is None or seconds >= 0


def assert_presentable(told: KineticError, *secrets: str) -> None:
    text = str(told)
    assert len(text.splitlines()) == 1, text
    assert not any(unicodedata.category(letter) == "Cc" for letter in text)
    assert len(text) < LONGEST_MESSAGE + 500
    for secret in secrets:
        assert secret not in text


STATUSES = st.sampled_from([400, 401, 403, 404, 410, 418, 429, 500, 503])
SECRETS = st.lists(st.text(string.digits + "/+= \n", min_size=8).map(lambda text: f"§{text}§"), max_size=3)


@given(st.binary(), STATUSES)
def test_garbage_becomes_a_sentence(body: bytes, status: int) -> None:
    assert_presentable(error(body, status))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(["error", "odata.error", "message", "value", "code", "ErrorMessage", "ErrorType"])
            | st.sampled_from(["CorrelationId", "Message", "ReasonPhrase"]),
            inner,
        )
    ),
    max_leaves=8,
)


@given(JSON, STATUSES)
def test_any_json_becomes_a_sentence(body: object, status: int) -> None:
    assert_presentable(error(body, status))


@given(st.data(), SECRETS)
def test_no_secret_is_repeated_wherever_it_stood(data: st.DataObject, secrets: list[str]) -> None:
    text = "".join(data.draw(st.lists(st.sampled_from([*secrets, "key ", "\r\n", ". "]))))
    forms: list[Any] = [
        text.encode(),
        {"ErrorMessage": text},
        {"ErrorMessage": "no", "CorrelationId": text},
        {"error": {"message": text}},
        {"error": {"message": [text]}},
        f"<ErrorMessage>{text}</ErrorMessage><CorrelationId>{text}</CorrelationId>".encode(),
        f"<html><title>{text}</title></html>".encode(),
        f'{{"ErrorMessage": {json.dumps(text)}'.encode(),
    ]
    assert_presentable(error(data.draw(st.sampled_from(forms)), 400, None, *secrets), *secrets)


def test_a_correlation_id_is_as_presentable_as_a_message() -> None:
    told = error({"ErrorMessage": "no", "CorrelationId": "key-of-secret\r\n" + "x" * 9999}, 400, None, "key-of-secret")
    assert_presentable(told, "key-of-secret")


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x85", "\x1b[31m", "\v"])
def test_a_message_can_not_begin_a_line_of_its_own(mark: str) -> None:
    assert_presentable(error({"ErrorMessage": f"no{mark}ERROR forged"}))


def test_a_secret_that_begins_with_another_is_cut_out_whole() -> None:
    assert redact("key abcd-123 and abcd", ["abcd", "abcd-123"]) == "key *** and ***"


KEY = "aB/c+d'é=-?"


@pytest.mark.parametrize(
    "form",
    [
        KEY.upper(),
        KEY.lower(),
        quote(KEY),
        quote(KEY, safe=""),
        quote(KEY, safe="").lower(),
        quote_plus(KEY),
        base64.b64encode(KEY.encode()).decode(),
        base64.urlsafe_b64encode(KEY.encode()).decode().rstrip("="),
        quote(base64.b64encode(KEY.encode()).decode().rstrip("="), safe=""),
        escape(KEY),
        json.dumps(KEY)[1:-1],
        repr(KEY)[1:-1],
        repr(KEY.encode())[2:-1],
    ],
)
def test_a_secret_is_found_in_each_form(form: str) -> None:
    assert redact(f"key <{form}> is wrong", [KEY]).replace("=", "") == "key <***> is wrong"


@pytest.mark.parametrize("body", ["wrong: {}", "<p>wrong: {}</p>"])
def test_a_secret_that_looks_like_a_tag_is_cut_out_whole(body: str) -> None:
    told = error(body.format("open<b>sesame").encode(), 500, None, "open<b>sesame")
    assert told.message == "wrong: ***"


def test_a_secret_of_few_letters_does_not_mangle_a_message() -> None:
    assert redact("a bad request", ["a", "bad"]) == "a bad request"


@pytest.mark.parametrize(
    "message", ["Company 'EPIC99' is not valid.", "Invalid company.", "The company EPIC99 does not exist"]
)
def test_an_unknown_company_is_told_by_its_setting(message: str) -> None:
    assert "Check `company`" in str(error({"ErrorMessage": message}, 400))


def test_a_property_that_is_called_company_is_none() -> None:
    assert "`company`" not in str(error({"ErrorMessage": NO_PROPERTY.replace("X", "Company")}))


def test_a_page_of_the_web_server_is_told_in_words() -> None:
    told = error(b"<html><title>IIS 10.0 Detailed Error - 404.0 - Not Found</title></html>", 404)
    assert "nothing is at this address" in told.message
    assert "IIS 10.0 Detailed Error - 404.0" in told.message
    assert "`url`, `erp_instance`" in str(told)


def test_a_redirect_is_told_with_where_it_leads() -> None:
    told = redirected(302, {"Location": "https://login.example.com/?key=hush-hush"}, "/x", ["hush-hush"])
    assert "https://login.example.com/?key=***" in str(told)
    assert "set `url` to that" in str(told)


@pytest.mark.parametrize("said", ["[SSL: WRONG_VERSION_NUMBER] wrong version", "[SSL] record layer failure (_ssl.c)"])
def test_tls_that_nobody_speaks_is_told(said: str) -> None:
    assert "Write `url` with http://" in str(tls_failed(said, "/x"))
    assert "`ssl_ca`" in str(tls_failed("CERTIFICATE_VERIFY_FAILED", "/x"))


def test_a_secret_with_a_line_break_is_found_where_it_was_flattened() -> None:
    assert redact("key BEGIN\nabc END", ["BEGIN abc"]) == "key *** END"


def test_a_long_answer_in_json_is_read_all_the_same() -> None:
    assert error({"StackTrace": "at Epicor " * 9999, "ErrorMessage": NO_PROPERTY}).message == NO_PROPERTY


def test_json_without_end_is_text() -> None:
    assert_presentable(error(b'{"error":' + b"[" * 50_000))
    assert_presentable(error(b'{"error":' + b"[" * 50_000 + b"]" * 50_000 + b"}"))


@pytest.mark.parametrize("piece", [b"<title>", b"<script ", b"<ErrorMessage>", b"Invalid API Key ", b"<"])
def test_a_long_body_takes_no_long_time(piece: bytes) -> None:
    started = time.process_time()
    assert_presentable(error(piece * (60_000 // len(piece)), 500))
    assert time.process_time() - started < 0.5
