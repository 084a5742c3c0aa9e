"""Why there was no answer, in the words of the innermost cause and not of all the libraries around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import requests
import urllib3

from tap_epicor.kinetic.errors import redact

if TYPE_CHECKING:
    from collections.abc import Iterable


def why_no_answer(exc: BaseException, secrets: Iterable[str] = ()) -> str:
    """Return why a request had no answer.

    Args:
        exc: what `requests` raised.
        secrets: strings that must not stand in a message.
    """
    chain = [exc]
    while (cause := _cause_of(chain[-1])) and cause not in chain:
        chain.append(cause)
    innermost = chain[-1]
    said = redact(getattr(innermost, "strerror", None) or str(innermost) or type(innermost).__name__, secrets)
    if any(isinstance(one, requests.exceptions.ProxyError) for one in chain):
        return f"the proxy can't be used ({said})"
    if any(isinstance(one, urllib3.exceptions.NameResolutionError) for one in chain):
        return f"the name is not known here ({said})"
    return said


def _cause_of(exc: BaseException) -> BaseException | None:
    held = (getattr(exc, "reason", None), *reversed(exc.args), exc.__cause__, exc.__context__)
    return next((one for one in held if isinstance(one, BaseException)), None)
