"""One request to Kinetic: session, headers, patience, and errors that say what to do."""

from __future__ import annotations

import logging
import math
import time
from collections import Counter
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote, urljoin, urlsplit

import backoff
import requests
import urllib3

from tap_epicor.kinetic.body import LONGEST, read_body
from tap_epicor.kinetic.errors import (
    NoLicence,
    PassingError,
    ServerFailed,
    SessionEnded,
    SignInRefused,
    TooLong,
    TooMuch,
    Unreachable,
    UnreadableAnswer,
    WrongKey,
    from_response,
    redact,
    redirected,
    tls_failed,
)
from tap_epicor.kinetic.found import read_json
from tap_epicor.kinetic.load import Load
from tap_epicor.kinetic.no_answer import why_no_answer
from tap_epicor.kinetic.patience import Patience, TimeUp, note_retry
from tap_epicor.kinetic.readers import Readers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from tap_epicor.kinetic.dialect import Dialect
    from tap_epicor.kinetic.query import Query

logger = logging.getLogger(__name__)

JSON = "application/json"
XML = "application/xml"

Content = TypeVar("Content")

_ERROR_STATUS = 400
_REDIRECT_STATUS = 300
_NOT_CHANGED = 304
_NO_ANSWER = (requests.ConnectionError, requests.Timeout, requests.exceptions.InvalidHeader)
"""The last one stands for headers of the answer that contradict each other."""
_SELDOM_PASSING = (ServerFailed, TooLong, UnreadableAnswer)
_TRIED_AGAIN = (PassingError, *_SELDOM_PASSING)


