"""What goes wrong is told by stream, sorted by whose it is to mend, and leaves the other streams alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from airbyte_protocol_dataclasses.models import FailureType
from singer_sdk.exceptions import ConfigValidationError

from tap_epicor.airbyte.catalog import configured
from tap_epicor.airbyte.failures import failure_type, of_all
from tap_epicor.airbyte.state import singer_state
from tap_epicor.inputs import InputError
from tap_epicor.kinetic.errors import (
    BadRequest,
    Denied,
    NoLicence,
    ServerFailed,
    TooMuch,
    Unreachable,
    WrongPassword,
)
from tap_epicor.streams.values import ValueMismatch
from tests.airbyte.connector import EXECUTABLE, Output, choose, parse, source
from tests.sandboxes import sandbox

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sandboxes import Sandbox

PARTS = "erp_part_parts"
PLANTS = "erp_plant_plants"


@pytest.fixture(scope="module")
def streams(kinetic: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    config = kinetic.config(service="Erp.BO.PartSvc,Erp.BO.PlantSvc")
    return source(tmp_path_factory.mktemp("discover"), "discover", config=config).streams


def test_one_streams_failure_is_told_and_the_others_are_complete(tmp_path: Path, streams: dict[str, Any]) -> None:
    with sandbox("--company", "EPIC06", scale=60) as kinetic:
        config = kinetic.config(service="Erp.BO.PartSvc,Erp.BO.PlantSvc", company="EPIC06")
        kinetic.fault(path="PartSvc/Parts", status=403, times=100)
        done = source(tmp_path, "read", config=config, catalog=choose(streams, PARTS, PLANTS))
    assert done.code == 1
    assert done.statuses == {PARTS: ["STARTED", "INCOMPLETE"], PLANTS: ["STARTED", "RUNNING", "COMPLETE"]}
    of_stream, of_run = done.errors
    assert of_stream["stream_descriptor"] == {"name": PARTS}
    assert of_stream["message"].startswith(f"{PARTS} (EPIC06) is failed: ")
    assert of_stream["failure_type"] == of_run["failure_type"] == "config_error"
    assert "1 of 2 reads are not complete" in of_run["message"]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (WrongPassword("no"), FailureType.config_error),
        (Denied("no"), FailureType.config_error),
        (BadRequest("no such column"), FailureType.config_error),
        (ConfigValidationError("no", errors=["a", "b"], schema={}), FailureType.config_error),
        (InputError("no"), FailureType.config_error),
        (Unreachable("no answer"), FailureType.transient_error),
        (TooMuch("timed out"), FailureType.transient_error),
        (NoLicence("all in use"), FailureType.transient_error),
        (ServerFailed("oh"), FailureType.system_error),
        (ValueMismatch("x"), FailureType.system_error),
        (KeyError("x"), FailureType.system_error),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_a_failure_is_the_users_or_passes_or_is_neither(error: Exception, kind: FailureType) -> None:
    assert failure_type(error) is kind


def test_several_failures_are_the_users_only_where_each_is() -> None:
    users, passing = FailureType.config_error, FailureType.transient_error
    assert of_all([users, users]) is users
    assert of_all([passing]) is passing
    assert of_all([users, passing]) is FailureType.system_error
    assert of_all([]) is FailureType.system_error


@pytest.mark.parametrize(
    ("files", "said"),
    [({"config": "{"}, "`--config` is not JSON"), ({"catalog": "{"}, "`--catalog` holds no configured catalog")],
)
def test_a_file_that_can_not_be_used_is_told_as_the_users_to_mend(
    kinetic: Sandbox, tmp_path: Path, streams: dict[str, Any], files: dict[str, Any], said: str
) -> None:
    given = {"config": kinetic.config(), "catalog": choose(streams, PARTS), **files}
    done = source(tmp_path, "read", **given)
    (error,) = done.errors
    assert said in error["message"]
    assert error["failure_type"] == "config_error"
    assert done.code == 1


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"streams": [{"stream": {"name": "x"}}]}', "[" * 100_000])
def test_what_is_no_configured_catalog_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "catalog.json").write_text(content)
    with pytest.raises(InputError, match=r"holds no configured catalog: .* Refresh the source's schema"):
        configured(tmp_path / "catalog.json")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "`--state` holds no states"),
        ("[" * 100_000, "`--state` holds no states"),
        ('[{"type": "LEGACY", "data": {}}]', "a state that is no stream's"),
        ('[{"type": "GLOBAL", "global": {"stream_states": []}}]', "a state that is no stream's"),
        (
            '[{"stream": {"stream_descriptor": {"name": "a"}, "stream_state": {"partitions": 1}}}]',
            "`partitions` of the bookmark of 'a' is no list",
        ),
    ],
)
def test_what_is_no_state_is_told(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "state.json").write_text(content)
    with pytest.raises(InputError) as told:
        singer_state(tmp_path / "state.json", ["a"])
    assert said in str(told.value)


@pytest.mark.parametrize("content", ["", "{}", "[]", "null", '[{"stream": {"stream_descriptor": {"name": "a"}}}]'])
def test_no_state_at_all_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "state.json").write_text(content)
    assert singer_state(tmp_path / "state.json", ["a"]) == {"bookmarks": {}}
    assert singer_state(None, ["a"]) == {}


def test_a_catalog_without_streams_is_told(tmp_path: Path) -> None:
    (tmp_path / "catalog.json").write_text('{"streams": []}')
    with pytest.raises(InputError, match="holds no stream: choose at least one"):
        configured(tmp_path / "catalog.json")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    for read in (configured, lambda path: singer_state(path, [])):
        with pytest.raises(InputError, match="can't be read: No such file"):
            read(tmp_path / "no.json")


def test_a_stream_that_there_is_not_is_told(kinetic: Sandbox, tmp_path: Path, streams: dict[str, Any]) -> None:
    other = {**streams[PARTS], "name": "erp_no_nos", "json_schema": {"type": "object", "properties": {}}}
    done = source(tmp_path, "read", config=kinetic.config(), catalog=choose({"erp_no_nos": other}))
    assert "There is no stream erp_no_nos" in done.errors[0]["message"]
    assert "Refresh the source's schema" in done.errors[0]["message"]
    assert done.code == 1


def test_discovery_that_fails_is_told(tmp_path: Path) -> None:
    config = {
        "url": "http://127.0.0.1:9/kinetic",
        "service": "Erp.BO.PartSvc",
        "user": "reader",
        "password": "hush-hush",
    }
    done = source(tmp_path, "discover", config=config)
    assert (done.code, done.of("CATALOG")) == (1, [])
    assert done.errors[0]["failure_type"] == "transient_error"
    assert "hush-hush" not in str(done.messages)


def test_a_sync_that_is_told_to_end_says_which_streams_are_not_complete(
    tmp_path: Path, streams: dict[str, Any]
) -> None:
    with sandbox(scale=60) as kinetic:
        kinetic.fault(path="PartSvc/Parts", delay=20, times=100)
        config = kinetic.config(service="Erp.BO.PartSvc,Erp.BO.PlantSvc")
        for name, content in {"config": config, "catalog": choose(streams, PARTS, PLANTS)}.items():
            (tmp_path / f"{name}.json").write_text(json.dumps(content))
        command = [EXECUTABLE, "read", "--config", "config.json", "--catalog", "catalog.json"]
        with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, env={**os.environ}) as process:
            assert process.stdout
            lines = []
            for line in process.stdout:
                lines.append(line)
                if b'"COMPLETE"' in line:
                    process.send_signal(signal.SIGTERM)
            code = process.wait(10)
    done = Output(code, parse(lines))
    assert done.code == -signal.SIGTERM, "PyAirbyte, which ends it when it has enough, takes another code for a failure"
    assert done.statuses == {PARTS: ["STARTED", "INCOMPLETE"], PLANTS: ["STARTED", "RUNNING", "COMPLETE"]}


def test_a_failure_of_the_connector_itself_is_told_without_what_the_server_said(tmp_path: Path) -> None:
    """No server makes it fail so; a broken library does."""
    (tmp_path / "sitecustomize.py").write_text(
        "import tap_epicor.airbyte.specification as one\n"
        "def broken():\n    raise RuntimeError('-'.join(['hush', 'hush']))\n"
        "one.specification = broken\n"
    )
    done = subprocess.run(
        [EXECUTABLE, "spec"], capture_output=True, check=False, env={**os.environ, "PYTHONPATH": str(tmp_path)}
    )
    (error,) = Output(done.returncode, parse(done.stdout.splitlines())).errors
    assert done.returncode == 1
    assert error["failure_type"] == "system_error"
    assert error["internal_message"] == "RuntimeError"
    assert "in broken" in error["stack_trace"]
    assert "hush-hush" not in str(error)


def test_a_reader_that_went_away_is_told_elsewhere(kinetic: Sandbox, tmp_path: Path, streams: dict[str, Any]) -> None:
    for name, content in {"config": kinetic.config(), "catalog": choose(streams, PARTS)}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    reader, output = os.pipe()
    os.close(reader)
    command = [EXECUTABLE, "read", "--config", "config.json", "--catalog", "catalog.json"]
    try:
        done = subprocess.run(command, cwd=tmp_path, stdout=output, stderr=subprocess.PIPE, check=False)
    finally:
        os.close(output)
    assert done.returncode == 1
    assert b"Standard output can't be written" in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr
