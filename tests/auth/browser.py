"""A person with a browser: headless Chromium signs in at the provider of `tests.auth.provider`.

As a program it is what `webbrowser.open` opens, where the environment is that of `as_browser`.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.auth.provider import PASSWORD, USER

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_ROOT = Path(__file__).parent.parent.parent
_PICTURE = "TESTS_BROWSER_PICTURE"
_ANSWER = "TESTS_BROWSER_ANSWER"
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass(frozen=True)
class Seen:
    """What stood in the browser at the end."""

    url: str
    text: str
    picture: Path


def sign_in_with_browser(url: str, picture: Path, *, answer: str = "accept", user_code: str = "") -> Seen:
    """Sign in, and accept or deny.

    Args:
        url: the authorization address, or the page where a device's code is typed.
        picture: the file for the picture of the last page.
        answer: to the question for consent, "accept" or "deny".
        user_code: of a device.
    """
    origin = "/".join(url.split("/")[:3])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        page = browser.new_context(ignore_https_errors=True).new_page()
        page.goto(url)
        if user_code:
            page.fill("input[name=user_code]", user_code)
            page.get_by_role("button", name="Next").click()
            page.get_by_role("button", name="Continue").click()
        page.fill("input[name=login]", USER)
        page.fill("input[name=password]", PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.click(f"button[value={answer}]")
        if user_code:
            page.get_by_role("heading", name="igned in").wait_for()
        else:
            page.wait_for_url(lambda address: not address.startswith(f"{origin}/"))
        page.screenshot(path=picture)
        seen = Seen(page.url, page.inner_text("body"), picture)
        browser.close()
    return seen


def as_browser(picture: Path, *, answer: str = "accept") -> dict[str, str]:
    """The environment in which `webbrowser.open` signs in; the page's text is put beside the picture as `.txt`."""
    return {
        "BROWSER": f"{sys.executable} -m tests.auth.browser %s &",
        "PYTHONPATH": str(_ROOT),
        _PICTURE: str(picture),
        _ANSWER: answer,
    }


if __name__ == "__main__":
    picture_file = Path(os.environ[_PICTURE])
    end = sign_in_with_browser(sys.argv[1], picture_file, answer=os.environ[_ANSWER])
    picture_file.with_suffix(".txt").write_text(end.text)
