"""A user's consent: the address to open, the answer that comes back, and the tokens for it."""

from __future__ import annotations

import subprocess
import sys
import warnings
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tap_epicor.auth.callback import CallbackPage
from tap_epicor.auth.registration import asking, token_in
from tap_epicor.auth.sign_in import SignInFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_epicor.auth.registration import Registration

TIMEOUT = 300.0
"""Seconds to wait for a user in a browser."""
MOST_FLOWS = 5
"""Consents that may have been begun and not ended."""

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
            ),
        )
    return flow


def remember(content: dict[str, Any], flow: dict[str, Any]) -> None:
    """Keep a consent that is begun, so that another command can end it.

    Args:
        content: what the OAuth settings file holds; changed.
        flow: the consent.
    """
    flows = content.setdefault("flows", [])
    flows.append({name: value for name, value in flow.items() if name != "auth_uri"})
    del flows[:-MOST_FLOWS]


def finish(app: Any, content: dict[str, Any], verifier: str) -> Mapping[str, Any]:  # noqa: ANN401
    """Return the tokens for an answer that came back.

    Args:
        app: MSAL's application.
        content: what the OAuth settings file holds; the consent is taken out of it.
        verifier: the code, or the whole callback URL that the browser ended at.

    Raises:
        SignInFailed: if no consent was begun that it could belong to, or Microsoft does not take it.
    """
    answer = read_answer(verifier)
    flows: list[dict[str, Any]] = content.get("flows", [])
    flow = next((flow for flow in reversed(flows) if answer.get("state") in {None, flow["state"]}), None)
    if flow is None:
        raise SignInFailed(
            "the verifier does not belong to a consent that was begun here, or it was used already",
            cure="Make an address with `tap-epicor oauth authorization-url`, and use the verifier that it leads to.",
        )
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
    """Return what came back: the entries of a callback URL, or a bare code."""
    text = verifier.strip()
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
) -> Mapping[str, Any]:
    """Return the tokens for a consent that a user gives on any other device.

    Args:
        app: MSAL's application of a public client.
        registered: the app registration.
        show: tells the user where to go and which code to type.

    Raises:
        SignInFailed: if the registration does not allow it, or the user does not consent in time.
    """
    flow = asking(lambda: app.initiate_device_flow(list(registered.scopes)))
    if "user_code" not in flow:
        token_in(flow)
    show(str(flow["message"]))
    return token_in(asking(lambda: app.acquire_token_by_device_flow(flow)))


def _exchange(app: Any, flow: dict[str, Any], answer: Mapping[str, str]) -> Mapping[str, Any]:  # noqa: ANN401
    code = answer.get("code", "")
    return token_in(asking(lambda: app.acquire_token_by_auth_code_flow(flow, dict(answer))), (code,))
