"""What can go wrong between the tap and Kinetic, each with its cause and its cure.

    KineticError
      Unreachable          no answer: address, name, TLS, proxy
      SignInRefused        401: the sign-in as a whole
        WrongPassword      401: user or password
        WrongKey           401: API key
        SessionEnded       410: the session that the sign-in stands for
      Denied               401 or 403: this user or key may not read this
      NotFound             404: address, service, entity set or BAQ
      BadRequest           400 and other 4xx: Kinetic does not take the request
      ServerFailed         5xx that does not pass by itself
      UnreadableAnswer     an answer that is not what was asked for
      PassingError         passes by itself: worth another try after a while
        NoLicence          400: all licences are in use
        TooMuch            fewer rows at once may do: a time-out, 504
          TooLong          the same for sure: 413, or more than memory has room for

`from_response` reads a body, JSON, XML, HTML or empty, into one of them.
"""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html import escape, unescape
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

LONGEST_MESSAGE = 600
_LONGEST_BODY = 8192
_LONGEST_ID = 64
_SHORTEST_SECRET = 4
"""Letters below which a secret is not looked for: it would be found everywhere."""
LICENCE_WAIT = 30.0
"""Seconds to wait for a free licence; public clients wait 30 to 480."""

_ECHOED_KEY = re.compile(r"(Invalid API Key) .*?\.(?=\s|$)", re.IGNORECASE | re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_XML_FIELD = re.compile(
    r"<(?:\w+:)?(ErrorMessage|ErrorType|CorrelationId|message)\b[^>]*>(.*?)</(?:\w+:)?\1>",
    re.DOTALL,
)
_HTML_TITLE = re.compile(r"<title>(.*?)</title>", re.DOTALL | re.IGNORECASE)
_NO_TLS = re.compile(r"WRONG_VERSION_NUMBER|wrong version number|record layer failure", re.IGNORECASE)
_NO_COMPANY = re.compile(
    r"\bcompany\b.{0,40}(not valid|invalid|not found|does not exist|is unknown)|\b(invalid|unknown) company\b",
    re.IGNORECASE,
)
_TAGS = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)
_LICENCE = re.compile(r"LicenseAccessException|Maximum users exceeded", re.IGNORECASE)
_QUERY_TIMEOUT = re.compile(r"Execution Timeout Expired", re.IGNORECASE)
_PASSING_CAUSE = re.compile(r"deadlock|transport-level error|connection pool|ConversionsPending", re.IGNORECASE)


class KineticError(Exception):
    """A request that did not bring what was asked for.

    Attributes:
        message: what Kinetic (or the network) said, without secrets.
        cure: what to do about it.
        path: path of the request, without host and query.
        status: HTTP status, None when there was no answer.
        correlation_id: Kinetic's id of the failure, for the administrator's log.
    """

    cure = ""

    def __init__(
        self,
        message: str,
        *,
        path: str = "",
        status: int | None = None,
        correlation_id: str | None = None,
        cure: str | None = None,
    ) -> None:
        self.message = message
        self.path = path
        self.status = status
        self.correlation_id = correlation_id
        if cure is not None:
            self.cure = cure
        super().__init__(message)

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        status = f"HTTP {self.status}: " if self.status else ""
        trace = f" (correlation id {self.correlation_id})" if self.correlation_id else ""
        cure = f" {self.cure}" if self.cure else ""
        return f"{where}{status}{self.message.rstrip('. ')}{trace}.{cure}"


class Unreachable(KineticError):
    """No answer came: address, name, TLS or proxy."""

    cure = (
        "Check `url`, and that this machine may reach it; `proxy_url` and `ssl_ca` are there for those who need them."
    )


class SignInRefused(KineticError):
    """Kinetic does not accept the sign-in, and does not say which part."""

    cure = "Check `user`, `password` and `api_key`."


class WrongPassword(SignInRefused):
    """Kinetic does not know the user, or not with this password."""

    cure = "Check `user` and `password`: it must be an Epicor user (not a Windows one) that may sign in."


class WrongKey(SignInRefused):
    """Kinetic does not accept the API key for this company."""

    cure = "Check `api_key` (API Key Maintenance in Kinetic: active, not expired) and `company`."


