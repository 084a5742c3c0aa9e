"""What `tap-epicor init` writes, and what it leaves as it was."""

from __future__ import annotations

import contextlib
import stat
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from dotenv import dotenv_values
from hypothesis import given as given_inputs
from hypothesis import strategies as st

from tap_epicor.commands.configuration import in_environment
from tap_epicor.commands.env_file import with_settings
from tap_epicor.commands.init.meltano_yml import requirement
from tests.commands.initiating import extractors, given, init, secrets, written

if TYPE_CHECKING:
    from tests.sandboxes import Sandbox

pytestmark = pytest.mark.usefixtures("folder")
TEXTS = st.text(st.one_of(st.characters(codec="utf-8", exclude_characters="\0"), st.sampled_from("'\"#$\\{} \n=`")))


@given_inputs(TEXTS, st.lists(TEXTS, max_size=3))
def test_a_secret_is_the_same_for_all_who_read_the_env_file(value: str, others: list[str]) -> None:
    before = "".join(f"OTHER_{number}={other!r}\n" for number, other in enumerate(others) if other.isalnum())
    first = with_settings(f'{before}TAP_EPICOR_PASSWORD="old"', {"password": "x", "api_key": "y"})
    text = with_settings(first, {"password": value, "api_key": None})
    assert text.startswith(before)
    found = dotenv_values(stream=StringIO(text))
    assert found.pop("TAP_EPICOR_PASSWORD") == value
    assert "TAP_EPICOR_API_KEY" not in found
    with TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path(".env").write_text(text, encoding="utf-8")
        if value.strip():
            assert in_environment()["password"] == value


def test_lines_of_other_programs_stay_in_the_env_file(kinetic: Sandbox, folder: Path) -> None:
    others = "# mine\nexport TARGET_X='a b'\n\nTAP_EPICOR_PAGE_SIZE=500\n"
    (folder / ".env").write_text(f'{others}TAP_EPICOR_USER=old\nTAP_EPICOR_PASSWORD="old"')
    (folder / ".env").chmod(0o644)
    declined = init(*given(kinetic), **secrets(kinetic))
    assert ".env has TAP_EPICOR_USER, TAP_EPICOR_PASSWORD already" in declined.output
    assert "old" in (folder / ".env").read_text()
    assert init(*given(kinetic), "--yes", **secrets(kinetic)).exit_code == 0
    text = (folder / ".env").read_text()
    assert text == f'{others}TAP_EPICOR_PASSWORD="manager"\nTAP_EPICOR_API_KEY="{kinetic.api_key}"\n'
    assert stat.S_IMODE((folder / ".env").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("came_from", "wanted"),
    [
        ({}, "tap-epicor"),
        ({"url": "file:///src/the%20tap", "dir_info": {"editable": True}}, "-e '/src/the tap'"),
        ({"url": "file:///src/tap", "dir_info": {}}, "/src/tap"),
        ({"url": "https://files.example.com/tap_epicor-1.0.whl", "archive_info": {}}, None),
        (
            {"url": "https://git.example.com/tap.git", "vcs_info": {"vcs": "git", "commit_id": "4f2a"}},
            "git+https://git.example.com/tap.git@4f2a",
        ),
    ],
    ids=["index", "editable", "folder", "file", "git"],
)
def test_meltano_installs_the_tap_from_where_it_came(came_from: dict[str, Any], wanted: str | None) -> None:
    assert requirement(came_from) == (wanted or came_from["url"])


def test_comments_and_other_plugins_stay_in_meltano_yml(kinetic: Sandbox, folder: Path) -> None:
    before = (
        "# mine\nplugins:\n    extractors:\n      # first\n      - name: tap-x   # x\n\n    # then\n    loaders: []\n"
    )
    (folder / "meltano.yml").write_text(before)
    assert init(*given(kinetic, to="meltano"), **secrets(kinetic)).exit_code == 0
    text = (folder / "meltano.yml").read_text()
    left = iter(text.splitlines())
    assert all(line in left for line in before.splitlines())
    assert [one["name"] for one in extractors()] == ["tap-x", "tap-epicor"]
    refused = init(*given(kinetic, to="meltano"), **secrets(kinetic))
    assert "has tap-epicor already" in refused.output


def test_settings_that_were_not_asked_for_stay_in_meltano_yml(kinetic: Sandbox, folder: Path) -> None:
    plugin = {"name": "tap-epicor", "config": {"page_size": 7, "baqs": "old", "url": "old"}, "select": ["old.*"]}
    (folder / "meltano.yml").write_text(yaml.safe_dump({"plugins": {"extractors": [plugin]}}))
    assert init(*given(kinetic, to="meltano"), "--yes", **secrets(kinetic)).exit_code == 0
    assert extractors()[0]["config"]["page_size"] == 7
    assert extractors()[0]["config"]["url"] == kinetic.url
    assert "baqs" not in extractors()[0]["config"]
    assert extractors()[0]["select"] == ["*.*", "!*_list.*"]


@pytest.mark.parametrize("text", ["plugins: [", "- a", "plugins:\n  extractors: {a: 1}\n"])
def test_a_meltano_yml_that_is_none_is_told_and_left(kinetic: Sandbox, folder: Path, text: str) -> None:
    (folder / "meltano.yml").write_text(text)
    result = init(*given(kinetic, to="meltano"), **secrets(kinetic))
    assert result.exit_code == 1
    assert "meltano.yml can't be added to" in result.output
    assert written() == {"meltano.yml": text}


def test_the_starter_selection_is_selected_table_by_table(kinetic: Sandbox) -> None:
    words = given(kinetic, to="meltano", service="starter,Ice.BO.UD01Svc", baqs="zCustomer01")
    result = init(*words, **secrets(kinetic))
    assert result.exit_code == 0, result.output
    select = extractors()[0]["select"]
    assert {"erp_customer_customers.*", "erp_salesorder_orderrels.*", "ice_ud01_*.*", "baq_*.*"} <= set(select)
    assert "erp_orderrelsearch_orderrelsearches.*" not in select


def test_a_value_that_meltano_would_expand_goes_into_the_env_file(kinetic: Sandbox) -> None:
    words = given(kinetic, to="meltano", user="DOM$reader")
    assert init(*words, "--untested", **secrets(kinetic)).exit_code == 0
    assert "user" not in extractors()[0]["config"]
    assert dotenv_values(".env")["TAP_EPICOR_USER"] == "DOM$reader"


def test_a_git_ignore_that_names_the_file_stays(kinetic: Sandbox, folder: Path) -> None:
    (folder / ".git").mkdir()
    (folder / ".gitignore").write_text("/.env\nx")
    assert init(*given(kinetic), **secrets(kinetic)).exit_code == 0
    assert (folder / ".gitignore").read_text() == "/.env\nx"


def test_a_folder_that_can_not_be_written_is_told(kinetic: Sandbox, folder: Path) -> None:
    (folder / "plugins").write_text("in the way")
    result = init(*given(kinetic, to="meltano"), **secrets(kinetic))
    assert result.exit_code == 1
    assert "can't be written" in result.output
