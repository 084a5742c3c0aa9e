"""From nothing to a configuration that works: each answer is tried, and nothing is written before."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import ssl
import stat
import sys
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
import trustme
import yaml
from click import testing
from dotenv import dotenv_values
from hypothesis import given as given_inputs
from hypothesis import strategies as st

from tap_epicor.cli import make_command
from tap_epicor.commands.configuration import in_environment
from tap_epicor.commands.env_file import with_settings
from tests.scripted import Reply, in_turn, serving

if TYPE_CHECKING:
    from tests.sandboxes import Sandbox

TEXTS = st.text(st.one_of(st.characters(codec="utf-8", exclude_characters="\0"), st.sampled_from("'\"#$\\{} \n=`")))
PARTS = "Erp.BO.PartSvc"
at_a_terminal = pytest.mark.usefixtures("terminal")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let click's runner, which answers the prompts, count as a person."""
    monkeypatch.setattr(testing._NamedTextIOWrapper, "isatty", lambda self: self.name == "<stdin>", raising=False)


def init(*words: str, answers: str = "", **environment: str) -> testing.Result:
    result = testing.CliRunner().invoke(make_command(), ["init", *words], input=answers, env=environment)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def given(kinetic: Sandbox, **others: str) -> list[str]:
    """The options that answer all questions."""
    options = {"url": kinetic.url, "company": "EPIC06", "user": "manager", "service": PARTS, "to": "file", **others}
    return [word for name, said in options.items() for word in (f"--{name.replace('_', '-')}", said)]


def secrets(kinetic: Sandbox, **others: str) -> dict[str, str]:
    return {"TAP_EPICOR_PASSWORD": "manager", "TAP_EPICOR_API_KEY": kinetic.api_key, **others}


def written() -> dict[str, str]:
    """The files of the working folder, by name."""
    return {str(path): path.read_text() for path in Path().rglob("*") if path.is_file() and ".git/" not in str(path)}


def extractors() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(Path("meltano.yml").read_text())["plugins"]["extractors"]
    return found


# At a terminal


@at_a_terminal
def test_questions_lead_to_a_project_that_works(kinetic: Sandbox, folder: Path) -> None:
    (folder / ".git").mkdir()
    pasted = f"{kinetic.url}/Apps/ERP/Home/#/home?company=EPIC06"
    lines = [pasted, "EPIC06", "v2", "Basic", "manager", "manager", kinetic.api_key, PARTS, "", "meltano", "y"]
    result = init(answers="\n".join(lines) + "\n")
    assert result.exit_code == 0, result.output
    plugin = extractors()[0]
    assert plugin["config"] == {
        "url": kinetic.url,
        "company": "EPIC06",
        "api_version": "v2",
        "auth_scheme": "Basic",
        "user": "manager",
        "service": PARTS,
    }
    assert dotenv_values(".env") == {"TAP_EPICOR_PASSWORD": "manager", "TAP_EPICOR_API_KEY": kinetic.api_key}
    assert stat.S_IMODE(Path(".env").stat().st_mode) == 0o600
    assert stat.S_IMODE(Path("meltano.yml").stat().st_mode) == 0o644
    assert Path(".gitignore").read_text() == ".env\n"
    assert kinetic.api_key not in result.output
    assert [name for name, text in written().items() if kinetic.api_key in text] == [".env"]
    assert "meltano invoke tap-epicor:doctor" in result.output


@at_a_terminal
@pytest.mark.parametrize(
    ("wrong", "told", "right"),
    [
        ({"url": "http://erp.example.invalid/kinetic"}, "the name erp.example.invalid is not known here", "url"),
        ({"url": "erp.example.com"}, "`erp_instance` is missing", "url"),
        ({"company": "EPIC99"}, "Company 'EPIC99' is not valid", "company"),
        ({"service": "Erp.BO.CustomersSvc"}, "read Erp.BO.CustomersSvc", "service"),
        ({"baqs": "zNothing"}, "Dynamic query is not found", "baqs"),
    ],
    ids=lambda value: value if isinstance(value, str) else "".join(value),
)
def test_a_wrong_answer_is_told_and_asked_for_again(
    kinetic: Sandbox, wrong: dict[str, str], told: str, right: str
) -> None:
    answers = {
        "url": f"y\n{kinetic.url}\n",
        "company": "y\nEPIC06\n",
        "service": f"y\n{PARTS}\n\n",
        "baqs": f"y\n{PARTS}\nzCustomer01\n",
    }
    options = given(kinetic, api_version="v2", auth_scheme="Basic", **{"baqs": "", **wrong})
    result = init(*options, "--yes", answers=answers[right], **secrets(kinetic))
    assert result.exit_code == 0, result.output
    assert told in re.sub(r"\s+", " ", result.output)
    config = json.loads(Path("config.json").read_text())
    assert (config["url"], config["company"], config["service"]) == (kinetic.url, "EPIC06", PARTS)


