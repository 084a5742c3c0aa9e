"""The OAuth procedures: for web applications, machines without a browser, and the commands.

They bear the names of the commercial provider's stored procedures and give what those give.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msal

from tap_epicor.auth.consent import begin, by_device, finish, in_browser, remember
from tap_epicor.auth.entra import account_of
from tap_epicor.auth.registration import application, asking, lasting, registration, token_in
from tap_epicor.auth.sign_in import SignInFailed
from tap_epicor.auth.vault import open_vault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tap_epicor.auth.transport import Transport
    from tap_epicor.auth.vault import Vault


class Procedures:
    """The OAuth procedures for one configuration.

    Args:
        config: a configuration with `auth_scheme` AzureADOpenID and without problems.
        transport: how to speak HTTP.
        permissions: scopes to ask for instead of `oauth_scope`.
    """

    def __init__(self, config: Mapping[str, Any], transport: Transport, permissions: str | None = None) -> None:
        if permissions:
            config = {**config, "oauth_scope": permissions}
        self._config = config
        self._transport = transport
        self._registered = registration(config)

    @property
    def vault(self) -> Vault:
        """The OAuth settings file."""
        return open_vault(self._config.get("oauth_settings_location"), self._config.get("oauth_settings_key"))

    def authorization_url(
        self,
        callback_url: str | None = None,
        state: str | None = None,
        prompt: str | None = None,
    ) -> dict[str, str]:
        """Return the address at which a user consents; what must be known afterwards is kept.

        Args:
            callback_url: where the browser comes back to; `callback_url` of the settings where left out.
            state: what the answer must repeat; random where left out.
            prompt: what Microsoft is to ask, such as `consent`.

        Raises:
            KineticError: if Microsoft can't be asked.
            VaultError: if the OAuth settings file can't be used.
        """
        app = application(self._registered, self._transport)
        flow = begin(app, self._registered, callback_url or self._config["callback_url"], state=state, prompt=prompt)
        with self.vault.changing() as content:
            remember(content, flow)
        return {"URL": flow["auth_uri"]}

    def access_token(self, verifier: str) -> dict[str, Any]:
        """Return the tokens for a consent, and keep them.

        Args:
            verifier: the code that came back, or the whole callback URL.

        Raises:
            KineticError: if Microsoft does not take it.
            VaultError: if the OAuth settings file can't be used.
        """
        return self._keep(lambda app, content: finish(app, content, verifier))

    def refresh_token(self, refresh_token: str | None = None) -> dict[str, Any]:
        """Return new tokens for those that are kept, or for a given refresh token.

        Args:
            refresh_token: the refresh token; the kept one where left out.

        Raises:
            KineticError: if there is none, or Microsoft does not take it.
            VaultError: if the OAuth settings file can't be used.
        """
        scopes = list(self._registered.scopes)
        given = refresh_token or self._config.get("oauth_refresh_token")

        def renew(app: Any, content: dict[str, Any]) -> Mapping[str, Any]:  # noqa: ANN401
            known = content.get("accounts", {}).get(self._registered.name)
            account = next((one for one in app.get_accounts() if one["home_account_id"] == known), None)
            if account and not refresh_token:
                return token_in(
                    asking(lambda: app.acquire_token_silent_with_error(scopes, account, force_refresh=True)),
                )
            if not given:
                raise SignInFailed("there is no refresh token", cure="Run `tap-epicor login` first.")
            return token_in(asking(lambda: app.acquire_token_by_refresh_token(given, scopes)), (given,))

        return self._keep(renew)

    def login(
        self,
        *,
        device: bool,
        timeout: float,
        show: Callable[[str], None],
    ) -> dict[str, Any]:
        """Let the user consent, in a browser here or on any other device, and keep the tokens.

        Args:
            device: whether on another device.
            timeout: seconds to wait for the browser.
            show: tells the user what to do.

        Raises:
            KineticError: if the user does not consent, or Microsoft does not take it.
            VaultError: if the OAuth settings file can't be used.
        """
        # To know before the user is asked that tokens can be kept; no other process waits while the user is asked.
        with self.vault.changing():
            pass
        cache = msal.SerializableTokenCache()
        app = application(self._registered, self._transport, cache, public=device)
        if device:
            answer = by_device(app, self._registered, show)
        else:
            callback_url = str(self._config["callback_url"])
            answer = in_browser(app, self._registered, callback_url, timeout=timeout, show=show)
        account = account_of(app, answer)
        with self.vault.changing() as content:
            content["cache"] = _together(content.get("cache", ""), cache.serialize())
            content.setdefault("accounts", {})[self._registered.name] = account
        return self._given(answer, cache, account)

    def show(self) -> Iterator[dict[str, Any]]:
        """Yield what is kept, without secrets: account, tenant, scopes, when the access token ends.

        Raises:
            VaultError: if the OAuth settings file can't be read.
        """
        content = self.vault.read()
        cache = msal.SerializableTokenCache()
        cache.deserialize(content.get("cache", ""))
        kinds = msal.TokenCache.CredentialType
        accounts = {entry["home_account_id"]: entry for entry in cache.search(kinds.ACCOUNT)}
        renewable = {(entry["home_account_id"], entry["client_id"]) for entry in cache.search(kinds.REFRESH_TOKEN)}
        for entry in cache.search(kinds.ACCESS_TOKEN):
            account = accounts.get(entry["home_account_id"], {})
            yield {
                "Account": str(account.get("username") or entry["home_account_id"]),
                "Tenant": str(entry.get("realm", "")),
                "ClientId": str(entry["client_id"]),
                "Scopes": str(entry["target"]).split(),
                "AccessTokenEnds": datetime.fromtimestamp(float(entry["expires_on"]), UTC).isoformat(),
                "RenewedByItself": (entry["home_account_id"], entry["client_id"]) in renewable,
            }

    def _keep(self, obtain: Callable[[Any, dict[str, Any]], Mapping[str, Any]]) -> dict[str, Any]:
        with self.vault.changing() as content:
            cache = msal.SerializableTokenCache()
            cache.deserialize(content.get("cache", ""))
            app = application(self._registered, self._transport, cache)
            answer = obtain(app, content)
            accounts = content.setdefault("accounts", {})
            account = account_of(app, answer, accounts.get(self._registered.name))
            content["cache"] = cache.serialize()
            accounts[self._registered.name] = account
        return self._given(answer, cache, account)

    def _given(self, answer: Mapping[str, Any], cache: msal.SerializableTokenCache, account: str) -> dict[str, Any]:
        """Return the tokens of an answer, by the commercial provider's names."""
        query = {"home_account_id": account, "client_id": self._registered.client_id}
        kept: dict[str, Any] = next(iter(cache.search(msal.TokenCache.CredentialType.REFRESH_TOKEN, query=query)), {})
        return {
            "OAuthAccessToken": answer["access_token"],
            "OAuthRefreshToken": str(answer.get("refresh_token") or kept.get("secret", "")),
            "ExpiresIn": int(lasting(answer).life),
        }


def _together(kept: str, added: str) -> str:
    """Return what MSAL's cache held, with what another of its caches holds now."""
    entries: dict[str, dict[str, Any]] = json.loads(kept or "{}")
    for kind, more in json.loads(added).items():
        entries.setdefault(kind, {}).update(more)
    return json.dumps(entries)
