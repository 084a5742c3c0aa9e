"""A user's consent: the address to open, the answer that comes back, and the tokens for it."""

from __future__ import annotations

import subprocess
import sys
import time
import warnings
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

import msal

from tap_epicor.auth.accounts import Accounts
from tap_epicor.auth.callback import CallbackPage
from tap_epicor.auth.registration import application, asking, token_in
from tap_epicor.auth.sign_in import SignInFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_epicor.auth.registration import Registration
    from tap_epicor.auth.transport import Transport
    from tap_epicor.auth.vault import Vault

TIMEOUT = 300.0
"""Seconds to wait for a user in a browser."""
MOST_FLOWS = 20
"""Consents that may have been begun and not ended."""

_REGISTRATION = "registration"
_LONGEST_START = 3.0
"""Seconds after which a browser that is still in the foreground is held to be open."""
_OPEN = "import sys, webbrowser; sys.exit(not webbrowser.open(sys.argv[1]))"
_OPENED = "Your browser opens, for you to sign in. If it does not, open this address in a browser on this machine:"
_NOT_OPENED = "No browser could be opened here. Open this address in a browser on this machine:"
_DEVICE = "Is there none on this machine? Stop this with Ctrl+C, and run `tap-epicor login --device`."


def begin(
    app: Any,  # noqa: ANN401
    registered: Registration,
    callback_url: str,
    *,
    state: str | None = None,
    prompt: str | None = None,
) -> dict[str, Any]:
    """Return a consent that is begun; its `auth_uri` is the address to open.

    Args:
        app: MSAL's application.
        registered: the app registration.
        callback_url: where the browser is to come back to.
        state: what the answer must repeat; random where it is left out.
        prompt: what Microsoft is to ask, such as `consent` or `select_account`.

    Raises:
        SignInFailed: if Microsoft's description of the tenant is not usable.
    """
    with warnings.catch_warnings():
        # MSAL would rather have the answer posted; then nobody could copy it from the browser's address.
        warnings.simplefilter("ignore", UserWarning)
        flow: dict[str, Any] = asking(
            lambda: app.initiate_auth_code_flow(
                list(registered.scopes),
                redirect_uri=callback_url,
                state=state,
                prompt=prompt,
                login_hint=registered.user or None,
            ),
        )
    return flow


def remember(content: dict[str, Any], registered: Registration, flow: dict[str, Any]) -> None:
    """Keep a consent that is begun, so that another command can end it.

    Args:
        content: what the OAuth settings file holds; changed.
        registered: the app registration.
        flow: the consent.
    """
    flows = content.setdefault("flows", [])
    kept = {name: value for name, value in flow.items() if name != "auth_uri"}
    flows.append({**kept, _REGISTRATION: registered.name})
    del flows[:-MOST_FLOWS]


def finish(
    app: Any,  # noqa: ANN401
    registered: Registration,
    content: dict[str, Any],
    verifier: str,
) -> Mapping[str, Any]:
    """Return the tokens for an answer that came back.

    Args:
        app: MSAL's application.
        registered: the app registration.
        content: what the OAuth settings file holds; the consent is taken out of it.
        verifier: the code, or the whole callback URL that the browser ended at.

    Raises:
        SignInFailed: if it is not clear which consent that was begun it belongs to, or Microsoft does not take it.
    """
    answer = read_answer(verifier)
    flows: list[dict[str, Any]] = content.get("flows", [])
    # Files of earlier versions do not say which registration a consent was begun for.
    own = [flow for flow in flows if flow.get(_REGISTRATION, registered.name) == registered.name]
    fitting = [flow for flow in own if answer.get("state") in {None, flow["state"]}]
    if not fitting:
        raise SignInFailed(
            "the verifier does not belong to a consent that was begun here for this app registration, or it was used "
            "already",
            cure="Make an address with `tap-epicor oauth authorization-url`, and use the verifier that it leads to.",
        )
    if len(fitting) > 1:
        raise SignInFailed(
            "several consents were begun, and a code alone does not say which one it belongs to",
            cure="Give the whole address that the browser ended at as the verifier.",
        )
    flow = fitting[0]
    flows.remove(flow)
    try:
        return _exchange(app, flow, {"state": flow["state"], **answer})
    except SignInFailed as exc:
        if exc.code == "invalid_grant":
            exc.cure = (
                "The verifier was used already, or is older than ten minutes: run `tap-epicor login`, or "
                "make an address with `tap-epicor oauth authorization-url` and use the verifier that it leads to."
            )
        raise


