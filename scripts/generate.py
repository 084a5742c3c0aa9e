"""Writes the parts of the documentation, of meltano.yml and of the hub's listing that the program says already.

python scripts/generate.py            write them
python scripts/generate.py --check    fail where they differ
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import yaml
from click.testing import CliRunner

from tap_epicor.cli import make_command
from tap_epicor.commands.from_cdata import property_table
from tap_epicor.commands.plugin import definition, setting
from tap_epicor.kinetic.starter import AREAS
from tap_epicor.settings import GROUPS
from tap_epicor.stream_settings import STREAM_SETTINGS
from tap_epicor.streams.definition import stream_name
from tap_epicor.tap import EpicorTap

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parent.parent
LISTING = "hub/_data/meltano/extractors/tap-epicor/tap-epicor.yml"
TARGETS = (
    "README.md",
    "docs/commands.md",
    "docs/from-cdata.md",
    "docs/sandbox.md",
    "docs/settings.md",
    "docs/starting.md",
    "meltano.yml",
    LISTING,
)

_PART = re.compile(
    r"(?P<start>^[^\S\n]*(?:<!--|#) generated: (?P<name>[\w-]+)[^\n]*\n)(?P<body>.*?)"
    r"(?P<end>^[^\S\n]*(?:<!--|#) end of generated)",
    re.DOTALL | re.MULTILINE,
)
_QUOTED = ("sensitive", "label", "value", "description")


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
    if path == ROOT / LISTING:
        return hub_listing()
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
    return "".join(map(_as_yaml, definition()["settings"]))


def sandbox_help() -> str:
    """Return the help of the sandbox's commands."""
    return "\n" + "\n".join(_help(words) for words in _commands(make_command()) if words[:1] == ["sandbox"]) + "\n"


def commands_help() -> str:
    """Return the help of all commands but the sandbox's, each under its name."""
    told = [words for words in _commands(make_command()) if words[:1] != ["sandbox"]]
    return "\n" + "\n".join(f"## `{' '.join(['tap-epicor', *words])}`\n\n{_help(words)}" for words in told) + "\n"


def starter_tables() -> str:
    """Return the tables of the starter selection, by what they are about."""
    rows = [
        f"| {area if table is tables[0] else ''} | {table.what} | `{table.source}` | `{stream_name(table.source)}` |"
        for area, tables in AREAS.items()
        for table in tables
    ]
    return "\n".join(["", "| | Rows | Set | Stream |", "|---|---|---|---|", *rows, "", ""])


def hub_listing() -> str:
    """Return the definition that MeltanoHub lists the tap by.

    Its form is that of `schemas/plugin_definitions/extractors.schema.json` in the repository meltano/hub, its order
    that of `hub_utils/yaml_lint.py` there.
    """
    about = json.loads(_run(["--about", "--format=json"]))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    urls = project["urls"]
    here = definition()
    return yaml.safe_dump(
        {
            "name": about["name"],
            "namespace": here["namespace"],
            "variant": Path(LISTING).stem,
            "label": here["label"],
            "description": about["description"],
            "domain_url": "https://www.epicor.com/en/products/enterprise-resource-planning-erp/kinetic/",
            "docs": urls["Documentation"],
            "repo": urls["Source"],
            "pip_url": project["name"],
            "executable": about["name"],
            "supported_python_versions": about["supported_python_versions"],
            "capabilities": sorted(about["capabilities"]),
            "select": here["select"],
            "settings_group_validation": [sorted(group) for group in here["settings_group_validation"]],
            "settings": [setting(name, schema) for name, schema in sorted(about["settings"]["properties"].items())],
            "keywords": ["erp", "meltano_sdk", "odata"],
            "maintenance_status": "active",
            "quality": "unknown",
        },
        allow_unicode=True,
    )


PARTS = {
    "settings": settings_tables,
    "stream-settings": stream_table,
    "settings-names": settings_names,
    "meltano-settings": meltano_settings,
    "commands-help": commands_help,
    "sandbox-help": sandbox_help,
    "starter-tables": starter_tables,
    "cdata-properties": property_table,
}


def _commands(command: click.Command, *words: str) -> list[list[str]]:
    """Return the words of a command, and of all below it."""
    below = command.commands.items() if isinstance(command, click.Group) else ()
    return [list(words)] + [found for name, child in below for found in _commands(child, *words, name)]


def _help(words: list[str]) -> str:
    return f"```text\n{_run([*words, '--help']).rstrip()}\n```\n"


def _run(words: list[str]) -> str:
    return CliRunner().invoke(make_command(), words, prog_name="tap-epicor", terminal_width=100).output


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


def _as_yaml(setting: Mapping[str, Any]) -> str:
    """Return a setting of Meltano's as text, its texts in quotes and a choice on a line."""
    lines = [f"- name: {setting['name']}", f"  kind: {setting['kind']}"]
    lines += [f"  {name}: {json.dumps(value)}" for name, value in setting.items() if name in _QUOTED]
    if choices := setting.get("options"):
        lines.append("  options:")
        lines += [f"  - {{label: {json.dumps(one['label'])}, value: {json.dumps(one['value'])}}}" for one in choices]
    return "".join(f"    {line}\n" for line in lines)


if __name__ == "__main__":
    main()