@at_a_terminal
@pytest.mark.parametrize(
    ("wrong", "told", "answers"),
    [
        ({"TAP_EPICOR_PASSWORD": "hush-hush"}, "Invalid username or password", "y\nmanager\nmanager\n"),
        ({"TAP_EPICOR_API_KEY": "hush-hush"}, "Invalid API Key", "y\nKEY\n"),
    ],
)
def test_a_wrong_secret_is_asked_for_again_and_never_shown(
    kinetic: Sandbox, wrong: dict[str, str], told: str, answers: str
) -> None:
    options = given(kinetic, api_version="v2", auth_scheme="Basic", baqs="")
    answers = answers.replace("KEY", kinetic.api_key)
    result = init(*options, "--yes", answers=answers, **{**secrets(kinetic), **wrong})
    assert result.exit_code == 0, result.output
    assert told in result.output
    assert "hush-hush" not in result.output + "".join(written().values())
    assert kinetic.api_key not in result.output
    assert dotenv_values(".env")["TAP_EPICOR_PASSWORD"] == "manager"


@at_a_terminal
def test_a_word_is_searched_for_among_the_services(kinetic: Sandbox) -> None:
    options = given(kinetic, api_version="v2", auth_scheme="Basic", service="customer", baqs="")
    result = init(*options, "--yes", answers="Erp.BO.CustomerSvc\n", **secrets(kinetic))
    assert result.exit_code == 0, result.output
    assert "  Erp.BO.CustomerSvc" in result.output
    assert json.loads(Path("config.json").read_text())["service"] == "Erp.BO.CustomerSvc"


@at_a_terminal
def test_a_wrong_answer_that_is_kept_is_written_untried(kinetic: Sandbox) -> None:
    options = given(kinetic, url="http://127.0.0.1:9/kinetic", api_version="v2", auth_scheme="Basic", baqs="")
    result = init(*options, "--yes", answers="n\n", **secrets(kinetic))
    assert result.exit_code == 0, result.output
    assert json.loads(Path("config.json").read_text())["url"] == "http://127.0.0.1:9/kinetic"


@at_a_terminal
def test_nothing_is_written_where_the_last_question_is_answered_with_no(kinetic: Sandbox) -> None:
    options = given(kinetic, api_version="v2", auth_scheme="Basic", baqs="")
    assert init(*options, answers="n\n", **secrets(kinetic)).exit_code == 1
    assert written() == {}


def test_a_real_terminal_asks_and_ctrl_c_ends_it_with_nothing_written(kinetic: Sandbox) -> None:
    command = [sys.executable, "-m", "tap_epicor", "init", "--url", kinetic.url, "--company", "EPIC06"]
    command += ["--api-version", "v2", "--auth-scheme", "Basic", "--user", "manager"]
    process, terminal = pty.fork()
    if not process:
        os.execve(command[0], command, {**os.environ, "TERM": "dumb"})  # noqa: S606
    said = until(terminal, b"Password: ")
    os.write(terminal, b"hush-hush\n")
    said += until(terminal, b"API key: ")
    os.write(terminal, b"\x03")
    said += until(terminal, None)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 1
    assert said.rstrip().endswith(b"Aborted!")
    assert b"hush-hush" not in said
    assert b"Traceback" not in said
    assert written() == {}


def until(terminal: int, wanted: bytes | None) -> bytes:
    """Read what a terminal shows, until something stands there, or to the end."""
    said = b""
    while wanted is None or wanted not in said:
        try:
            more = os.read(terminal, 1024)
        except OSError:
            more = b""
        if not more:
            assert wanted is None, said
            return said
        said += more
    return said


# In a script


def test_options_answer_all_questions(kinetic: Sandbox) -> None:
    result = init(*given(kinetic), **secrets(kinetic))
    assert result.exit_code == 0, result.output
    assert json.loads(Path("config.json").read_text())["api_version"] == "v2"
    assert "tap-epicor doctor --config config.json --config ENV" in result.output
    done = testing.CliRunner().invoke(
        make_command(), ["services", "--config", "config.json", "--config", "ENV", "part"]
    )
    assert "erp_part_parts" in done.output


@pytest.mark.parametrize("name", ["url", "user", "service"])
def test_a_missing_answer_is_told_by_its_option(kinetic: Sandbox, name: str) -> None:
    words = given(kinetic)
    place = words.index(f"--{name}")
    result = init(*words[:place], *words[place + 2 :], **secrets(kinetic))
    assert result.exit_code == 1
    assert f"`{name}` is missing: give --{name}." in result.output
    assert written() == {}


