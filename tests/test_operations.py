"""What docs/operations.md quotes of the tap is what the tap says."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from markdown_it import MarkdownIt

import tap_epicor
from tap_epicor.kinetic.errors import KineticError
from tap_epicor.streams.reckoning import Run
from tap_epicor.streams.summary import as_json

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "operations.md").read_text()
GAP = "…"


def first_cells(text: str) -> Iterator[str]:
    """The code that begins each row of the tables in a text."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    for row, cell, inline in zip(tokens, tokens[1:], tokens[2:], strict=False):
        first = inline.children[0] if (row.type, cell.type) == ("tr_open", "td_open") and inline.children else None
        if first and first.type == "code_inline":
            yield first.content


def section(name: str) -> str:
    return PAGE.split(f"\n## {name}\n")[1].split("\n## ")[0]


MESSAGES = list(first_cells(section("Messages")))


def text_of(node: ast.AST) -> str | None:
    """A string of the source, with a gap for each value that is put into it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.sub(r"%[-+.\d]*[a-z]", GAP, node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) or GAP for part in node.values)
    return None


@cache
def strings() -> str:
    """All strings of the tap's source, one a line."""
    sources = [path for path in (ROOT / "tap_epicor").rglob("*.py") if "sandbox" not in path.parts]
    nodes = (node for path in sources for node in ast.walk(ast.parse(path.read_text())))
    return "\n".join({" ".join(text.split()) for node in nodes if (text := text_of(node))})


def kinds_of(kind: type[Any]) -> Iterator[type[Any]]:
    for found in pkgutil.walk_packages(tap_epicor.__path__, "tap_epicor."):
        if "sandbox" not in found.name and not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    for child in kind.__subclasses__():
        yield child
        yield from kinds_of(child)


def is_said(message: str) -> bool:
    parts = [re.escape(part.strip()) for part in message.split(GAP) if part.strip(" .:,")]
    return re.search(".*".join(parts), strings()) is not None


def test_there_are_messages() -> None:
    assert len(MESSAGES) > 40


@pytest.mark.parametrize("message", MESSAGES)
def test_each_message_on_the_page_is_one_of_the_tap(message: str) -> None:
    assert len(message.replace(GAP, "")) > 10, "too little to be looked for"
    assert is_said(message)


def test_a_message_that_the_tap_does_not_say_is_noticed() -> None:
    assert not is_said("Nothing more was read, since the moon is full.")


@pytest.mark.parametrize("cure", sorted({kind.cure for kind in kinds_of(KineticError) if vars(kind).get("cure")}))
def test_each_kind_of_error_is_on_the_page_by_its_cure(cure: str) -> None:
    assert any(cure == message or (message.endswith(GAP) and cure.startswith(message[:-1])) for message in MESSAGES)


def test_each_field_of_the_summary_that_the_page_names_is_there() -> None:
    run = Run()
    run.not_read("erp_customer_customers", "EPIC06")
    summary = as_json(run)
    named = [name for name in first_cells(section("What to watch")) if not name.isdigit()]
    assert len(named) >= 6
    for name in named:
        value: Any = summary
        for step in name.replace("[]", ".0").split("."):
            value = value[int(step)] if step.isdigit() else value[step]
