"""The documents say what the program does."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tap_epicor.checks import problems
from tap_epicor.commands.plugin import definition
from tap_epicor.settings import PROPERTIES
from tap_epicor.tap import EpicorTap

ROOT = Path(__file__).parent.parent


def extractor() -> dict[str, Any]:
    project = yaml.safe_load((ROOT / "meltano.yml").read_text())
    found: dict[str, Any] = project["plugins"]["extractors"][0]
    return found


def test_generated_parts_are_up_to_date() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "generate.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_meltano_yml_has_every_setting_as_the_schema_has_it() -> None:
    settings = {setting["name"]: setting for setting in extractor()["settings"]}
    properties = EpicorTap.config_jsonschema["properties"]
    assert set(properties) <= set(settings)
    for name, schema in properties.items():
        assert settings[name].get("sensitive", False) == schema.get("secret", False), name
        assert settings[name].get("value") == schema.get("default"), name
        assert settings[name].get("description") == schema.get("description"), name
        choices = [value for value in schema.get("enum") or () if value is not None]
        assert [option["value"] for option in settings[name].get("options", ())] == choices, name


def test_meltano_yml_has_the_plugin_that_init_writes() -> None:
    assert {**extractor(), "pip_url": "tap-epicor"} == definition()


def test_meltano_yml_has_the_taps_capabilities() -> None:
    assert sorted(extractor()["capabilities"]) == sorted(capability.value for capability in EpicorTap.capabilities)


def test_plugins_of_meltano_yml_are_written_out_in_full() -> None:
    plugins = yaml.safe_load((ROOT / "meltano.yml").read_text())["plugins"]
    for plugin in plugins["extractors"] + plugins["loaders"]:
        assert {"name", "namespace", "pip_url", "executable", "settings"} <= set(plugin)


def test_the_sample_configuration_has_no_problems() -> None:
    assert problems(json.loads((ROOT / "sample_config.json").read_text()), PROPERTIES) == []


def test_locks_hold_no_address_and_a_hash_for_each_version() -> None:
    locks = sorted((ROOT / "requirements").glob("*.txt"))
    assert [lock.name for lock in locks] == sorted(
        re.findall(r"-o requirements/(\S+)", (ROOT / "Makefile").read_text())
    )
    for lock in locks:
        text = lock.read_text()
        assert "://" not in text
        assert text.count("==") <= text.count("--hash=sha256:")


def test_about_is_complete_enough_for_a_hub_listing() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tap_epicor", "--about", "--format=json"],
        capture_output=True,
        text=True,
        check=True,
    )
    about = json.loads(done.stdout)
    assert about["settings"]["required"] == ["url"]
    for name, schema in about["settings"]["properties"].items():
        assert schema["description"], name
    assert about["settings"]["properties"]["password"]["writeOnly"] is True
