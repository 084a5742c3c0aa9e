"""From nothing to a configuration that works: each answer is tried, and nothing is written before."""

from __future__ import annotations

import json
import os
import pty
import re
import ssl
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from click import testing
from dotenv import dotenv_values
from hypothesis import strategies as st

from tap_epicor.cli import make_command
from tests.commands.initiating import PARTS, extractors, given, init, secrets, written
from tests.scripted import Reply, in_turn, serving

if TYPE_CHECKING:
    from tests.sandboxes import Sandbox

TEXTS = st.text(st.one_of(st.characters(codec="utf-8", exclude_characters="\0"), st.sampled_from("'\"#$\\{} \n=`")))
pytestmark = pytest.mark.usefixtures("folder")
at_a_terminal = pytest.mark.usefixtures("terminal")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let click's runner, which answers the prompts, count as a person."""
    monkeypatch.setattr(testing._NamedTextIOWrapper, "isatty", lambda self: self.name == "<stdin>", raising=False)


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
