"""Writes the parts of the documentation and of meltano.yml that the settings' schema says already.

python scripts/generate.py            write them
python scripts/generate.py --check    fail where they differ
"""

from __future__ import annotations

import copy
import json
import re
import sys
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from tap_epicor.cli import make_command
from tap_epicor.commands.from_cdata import property_table
from tap_epicor.settings import GROUPS
from tap_epicor.stream_settings import STREAM_SETTINGS
from tap_epicor.tap import EpicorTap

ROOT = Path(__file__).parent.parent
TARGETS = ("README.md", "docs/commands.md", "docs/from-cdata.md", "docs/sandbox.md", "docs/settings.md", "meltano.yml")

_PART = re.compile(
    r"(?P<start>^[^\S\n]*(?:<!--|#) generated: (?P<name>[\w-]+)[^\n]*\n)(?P<body>.*?)"
    r"(?P<end>^[^\S\n]*(?:<!--|#) end of generated)",
    re.DOTALL | re.MULTILINE,
)
# No `decimal` for `number`: Meltano 4.4.1 can't write what it makes of one that comes from the environment.
_KINDS = {kind: kind for kind in ("integer", "boolean", "object", "array")}


def main() -> None:
    """Write the files, or say which would change."""
    changed = [name for name in TARGETS if render(ROOT / name) != (ROOT / name).read_text()]
    if "--check" in sys.argv:
        sys.exit(f"{', '.join(changed)}: run `make docs`" if changed else 0)
    for name in changed:
        (ROOT / name).write_text(render(ROOT / name))
        print(f"wrote {name}")


def render(path: Path) -> str:
    """Return a file's text with its generated parts as they should be."""
    return _PART.sub(lambda part: part["start"] + PARTS[part["name"]]() + part["end"], path.read_text())


def settings_tables() -> str:
    """Return a table of settings for each group."""
    return "\n".join(f"### {group}\n\n{_table(group)}" for group in GROUPS)


def stream_table() -> str:
    """Return the table of what can be said of a single stream."""
    rows = [f"| `{name}` | {prop.description} |" for name, prop in STREAM_SETTINGS.wrapped.items()]
    return "\n".join(["", "| Setting of a stream | Meaning |", "|---|---|", *rows, "", ""])


def settings_names() -> str:
    """Return a short table: the groups and their settings."""
    rows = [f"| {group} | {', '.join(f'`{prop.name}`' for prop in props)} |" for group, props in GROUPS.items()]
    return "\n".join(["", "| Group | Settings |", "|---|---|", *rows, "", ""])


def meltano_settings() -> str:
    """Return the extractor's settings as meltano.yml has them."""
    schema = copy.deepcopy(EpicorTap.config_jsonschema)
    EpicorTap.append_builtin_config(schema)
    return "".join(_meltano_setting(name, value) for name, value in schema["properties"].items())


def sandbox_help() -> str:
    """Return the help of the sandbox's commands."""
    return _help(["sandbox"], ["sandbox", "change"])


def commands_help() -> str:
    """Return the help of the commands that look at a server."""
    return _help(["doctor"], ["services"], ["baqs"])


def _help(*commands: list[str]) -> str:
    blocks = []
    for words in commands:
        shown = CliRunner().invoke(make_command(), [*words, "--help"], prog_name="tap-epicor", terminal_width=100)
        blocks.append(f"```text\n{shown.output.rstrip()}\n```\n")
    return "\n" + "\n".join(blocks) + "\n"


PARTS = {
    "settings": settings_tables,
    "stream-settings": stream_table,
    "settings-names": settings_names,
    "meltano-settings": meltano_settings,
    "sandbox-help": sandbox_help,
    "commands-help": commands_help,
    "cdata-properties": property_table,
}


def _table(group: str) -> str:
    lines = ["| Setting | Default | Meaning |", "|---|---|---|"]
    for prop in GROUPS[group]:
        schema = EpicorTap.config_jsonschema["properties"][prop.name]
        default = schema.get("default")
        shown = "" if default is None else f"`{json.dumps(default).strip(chr(34))}`"
        notes = [str(prop.description)]
        if schema.get("enum"):
            notes.append("One of " + ", ".join(f"`{value}`" for value in schema["enum"] if value is not None) + ".")
        if prop.secret:
            notes.append("Secret.")
        name = (
            f"**`{prop.name}`**" if prop.name in EpicorTap.config_jsonschema.get("required", ()) else f"`{prop.name}`"
        )
        lines.append(f"| {name} | {shown} | {' '.join(notes)} |")
    return "\n".join([*lines, ""])


def _meltano_setting(name: str, schema: dict[str, Any]) -> str:
    lines = [f"- name: {name}"]
    types = schema.get("type", [])
    kind = next((_KINDS[one] for one in ([types] if isinstance(types, str) else types) if one in _KINDS), "string")
    choices = [value for value in schema.get("enum") or () if value is not None]
    if choices:
        kind = "options"
    elif "string" in types:
        kind = "string"
    lines.append(f"  kind: {kind}")
    if schema.get("secret"):
        lines.append("  sensitive: true")
    if schema.get("title"):
        lines.append(f"  label: {json.dumps(schema['title'])}")
    if schema.get("default") is not None:
        lines.append(f"  value: {json.dumps(schema['default'])}")
    if schema.get("description"):
        lines.append(f"  description: {json.dumps(schema['description'])}")
    if choices:
        lines.append("  options:")
        lines += [f"  - {{label: {json.dumps(value)}, value: {json.dumps(value)}}}" for value in choices]
    return "".join(f"    {line}\n" for line in lines)


if __name__ == "__main__":
    main()
