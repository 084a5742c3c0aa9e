"""Runs of `tap-epicor init` in an empty working folder, and what they wrote."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from click import testing

from tap_epicor.cli import make_command

if TYPE_CHECKING:
    from tests.sandboxes import Sandbox

PARTS = "Erp.BO.PartSvc"


def init(*words: str, answers: str = "", **environment: str) -> testing.Result:
    result = testing.CliRunner().invoke(make_command(), ["init", *words], input=answers, env=environment)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def given(kinetic: Sandbox, **others: str) -> list[str]:
    """The options that answer all questions."""
    options = {"url": kinetic.url, "company": "EPIC06", "user": "manager", "service": PARTS, "to": "file", **others}
    return [word for name, said in options.items() for word in (f"--{name.replace('_', '-')}", said)]


def secrets(kinetic: Sandbox, **others: str) -> dict[str, str]:
    return {"TAP_EPICOR_PASSWORD": "manager", "TAP_EPICOR_API_KEY": kinetic.api_key, **others}


def written() -> dict[str, str]:
    """The files of the working folder, by name."""
    return {str(path): path.read_text() for path in Path().rglob("*") if path.is_file() and ".git/" not in str(path)}


def extractors() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(Path("meltano.yml").read_text())["plugins"]["extractors"]
    return found
