"""The plugin in a project's meltano.yml, whose comments and other plugins stay as they are.

ruamel.yaml with these settings is what Meltano writes the file with itself. Beside other extractors
lines are added, and none is changed.
"""

from __future__ import annotations

import json
import shlex
import sys
import textwrap
import uuid
from importlib.metadata import distribution
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from tap_epicor.commands.init.answers import ASKED
from tap_epicor.commands.plugin import definition
from tap_epicor.kinetic.starter import SERVICES, STARTER, stand_ins
from tap_epicor.stream_settings import as_list
from tap_epicor.streams.definition import stream_name

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


class NoProject(Exception):
    """A meltano.yml can't be added to; the message says why."""


def new_project() -> str:
    """Return the meltano.yml of a project without plugins."""
    return (
        f"default_environment: dev\nproject_id: {uuid.uuid4()}\nsend_anonymous_usage_stats: false\n"
        "environments:\n- name: dev\n- name: prod\n"
    )


def has_plugin(text: str) -> bool:
    """Return whether a meltano.yml has the plugin already.

    Args:
        text: the file's content.

    Raises:
        NoProject: if it can't be read.
    """
    return any(one.get("name") == definition()["name"] for one in _extractors(_read(text)))


def with_plugin(text: str, config: Mapping[str, Any], select: Collection[str]) -> str:
    """Return the content of a meltano.yml with the plugin in it; where it is there, what was asked for is replaced.

    Args:
        text: the file's content.
        config: the settings, without secrets.
        select: what is read, as Meltano selects it; empty for what the plugin's definition says.

    Raises:
        NoProject: if it can't be read.
    """
    project = _read(text)
    extractors = _extractors(project)
    name = definition()["name"]
    plugin = next((one for one in extractors if one.get("name") == name), None)
    if plugin is None:
        came_from = distribution(name).read_text("direct_url.json")
        plugin = {"name": name, "variant": name, "pip_url": requirement(json.loads(came_from or "{}"))}
    kept = {name: value for name, value in (plugin.get("config") or {}).items() if name not in ASKED}
    plugin["config"] = {**config, **kept}
    if select or "select" in plugin:
        plugin["select"] = list(select or definition()["select"])
    if plugin in extractors:
        return _written(project)
    place = _place_behind(text, extractors) if extractors else None
    extractors.append(plugin)
    if place is None:
        return _written(project)
    lines = text.splitlines(keepends=True)
    lines[place - 1] = f"{lines[place - 1].rstrip()}\n"
    more = textwrap.indent(_written([plugin]), " " * extractors.lc.col)
    added = "".join([*lines[:place], more, *lines[place:]])
    # Where lines can't be added so, the file is written anew.
    return added if _read(added) == project else _written(project)


def requirement(came_from: Mapping[str, Any]) -> str:
    """Return what pip is to install for Meltano: this tap from where it was installed itself, as PEP 610 records it.

    Args:
        came_from: the content of `direct_url.json`; empty where it came from the package index.
    """
    url = str(came_from.get("url", ""))
    if not url:
        return str(definition()["pip_url"])
    if vcs := came_from.get("vcs_info"):
        return f"{vcs['vcs']}+{url}@{vcs['commit_id']}"
    if "dir_info" not in came_from:
        return url
    path = shlex.quote(str(Path(url2pathname(urlsplit(url).path))))
    return f"-e {path}" if came_from["dir_info"].get("editable") else path


def lock() -> dict[str, Any]:
    """Return the definition of the plugin as a project keeps one, in `plugins/extractors/{name}--{variant}.lock`."""
    known = definition()
    return {"plugin_type": "extractors", "name": known["name"], "variant": known["name"], **known}


def selection(config: Mapping[str, Any], there: Collection[str]) -> list[str]:
    """Return what Meltano is to select, which otherwise selects all streams; nothing where that is right.

    Args:
        config: the settings.
        there: the services that the tenant was seen to have; empty where it was not looked at.
    """
    wanted = as_list(config.get("service"))
    if STARTER not in wanted:
        return []
    tables = [f"{stream_name(source)}.*" for source in stand_ins(there or SERVICES)]
    services = [name for name in wanted if name != STARTER and "." in name]
    others = [f"{'_'.join(name.split('.')[::2]).removesuffix('Svc').lower()}_*.*" for name in services]
    return [*tables, *others, *(["baq_*.*"] if config.get("baqs") else []), *(["!*_list.*"] if others else [])]


def _extractors(project: Any) -> Any:  # noqa: ANN401 - ruamel.yaml's own mappings
    if project.get("plugins") is None:
        project["plugins"] = {}
    if project["plugins"].get("extractors") is None:
        project["plugins"]["extractors"] = []
    found = project["plugins"]["extractors"]
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise NoProject("its `extractors` are no list of plugins")
    return found


def _place_behind(text: str, extractors: Any) -> int:  # noqa: ANN401
    """Return the number of the line behind the last extractor, before comments on what follows it."""
    lines = text.splitlines()
    column = extractors.lc.col
    first = int(extractors.lc.item(len(extractors) - 1)[0])
    last = first
    for number, line in enumerate(lines[first + 1 :], start=first + 1):
        said = line.strip()
        if said and not said.startswith("#"):
            if len(line) - len(line.lstrip()) <= column:
                break
            last = number
    return last + 1


def _written(content: Any) -> str:  # noqa: ANN401
    stream = StringIO()
    _yaml().dump(content, stream)
    return stream.getvalue()


def _read(text: str) -> Any:  # noqa: ANN401
    try:
        project = _yaml().load(text)
    except YAMLError as exc:
        raise NoProject(f"it is no YAML: {exc}") from exc
    if not isinstance(project, dict) or not isinstance(project.get("plugins") or {}, dict):
        raise NoProject("it is no project of Meltano's")
    return project


def _yaml() -> YAML:
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.preserve_quotes = True
    yaml.width = sys.maxsize
    return yaml
