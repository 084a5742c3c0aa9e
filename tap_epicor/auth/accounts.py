"""Who has signed in: several accounts, tenants and app registrations share one OAuth settings file."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msal

from tap_epicor.auth.bearer import Token
from tap_epicor.auth.registration import asking
from tap_epicor.auth.sign_in import SignInFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_epicor.auth.registration import Registration

_KINDS = msal.TokenCache.CredentialType


class Accounts:
    """The accounts that have signed in through one app registration.

    Args:
        content: what the OAuth settings file holds.
        registered: the app registration, and the account that is meant where there are several.

    Attributes:
        cache: MSAL's cache of all that the file holds, for an application.
        entered: id of the account that was written down last; empty where none was.
    """

    def __init__(self, content: dict[str, Any], registered: Registration) -> None:
        self.cache = msal.SerializableTokenCache()
        self.cache.deserialize(content.get("cache", ""))
        self.entered = ""
        self._content = content
        self._registered = registered

    def chosen(self) -> str:
        """Return the id of the account that the settings mean; empty where it has not signed in.

        Raises:
            SignInFailed: if there are several, and the settings do not say which.
        """
        known = {account: self._name(account) for account in self._entry()["accounts"]}
        if user := self._registered.user:
            return next((account for account, name in known.items() if name.casefold() == user.casefold()), "")
        if len(known) > 1:
            raise SignInFailed(
                f"several accounts have signed in: {', '.join(known.values())}",
                cure="Say in `user` which one is meant.",
            )
        return next(iter(known), "")

    def token(self) -> Token | None:
        """Return the access token that is kept for the account, unless it has ended.

        Raises:
            SignInFailed: if it is not clear which account is meant.
        """
        if not (account := self.chosen()):
            return None
        query = {
            "client_id": self._registered.client_id,
            "home_account_id": account,
            "environment": self._registered.host,
            **({"realm": realm} if (realm := self._entry()["realm"]) else {}),
        }
        scopes = list(self._registered.scopes)
        tokens = [
            Token(entry["secret"], float(entry["expires_on"]) - time.time())
            for entry in self.cache.search(_KINDS.ACCESS_TOKEN, target=scopes, query=query)
        ]
        best = max(tokens, key=lambda token: token.life, default=None)
        return best if best and best.life > 0 else None

    def renewed(self, app: Any, *, refused: str | None = None, always: bool = False) -> Mapping[str, Any] | None:  # noqa: ANN401
        """Return MSAL's answer for the account: what is kept where that is still good, or what it is renewed to.

        Args:
            app: MSAL's application with this cache.
            refused: a token that must not come again.
            always: whether to renew what is still good.

        Raises:
            KineticError: if the sign-in service can't be asked.
        """
        chosen = self.chosen()
        account = next((one for one in app.get_accounts() if one["home_account_id"] == chosen), None)
        if account is None:
            return None
        kept = self.token()
        force = always or (kept is not None and kept.value == refused)
        scopes = list(self._registered.scopes)
        answer: Mapping[str, Any] | None = asking(
            lambda: app.acquire_token_silent_with_error(scopes, account, force_refresh=force)
        )
        return answer

    def enter(self, app: Any, answer: Mapping[str, Any]) -> None:  # noqa: ANN401
        """Write down who has signed in, with the tokens.

        Args:
            app: MSAL's application that was asked.
            answer: its answer, which holds a token.

        Raises:
            SignInFailed: if it is another account than the settings name.
        """
        account = self._of(app, answer)
        name = self._name(account)
        user = self._registered.user
        if account and user and name.casefold() != user.casefold():
            raise SignInFailed(
                f"{name or 'another account'} has signed in, but `user` is {user}",
                cure="Sign in as that user (sign out in the browser first), or correct `user`.",
            )
        entry = self._entry()
        entry["realm"] = app.authority.tenant
        if account:
            entry["accounts"] = list(dict.fromkeys([*entry["accounts"], account]))
        self._content.setdefault("accounts", {})[self._registered.name] = entry
        self._content["cache"] = self.cache.serialize()
        self.entered = account

    def add(self, added: msal.SerializableTokenCache) -> None:
        """Take over what another cache of MSAL's holds."""
        entries: dict[str, dict[str, Any]] = json.loads(self.cache.serialize())
        for kind, more in json.loads(added.serialize()).items():
            entries.setdefault(kind, {}).update(more)
        self.cache.deserialize(json.dumps(entries))

    def names(self) -> list[str]:
        """Return who has signed in."""
        return [self._name(account) for account in self._entry()["accounts"]]

    def refresh_token(self) -> str:
        """Return the refresh token of the account that was written down last, or an empty text."""
        query = {
            "home_account_id": self.entered,
            "client_id": self._registered.client_id,
            "environment": self._registered.host,
        }
        return next((str(entry["secret"]) for entry in self.cache.search(_KINDS.REFRESH_TOKEN, query=query)), "")

    def _entry(self) -> dict[str, Any]:
        """Return who has signed in through the registration; files of earlier versions hold an account's id alone."""
        entry = self._content.get("accounts", {}).get(self._registered.name) or {"accounts": []}
        return {"realm": "", "accounts": [entry]} if isinstance(entry, str) else {"realm": "", **entry}

    def _name(self, account: str) -> str:
        entries = self.cache.search(_KINDS.ACCOUNT, query={"home_account_id": account})
        return next((str(entry["username"]) for entry in entries if entry.get("username")), account)

    def _of(self, app: Any, answer: Mapping[str, Any]) -> str:  # noqa: ANN401
        """Return the id of the account that a token was given for; an answer to a renewal need not name one."""
        accounts = app.get_accounts()
        said = answer.get("id_token_claims") or {}
        person = said.get("oid") or said.get("sub")
        for account in accounts:
            if person and account["local_account_id"] == person:
                return str(account["home_account_id"])
        return self.chosen() or (str(accounts[0]["home_account_id"]) if len(accounts) == 1 else "")


def shown(content: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what is kept, without secrets: account, tenant, client, scopes, when the access token ends.

    An access token that has ended is shown too: the refresh token beside it makes another.

    Args:
        content: what the OAuth settings file holds.
    """
    entries: dict[str, dict[str, dict[str, Any]]] = json.loads(content.get("cache") or "{}")
    accounts = {entry["home_account_id"]: entry for entry in entries.get(_KINDS.ACCOUNT, {}).values()}
    renewable = {_owner(entry): entry for entry in entries.get(_KINDS.REFRESH_TOKEN, {}).values()}
    tokens = list(entries.get(_KINDS.ACCESS_TOKEN, {}).values())
    alone = [entry for owner, entry in renewable.items() if owner not in {_owner(token) for token in tokens}]
    for entry in [*tokens, *alone]:
        account = accounts.get(entry["home_account_id"], {})
        end = entry.get("expires_on")
        yield {
            "Account": str(account.get("username") or entry["home_account_id"] or ""),
            "Tenant": str(entry.get("realm") or account.get("realm", "")),
            "ClientId": str(entry["client_id"]),
            "Scopes": str(entry.get("target") or "").split(),
            "AccessTokenEnds": datetime.fromtimestamp(float(end), UTC).isoformat() if end else None,
            "RenewedByItself": _owner(entry) in renewable,
        }


def _owner(entry: Mapping[str, Any]) -> tuple[str, str, str]:
    return (entry["home_account_id"], entry["environment"], entry["client_id"])
