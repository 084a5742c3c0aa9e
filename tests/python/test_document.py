"""Each example of docs/python.md, run against the sandbox."""

from __future__ import annotations

import doctest
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from tests.sandboxes import Sandbox

PAGE = Path(__file__).parent.parent.parent / "docs" / "python.md"


def test_the_examples_do_what_they_say(kinetic: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = PAGE.read_text().replace("```", "")
    for theirs, ours in {"https://erp.example.com/KineticLive": kinetic.url, 'user="reader"': 'user="manager"'}.items():
        assert theirs in text
        text = text.replace(theirs, ours)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EPICOR_API_KEY", kinetic.api_key)
    monkeypatch.setenv("EPICOR_PASSWORD", "manager")
    said: list[str] = []
    examples = doctest.DocTestParser().get_doctest(text, {}, PAGE.name, str(PAGE), 0)
    outcome = doctest.DocTestRunner().run(examples, out=said.append)
    assert not outcome.failed, "".join(said)
    assert outcome.attempted == text.count(">>> ") > 0
    assert (tmp_path / "parts.parquet").is_file()
