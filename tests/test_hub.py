"""The definition in hub/ is one that MeltanoHub takes.

The rules are those of the JSON schemas in `schemas/` of the repository meltano/hub (seen in November 2026), in our own
words; the schema that Meltano itself brings along is applied as it is.
"""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tap_epicor.tap import EpicorTap

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "hub" / "_data" / "meltano" / "extractors"
TEXT = {"type": "string", "minLength": 1}
TEXTS = {"type": "array", "items": TEXT}
ADDRESS = {"type": "string", "format": "uri", "pattern": "^https://"}
KINDS = "oauth hidden password date_iso8601 file email integer options object array boolean string decimal"
CAPABILITIES = (
    "properties catalog discover state about stream-maps schema-flattening activate-version batch test log-based "
    "structured-logging"
)

LISTED = ("domain_url", "keywords", "maintenance_status", "quality", "supported_python_versions")
"""What only the hub knows, and a project's own file does not."""


def closed(required: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": required.split(),
        "additionalProperties": False,
        "properties": properties,
    }


SETTING = closed(
    "name",
    {
        "name": TEXT,
        "label": TEXT,
        "description": TEXT,
        "kind": {"enum": KINDS.split()},
        "value": {},
        "sensitive": {"type": "boolean"},
        "options": {"type": "array", "items": closed("label value", {"label": TEXT, "value": TEXT})},
    },
)
DEFINITION = closed(
    "name namespace variant quality",
    {
        **dict.fromkeys(("name", "namespace", "variant", "label", "description", "executable", "pip_url"), TEXT),
        **dict.fromkeys(("docs", "repo", "domain_url"), ADDRESS),
        "maintenance_status": {"enum": ["active", "beta", "development", "inactive", "unknown"]},
        "quality": {"enum": ["gold", "silver", "bronze", "unknown"]},
        "capabilities": {"type": "array", "items": {"enum": CAPABILITIES.split()}},
        "supported_python_versions": {"type": "array", "items": {"pattern": r"^3\.\d+$"}},
        "keywords": TEXTS,
        "select": TEXTS,
        "settings": {"type": "array", "items": SETTING},
        "settings_group_validation": {"type": "array", "items": TEXTS},
    },
)


@pytest.fixture(scope="module")
def path() -> Path:
    (found,) = FOLDER.rglob("*.yml")
    return found


@pytest.fixture(scope="module")
def definition(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(path.read_text())
    return loaded


def test_it_keeps_to_the_hubs_schema(definition: dict[str, Any]) -> None:
    jsonschema.validate(definition, DEFINITION, format_checker=jsonschema.FormatChecker())


def test_it_keeps_to_the_schema_of_meltanos_own_project_file(definition: dict[str, Any]) -> None:
    schema = json.loads((resources.files("meltano") / "schemas" / "meltano.schema.json").read_text())
    known = {name: value for name, value in definition.items() if name not in LISTED}
    jsonschema.validate({"plugins": {"extractors": [known]}}, schema)


def test_it_lies_where_its_name_and_variant_say(path: Path, definition: dict[str, Any]) -> None:
    assert path == FOLDER / definition["name"] / f"{definition['variant']}.yml"


def test_its_order_is_the_hubs_so_that_its_formatter_leaves_it(definition: dict[str, Any]) -> None:
    names = [setting["name"] for setting in definition["settings"]]
    assert list(definition) == sorted(definition)
    assert names == sorted(names)
    assert all(list(setting) == sorted(setting) for setting in definition["settings"])
    assert definition["capabilities"] == sorted(definition["capabilities"])
    assert all(group == sorted(group) for group in definition["settings_group_validation"])


def test_every_setting_of_the_tap_is_there_and_every_secret_is_sensitive(definition: dict[str, Any]) -> None:
    settings = {setting["name"]: setting for setting in definition["settings"]}
    for name, schema in EpicorTap.config_jsonschema["properties"].items():
        assert settings[name].get("sensitive", False) == schema.get("secret", False), name


def test_the_settings_that_validate_a_configuration_exist(definition: dict[str, Any]) -> None:
    names = {setting["name"] for setting in definition["settings"]}
    assert all(set(group) <= names for group in definition["settings_group_validation"])
