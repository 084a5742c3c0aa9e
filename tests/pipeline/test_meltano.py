"""What Meltano makes of the tap's settings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tap_epicor.tap import EpicorTap
from tests.pipeline.projects import project

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sandboxes import Sandbox


def test_every_setting_can_come_from_the_environment(kinetic: Sandbox, tmp_path: Path) -> None:
    schemas = EpicorTap.config_jsonschema["properties"]
    defaults = {name: schema["default"] for name, schema in schemas.items() if schema.get("default") is not None}
    config = {**defaults, **kinetic.config(service="Erp.BO.PartSvc"), "timeout": 12.5}
    done = project(tmp_path, config).run("invoke", "tap-epicor", "--discover")
    assert done.returncode == 0, done.stderr[-2000:]
    assert {stream["tap_stream_id"] for stream in json.loads(done.stdout)["streams"]} >= {"erp_part_parts"}


def test_a_number_that_does_not_fit_is_told(kinetic: Sandbox, tmp_path: Path) -> None:
    done = project(tmp_path, kinetic.config(max_deletes=100.5)).run("invoke", "tap-epicor", "--discover")
    assert done.returncode != 0
    assert "`max_deletes` is 100.5: it must be 100 or less." in done.stdout + done.stderr