class SessionEnded(SignInRefused):
    """The session has ended that the sign-in stands for: signing in anew begins another."""

    cure = "Something ends the sessions of this user: look at the server's session settings and its event log."


class Denied(KineticError):
    """The user or the API key's access scope may not read this."""

    cure = "Ask the administrator to allow it, for the user and in the access scope of the API key, or leave it out."


class NotFound(KineticError):
    """There is nothing at this address."""

    cure = "Check `url`, `erp_instance`, `company` and the name: Kinetic's names are case-sensitive."


class BadRequest(KineticError):
    """Kinetic does not take the request as it stands."""


class ServerFailed(KineticError):
    """The server failed, and will fail again."""

    cure = "The administrator finds the cause in the server's event log."


class UnreadableAnswer(KineticError):
    """The answer is not what was asked for."""

    cure = "Check that `url` and `erp_instance` lead to Kinetic itself and not to a portal or a gateway."


class PassingError(KineticError):
    """Something that passes by itself.

    Attributes:
        wait: seconds that the server asks to wait, None when it does not say.
        is_outage: whether what fails is known to have worked, so that no setting is wrong.
    """

    wait: float | None = None
    is_outage = False


class NoLicence(PassingError):
    """All licences of the kind are in use."""

    cure = "All licences of this kind are in use: free some, or choose another with `license_type`."
    wait = LICENCE_WAIT


class TooMuch(PassingError):
    """The answer took too long or was too big: it may pass by itself, and is likely to with fewer rows at once."""

    cure = "Lower `page_size`, or raise `timeout`, if the server needs longer."


class TooLong(TooMuch):
    """The answer has more bytes than something can hold."""

    cure = "Lower `page_size`."


def from_response(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    path: str,
    secrets: Iterable[str] = (),
) -> KineticError:
    """Return the exception that an answer with an error status stands for.

    Args:
        status: HTTP status, 400 or more.
        headers: the answer's headers.
        body: the answer's body, of any form.
        path: path of the request.
        secrets: strings that must not stand in a message.
    """
    said = _read(body, secrets)
    raw = f"{said.get('ErrorType', '')} {said.get('ErrorMessage', '')}"
    message = redact(said.get("ErrorMessage", ""), secrets) or "no explanation came with it"
    kind, cure = _classify(status, raw)
    if kind is NotFound and "Page" in said:
        message = f"nothing is at this address, says a page of the web server: {message}"
    trace = redact(said.get("CorrelationId", ""), secrets)[:_LONGEST_ID] or None
    error = kind(message, path=path, status=status, correlation_id=trace, cure=cure)
    if isinstance(error, PassingError) and (wait := _retry_after(headers)) is not None:
        error.wait = wait
    return error


def redirected(status: int, headers: Mapping[str, str], path: str, secrets: Iterable[str] = ()) -> UnreadableAnswer:
    """Return the exception that a redirect stands for.

    Args:
        status: HTTP status.
        headers: the answer's headers.
        path: path of the request.
        secrets: strings that must not stand in a message.
    """
    to = redact(headers.get("Location", "nowhere"), secrets)
    cure = "If Kinetic is there, set `url` to that; a portal or a gateway in between can't be signed in to."
    return UnreadableAnswer(f"the server redirects to {to}", path=path, status=status, cure=cure)


