"""Signing in with Microsoft Entra ID: a user's consent that is renewed, or an app of its own."""

from __future__ import annotations

import hashlib
import logging
import os
import sys
from typing import TYPE_CHECKING, Any

from tap_epicor.auth.accounts import Accounts
from tap_epicor.auth.bearer import Bearer, Token
from tap_epicor.auth.consent import finish, in_browser, keep_consent
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

    def fetch(self, *, refused: str | None) -> Token:
        """Return a token for the app.

        Raises:
            KineticError: if Microsoft gives none.
        """
        has_worked = self._application is not None
        try:
            if self._application is None or refused:
                self._application = application(self._registered, self._transport)
            scopes = list(self._registered.scopes)
            return lasting(token_in(asking(lambda: self._application.acquire_token_for_client(scopes))))
        except PassingError as exc:
            exc.is_outage = has_worked or self._registered.is_well_known
            raise


class _ConsentNeeded(Exception):
    """No token can be had without the user.

    Attributes:
        failure: what was said of the last way that was tried.
    """

    def __init__(self, failure: SignInFailed) -> None:
        super().__init__(str(failure))
        self.failure = failure


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

    def kept(self) -> Token | None:
        """Return the token that an earlier run has left.

        Raises:
            SignInFailed: if there are several accounts, and it is not clear which is meant.
            VaultError: if the OAuth settings file can't be read.
        """
        return Accounts(self._vault.read(), self._registered).token()

    def fetch(self, *, refused: str | None) -> Token:
        """Return a token for the user.

        Whoever must renew does so alone, since a refresh token may be good for one use only, and looks again at what
        is kept, since another process may have just done it.

        Raises:
            KineticError: if none can be had without the user.
            VaultError: if the OAuth settings file can't be used.
        """
        try:
            with self._vault.changing() as content:
                return lasting(self._renewed(content, refused))
        except VaultBusy as exc:
            raise PassingError(str(exc)) from exc
        except _ConsentNeeded as exc:
            if self._config.get("initiate_oauth") != "GETANDREFRESH" or not someone_is_there():
                raise exc.failure from exc
        # Only now, while the file is not locked: the user may take long, and others wait for it.
        callback_url = str(self._config["callback_url"])
        answer, _ = keep_consent(
            self._registered,
            self._transport,
            self._vault,
            lambda app: in_browser(app, self._registered, callback_url, show=_tell),
        )
        return lasting(answer)

    def _renewed(self, content: dict[str, Any], refused: str | None) -> Mapping[str, Any]:
        accounts = Accounts(content, self._registered)
        has_worked = bool(accounts.chosen())
        failure: SignInFailed | None = None
        try:
            app = application(self._registered, self._transport, accounts.cache)
            for way in self._ways(app, accounts, content, refused):
                try:
                    answer = token_in(way(), self._secrets)
                except SignInFailed as exc:
                    failure = exc if failure is None or exc.code else failure
                    logger.debug("No token this way: %s", exc)
                else:
                    accounts.enter(app, answer)
                    return answer
        except PassingError as exc:
            exc.is_outage = has_worked or self._registered.is_well_known
            raise
        who = f"{self._registered.user} has not" if self._registered.user else "nobody has"
        raise _ConsentNeeded(failure or SignInFailed(f"{who} signed in yet", cure=self._how_to_begin()))

    def _ways(
        self,
        app: Any,  # noqa: ANN401
        accounts: Accounts,
        content: dict[str, Any],
        refused: str | None,
    ) -> Iterator[Callable[[], Mapping[str, Any] | None]]:
        """Yield the ways to a token, the one that asks least of anybody first."""
        if accounts.chosen():
            yield lambda: accounts.renewed(app, refused=refused)
        if token := self._unspent(content, "oauth_refresh_token"):
            yield lambda: asking(lambda: app.acquire_token_by_refresh_token(token, list(self._registered.scopes)))
        if verifier := self._unspent(content, "oauth_verifier"):
            yield lambda: finish(app, self._registered, content, verifier)

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


def _tell(text: str) -> None:
    logger.warning("%s", text)


def someone_is_there() -> bool:
    """Return whether a person could answer a browser window: a terminal, and no Meltano run."""
    streams = (sys.stdin, sys.stderr)
    has_terminal = all(stream is not None and not stream.closed and stream.isatty() for stream in streams)
    return has_terminal and not any(name.startswith("MELTANO_") for name in os.environ)
