"""The tap as Meltano knows a plugin: what it can do, and its settings."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

from tap_epicor.tap import EpicorTap

if TYPE_CHECKING:
    from collections.abc import Mapping

# No `decimal` for `number`: Meltano 4.4.1 can't write what it makes of one that comes from the environment.
_KINDS: Final = ("integer", "boolean", "object", "array")


def definition() -> dict[str, Any]:
    """Return the definition of the plugin, which a project has inline or as a file of its own (a lock)."""
    schema = copy.deepcopy(EpicorTap.config_jsonschema)
    EpicorTap.append_builtin_config(schema)
    return {
        "name": EpicorTap.name,
        "namespace": "tap_epicor",
        "label": "Epicor Kinetic",
        "pip_url": EpicorTap.name,
        "executable": EpicorTap.name,
        "capabilities": sorted(str(capability.value) for capability in EpicorTap.capabilities),
        "commands": {name: name for name in ("baqs", "doctor", "merge-states", "plan", "services")},
        "use_cached_catalog": False,
        "select": ["*.*", "!*_list.*"],
        "settings_group_validation": [["url", "service", "user", "password"]],
        "settings": [setting(name, of) for name, of in schema["properties"].items()],
    }


def setting(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a setting as Meltano defines one.

    Args:
        name: its name.
        schema: its JSON schema.
    """
    types = schema.get("type", [])
    kind = next((one for one in ([types] if isinstance(types, str) else types) if one in _KINDS), "string")
    choices = [value for value in schema.get("enum") or () if value is not None]
    if choices:
        kind = "options"
    elif "string" in types:
        kind = "string"
    said = {
        "name": name,
        "kind": kind,
        "sensitive": schema.get("secret") or None,
        "label": schema.get("title") or None,
        "value": schema.get("default"),
        "description": schema.get("description") or None,
        "options": [{"label": value, "value": value} for value in choices] or None,
    }
    return {name: value for name, value in said.items() if value is not None}
