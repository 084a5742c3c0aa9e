"""Signing in with Microsoft Entra ID: a user's consent that is renewed, or an app of its own."""

from __future__ import annotations

import hashlib
import logging
import os
import sys
import time
from typing import TYPE_CHECKING, Any

import msal

from tap_epicor.auth.bearer import Bearer, Token
from tap_epicor.auth.consent import finish, in_browser
from tap_epicor.auth.registration import application, asking, lasting, token_in
from tap_epicor.auth.sign_in import SignInFailed
from tap_epicor.auth.vault import VaultBusy
from tap_epicor.kinetic.errors import PassingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tap_epicor.auth.registration import Registration
    from tap_epicor.auth.transport import Transport
    from tap_epicor.auth.vault import Vault

logger = logging.getLogger(__name__)

_ONE_TIME = ("oauth_refresh_token", "oauth_verifier")
REFUSED = (
    "The token is good, but Kinetic does not take it: its audience must be the registration that Kinetic is set up "
    "with (`oauth_scope`), and the account must belong to an Epicor user."
)


class ServicePrincipal(Bearer):
    """An app that signs in as itself, with a secret or a certificate.

    Args:
        registered: its registration.
        transport: how to speak HTTP.
    """

    cure = REFUSED

    def __init__(self, registered: Registration, transport: Transport) -> None:
        super().__init__()
        self._registered = registered
        self._transport = transport
        self._application: Any = None

    def fetch(self, *, refused: bool) -> Token:
        """Return a token for the app.

        Raises:
            KineticError: if Microsoft gives none.
        """
        if self._application is None or refused:
            self._application = application(self._registered, self._transport)
        scopes = list(self._registered.scopes)
        answer = token_in(asking(lambda: self._application.acquire_token_for_client(scopes)))
        return lasting(answer)


class UserConsent(Bearer):
    """A user's consent: tokens come from the OAuth settings file, and go back there before they are used.

    Args:
        registered: the app registration that the user consents to.
        transport: how to speak HTTP.
        vault: the OAuth settings file.
        config: the configuration, for what it holds to begin with.
    """

    cure = REFUSED

    def __init__(
        self,
        registered: Registration,
        transport: Transport,
        vault: Vault,
        config: Mapping[str, Any],
    ) -> None:
        super().__init__()
        self._registered = registered
        self._transport = transport
        self._vault = vault
        self._config = config
        self._secrets = tuple(str(config[name]) for name in _ONE_TIME if config.get(name))

    def fetch(self, *, refused: bool) -> Token:
        """Return a token for the user.

        What is kept is looked at first without a lock; whoever must renew does so alone, since a refresh token may be
        good for one use only, and looks again, since another process may have just done it.

        Raises:
            KineticError: if none can be had without the user.
            VaultError: if the OAuth settings file can't be used.
        """
        if not refused and (token := self._kept()):
            return token
        try:
            with self._vault.changing() as content:
                answer = self._renewed(content, refused=refused)
        except VaultBusy as exc:
            raise PassingError(str(exc)) from exc
        return lasting(answer)

    def _kept(self) -> Token | None:
        content = self._vault.read()
        cache = msal.SerializableTokenCache()
        cache.deserialize(content.get("cache", ""))
        account = content.get("accounts", {}).get(self._registered.name)
        for entry in cache.search(
            msal.TokenCache.CredentialType.ACCESS_TOKEN,
            target=list(self._registered.scopes),
            query={"client_id": self._registered.client_id, "home_account_id": account},
        ):
            life = float(entry["expires_on"]) - time.time()
            if account and life > 5 * 60:
                return Token(entry["secret"], life)
        return None

    def _renewed(self, content: dict[str, Any], *, refused: bool) -> Mapping[str, Any]:
        cache = msal.SerializableTokenCache()
        cache.deserialize(content.get("cache", ""))
        app = application(self._registered, self._transport, cache)
        failure: SignInFailed | None = None
        for way in self._ways(app, content, refused=refused):
            try:
                answer = token_in(way(), self._secrets)
            except SignInFailed as exc:
                failure = exc if failure is None or exc.code else failure
                logger.debug("No token this way: %s", exc)
            else:
                content["cache"] = cache.serialize()
                accounts = content.setdefault("accounts", {})
                accounts[self._registered.name] = account_of(app, answer, accounts.get(self._registered.name))
                return answer
        raise failure or SignInFailed("nobody has signed in yet", cure=self._how_to_begin())

    def _ways(
        self,
        app: Any,  # noqa: ANN401
        content: dict[str, Any],
        *,
        refused: bool,
    ) -> Iterator[Callable[[], Mapping[str, Any] | None]]:
        """Yield the ways to a token, the one that asks least of anybody first."""
        scopes = list(self._registered.scopes)
        known = content.get("accounts", {}).get(self._registered.name)
        for account in app.get_accounts():
            if account["home_account_id"] == known:
                yield lambda account=account: asking(  # type: ignore[misc]
                    lambda: app.acquire_token_silent_with_error(scopes, account, force_refresh=refused),
                )
        if token := self._unspent(content, "oauth_refresh_token"):
            yield lambda: asking(lambda: app.acquire_token_by_refresh_token(token, scopes))
        if verifier := self._unspent(content, "oauth_verifier"):
            yield lambda: finish(app, content, verifier)
        if self._config.get("initiate_oauth") == "GETANDREFRESH" and someone_is_there():
            yield lambda: in_browser(app, self._registered, str(self._config["callback_url"]), show=_tell)

    def _unspent(self, content: dict[str, Any], setting: str) -> str | None:
        """Return a one-time value of the settings unless it was tried before, and mark it as tried."""
        value = self._config.get(setting)
        if not value:
            return None
        digest = hashlib.sha256(str(value).encode()).hexdigest()
        spent = content.setdefault("spent", [])
        if digest in spent:
            return None
        spent.append(digest)
        return str(value)

    def _how_to_begin(self) -> str:
        return (
            "Run `tap-epicor login`, on this machine or on another whose OAuth settings file you copy to "
            f"{self._vault.location}; or give `oauth_verifier` (see docs/sign-in.md)."
        )


def account_of(app: Any, answer: Mapping[str, Any], known: str | None = None) -> str:  # noqa: ANN401
    """Return the id of the account that a token was given for.

    Args:
        app: MSAL's application.
        answer: its answer.
        known: the account that it was asked for, if any; the answer need not name one.
    """
    accounts = app.get_accounts()
    said = answer.get("id_token_claims") or {}
    person = said.get("oid") or said.get("sub")
    for account in accounts:
        if person and account["local_account_id"] == person:
            return str(account["home_account_id"])
    return known or (str(accounts[0]["home_account_id"]) if accounts else "")


def _tell(text: str) -> None:
    logger.warning("%s", text)


def someone_is_there() -> bool:
    """Return whether a person could answer a browser window: a terminal, and no Meltano run."""
    return sys.stdin.isatty() and sys.stderr.isatty() and not any(name.startswith("MELTANO_") for name in os.environ)
