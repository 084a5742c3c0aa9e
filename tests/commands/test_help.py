"""Whoever types `--help` is told what to type next, and it works."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from tap_epicor.cli import make_command
from tests.singer import LONGEST

if TYPE_CHECKING:
    from tests.sandboxes import Sandbox

DOCS = Path(__file__).parent.parent.parent / "docs"
WIDTH = 100


def commands(command: click.Command, path: str = "tap-epicor") -> list[tuple[str, click.Command]]:
    found = [(path, command)]
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            found += commands(child, f"{path} {name}")
    return found


def shown(path: str) -> str:
    words = [*path.split()[1:], "--help"]
    done = CliRunner().invoke(make_command(), words, prog_name="tap-epicor", terminal_width=WIDTH)
    assert done.exit_code == 0, done.output
    return done.output


def examples(command: click.Command) -> list[str]:
    """The examples of a command's help, each on a line."""
    lines = (command.help or "").replace("\n    ", " ").splitlines()
    return [line.split("Example: ", 1)[1] for line in lines if "Example: " in line]


COMMANDS = commands(make_command())
every_command = pytest.mark.parametrize(("path", "command"), COMMANDS, ids=[path for path, _ in COMMANDS])


@every_command
def test_every_command_has_an_example_of_itself(path: str, command: click.Command) -> None:
    assert any(example == path or example.startswith(f"{path} ") for example in examples(command))


@every_command
def test_every_example_has_options_that_there_are(path: str, command: click.Command) -> None:
    del path
    for example in examples(command):
        line = re.split("[|<>]", example)[0]
        name, called = max((found for found in COMMANDS if f"{line} ".startswith(f"{found[0]} ")), key=lambda it: it[0])
        context = click.Context(called, info_name=name)
        _, left, _ = called.make_parser(context).parse_args(shlex.split(line.removeprefix(name)))
        assert left == [], example


@every_command
def test_every_option_has_help(path: str, command: click.Command) -> None:
    del path
    assert [param.name for param in command.params if isinstance(param, click.Option) and not param.help] == []


@every_command
def test_every_command_stands_in_the_documentation_with_its_help(path: str, command: click.Command) -> None:
    del command
    assert shown(path).rstrip() in "".join(page.read_text() for page in DOCS.glob("*.md"))


@every_command
def test_every_list_of_commands_says_what_each_does_in_a_whole_sentence(path: str, command: click.Command) -> None:
    if isinstance(command, click.Group):
        listed = shown(path).split("Commands:\n")[1].splitlines()
        assert [line for line in listed if not line.endswith(".") or line.endswith("...")] == []


def test_the_first_examples_copy_a_kinetic(kinetic: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(kinetic.config(service="Erp.BO.CustomerSvc")))
    (tmp_path / "state.json").write_text("{}")
    (tmp_path / "target-postgres").symlink_to("/bin/cat")
    path = f"{tmp_path}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    first = [example for example in examples(make_command()) if "--config" in example]
    assert len(first) == 3
    for example in first:
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", example],
            cwd=tmp_path,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST,
        )
        assert done.returncode == 0, f"{example}: {done.stderr}"
    assert '"stream":"erp_customer_customers","record":{' in done.stdout
