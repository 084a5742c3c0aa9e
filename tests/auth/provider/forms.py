"""A person who signs in, without a browser."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import urlencode, urljoin

import requests

_MOST_PAGES = 12


class Stuck(Exception):
    """A page that leads nowhere."""


class _Form(HTMLParser):
    """The fields of a page's form, with the values they have."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = given.get("action", "")
        elif tag in {"input", "button"} and "name" in given:
            self.fields[given["name"]] = given.get("value", "")


def fill(url: str, ca_file: str, issuer: str, values: dict[str, str]) -> str:
    """Open a page and fill the forms that follow, until they lead away from the provider or end.

    Args:
        url: the first page.
        ca_file: who vouches for the provider's certificate.
        issuer: the provider.
        values: what to type, by the fields' names.

    Returns:
        The address that the provider sends the browser to, not fetched, with the fields of a `form_post` as its
        query; or the last page's text.

    Raises:
        Stuck: when a page comes again that was filled, as after a wrong password.
    """
    origin = "/".join(issuer.split("/")[:3])
    filled: list[frozenset[str]] = []
    with requests.Session() as session:
        session.trust_env = False
        session.verify = ca_file
        answer = session.get(url, allow_redirects=False, timeout=10)
        for _ in range(_MOST_PAGES):
            if answer.is_redirect:
                url = urljoin(answer.url, answer.headers["Location"])
                if not url.startswith(f"{origin}/"):
                    return url
                answer = session.get(url, allow_redirects=False, timeout=10)
                continue
            form = _Form(answer.text)
            if form.action is None:
                return answer.text
            url = urljoin(answer.url, form.action)
            if not url.startswith(f"{origin}/"):
                return f"{url}?{urlencode(form.fields)}"
            if frozenset(form.fields) in filled:
                raise Stuck(answer.text)
            filled.append(frozenset(form.fields))
            data = form.fields | {name: value for name, value in values.items() if name in form.fields}
            answer = session.post(url, data=data, allow_redirects=False, timeout=10)
    raise Stuck(url)