def read_answer(verifier: str) -> dict[str, str]:
    """Return what came back: the entries of a callback URL, or a bare code.

    Raises:
        SignInFailed: if it is empty.
    """
    text = verifier.strip()
    if not text:
        raise SignInFailed("the verifier is empty", cure="Give the whole address that the browser ended at.")
    query = urlsplit(text).query or urlsplit(text).fragment
    entries = dict(parse_qsl(query or text.lstrip("?"))) if "code=" in text or "error=" in text else {}
    return entries or {"code": unquote(text)}


def open_browser(url: str) -> bool:
    """Open an address in the system's browser, and return whether that worked.

    It is done in a process of its own: some browsers stay in the foreground until they are closed, and some write to
    standard output, where the tap's messages go.

    Args:
        url: the address.
    """
    # The address is not a shell's, and standard error (2) is what a person sees.
    process = subprocess.Popen([sys.executable, "-I", "-c", _OPEN, url], stdout=2)  # noqa: S603
    try:
        return process.wait(_LONGEST_START) == 0
    except subprocess.TimeoutExpired:
        return True


def in_browser(
    app: Any,  # noqa: ANN401
    registered: Registration,
    callback_url: str,
    *,
    timeout: float = TIMEOUT,
    show: Callable[[str], None] = lambda _: None,
) -> Mapping[str, Any]:
    """Return the tokens for a consent that a user gives in a browser on this machine.

    Args:
        app: MSAL's application.
        registered: the app registration.
        callback_url: loopback address to listen on for the answer.
        timeout: seconds to wait for the user.
        show: tells the user the address, for a browser that does not open by itself.

    Raises:
        SignInFailed: if the address can't be listened on, or the user does not consent in time.
    """
    flow = begin(app, registered, callback_url)

    def exchange(answer: Mapping[str, str]) -> Mapping[str, Any]:
        return _exchange(app, flow, answer)

    with CallbackPage(callback_url, flow["state"], exchange) as page:
        opened = open_browser(flow["auth_uri"])
        show("\n\n".join([_OPENED if opened else _NOT_OPENED, flow["auth_uri"], *([] if opened else [_DEVICE])]))
        tokens: Mapping[str, Any] = page.wait(timeout)
    return tokens


def by_device(
    app: Any,  # noqa: ANN401
    registered: Registration,
    show: Callable[[str], None],
    timeout: float | None = None,
) -> Mapping[str, Any]:
    """Return the tokens for a consent that a user gives on any other device.

    Args:
        app: MSAL's application of a public client.
        registered: the app registration.
        show: tells the user where to go and which code to type.
        timeout: seconds to wait for the user; None for as long as the code lasts.

    Raises:
        SignInFailed: if the registration does not allow it, or the user does not consent in time.
    """
    flow = asking(lambda: app.initiate_device_flow(list(registered.scopes)))
    if "user_code" not in flow:
        token_in(flow)
    if timeout is not None:
        flow["expires_at"] = min(flow["expires_at"], time.time() + timeout)
    show(str(flow["message"]))
    return token_in(asking(lambda: app.acquire_token_by_device_flow(flow)))


def keep_consent(
    registered: Registration,
    transport: Transport,
    vault: Vault,
    ask: Callable[[Any], Mapping[str, Any]],
    *,
    public: bool = False,
) -> tuple[Mapping[str, Any], Accounts]:
    """Let a user consent, and keep the tokens; no other process waits for the file while the user is asked.

    Args:
        registered: the app registration.
        transport: how to speak HTTP.
        vault: the OAuth settings file.
        ask: asks the user by way of MSAL's application, and returns its answer.
        public: whether to do without the registration's credential.

    Raises:
        KineticError: if the user does not consent, or Microsoft does not take it.
        VaultError: if the OAuth settings file can't be used.
    """
    # To know before the user is asked that tokens can be kept.
    with vault.changing():
        pass
    cache = msal.SerializableTokenCache()
    app = application(registered, transport, cache, public=public)
    answer = ask(app)
    with vault.changing() as content:
        accounts = Accounts(content, registered)
        accounts.add(cache)
        accounts.enter(app, answer)
    return answer, accounts


def _exchange(app: Any, flow: dict[str, Any], answer: Mapping[str, str]) -> Mapping[str, Any]:  # noqa: ANN401
    code = answer.get("code", "")
    return token_in(asking(lambda: app.acquire_token_by_auth_code_flow(flow, dict(answer))), (code,))
