"""Pages lead where they say. Links between the pages of docs/ are checked by the site's build (`make site`)."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
URLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]
REPOSITORY = URLS["Source"] + "/blob/main/"
SITE = URLS["Documentation"]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]


def links(page: Path) -> Iterator[str]:
    for token in MarkdownIt("commonmark").enable("table").parse(page.read_text()):
        for child in token.children or ():
            target = child.attrGet("href") or child.attrGet("src")
            if target:
                yield str(target)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_links_to_are_there(page: Path) -> None:
    ours = [link.split("#")[0] for link in links(page) if "://" not in link and not link.startswith(("#", "mailto:"))]
    assert [link for link in ours if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_no_page_of_the_site_links_to_a_file_beside_it(page: Path) -> None:
    assert [link for link in links(page) if link.startswith("..")] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_of_the_repository_that_a_page_links_to_are_there(page: Path) -> None:
    ours = [link.removeprefix(REPOSITORY) for link in links(page) if link.startswith(REPOSITORY)]
    assert [link for link in ours if not (ROOT / link).exists()] == []


def test_links_of_the_readme_lead_somewhere_from_the_package_index_too() -> None:
    found = list(links(ROOT / "README.md"))
    assert [link for link in found if "://" not in link] == []
    pages = [link.removeprefix(SITE).rstrip("/") for link in found if link.startswith(SITE)]
    assert [page for page in pages if not (ROOT / "docs" / f"{page}.md").exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_sends_secrets_over_an_open_line(page: Path) -> None:
    assert [link for link in links(page) if link.startswith("http://")] == []


def test_every_page_of_the_documentation_is_in_the_sites_navigation() -> None:
    def pages(node: Any) -> Iterator[str]:
        if isinstance(node, str):
            yield node
        else:
            for child in node.values() if isinstance(node, dict) else node:
                yield from pages(child)

    nav = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]["nav"]
    assert sorted(pages(nav)) == sorted(page.name for page in (ROOT / "docs").glob("*.md"))
