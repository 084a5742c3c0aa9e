"""Mistakes of a user, as the command meets them: a sentence each, exit code 1, and no traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.scripted import Reply, in_turn, serving
from tests.singer import LONGEST, discover

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.sandboxes import Sandbox

NOWHERE: dict[str, Any] = {
    "url": "http://127.0.0.1:9/kinetic",
    "service": "Erp.BO.PartSvc",
    "user": "reader",
    "password": "hush-hush",
}
COMMAND = [sys.executable, "-m", "tap_epicor"]


def say(folder: Path, *options: str, variables: Mapping[str, str] | None = None, **files: Any) -> str:
    """Run the tap with what must make it fail, and return what it says; files of text are written as they are."""
    for name, content in files.items():
        path = folder / f"{name}.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        options = (*options, f"--{name}", str(path))
    done = subprocess.run(
        [*COMMAND, *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent), **(variables or {})},
        capture_output=True,
        check=False,
        timeout=LONGEST,
    )
    said = done.stderr.decode()
    assert done.returncode in (1, 2), said
    assert "Traceback" not in said
    assert "hush-hush" not in said
    return said


@pytest.mark.parametrize(
    ("catalog", "said"),
    [
        ("{", "The file of `--catalog` is not JSON"),
        ("[]", "`--catalog` can't be used: it is no JSON object"),
        ("{}", "its `streams` is no list of objects"),
        ('{"streams": {}}', "its `streams` is no list of objects"),
        ('{"streams": ["a"]}', "its `streams` is no list of objects"),
        ('{"streams": [{"schema": {}}]}', "a stream in it has no `tap_stream_id`"),
        ('{"streams": [{"tap_stream_id": "a", "schema": []}]}', "the stream 'a' has no `schema`"),
        (
            '{"streams": [{"tap_stream_id": "a", "schema": {"properties": {}}, "metadata": [{}]}]}',
            "the `metadata` of the stream 'a'",
        ),
    ],
)
def test_a_catalog_that_is_none_is_told(tmp_path: Path, catalog: str, said: str) -> None:
    told = say(tmp_path, config=NOWHERE, catalog=catalog)
    assert said in told
    assert "Run --discover again" in told


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("{", "The file of `--state` is not JSON"),
        ('"a"', "`--state` can't be used: it is no JSON object"),
        ('{"bookmarks": []}', "its `bookmarks` is no object"),
        ('{"bookmarks": {"a": 5}}', "the bookmark of 'a' is no object"),
        ('{"bookmarks": {"a": {"partitions": {}}}}', "the `partitions` of the bookmark of 'a'"),
        ('{"bookmarks": {"a": {"partitions": [5]}}}', "the `partitions` of the bookmark of 'a'"),
        ('{"bookmarks": {"a": {"partitions": [{}]}}}', "a partition of the bookmark of 'a' has no `context`"),
    ],
)
def test_a_state_that_is_none_is_told(tmp_path: Path, state: str, said: str) -> None:
    told = say(tmp_path, config=NOWHERE, state=state)
    assert said in told
    assert "leave `--state` away" in told


@pytest.mark.parametrize("config", ["[]", '[["url", "x"]]', '"abc"', "5"])
def test_a_configuration_that_is_no_object_is_told(tmp_path: Path, config: str) -> None:
    assert "is not a JSON object of settings" in " ".join(say(tmp_path, config=config).split())


@pytest.mark.parametrize("url", ["http://[::1/kinetic", "http://erp:port/kinetic", "http://erp:99999/kinetic"])
def test_an_address_that_is_none_is_told(tmp_path: Path, url: str) -> None:
    assert "`url` is no address" in say(tmp_path, config={**NOWHERE, "url": url})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"max_connections": "many"}, '`max_connections` is "many": it must be a whole number.'),
        ({"max_connections": 65}, "`max_connections` is 65: it must be 64 or less."),
        ({"page_size": 0}, "`page_size` is 0: it must be 1 or more."),
        ({"timeout": 0}, "`timeout` is 0: it must be more than 0."),
        ({"api_version": "v3"}, '`api_version` is "v3": it must be one of ["v1", "v2"]'),
        ({"streams": {"erp_*": {"page_size": "x"}}}, "`streams`, 'erp_*', 'page_size' is \"x\": it must be a whole"),
        ({"password": ["hush-hush"]}, "`password`: it must be text."),
    ],
)
def test_a_value_that_does_not_fit_is_told_by_its_setting(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    assert said in say(tmp_path, config={**NOWHERE, **changes})


@pytest.mark.parametrize(
    ("variable", "text", "said"),
    [
        ("TAP_EPICOR_STREAMS", "{", "TAP_EPICOR_STREAMS (`streams`) is not JSON"),
        ("TAP_EPICOR_PAGE_SIZE", "many", "TAP_EPICOR_PAGE_SIZE (`page_size`) is not a whole number"),
        ("TAP_EPICOR_TIMEOUT", "long", "TAP_EPICOR_TIMEOUT (`timeout`) is not a number"),
        ("TAP_EPICOR_EMIT_ACTIVATE_VERSION_MESSAGES", "maybe", "is neither true nor false"),
    ],
)
@pytest.mark.parametrize("option", ["--config=ENV", "--discover"])
def test_a_variable_that_does_not_fit_is_told_by_its_name(
    tmp_path: Path, variable: str, text: str, said: str, option: str
) -> None:
    told = say(tmp_path, option, variables={variable: text})
    assert said in told
    assert variable in told


def test_a_variable_that_nobody_reads_is_told(tmp_path: Path) -> None:
    told = say(tmp_path, variables={"TAP_EPICOR_USR": "x", "TAP_EPICOR__X": "x", "TAP_EPICOR_LOGLEVEL": "INFO"})
    assert "TAP_EPICOR_USR, which is no setting; did you mean 'TAP_EPICOR_USER'?" in told
    assert "TAP_EPICOR__X" not in told
    assert "TAP_EPICOR_LOGLEVEL" not in told


@pytest.mark.parametrize("options", [(), ("--discover",), ("--about",)])
def test_a_full_disk_is_told(kinetic: Sandbox, tmp_path: Path, options: tuple[str, ...]) -> None:
    assert "Standard output can't be written" in blocked(kinetic, tmp_path, options, full=True)


@pytest.mark.parametrize("options", [(), ("--discover",)])
def test_a_reader_that_went_away_is_told(kinetic: Sandbox, tmp_path: Path, options: tuple[str, ...]) -> None:
    assert "Standard output can't be written" in blocked(kinetic, tmp_path, options, full=False)


def blocked(kinetic: Sandbox, folder: Path, options: tuple[str, ...], *, full: bool) -> str:
    """Run the tap where it can't write, and return what it says."""
    config = kinetic.config(service="Erp.BO.PartSvc")
    if not options:
        (folder / "catalog.json").write_text(json.dumps(discover(folder, config)))
        options = ("--catalog", str(folder / "catalog.json"))
    (folder / "config.json").write_text(json.dumps(config))
    if full:
        output = os.open("/dev/full", os.O_WRONLY)
    else:
        reader, output = os.pipe()
        os.close(reader)
    try:
        command = [*COMMAND, "--config", str(folder / "config.json"), *options]
        done = subprocess.run(command, stdout=output, stderr=subprocess.PIPE, check=False, timeout=LONGEST)
    finally:
        os.close(output)
    said = done.stderr.decode()
    assert done.returncode == 1, said
    assert "Traceback" not in said
    assert "Exception ignored" not in said
    return said