def test_a_missing_secret_is_told_by_its_variable(kinetic: Sandbox) -> None:
    result = init(*given(kinetic, api_version="v2"), TAP_EPICOR_PASSWORD="manager")
    assert result.exit_code == 1
    assert "`api_key` is missing: set TAP_EPICOR_API_KEY." in result.output


def test_no_option_takes_a_secret() -> None:
    command = make_command().commands["init"]
    assert {"password", "api_key", "oauth_client_secret"} & {one.name for one in command.params} == set()


def test_a_wrong_answer_ends_it(kinetic: Sandbox) -> None:
    result = init(*given(kinetic, company="EPIC99"), **secrets(kinetic))
    assert result.exit_code == 1
    assert "To mend it, give --company" in result.output
    assert written() == {}


def test_what_is_there_is_not_replaced_without_yes(kinetic: Sandbox, folder: Path) -> None:
    (folder / "config.json").write_text("{}")
    result = init(*given(kinetic), **secrets(kinetic))
    assert result.exit_code == 1
    assert "config.json is there already" in result.output
    assert written() == {"config.json": "{}"}


def test_untested_asks_nothing_of_the_server(kinetic: Sandbox) -> None:
    with serving(in_turn(Reply(status=500))) as server:
        result = init(*given(kinetic, url=server.url), "--untested", **secrets(kinetic))
        assert result.exit_code == 0, result.output
        assert server.requests == []


def test_without_a_key_a_script_reads_v1(kinetic: Sandbox) -> None:
    assert init(*given(kinetic), TAP_EPICOR_PASSWORD="manager").exit_code == 0
    assert json.loads(Path("config.json").read_text())["api_version"] == "v1"


def test_what_the_env_file_says_already_is_no_question(kinetic: Sandbox, folder: Path) -> None:
    (folder / ".env").write_text(f"TAP_EPICOR_PASSWORD=manager\nTAP_EPICOR_API_KEY={kinetic.api_key}\n")
    result = init(*given(kinetic))
    assert result.exit_code == 0, result.output
    assert json.loads(Path("config.json").read_text())["api_version"] == "v2"


# Versions


@pytest.mark.parametrize("there", ["v1", "v2"])
def test_the_version_that_is_there_is_found_out(kinetic: Sandbox, there: str) -> None:
    def answer(request: Any) -> Reply:
        return Reply({"ErrorMessage": "x"}, status=401 if f"/api/{there}/" in request.path else 404)

    with serving(answer) as server:
        result = init(*given(kinetic, url=server.url), **secrets(kinetic))
    assert f"ask for REST {there}" in result.output
    assert "To mend it, give --user or set TAP_EPICOR_PASSWORD" in result.output


def test_v2_alone_wants_a_company(kinetic: Sandbox) -> None:
    def answer(request: Any) -> Reply:
        return Reply({"ErrorMessage": "x"}, status=401 if "/api/v2/" in request.path else 404)

    with serving(answer) as server:
        result = init(*given(kinetic, url=server.url, company=""), **secrets(kinetic))
    assert result.exit_code == 1
    assert "v2 has a company in every address" in result.output


@at_a_terminal
def test_the_companys_own_authority_is_asked_for(kinetic: Sandbox, folder: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(folder / "root.pem")
    with serving(in_turn(Reply({"ErrorMessage": "no"}, status=401)), context) as server:
        options = given(kinetic, url=server.url, api_version="v1", auth_scheme="Basic", baqs="")
        answers = "y\nnone.pem\ny\nroot.pem\nn\n"
        result = init(*options, "--yes", answers=answers, **secrets(kinetic))
    assert result.exit_code == 0, result.output
    assert "`ssl_ca` names a file that is not there" in result.output
    assert json.loads(Path("config.json").read_text())["ssl_ca"] == "root.pem"


# Entra


@at_a_terminal
def test_a_persons_consent_is_left_to_login(kinetic: Sandbox, folder: Path) -> None:
    options = given(kinetic, api_version="v2", auth_scheme="AzureADOpenID", baqs="")
    options += ["--azure-tenant", "contoso.com", "--oauth-client-id", "c1"]
    environment = secrets(kinetic, TAP_EPICOR_OAUTH_SETTINGS_LOCATION=str(folder / "none.txt"))
    result = init(*options, "--yes", **environment)
    assert result.exit_code == 0, result.output
    config = json.loads(Path("config.json").read_text())
    assert (config["auth_scheme"], config["initiate_oauth"]) == ("AzureADOpenID", "REFRESH")
    assert "tap-epicor login --config config.json --config ENV" in result.output
    assert "password" not in Path(".env").read_text().lower()


# Files


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
