"""Kinetic's own token: asked for once, renewed in time, in the form that the server understands."""

from __future__ import annotations

import base64
import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tap_epicor.auth.token import EpicorToken
from tap_epicor.auth.transport import Transport
from tap_epicor.connection import connect
from tap_epicor.kinetic.errors import BadRequest, PassingError, Unreachable, UnreadableAnswer, WrongPassword
from tests.sandboxes import sandbox
from tests.scripted import Reply, Request, in_turn, serving
from tests.singer import tap

if TYPE_CHECKING:
    from pathlib import Path

REFUSED = Reply({"ErrorMessage": "Invalid username or password.", "ErrorType": "x"}, status=401)


def token(life: float, number: int = 0) -> Reply:
    issued = time.time() - 5000
    claims = {"iat": str(int(issued)), "exp": str(int(issued + life)), "jti": number}
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return Reply({"AccessToken": f"head.{payload}.{number}"})


def signed(sign: EpicorToken) -> str:
    request = requests.Request("GET", "http://127.0.0.1/").prepare()
    return str(sign(request).headers["Authorization"])


def sign_in(url: str) -> EpicorToken:
    return EpicorToken(url, "manager", "pässword", Transport(timeout=(2, 2)))


def test_user_and_password_go_as_headers_first() -> None:
    with serving(in_turn(token(3600))) as server:
        assert signed(sign_in(server.url)).startswith("Bearer head.")
    assert server.requests[0].path == "/kinetic/TokenResource.svc/"
    assert server.requests[0].headers["username"] == "manager"
    assert server.requests[0].headers["password"].encode("latin-1").decode() == "pässword"


def test_another_form_is_tried_where_one_is_not_understood() -> None:
    def answer(request: Request) -> Reply:
        return token(3600) if "Authorization" in request.headers else Reply(status=400)

    with serving(answer) as server:
        assert signed(sign_in(server.url)).startswith("Bearer ")
    assert len(server.requests) == 2


def test_a_wrong_password_is_not_tried_three_times() -> None:
    with serving(in_turn(REFUSED)) as server, pytest.raises(WrongPassword):
        signed(sign_in(server.url))
    assert len(server.requests) == 1


def test_a_wrong_password_is_not_tried_again_as_a_token_that_was_refused() -> None:
    config = {"auth_scheme": "EpicorToken", "user": "manager", "password": "wrong"}
    with serving(in_turn(REFUSED)) as server, pytest.raises(WrongPassword):
        connect({**config, "url": server.url}).get_json("api/v1/x")
    assert len(server.requests) == 1


def test_an_answer_without_a_token_is_told() -> None:
    with serving(in_turn(Reply({"value": []}))) as server, pytest.raises(UnreadableAnswer, match="no AccessToken"):
        signed(sign_in(server.url))


def test_a_server_that_is_away_passes() -> None:
    with pytest.raises(PassingError, match="Connection refused"):
        signed(sign_in("http://127.0.0.1:9/kinetic"))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_with_user_and_password(status: int) -> None:
    with serving(in_turn(token(3600))) as elsewhere:
        away = Reply(status=status, headers={"Location": f"{elsewhere.url}/TokenResource.svc/"})
        with serving(in_turn(away)) as server, pytest.raises(UnreadableAnswer, match="set `url` to that") as caught:
            signed(sign_in(server.url))
    assert elsewhere.url in str(caught.value)
    assert len(server.requests) == 1
    assert elsewhere.requests == []


@pytest.mark.parametrize("method", ["get", "post"])
def test_no_sign_in_follows_a_redirect(method: str) -> None:
    with serving(in_turn(Reply(status=302, headers={"Location": "/elsewhere"}))) as server:
        response = getattr(Transport(timeout=(2, 2)), method)(server.url, allow_redirects=True)
    assert response.status_code == 302
    assert len(server.requests) == 1


def test_tls_where_there_is_none_is_told() -> None:
    with serving(in_turn(token(3600))) as server, pytest.raises(Unreachable, match="Write `url` with http://"):
        signed(sign_in(server.url.replace("http:", "https:")))


def test_a_key_that_can_not_be_sent_is_told_without_it() -> None:
    sign = EpicorToken("http://127.0.0.1:9/kinetic", "manager", "pässword", Transport(), "hush\nhush")
    with pytest.raises(Unreachable) as caught:
        signed(sign)
    assert "hush" not in str(caught.value)


def test_no_secret_that_the_server_repeats_is_told() -> None:
    basic = base64.b64encode("manager:pässword".encode()).decode()
    refused = Reply({"ErrorMessage": f"No: {basic}, key-of-secret"}, status=400)
    with serving(in_turn(refused)) as server, pytest.raises(BadRequest) as caught:
        signed(EpicorToken(server.url, "manager", "pässword", Transport(timeout=(2, 2)), "key-of-secret"))
    assert basic.rstrip("=") not in str(caught.value)
    assert "key-of-secret" not in str(caught.value)


def test_one_token_serves_all_threads() -> None:
    with serving(in_turn(token(3600))) as server:
        sign = sign_in(server.url)
        threads = [threading.Thread(target=signed, args=(sign,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(server.requests) == 1


def test_a_token_is_renewed_before_it_ends_whatever_the_clocks_say() -> None:
    with serving(in_turn(token(3, 1), token(3600, 2))) as server:
        sign = sign_in(server.url)
        assert signed(sign).endswith(".1")
        assert signed(sign).endswith(".1")
        time.sleep(1.05)
        assert signed(sign).endswith(".2")


def test_a_token_that_the_server_refused_is_asked_for_anew() -> None:
    with serving(in_turn(token(3600, 1), token(3600, 2))) as server:
        sign = sign_in(server.url)
        signed(sign)
        sign.renew()
        assert signed(sign).endswith(".2")


def test_a_sync_outlives_its_tokens(tmp_path: Path) -> None:
    with sandbox("--token-seconds", "4", "--latency-ms", "100", scale=300) as server:
        config: dict[str, Any] = server.config(auth_scheme="EpicorToken", service="Erp.BO.PartTranSvc", page_size=10)
        begun = time.monotonic()
        run = tap(tmp_path, config)
        lasted = time.monotonic() - begun
        assert run.code == 0, run.log
        requests_got = server.requests()
    asked = [request for request in requests_got if "TokenResource" in request["path"]]
    refused = [request for request in requests_got if request["status"] == 401]
    assert len(run.rows["erp_parttran_parttrans"]) == 300
    # Each serves for two seconds: then one more is left for what is on the way, and one since their times are whole.
    assert 2 <= len(asked) <= 1 + lasted / 2
    assert refused == []


@pytest.mark.parametrize(
    "spoilt",
    [
        Reply({"AccessToken": "x"}, declared_length=9000),
        Reply(b"no gzip", headers={"Content-Encoding": "gzip"}),
        Reply(drop=True),
    ],
    ids=["cut short", "damaged", "no answer"],
)
def test_a_token_whose_answer_is_spoilt_on_its_way_may_be_asked_for_again(spoilt: Reply) -> None:
    with serving(in_turn(spoilt)) as server, pytest.raises(PassingError):
        signed(sign_in(server.url))