def test_standard_output_that_is_closed_is_told() -> None:
    shell = f'"{sys.executable}" -m tap_epicor --about >&-'
    done = subprocess.run(["sh", "-c", shell], capture_output=True, check=False, timeout=LONGEST)
    assert (done.returncode, b"Standard output is closed" in done.stderr) == (1, True)


def test_a_company_that_there_is_not_is_told_by_its_setting(kinetic: Sandbox, tmp_path: Path) -> None:
    said = say(tmp_path, "--discover", config=kinetic.config(company="EPIC99"))
    assert "Check `company`" in said


@pytest.mark.parametrize("scheme", ["Basic", "EpicorToken"])
def test_tls_where_there_is_none_is_told_at_once(tmp_path: Path, scheme: str) -> None:
    with serving(in_turn(Reply())) as server:
        url = server.url.replace("http:", "https:")
        said = say(tmp_path, "--discover", config={**NOWHERE, "url": url, "auth_scheme": scheme})
    assert "speaks no TLS" in said
    assert "Write `url` with http://" in said
    assert "Trying again" not in said


def test_a_secret_with_a_line_break_at_its_end_signs_in(kinetic: Sandbox, tmp_path: Path) -> None:
    right = kinetic.config(service="Erp.BO.PartSvc")
    config = {**right, "password": f"{right['password']}\n", "api_key": f" {right['api_key']}\r\n"}
    assert discover(tmp_path, config)["streams"]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("password", "hush-hush\nhush", "`password` holds a line break"),
        ("api_key", "hush-hush\x00", "`api_key` holds a line break"),
        ("api_key", "hush-hush\u2013key", "`api_key` holds a character that can't be sent"),
        ("user_agent", "a\r\nX-Evil: 1", "`user_agent` holds a line break"),
    ],
)
def test_a_setting_that_can_not_be_sent_is_told_without_its_value(
    tmp_path: Path, name: str, value: str, said: str
) -> None:
    told = say(tmp_path, config={**NOWHERE, name: value})
    assert said in told
    assert "X-Evil" not in told
