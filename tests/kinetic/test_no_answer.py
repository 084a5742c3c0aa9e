"""Why there was no answer is said in few words."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest
import requests

from tap_epicor.kinetic.no_answer import why_no_answer
from tests.scripted import Reply, serving


def failure(address: str, **options: object) -> requests.RequestException:
    with pytest.raises(requests.RequestException) as raised:
        requests.get(address, timeout=2, **options)  # type: ignore[arg-type]
    return raised.value


def nobody() -> str:
    """An address at which nobody listens."""
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{listener.getsockname()[1]}"


def test_a_name_that_is_not_known_is_said_to_be_unknown() -> None:
    assert why_no_answer(failure("https://erp.invalid/")).startswith("the name is not known here (")


def test_a_port_without_a_server_refuses() -> None:
    assert why_no_answer(failure(f"http://{nobody()}/")) == "Connection refused"


def test_a_proxy_that_is_not_there_is_named_as_the_cause() -> None:
    proxies = {"https": f"http://{nobody()}"}
    said = why_no_answer(failure("https://erp.invalid/", proxies=proxies))
    assert said == "the proxy can't be used (Connection refused)"


def test_a_proxy_that_wants_a_password_is_told_with_its_words() -> None:
    with serving(lambda _: Reply(b"", 407)) as proxy:
        said = why_no_answer(failure("https://erp.invalid/", proxies={"https": proxy.url}))
    assert said.startswith("the proxy can't be used (Tunnel connection failed: ")


def test_no_secret_is_repeated() -> None:
    inner = OSError("the pass word 'hunter22' was not taken")
    assert "hunter22" not in why_no_answer(requests.ConnectionError(inner), ["hunter22"])