def tls_failed(said: str, path: str, secrets: Iterable[str] = ()) -> Unreachable:
    """Return the exception that a failure of TLS stands for.

    Args:
        said: what the library says of it.
        path: path of the request.
        secrets: strings that must not stand in a message.
    """
    if _NO_TLS.search(said):
        cure = "Write `url` with http://, or with the port that speaks TLS (and `proxy_url` likewise)."
        return Unreachable("the server speaks no TLS at this address", path=path, cure=cure)
    cure = "Give the certificate authority's file in `ssl_ca`."
    return Unreachable(f"the server's certificate is not trusted: {redact(said, secrets)}", path=path, cure=cure)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return a text of one line, of bounded length, without secrets and control characters."""
    text = _CONTROL.sub(" ", _without(secrets, _ECHOED_KEY.sub(r"\1.", text[:_LONGEST_BODY]))).strip()
    return text if len(text) <= LONGEST_MESSAGE else text[:LONGEST_MESSAGE] + "…"


def _without(secrets: Iterable[str], text: str) -> str:
    forms = {form for secret in secrets for form in _forms(secret) if len(form) >= _SHORTEST_SECRET}
    for form in sorted(forms, key=len, reverse=True):
        if words := _CONTROL.sub(" ", form).split():
            pattern = r"[\s\x00-\x1f\x7f-\x9f]+".join(map(re.escape, words))
            text = re.sub(pattern, "***", text, flags=re.IGNORECASE)
    return text


def _forms(secret: str) -> Iterator[str]:
    """Yield a secret as it may stand in addresses, headers and quotations."""
    content = secret.encode("utf-8", "replace")
    yield secret
    yield from (quote(content), quote(content, safe=""), quote_plus(content))
    yield from (escape(secret), escape(secret, quote=False))
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        encoded = encode(content).decode().rstrip("=")
        yield from (encoded, quote(encoded, safe=""))
    yield from (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])
    yield from (repr(secret)[1:-1], repr(content)[2:-1])


def _classify(status: int, raw: str) -> tuple[type[KineticError], str | None]:  # noqa: PLR0911
    if status in {401, 403}:
        return _refused(status, raw), None
    if _LICENCE.search(raw):
        return NoLicence, None
    if status == 413:  # noqa: PLR2004
        return TooLong, None
    if status == 504 or (status >= 500 and _QUERY_TIMEOUT.search(raw)):  # noqa: PLR2004
        return TooMuch, None
    if status in {408, 425, 429, 502, 503} or (status >= 500 and _PASSING_CAUSE.search(raw)):  # noqa: PLR2004
        return PassingError, None
    if status == 410 and "InvalidSession" in raw:  # noqa: PLR2004
        return SessionEnded, None
    if status in {404, 410}:
        return NotFound, None
    if status < 500 and _NO_COMPANY.search(raw):  # noqa: PLR2004
        return BadRequest, "Check `company`: give its id, not its name, of a company that the user may work in."
    return (ServerFailed if status >= 500 else BadRequest), None  # noqa: PLR2004


def _refused(status: int, raw: str) -> type[KineticError]:
    if status == 403 or "Access denied" in raw:  # noqa: PLR2004
        return Denied
    if "API Key" in raw:
        return WrongKey
    return WrongPassword if "username or password" in raw else SignInRefused


def _read(body: bytes, secrets: Iterable[str]) -> dict[str, str]:
    text = body.decode("utf-8", "replace").lstrip("\ufeff").strip()
    if text.startswith("{"):
        try:
            return _from_json(msgspec.json.decode(text))
        except (msgspec.DecodeError, RecursionError):
            return {"ErrorMessage": text}
    text = text[:_LONGEST_BODY]
    if fields := {name: unescape(value) for name, value in _XML_FIELD.findall(text)}:
        fields.setdefault("ErrorMessage", fields.pop("message", ""))
        return fields
    if title := _HTML_TITLE.search(text):
        return {"ErrorMessage": unescape(title[1]), "Page": "yes"}
    # A secret may hold what looks like a tag.
    return {"ErrorMessage": unescape(_TAGS.sub(" ", _without(secrets, text)))}


def _from_json(body: object) -> dict[str, str]:
    if not isinstance(body, dict):
        return {}
    inner = body.get("error") or body.get("odata.error")
    if isinstance(inner, dict):
        message = inner.get("message")
        if isinstance(message, dict):
            message = message.get("value")
        return {"ErrorMessage": str(message or ""), "ErrorType": str(inner.get("code") or "")}
    fields = {name: str(body[name]) for name in ("ErrorMessage", "ErrorType", "CorrelationId") if body.get(name)}
    if "ErrorMessage" not in fields and (said := body.get("Message") or body.get("ReasonPhrase")):
        fields["ErrorMessage"] = str(said)
    return fields


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds to wait; where a date is given, by the server's own clock if it tells its time."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    if (until := _moment(value)) is None:
        return None
    now = _moment(headers.get("Date", "")) or datetime.now(UTC)
    return max(0.0, (until - now).total_seconds())


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
