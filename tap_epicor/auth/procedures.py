"""The OAuth procedures: for web applications, machines without a browser, and the commands.

They bear the names of the commercial provider's stored procedures and give what those give.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_epicor.auth.accounts import Accounts, shown
from tap_epicor.auth.consent import TIMEOUT, begin, by_device, finish, in_browser, keep_consent, remember
from tap_epicor.auth.registration import application, asking, lasting, registration, token_in
from tap_epicor.auth.sign_in import SignInFailed
from tap_epicor.auth.vault import open_vault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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
            remember(content, self._registered, flow)
        return {"URL": flow["auth_uri"]}

    def access_token(self, verifier: str) -> dict[str, Any]:
        """Return the tokens for a consent, and keep them.

        Args:
            verifier: the code that came back, or the whole callback URL.

        Raises:
            KineticError: if Microsoft does not take it.
            VaultError: if the OAuth settings file can't be used.
        """
        return self._keep(lambda app, _, content: finish(app, self._registered, content, verifier))

    def refresh_token(self, refresh_token: str | None = None) -> dict[str, Any]:
        """Return new tokens for those that are kept, or for a given refresh token.

        Args:
            refresh_token: the refresh token; the kept one where left out.

        Raises:
            KineticError: if there is none, or Microsoft does not take it.
            VaultError: if the OAuth settings file can't be used.
        """
        given = refresh_token or self._config.get("oauth_refresh_token")

        def renew(app: Any, accounts: Accounts, _: dict[str, Any]) -> Mapping[str, Any]:  # noqa: ANN401
            if not refresh_token and (answer := accounts.renewed(app, always=True)):
                return token_in(answer)
            if not given:
                raise SignInFailed("there is no refresh token", cure="Run `tap-epicor login` first.")
            scopes = list(self._registered.scopes)
            return token_in(asking(lambda: app.acquire_token_by_refresh_token(given, scopes)), (given,))

        return self._keep(renew)

    def login(
        self,
        *,
        device: bool,
        timeout: float | None,
        show: Callable[[str], None],
    ) -> dict[str, Any]:
        """Let the user consent, in a browser here or on any other device, and keep the tokens.

        Args:
            device: whether on another device.
            timeout: seconds to wait for the user; None for the usual time.
            show: tells the user what to do, and what to set where it is not clear who is meant from now on.

        Raises:
            KineticError: if the user does not consent, or Microsoft does not take it.
            VaultError: if the OAuth settings file can't be used.
        """
        callback_url = str(self._config["callback_url"])

        def ask(app: Any) -> Mapping[str, Any]:  # noqa: ANN401
            if device:
                return by_device(app, self._registered, show, timeout)
            return in_browser(app, self._registered, callback_url, timeout=timeout or TIMEOUT, show=show)

        answer, accounts = keep_consent(self._registered, self._transport, self.vault, ask, public=device)
        if len(names := accounts.names()) > 1 and not self._registered.user:
            show(f"Several accounts have signed in: {', '.join(names)}. Say in `user` which one is meant.")
        return _given(answer, accounts)

    def show(self) -> list[dict[str, Any]]:
        """Return what is kept, without secrets: account, tenant, scopes, when the access token ends.

        Raises:
            VaultError: if the OAuth settings file can't be read.
        """
        return list(shown(self.vault.read()))

    def _keep(self, obtain: Callable[[Any, Accounts, dict[str, Any]], Mapping[str, Any]]) -> dict[str, Any]:
        with self.vault.changing() as content:
            accounts = Accounts(content, self._registered)
            app = application(self._registered, self._transport, accounts.cache)
            answer = obtain(app, accounts, content)
            accounts.enter(app, answer)
        return _given(answer, accounts)


def _given(answer: Mapping[str, Any], accounts: Accounts) -> dict[str, Any]:
    """Return the tokens of an answer, by the commercial provider's names."""
    return {
        "OAuthAccessToken": answer["access_token"],
        "OAuthRefreshToken": str(answer.get("refresh_token") or accounts.refresh_token()),
        "ExpiresIn": int(lasting(answer).life),
    }
