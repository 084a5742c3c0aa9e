"""One bearer token for all threads: renewed once, and used to its end where another can't be had."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tap_epicor.auth.bearer import Bearer, Token
from tap_epicor.kinetic.errors import PassingError


class Numbered(Bearer):
    """Gives tokens with rising numbers, of the lives it is told, or fails for now where there is none left."""

    def __init__(self, *lives: float, kept: Token | None = None) -> None:
        super().__init__()
        self._lives = list(lives)
        self._kept = kept
        self.refused: list[str | None] = []

    def fetch(self, *, refused: str | None) -> Token:
        self.refused.append(refused)
        if len(self.refused) > len(self._lives):
            raise PassingError("the sign-in service fails for now")
        return Token(f"t{len(self.refused)}", self._lives[len(self.refused) - 1])

    def kept(self) -> Token | None:
        return self._kept


def signed(sign: Bearer) -> str:
    header = sign(requests.Request("GET", "http://127.0.0.1/").prepare()).headers["Authorization"]
    return str(header).removeprefix("Bearer ")


def test_a_token_that_eight_threads_see_refused_is_renewed_once() -> None:
    sign = Numbered(3600, 3600)
    sent = threading.Barrier(8)

    def work(late: float) -> bool:
        assert signed(sign) == "t1"
        sent.wait(5)
        time.sleep(late / 50)
        sign.renew()
        return signed(sign) == "t2"

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))
    assert sign.refused == [None, "t1"]


def test_a_kept_token_that_is_refused_at_once_is_worth_another_try() -> None:
    sign = Numbered(3600, kept=Token("kept", 3600))
    assert signed(sign) == "kept"
    assert sign.renew()
    assert signed(sign) == "t1"
    assert sign.refused == ["kept"]


def test_a_fresh_token_that_is_refused_at_once_is_not() -> None:
    sign = Numbered(3600)
    signed(sign)
    assert not sign.renew()


def test_a_kept_token_that_ends_soon_is_replaced() -> None:
    assert signed(Numbered(3600, kept=Token("kept", 200))) == "t1"


@pytest.mark.parametrize("life", [200, 5])
def test_a_kept_token_that_ends_soon_is_used_where_no_other_can_be_had(life: float) -> None:
    sign = Numbered(kept=Token("kept", life))
    assert signed(sign) == signed(sign) == "kept"
    assert len(sign.refused) == 1, "the service is not asked again with each request"


def test_a_token_is_used_to_its_end_where_no_other_can_be_had() -> None:
    sign = Numbered(2.5)
    assert signed(sign) == "t1"
    time.sleep(1.55)
    with pytest.raises(PassingError):
        signed(sign)


def test_a_token_lasts_from_when_it_came_and_not_from_when_it_was_kept() -> None:
    class Slow(Numbered):
        def fetch(self, *, refused: str | None) -> Token:
            token = super().fetch(refused=refused)
            time.sleep(0.5)
            return token

    sign = Slow(2.4, 3600)
    assert signed(sign) == "t1"
    assert signed(sign) == "t2"


def test_a_token_past_its_margin_is_used_where_no_other_can_be_had() -> None:
    sign = Numbered(20)
    assert signed(sign) == "t1"
    sign._due = 0.0
    assert signed(sign) == "t1"
    assert sign.refused == [None, None]
