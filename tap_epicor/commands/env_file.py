"""Settings as lines of a `.env` file, which hold the same value for Meltano, for python-dotenv and for the tap."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from tap_epicor.environment import PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping


def env_line(name: str, value: str) -> str:
    r"""Return a line for a `.env` file.

    In double quotes, since only there can line ends be escaped. What python-dotenv would take for a variable is broken
    up by one without a name, and so is a backslash at the end, which its older versions take to escape the quote.

    Args:
        name: the setting.
        value: its value.
    """
    text = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    text = text.replace("${", "${:-$}{")
    end = "${:-}" if text.endswith("\\") else ""
    return f'{PREFIX}{name.upper()}="{text}{end}"\n'


def settings_changed(text: str, values: Mapping[str, str | None]) -> list[str]:
    """Return the settings among these that a `.env` file has lines of which say something else.

    Args:
        text: the file's content.
        values: values by the name of the setting; None is to take it out.
    """
    there = dotenv_values(stream=StringIO(text))
    return [name for name, value in values.items() if variable(name) in there and there[variable(name)] != value]


def with_settings(text: str, values: Mapping[str, str | None]) -> str:
    """Return the content of a `.env` file with settings replaced, added, or taken out; all else stays as it is.

    Args:
        text: the file's content.
        values: values by the name of the setting; None takes it out.
    """
    left = {variable(name): (name, value) for name, value in values.items()}
    known = set(left)
    lines = []
    for binding in parse_stream(StringIO(text)):
        if binding.key not in known:
            lines.append(binding.original.string)
        elif (found := left.pop(binding.key, None)) and found[1] is not None:
            lines.append(env_line(found[0], found[1]))
    if lines and not lines[-1].endswith(("\n", "\r")):
        lines.append("\n")
    return "".join([*lines, *(env_line(name, value) for name, value in left.values() if value is not None)])


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + name.upper()