class Kinetic:
    """A signed-in client of one Kinetic instance, for any number of threads.

    Args:
        base_url: scheme, host and instance, such as `https://erp.example.com/KineticLive`.
        dialect: version of the REST services.
        auth: what signs each request.
        renew: lets the next request be signed anew, and returns whether that may help although nothing was ever
            answered; called when a sign-in is refused.
        headers: sent with every request (API key, licence, user agent).
        plant: site that `CallSettings` names.
        refusal_cure: what to do when the server refuses the sign-in; None for what the error itself says.
        secrets: strings that must never stand in a message.
        timeout: seconds to connect, and seconds without a byte while reading.
        verify: whether to check the server's certificate, or the path of a bundle to check it with.
        proxy: address of a proxy for all requests.
        load: what lets requests through.
        patience: how long to go on trying what passes by itself.
    """

    def __init__(  # noqa: PLR0913
        self,
        base_url: str,
        dialect: Dialect,
        *,
        auth: requests.auth.AuthBase,
        renew: Callable[[], bool | None] = lambda: None,
        headers: Mapping[str, str] | None = None,
        plant: str | None = None,
        refusal_cure: str | None = None,
        secrets: tuple[str, ...] = (),
        timeout: tuple[float, float] = (10.0, 300.0),
        verify: bool | str = True,
        proxy: str | None = None,
        load: Load | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.dialect = dialect
        self.on_answer: Callable[[str, int, float], None] | None = None
        self.meanwhile: Callable[[], AbstractContextManager[object]] = nullcontext
        self.time_left: Callable[[], float] = lambda: math.inf
        self.most_rows: dict[bool, int] = {}
        self._auth = auth
        self._renew = renew
        self._headers = dict(headers or {})
        self._plant = plant
        self._refusal_cure = refusal_cure
        self._secrets = secrets
        self._timeout = timeout
        self._verify = verify
        self._proxies = {"http": proxy, "https": proxy} if proxy else {}
        self._patience = patience or Patience()
        self._load = load or Load()
        self.readers = Readers(self._load.most)
        self._idle: list[requests.Session] = []
        self._answered = False

    @property
    def max_connections(self) -> int:
        """Requests under way at once, at the most, over all threads."""
        return self._load.most

    def get_json(
        self,
        path: str,
        query: Query | None = None,
        *,
        company: str = "",
        patient: bool = True,
        read: Callable[[bytes, str], Any] = read_json,
    ) -> Any:  # noqa: ANN401
        """Return the JSON object at a path, its fractions as exact decimals, or what else is to be made of its text.

        Args:
            path: path below the instance, percent-encoded.
            query: the `$` options.
            company: company id for the `CallSettings` header.
            patient: whether to try again after `TooMuch` and `ServerFailed` too, and not only after what has nothing
                to do with the rows asked for.
            read: makes an answer of a body and the path it came from.

        Raises:
            TooMuch: if asking for fewer rows is likely to help.
            ServerFailed: if the server failed, at the first time or, with patience, again and again.
            KineticError: if it can't be had.
        """
        return self._patiently(lambda: self._send(path, company, JSON, read, query=query), patient=patient)

    def get_text(
        self,
        path: str,
        read: Callable[[bytes], Content],
        *,
        company: str = "",
        accept: str = XML,
        longest: int = 64 << 20,
    ) -> Content:
        """Return what a function makes of the document at a path.

        Args:
            path: path below the instance, percent-encoded.
            read: the function; where it raises UnreadableAnswer, the document is asked for again.
            company: company id for the `CallSettings` header.
            accept: media type asked for.
            longest: size in bytes beyond which a document is refused.

        Raises:
            KineticError: if it can't be had, is too long, or stays unreadable.
        """

        def made(body: bytes, where: str) -> Content:
            try:
                return read(body)
            except UnreadableAnswer as exc:
                exc.path = where
                raise

        document: Content = self._patiently(lambda: self._send(path, company, accept, made, longest=longest))
        return document

    def get_if_changed(
        self, path: str, conditions: Mapping[str, str], *, company: str = "", longest: int = 64 << 20
    ) -> tuple[bytes, Mapping[str, str]] | None:
        """Return the JSON document at a path and the headers of the answer; None where it has not changed.

        It is asked for once: this is for what can be done without.

        Args:
            path: path below the instance, percent-encoded.
            conditions: headers such as `If-None-Match`.
            company: company id for the `CallSettings` header.
            longest: size in bytes beyond which a document is refused.

        Raises:
            KineticError: if it can't be had.
        """
        with self.meanwhile():
            response, body, _ = self._answer(path, company, JSON, conditions=conditions, longest=longest)
        return None if response.status_code == _NOT_CHANGED else (body, response.headers)

    def follow(self, link: str, came_from: str, *, company: str = "") -> dict[str, Any]:
        """Return the page that a next link leads to.

        Args:
            link: the link as the server sent it, absolute or relative to the request it came with.
            came_from: path of that request.
            company: company id for the `CallSettings` header.

        Raises:
            UnreadableAnswer: if the link leaves this instance.
            KineticError: if the page can't be had.
        """
        try:
            url = urljoin(f"{self.base_url}/{came_from}", link)
        except ValueError as exc:
            raise UnreadableAnswer("the next link is no address", path=came_from) from exc
        if not url.startswith(f"{self.base_url}/") or ".." in unquote(urlsplit(url).path).split("/"):
            host = redact(urlsplit(url).netloc)
            raise UnreadableAnswer(f"the next link leaves this instance, to {host}", path=came_from)
        answer: dict[str, Any] = self.get_json(url.removeprefix(f"{self.base_url}/"), company=company)
        return answer

    def _patiently(self, attempt: Callable[[], Any], *, patient: bool = True) -> Any:  # noqa: ANN401
        waits = self._patience.waits()
        failures: Counter[type[Exception]] = Counter()

        def is_final(exc: Exception) -> bool:
            failures[type(exc)] += 1
            alike, tries = failures[type(exc)], self._tries(exc, patient=patient)
            return alike >= tries or failures.total() >= self._patience.tries

        again = backoff.on_exception(
            backoff.runtime,
            _TRIED_AGAIN,
            value=lambda exc: self._wait(exc, waits),
            giveup=is_final,
            max_time=lambda: min(self._patience.in_all, self.time_left()),
            on_backoff=self._tell_retry,
            jitter=None,
            logger=None,
        )(attempt)
        with self.meanwhile(), self._in_time():
            try:
                return again()
            except SignInRefused as exc:
                if not (self._renew() or self._answered or isinstance(exc, SessionEnded)):
                    raise
                logger.info("The sign-in is no longer accepted: signing in anew.")
                note_retry()
                return again()

    @contextmanager
    def _in_time(self) -> Iterator[None]:
        """Let a failure that no time was left to try again be no answer."""
        try:
            yield
        except _TRIED_AGAIN as exc:
            if self.time_left() > 0:
                raise
            raise TimeUp(str(exc)) from exc

    def _tries(self, exc: Exception, *, patient: bool) -> int:
        """Return how often a request may end so."""
        if isinstance(exc, TooMuch | ServerFailed) and not patient and getattr(exc, "wait", None) is None:
            return 1
        if isinstance(exc, _SELDOM_PASSING):
            return self._patience.failed_tries
        is_known = self._answered or getattr(exc, "status", None) is not None or getattr(exc, "is_outage", False)
        return self._patience.tries if is_known else self._patience.first_tries

    def _tell_retry(self, details: Any) -> None:  # noqa: ANN401
        note_retry()
        exc, wait = details["exception"], details["wait"]
        due = getattr(exc, "wait", None) or 0
        more = f" The next try is due in {due:.0f} s, but patience ends sooner." if due > wait + 1 else ""
        logger.warning("%s%s Trying again in %.0f s.", exc, more, wait)

    def _wait(self, exc: Any, waits: Iterator[float]) -> float:  # noqa: ANN401
        if isinstance(exc, _SELDOM_PASSING):
            # Mostly an answer for good, to a question whether something can be done.
            return next(waits) / 4
        wait: float = next(waits) if exc.wait is None else exc.wait
        return wait

    def _send(self, path: str, company: str, accept: str, read: Callable[[bytes, str], Any], **asked: Any) -> Any:  # noqa: ANN401
        _, body, where = self._answer(path, company, accept, **asked)
        content = read(body, where)
        self._answered = True
        return content

    def _answer(  # noqa: PLR0913
        self,
        path: str,
        company: str,
        accept: str,
        *,
        query: Query | None = None,
        conditions: Mapping[str, str] | None = None,
        longest: int = LONGEST,
    ) -> tuple[requests.Response, bytes, str]:
        """Return an answer that is neither an error nor leads elsewhere, its body, and the path it came from."""
        headers = {**self._headers_for(company, accept), **(conditions or {})}
        url = f"{self.base_url}/{path}"
        if query is not None and (text := query.encode()):
            url = f"{url}?{text}"
        where = urlsplit(url).path
        with self._load.slot():
            if self.time_left() <= 0:
                raise TimeUp(where)
            response, body, seconds = self._exchange(url, where, headers, longest)
        logger.debug("GET %s: %d, %d bytes, %.3f s", url, response.status_code, len(body), seconds)
        if self.on_answer:
            self.on_answer(where, response.status_code, seconds)
        if response.status_code >= _ERROR_STATUS:
            error = from_response(response.status_code, response.headers, body, where, self._secrets)
            if isinstance(error, NoLicence):
                self._load.refused_a_licence(seconds)
            if self._refusal_cure and isinstance(error, SignInRefused) and not isinstance(error, WrongKey):
                error.cure = self._refusal_cure
            raise error
        if response.status_code >= _REDIRECT_STATUS and not (conditions and response.status_code == _NOT_CHANGED):
            raise redirected(response.status_code, response.headers, where, self._secrets)
        self._load.answered((where, query and query.top), seconds)
        return response, body, where

    def _exchange(
        self,
        url: str,
        where: str,
        headers: dict[str, str],
        longest: int,
    ) -> tuple[requests.Response, bytes, float]:
        """Return an answer, its body, and the seconds that they took."""
        with self._session() as session:
            # It may sign in, which takes a turn of its own.
            request = self._prepare(session, requests.Request("GET", url, headers=headers, auth=self._auth), where)
            return self._answer_to(session, request, where, longest)

    def _answer_to(
        self, session: requests.Session, request: requests.PreparedRequest, where: str, longest: int
    ) -> tuple[requests.Response, bytes, float]:
        url = request.url
        try:
            options = session.merge_environment_settings(url, self._proxies, True, self._verify, None)  # noqa: FBT003
            self._load.await_turn()
            started = time.monotonic()
            with session.send(request, timeout=self._timeout, allow_redirects=False, **options) as response:
                body = read_body(response, where, longest)
                return response, body, time.monotonic() - started
        except requests.exceptions.SSLError as exc:
            raise tls_failed(str(exc), where, self._secrets) from exc
        except (*_NO_ANSWER, urllib3.exceptions.HTTPError) as exc:
            raise self._no_answer(exc, where) from exc
        except requests.RequestException as exc:
            raise Unreachable(redact(str(exc), self._secrets), path=where) from exc
        except ValueError as exc:
            raise UnreadableAnswer("the answer's headers can't be read", path=where) from exc

    def _prepare(self, session: requests.Session, request: requests.Request, where: str) -> requests.PreparedRequest:
        try:
            return session.prepare_request(request)
        except requests.exceptions.InvalidHeader:
            # Not its text, which holds the header.
            raise Unreachable(
                "a header can't be sent as it is",
                path=where,
                cure="Check `api_key`, `user_agent` and `oauth_access_token` for line breaks and spaces around them.",
            ) from None
        except requests.RequestException as exc:
            raise Unreachable(redact(str(exc), self._secrets), path=where) from exc

    def _no_answer(self, exc: Exception, where: str) -> PassingError:
        host = urlsplit(self.base_url).netloc
        if isinstance(exc, requests.ReadTimeout | urllib3.exceptions.ReadTimeoutError):
            return TooMuch(f"{host} sent nothing for {self._timeout[1]:g} seconds", path=where)
        said = f"no answer from {host}: {why_no_answer(exc, self._secrets)}"
        return PassingError(said, path=where, cure=Unreachable.cure)

    def _headers_for(self, company: str, accept: str) -> dict[str, str]:
        headers = {**self._headers, "Accept": accept, "Accept-Encoding": "gzip"}
        if settings := self.dialect.call_settings(company, self._plant):
            headers["CallSettings"] = settings
        return headers

    @contextmanager
    def _session(self) -> Iterator[requests.Session]:
        """Lend a session, whose connection stays open for the next request, whatever thread makes it."""
        try:
            session = self._idle.pop()
        except IndexError:
            session = requests.Session()
        try:
            yield session
        finally:
            self._idle.append(session)
