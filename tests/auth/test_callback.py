"""The page that the browser comes back to."""

from __future__ import annotations

import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tap_epicor.auth.callback import CallbackPage
from tap_epicor.auth.consent import open_browser, read_answer
from tap_epicor.auth.registration import token_in
from tap_epicor.auth.sign_in import SignInFailed
from tap_epicor.kinetic.errors import PassingError

if TYPE_CHECKING:
    from collections.abc import Mapping


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


HAS_IPV6 = has_ipv6()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def exchange(answer: Mapping[str, str]) -> dict[str, str]:
    if "error" in answer:
        raise SignInFailed(f"{answer['error']}: <b>no</b>")
    return {"access_token": answer["code"]}


def visit(url: str, *queries: str) -> tuple[Any, list[requests.Response]]:
    """Open these addresses one after the other, and return what the page made of them."""
    pages: list[requests.Response] = []

    def browse() -> None:
        pages.extend(requests.get(url + query, timeout=5) for query in queries)

    browser = threading.Thread(target=browse)
    with CallbackPage(url, "right", exchange) as page:
        browser.start()
        try:
            result: Any = page.wait(5)
        except SignInFailed as exc:
            result = exc
    browser.join()
    return result, pages


def test_the_answer_becomes_tokens_and_a_plain_page() -> None:
    tokens, pages = visit(f"http://localhost:{free_port()}", "/?code=abc&state=right")
    assert tokens == {"access_token": "abc"}
    assert "You are signed in" in pages[0].text


def test_an_answer_to_another_sign_in_is_turned_away() -> None:
    tokens, pages = visit(f"http://127.0.0.1:{free_port()}/callback", "?code=evil&state=wrong", "?code=abc&state=right")
    assert tokens == {"access_token": "abc"}
    assert pages[0].status_code == 400
    assert "another sign-in" in pages[0].text


def test_what_browsers_ask_for_besides_is_no_answer() -> None:
    tokens, pages = visit(f"http://localhost:{free_port()}", "/favicon.ico", "/", "/?code=abc&state=right")
    assert tokens == {"access_token": "abc"}
    assert [page.status_code for page in pages] == [404, 404, 200]


def test_a_refusal_is_shown_in_the_browser_and_told() -> None:
    failure, pages = visit(f"http://localhost:{free_port()}", "/?error=access_denied&state=right")
    assert isinstance(failure, SignInFailed)
    assert "access_denied" in str(failure)
    assert "The sign-in did not work" in pages[0].text
    assert "<b>" not in pages[0].text


def test_a_user_who_does_not_come_is_not_waited_for_forever() -> None:
    with (
        CallbackPage(f"http://localhost:{free_port()}", "right", exchange) as page,
        pytest.raises(SignInFailed, match=r"within 0 seconds.*--device"),
    ):
        page.wait(0.2)


def test_a_connection_that_says_nothing_keeps_nobody_waiting() -> None:
    port = free_port()
    with CallbackPage(f"http://127.0.0.1:{port}", "right", exchange) as page:
        with socket.create_connection(("127.0.0.1", port)), ThreadPoolExecutor() as pool:
            answer = pool.submit(requests.get, f"http://127.0.0.1:{port}/?code=abc&state=right", timeout=5)
            assert page.wait(5) == {"access_token": "abc"}
        assert "You are signed in" in answer.result().text


def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://localhost:{taken.getsockname()[1]}"
        with pytest.raises(SignInFailed, match=r"can't be listened on.*choose another `callback_url`"):
            CallbackPage(url, "right", exchange)


@pytest.mark.skipif(not HAS_IPV6, reason="no IPv6 here")
@pytest.mark.parametrize("taken", ["127.0.0.1", "::1"])
def test_a_port_that_is_taken_on_one_of_the_addresses_of_localhost_is_told(taken: str) -> None:
    family = socket.AF_INET6 if ":" in taken else socket.AF_INET
    with (
        socket.create_server((taken, 0), family=family) as other,
        pytest.raises(SignInFailed, match="can't be listened on"),
    ):
        CallbackPage(f"http://localhost:{other.getsockname()[1]}", "right", exchange)


@pytest.mark.skipif(not HAS_IPV6, reason="no IPv6 here")
@pytest.mark.parametrize("named", ["localhost", "[::1]"])
def test_a_browser_may_come_by_ipv6(named: str) -> None:
    port = free_port()
    with CallbackPage(f"http://{named}:{port}", "right", exchange) as page, ThreadPoolExecutor() as pool:
        answer = pool.submit(requests.get, f"http://[::1]:{port}/?code=abc&state=right", timeout=5)
        assert page.wait(5) == {"access_token": "abc"}
        assert "You are signed in" in answer.result().text


@pytest.mark.parametrize(
    "url",
    [
        "https://app.example.com/callback",
        "http://192.0.2.1:33333",
        "https://localhost:1",
        "http://localhost:99999",
        "http://localhost:abc",
        "http://[::1",
        "http://localhost:0",
    ],
)
def test_an_address_elsewhere_is_refused(url: str) -> None:
    with pytest.raises(SignInFailed, match="not on this machine"):
        CallbackPage(url, "right", exchange)


def test_it_listens_on_the_loopback_alone() -> None:
    with CallbackPage(f"http://localhost:{free_port()}", "right", exchange) as page:
        assert {server.server_address[0] for server in page._servers} <= {"127.0.0.1", "::1"}


def test_a_browser_in_the_foreground_is_not_waited_for_and_writes_no_messages(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("tap_epicor.auth.consent._LONGEST_START", 1.0)
    words = "import time; print('Opening in a session', flush=True); time.sleep(4)"
    monkeypatch.setenv("BROWSER", f'{sys.executable} -c "{words}" %s')
    begun = time.monotonic()
    assert open_browser("http://localhost:1/")
    assert time.monotonic() - begun < 3
    written = capfd.readouterr()
    assert written.out == ""
    assert "Opening in a session" in written.err


@pytest.mark.parametrize(
    ("verifier", "answer"),
    [
        ("0.AXoA-b_c", {"code": "0.AXoA-b_c"}),
        ("M.C5%21x%2A", {"code": "M.C5!x*"}),
        (" http://localhost:33333/?code=a%21b&state=s \n", {"code": "a!b", "state": "s"}),
        ("https://app.example.com/cb?error=access_denied&state=s", {"error": "access_denied", "state": "s"}),
    ],
)
def test_a_verifier_is_a_code_or_a_whole_address(verifier: str, answer: dict[str, str]) -> None:
    assert read_answer(verifier) == answer


@pytest.mark.parametrize("verifier", ["", " \n"])
def test_an_empty_verifier_is_told(verifier: str) -> None:
    with pytest.raises(SignInFailed, match="the verifier is empty"):
        read_answer(verifier)


def test_a_sign_in_service_that_fails_for_now_is_asked_again() -> None:
    with pytest.raises(PassingError, match="temporarily_unavailable: too busy"):
        token_in({"error": "temporarily_unavailable", "error_description": "too busy"})
