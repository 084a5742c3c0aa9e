"""Several accounts, tenants and app registrations in one OAuth settings file."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from tap_epicor.auth.consent import MOST_FLOWS
from tap_epicor.auth.entra import UserConsent
from tap_epicor.auth.procedures import Procedures
from tap_epicor.auth.registration import registration
from tap_epicor.auth.sign_in import SignInFailed
from tap_epicor.auth.vault import open_vault
from tap_epicor.connection import connect
from tap_epicor.kinetic.errors import PassingError
from tap_epicor.kinetic.patience import Patience
from tests.auth.service import HTML, Service, service
from tests.scripted import Reply, Request, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ALICE, BOB = "alice@example.com", "bob@example.com"
SCOPE = "api://kinetic/.default"


def encoded(content: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def tokens(user: str, life: int = 3600, number: int = 1) -> Reply:
    """What the service gives for an account."""
    person = {"sub": user, "oid": f"id-of-{user}", "preferred_username": user}
    return Reply(
        {
            "token_type": "Bearer",
            "access_token": f"access-{user}-{number}",
            "refresh_token": f"refresh-{user}-{number}",
            "expires_in": life,
            "scope": SCOPE,
            "id_token": f"e30.{encoded({**person, 'aud': 'app', 'exp': int(time.time()) + 600})}.x",
            "client_info": encoded({"uid": f"id-of-{user}", "utid": "home"}),
        }
    )


class Desk:
    """A service, and a settings file that people sign in with."""

    def __init__(self, at: Service, folder: Path, replies: list[Reply]) -> None:
        self.at = at
        self.replies = replies
        self._file = str(folder / "OAuthSettings.txt")

    def config(self, **more: Any) -> dict[str, Any]:
        host, _, tenant = self.at.authority.rpartition("/")
        return {
            "auth_scheme": "AzureADOpenID",
            "azure_authority": host,
            "azure_tenant": tenant,
            "oauth_client_id": "app",
            "oauth_scope": SCOPE,
            "initiate_oauth": "REFRESH",
            "callback_url": "http://localhost:33333",
            "oauth_settings_location": self._file,
            **more,
        }

    def consent(self, **more: Any) -> UserConsent:
        config = self.config(**more)
        vault = open_vault(self._file, None)
        return UserConsent(registration(config), self.at.transport, vault, config)

    def procedures(self, **more: Any) -> Procedures:
        return Procedures(self.config(**more), self.at.transport)

    def sign_in(self, who: str, life: int = 3600, **more: Any) -> None:
        """Let an account sign in, as with a refresh token from elsewhere."""
        self.replies.append(tokens(who, life))
        self.procedures(**more).refresh_token(f"given-{who}")

    def content(self) -> dict[str, Any]:
        return open_vault(self._file, None).read()

    def write(self, content: dict[str, Any]) -> None:
        with open_vault(self._file, None).changing() as kept:
            kept.clear()
            kept.update(content)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    replies: list[Reply] = []

    def answer(_: Request) -> Reply:
        return replies.pop(0)

    with service(tmp_path, answer) as at:
        yield Desk(at, tmp_path, replies)


def test_each_configuration_reads_as_the_account_that_it_names(desk: Desk) -> None:
    desk.sign_in(ALICE, user=ALICE)
    desk.sign_in(BOB, user="Bob@Example.com")
    assert desk.consent(user=ALICE)._current() == f"access-{ALICE}-1"
    assert desk.consent(user=BOB.upper())._current() == f"access-{BOB}-1"


def test_each_account_is_renewed_for_itself(desk: Desk) -> None:
    desk.sign_in(ALICE, 60)
    desk.sign_in(BOB, 60)
    desk.replies.append(tokens(ALICE, number=2))
    assert desk.consent(user=ALICE)._current() == f"access-{ALICE}-2"
    desk.replies.append(tokens(BOB, number=2))
    assert desk.consent(user=BOB)._current() == f"access-{BOB}-2"
    assert desk.consent(user=ALICE)._current() == f"access-{ALICE}-2"


def test_one_account_need_not_be_named(desk: Desk) -> None:
    desk.sign_in(ALICE)
    desk.sign_in(ALICE)
    assert desk.consent()._current() == f"access-{ALICE}-1"
    assert desk.consent(user="manager")._current() == f"access-{ALICE}-1", "it is the user of another scheme"


def test_several_accounts_of_which_none_is_named_are_told(desk: Desk) -> None:
    desk.sign_in(ALICE)
    desk.sign_in(BOB)
    with pytest.raises(SignInFailed, match=f"{ALICE}, {BOB}.*`user`"):
        desk.consent()._current()
    with pytest.raises(SignInFailed, match=f"{ALICE}, {BOB}.*`user`"):
        desk.procedures().refresh_token()


def test_an_account_that_has_not_signed_in_is_not_replaced_by_another(desk: Desk) -> None:
    desk.sign_in(ALICE)
    with pytest.raises(SignInFailed, match=f"{BOB} has not signed in yet.*tap-epicor login"):
        desk.consent(user=BOB)._current()


def test_another_account_than_the_one_named_is_not_kept(desk: Desk) -> None:
    with pytest.raises(SignInFailed, match=f"{ALICE} has signed in, but `user` is {BOB}"):
        desk.sign_in(ALICE, user=BOB)
    assert desk.content() == {}


def test_tenants_are_told_apart_though_the_account_is_one(desk: Desk) -> None:
    desk.sign_in(ALICE, azure_tenant="tenant")
    assert desk.consent(azure_tenant="tenant")._current() == f"access-{ALICE}-1"
    with pytest.raises(SignInFailed, match="nobody has signed in yet"):
        desk.consent(azure_tenant="another")._current()


def test_a_file_of_the_first_format_is_understood(desk: Desk) -> None:
    desk.sign_in(ALICE)
    content = desk.content()
    [name] = content["accounts"]
    content["accounts"][name] = f"id-of-{ALICE}.home"
    desk.write(content)
    assert desk.consent()._current() == f"access-{ALICE}-1"
    desk.sign_in(BOB)
    assert desk.consent(user=ALICE)._current() == f"access-{ALICE}-1"


def test_show_tells_of_those_whose_access_token_has_ended(desk: Desk) -> None:
    desk.sign_in(ALICE, 1)
    desk.sign_in(BOB)
    time.sleep(2.1)
    [first, second] = desk.procedures().show()
    assert (first["Account"], second["Account"]) == (ALICE, BOB)
    assert first["AccessTokenEnds"] < second["AccessTokenEnds"]
    assert (first["RenewedByItself"], second["RenewedByItself"]) == (True, True)


def test_show_tells_of_a_refresh_token_alone(desk: Desk) -> None:
    desk.sign_in(ALICE)
    content = desk.content()
    cache = json.loads(content["cache"])
    del cache["AccessToken"]
    desk.write({**content, "cache": json.dumps(cache)})
    [one] = desk.procedures().show()
    assert (one["Account"], one["AccessTokenEnds"], one["RenewedByItself"]) == (ALICE, None, True)


def test_a_kept_token_serves_an_outage_to_its_end(desk: Desk) -> None:
    desk.sign_in(ALICE, 100)
    desk.replies.append(Reply(HTML, status=503))
    assert desk.consent()._current() == f"access-{ALICE}-1"


def test_an_outage_is_one_where_somebody_has_signed_in(desk: Desk) -> None:
    desk.sign_in(ALICE, 1)
    time.sleep(1.1)
    desk.replies.append(Reply(drop=True))
    with pytest.raises(PassingError) as caught:
        desk.consent()._current()
    assert caught.value.is_outage
    with pytest.raises(PassingError) as caught:
        desk.consent(azure_authority="https://localhost:1")._current()
    assert not caught.value.is_outage, "it may be a wrong setting"


def test_a_short_outage_at_the_start_ends_no_run(desk: Desk) -> None:
    desk.sign_in(ALICE, 1)
    time.sleep(1.1)
    desk.replies.extend([*[Reply(drop=True)] * 5, tokens(ALICE, number=2)])
    with serving(lambda _: Reply({"value": []})) as kinetic:
        client = connect(desk.config(url=kinetic.url, ssl_ca=desk.at.ca_file), patience=Patience(first_wait=0.01))
        assert client.get_json("api/v1/x") == {"value": []}
        assert kinetic.requests[0].headers["Authorization"] == f"Bearer access-{ALICE}-2"
    assert desk.replies == []


def test_an_address_that_never_answered_is_told_soon(desk: Desk) -> None:
    desk.replies.extend([Reply(drop=True)] * 5)
    config = desk.config(url="http://127.0.0.1:9/kinetic", ssl_ca=desk.at.ca_file, oauth_refresh_token="given")
    with pytest.raises(PassingError, match="does not answer"):
        connect(config, patience=Patience(first_wait=0.01)).get_json("api/v1/x")
    assert len(desk.replies) == 2


def test_a_token_that_another_run_has_renewed_is_taken_instead_of_the_refused_one(desk: Desk) -> None:
    desk.sign_in(ALICE)
    early = desk.consent()
    early._signed.token = early._current()
    desk.replies.append(tokens(ALICE, number=2))
    desk.procedures().refresh_token()
    assert early.renew()
    assert early._current() == f"access-{ALICE}-2"
    assert desk.replies == []


def code_of(desk: Desk, **more: Any) -> dict[str, Any]:
    """Begin a consent, and return what is kept of it."""
    desk.procedures(**more).authorization_url()
    flow: dict[str, Any] = desk.content()["flows"][-1]
    return flow


def test_a_code_belongs_to_the_registration_that_asks(desk: Desk) -> None:
    code_of(desk)
    code_of(desk, oauth_client_id="another")
    with pytest.raises(SignInFailed, match="does not belong"):
        desk.procedures(oauth_client_id="third").access_token("the-code")
    assert desk.at.asked() == 0


def test_a_code_that_may_belong_to_several_consents_is_not_wasted(desk: Desk) -> None:
    code_of(desk)
    flow = code_of(desk)
    with pytest.raises(SignInFailed, match=r"several consents were begun.*whole address"):
        desk.procedures().access_token("the-code")
    assert desk.at.asked() == 0
    assert len(desk.content()["flows"]) == 2 < MOST_FLOWS
    with pytest.raises(SignInFailed, match="whole address"):
        desk.procedures().access_token(" ")
    assert flow["registration"].endswith(" app")
