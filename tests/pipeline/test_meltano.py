"""What Meltano makes of the tap's settings."""

from __future__ import annotations

import json
import sys
from base64 import b64decode
from pathlib import Path
from typing import TYPE_CHECKING

from click.testing import CliRunner

from tap_epicor.cli import make_command
from tap_epicor.tap import EpicorTap
from tests.pipeline.projects import Project, project
from tests.scripted import Reply, in_turn, serving

if TYPE_CHECKING:
    import pytest

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


def test_a_project_that_init_wrote_signs_in_with_the_very_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = {"password": """a'b"c #d $HOME ${HOME} \\n\\ ä€=`e\\""", "api_key": """k'e"y #$PATH\\"""}
    monkeypatch.chdir(tmp_path)
    with serving(in_turn(Reply({"ErrorMessage": "no"}, status=403))) as server:
        words = ["init", "--url", server.url, "--company", "166075", "--user", "reader$1", "--service", "starter"]
        environment = {f"TAP_EPICOR_{name.upper()}": value for name, value in secrets.items()}
        done = CliRunner().invoke(make_command(), [*words, "--untested"], env=environment)
        assert done.exit_code == 0, done.output
        # As if it were installed; the shared plugins are not lent, since Meltano would install over them.
        programs = tmp_path / ".meltano" / "extractors" / "tap-epicor" / "venv" / "bin"
        programs.mkdir(parents=True)
        (programs / "tap-epicor").symlink_to(Path(sys.executable).parent / "tap-epicor")
        run = Project(tmp_path, {}).run("invoke", "--no-install", "tap-epicor", "--discover")
        assert server.requests, run.stderr[-2000:]
        asked = server.requests[0]
    assert "/api/v2/odata/166075/Erp.BO.CompanySvc/" in asked.path
    assert asked.headers["x-api-key"].encode("latin-1").decode() == secrets["api_key"]
    user, _, password = b64decode(asked.headers["Authorization"].removeprefix("Basic ")).decode().partition(":")
    assert (user, password) == ("reader$1", secrets["password"])
