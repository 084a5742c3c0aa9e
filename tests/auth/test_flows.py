"""Each way of signing in with Microsoft ends in rows."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tap_epicor.auth.vault import open_vault
from tests.auth import browser
from tests.auth.flows import LONGEST, NEVER_AGAIN, command, consent, rows, settings, signed_in
from tests.auth.provider import Provider, provider
from tests.auth.test_callback import free_port
from tests.sandboxes import Sandbox, sandbox
from tests.singer import Run, tap

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("client", ["secret", "certificate"])
def test_an_app_signs_in_as_itself(entra: Provider, server: Sandbox, tmp_path: Path, client: str) -> None:
    more = {"auth_scheme": "AzureServicePrincipal", "oauth_scope": entra.app_scope, "initiate_oauth": None}
    assert rows(tap(tmp_path, settings(entra, server, tmp_path, client, **more))) > 0


@pytest.mark.parametrize("client", ["public", "secret", "certificate"])
def test_two_commands_make_a_consent_that_runs_use(
    entra: Provider,
    server: Sandbox,
    tmp_path: Path,
    client: str,
) -> None:
    config = settings(entra, server, tmp_path, client)
    ended = consent(entra, tmp_path, config)
    done = command(tmp_path, config, "oauth", "access-token", "--verifier", ended)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert set(answer) == {"OAuthAccessToken", "OAuthRefreshToken", "ExpiresIn"}
    assert all(answer.values())
    assert rows(tap(tmp_path, config)) > 0


def test_the_refresh_command_gives_other_tokens(entra: Provider, server: Sandbox, tmp_path: Path) -> None:
    config = settings(entra, server, tmp_path)
    first = command(tmp_path, config, "oauth", "access-token", "--verifier", consent(entra, tmp_path, config))
    second = command(tmp_path, config, "oauth", "refresh-token")
    assert second.returncode == 0, second.stderr
    assert json.loads(first.stdout)["OAuthAccessToken"] != json.loads(second.stdout)["OAuthAccessToken"]


@pytest.mark.parametrize("form", ["the whole address", "the bare code"])
def test_a_verifier_in_the_settings_is_used_once(
    entra: Provider,
    server: Sandbox,
    tmp_path: Path,
    form: str,
) -> None:
    ended = consent(entra, tmp_path, settings(entra, server, tmp_path, initiate_oauth="OFF"))
    code = re.search(r"code=([^&]+)", ended)
    assert code
    config = settings(entra, server, tmp_path, oauth_verifier=ended if form == "the whole address" else code[1])
    assert rows(tap(tmp_path, config)) > 0
    assert rows(tap(tmp_path, config)) > 0


def test_a_verifier_that_was_used_elsewhere_is_told(entra: Provider, server: Sandbox, tmp_path: Path) -> None:
    config = settings(entra, server, tmp_path)
    ended = consent(entra, tmp_path, config)
    before = (tmp_path / "OAuthSettings.txt").read_bytes()
    assert command(tmp_path, config, "oauth", "access-token", "--verifier", ended).returncode == 0
    (tmp_path / "OAuthSettings.txt").write_bytes(before)
    run = tap(tmp_path, {**config, "oauth_verifier": ended})
    assert run.code == 1
    assert "invalid_grant" in run.log
    assert "The verifier was used already, or is older than ten minutes" in run.log
    assert "run `tap-epicor login`" in run.log
    assert "Traceback" not in run.log


def test_a_refresh_token_in_the_settings_is_replaced_and_kept(
    entra: Provider,
    server: Sandbox,
    tmp_path: Path,
) -> None:
    (tmp_path / "one").mkdir()
    first = settings(entra, server, tmp_path / "one")
    made = command(tmp_path, first, "oauth", "access-token", "--verifier", consent(entra, tmp_path, first))
    token = json.loads(made.stdout)["OAuthRefreshToken"]
    config = settings(entra, server, tmp_path, oauth_refresh_token=token)
    assert rows(tap(tmp_path, config)) > 0
    assert rows(tap(tmp_path, config)) > 0


def test_nobody_signed_in_is_told_with_the_command_to_type(entra: Provider, server: Sandbox, tmp_path: Path) -> None:
    run = tap(tmp_path, settings(entra, server, tmp_path, initiate_oauth="GETANDREFRESH"))
    assert run.code == 1
    assert "nobody has signed in yet" in run.log
    assert "Run `tap-epicor login`" in run.log


def test_a_closed_standard_input_is_nobody(entra: Provider, server: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps(settings(entra, server, tmp_path, initiate_oauth="GETANDREFRESH")))
    line = [sys.executable, "-m", "tap_epicor", "--discover", "--config", str(tmp_path / "run.json")]
    closed = ["sh", "-c", 'exec "$@" <&-', "sh", *line]
    done = subprocess.run(closed, capture_output=True, text=True, check=False, timeout=LONGEST)
    assert done.returncode == 1
    assert "nobody has signed in yet" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such terminals")
def test_someone_at_a_terminal_is_asked_while_others_use_the_file(
    entra: Provider, server: Sandbox, tmp_path: Path
) -> None:
    more = {"initiate_oauth": "GETANDREFRESH", "callback_url": f"http://localhost:{free_port()}"}
    config = settings(entra, server, tmp_path, **more)
    (tmp_path / "run.json").write_text(json.dumps(config))
    line = [sys.executable, "-m", "tap_epicor", "--discover", "--config", str(tmp_path / "run.json")]
    here = {name: value for name, value in os.environ.items() if not name.startswith("MELTANO_")}
    ours, its = os.openpty()
    with subprocess.Popen(
        line, stdin=its, stdout=subprocess.PIPE, stderr=its, env={**here, "BROWSER": "false", "DISPLAY": ""}
    ) as process:
        end = threading.Timer(LONGEST, process.kill)
        end.start()
        said = ""
        try:
            while not (address := re.search(rf"{entra.authority}\S+authorize\S+(?=\s)", said)):
                said += os.read(ours, 4096).decode()
            with open_vault(config["oauth_settings_location"], None).changing() as content:
                assert content == {}
            requests.get(entra.approve(address[0]), timeout=10).raise_for_status()
            threading.Thread(target=drain, args=(ours,), daemon=True).start()
            assert process.stdout
            assert json.loads(process.stdout.read())["streams"]
        finally:
            process.kill()
            end.cancel()


def drain(terminal: int) -> None:
    """Read what is written to a terminal, so that writing does not wait."""
    while os.read(terminal, 4096):
        pass


def test_a_file_with_a_passphrase_works_on_another_machine(entra: Provider, server: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "desktop").mkdir()
    (tmp_path / "server").mkdir()
    desktop = settings(entra, server, tmp_path / "desktop", oauth_settings_key=NEVER_AGAIN)
    ended = consent(entra, tmp_path, desktop)
    assert command(tmp_path, desktop, "oauth", "access-token", "--verifier", ended).returncode == 0
    content = (tmp_path / "desktop" / "OAuthSettings.txt").read_bytes()
    (tmp_path / "server" / "OAuthSettings.txt").write_bytes(content)
    headless = settings(entra, server, tmp_path / "server", oauth_settings_key=NEVER_AGAIN)
    assert rows(tap(tmp_path, headless)) > 0


def test_a_device_code_is_shown_and_waited_for(entra: Provider, server: Sandbox, tmp_path: Path) -> None:
    config = settings(entra, server, tmp_path)
    (tmp_path / "command.json").write_text(json.dumps(config))
    line = [sys.executable, "-m", "tap_epicor", "login", "--device", "--config", str(tmp_path / "command.json")]
    with subprocess.Popen(line, stderr=subprocess.PIPE, text=True) as process:
        end = threading.Timer(LONGEST, process.kill)
        end.start()
        try:
            assert process.stderr
            said = re.search(r"open the page (\S+) and enter the code (\S+)", process.stderr.readline())
            assert said
            with open_vault(str(tmp_path / "OAuthSettings.txt"), None).changing() as content:
                assert content == {}, "others may use the file while the user is asked"
            entra.approve_device(said[1], said[2])
            assert "You are signed in" in process.stderr.read()
        finally:
            process.kill()
            end.cancel()
    assert rows(tap(tmp_path, config)) > 0


def test_a_ready_token_is_enough_until_it_ends(entra: Provider, server: Sandbox, tmp_path: Path) -> None:
    config = settings(entra, server, tmp_path)
    made = command(tmp_path, config, "oauth", "access-token", "--verifier", consent(entra, tmp_path, config))
    alone: dict[str, Any] = {"initiate_oauth": "OFF", "oauth_client_id": None, "oauth_scope": None}
    ready = settings(entra, server, tmp_path, **alone, oauth_access_token=json.loads(made.stdout)["OAuthAccessToken"])
    assert rows(tap(tmp_path, ready)) > 0
    claims = base64.urlsafe_b64encode(json.dumps({"exp": str(int(time.time()) - 5)}).encode()).decode().rstrip("=")
    ended = tap(tmp_path, {**ready, "oauth_access_token": f"e30.{claims}.x"})
    assert ended.code == 1
    assert "`oauth_access_token` has ended" in ended.log


def test_a_wrong_secret_is_told(entra: Provider, server: Sandbox, tmp_path: Path) -> None:
    more = {"auth_scheme": "AzureServicePrincipal", "oauth_scope": entra.app_scope, "initiate_oauth": None}
    run = tap(tmp_path, settings(entra, server, tmp_path, "secret", **more, oauth_client_secret="not-the-secret"))
    assert run.code == 1
    assert "Check `oauth_client_secret`" in run.log
    assert "not-the-secret" not in run.log


def test_show_tells_what_is_kept_without_secrets(entra: Provider, server: Sandbox, tmp_path: Path) -> None:
    config = settings(entra, server, tmp_path)
    made = command(tmp_path, config, "oauth", "access-token", "--verifier", consent(entra, tmp_path, config))
    shown = command(tmp_path, config, "oauth", "show")
    assert shown.returncode == 0, shown.stderr
    told = json.loads(shown.stdout)
    assert told["OAuthSettingsLocation"] == str(tmp_path / "OAuthSettings.txt")
    [one] = told["SignedIn"]
    assert (one["Account"], one["Tenant"], one["ClientId"]) == (entra.user, entra.tenant, entra.public_client)
    assert (one["Scopes"], one["RenewedByItself"]) == ([entra.scope], True)
    tokens = json.loads(made.stdout)
    assert tokens["OAuthAccessToken"] not in shown.stdout
    assert tokens["OAuthRefreshToken"] not in shown.stdout


def test_show_says_that_nobody_has_signed_in(entra: Provider, server: Sandbox, tmp_path: Path) -> None:
    shown = command(tmp_path, settings(entra, server, tmp_path), "oauth", "show")
    assert json.loads(shown.stdout)["SignedIn"] == []
    assert "run `tap-epicor login`" in shown.stderr


def test_a_kept_token_that_kinetic_refuses_is_renewed_once(entra: Provider, server: Sandbox, tmp_path: Path) -> None:
    config = settings(entra, server, tmp_path)
    token = signed_in(entra, tmp_path, config)["OAuthAccessToken"]
    with open_vault(config["oauth_settings_location"], None).changing() as content:
        content["cache"] = content["cache"].replace(token, f"{token[:-8]}AAAAAAAA")
    before = entra.tokens()["refresh_token"]
    assert rows(tap(tmp_path, config)) > 0
    assert rows(tap(tmp_path, config)) > 0
    assert entra.tokens()["refresh_token"] == before + 1


def test_a_device_is_not_waited_for_longer_than_told(entra: Provider, server: Sandbox, tmp_path: Path) -> None:
    done = command(tmp_path, settings(entra, server, tmp_path), "login", "--device", "--timeout", "1")
    assert done.returncode == 1
    assert "The code was not typed in time" in done.stderr


@pytest.mark.parametrize("words", [("login",), ("oauth", "authorization-url")])
def test_what_ends_with_the_command_is_not_begun(
    entra: Provider, server: Sandbox, tmp_path: Path, words: tuple[str, ...]
) -> None:
    done = command(tmp_path, settings(entra, server, tmp_path, oauth_settings_location="memory://one"), *words)
    assert done.returncode == 2
    assert "give the path of a file" in done.stderr


def test_a_sync_outlives_its_tokens_and_an_outage(tmp_path: Path) -> None:
    with (
        provider(tmp_path, access_seconds=4) as entra,
        sandbox(*entra.sandbox_flags, "--latency-ms", "150", scale=400) as server,
    ):
        more: dict[str, Any] = {
            "service": "Erp.BO.PartTranSvc",
            "page_size": 10,
            "company": "EPIC06",
            "completeness": "off",
        }
        config = settings(entra, server, tmp_path, **more)
        token = signed_in(entra, tmp_path, config)["OAuthAccessToken"]
        # The sandbox asks the provider for its keys, with the first token that it sees.
        bearer = {"Authorization": f"Bearer {token}", "x-api-key": server.api_key}
        requests.get(f"{server.url}/api/v1/Erp.BO.PlantSvc/Plants", headers=bearer, timeout=10)

        def fail_for_a_while() -> None:
            end = time.monotonic() + LONGEST
            while not entra.tokens()["refresh_token"] and time.monotonic() < end:
                time.sleep(0.05)
            # What is on the way arrives: a refresh token whose answer is lost is lost itself.
            time.sleep(0.5)
            entra.stop()
            time.sleep(4)
            entra.start()

        outage = threading.Thread(target=fail_for_a_while)
        outage.start()
        run = tap(tmp_path, config)
        outage.join()
        assert run.code == 0, run.log
        numbers = [row["TranNum"] for row in run.rows["erp_parttran_parttrans"]]
        assert len(numbers) == len(set(numbers)) > 200
        assert "the sign-in service does not answer" in run.log
        assert entra.sign_ins() == 1


def test_eight_runs_that_renew_at_once_lose_no_token(tmp_path: Path) -> None:
    with provider(tmp_path, access_seconds=60) as entra, sandbox(*entra.sandbox_flags, scale=60) as server:
        config = settings(entra, server, tmp_path)
        made = command(tmp_path, config, "oauth", "access-token", "--verifier", consent(entra, tmp_path, config))
        assert made.returncode == 0, made.stderr
        folders = [tmp_path / f"run{number}" for number in range(8)]
        ended: list[Run] = []
        for folder in folders:
            folder.mkdir()
        threads = [threading.Thread(target=lambda one=one: ended.append(tap(one, config))) for one in folders]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [run.code for run in ended] == [0] * 8, "\n".join(run.log[-500:] for run in ended)
        assert entra.sign_ins() == 1
        assert rows(tap(tmp_path, config)) > 0


@pytest.mark.skipif(browser.CHROMIUM is None, reason="no Chromium here")
@pytest.mark.parametrize("answer", ["accept", "deny"])
def test_a_real_browser_signs_in(entra: Provider, server: Sandbox, tmp_path: Path, answer: str) -> None:
    picture = tmp_path / f"{answer}.png"
    config = settings(entra, server, tmp_path, callback_url=f"http://localhost:{free_port()}")
    done = command(tmp_path, config, "login", **browser.as_browser(picture, answer=answer))
    for _ in range(100):
        if picture.with_suffix(".txt").exists():
            break
        time.sleep(0.1)
    assert "If it does not, open this address" in done.stderr
    page = picture.with_suffix(".txt").read_text()
    if answer == "accept":
        assert done.returncode == 0, done.stderr
        assert "You are signed in" in page
        assert rows(tap(tmp_path, config)) > 0
    else:
        assert done.returncode == 1
        assert "access_denied" in done.stderr
        assert "The sign-in did not work" in page
        assert "Traceback" not in done.stderr


def test_a_machine_without_a_browser_shows_the_address_and_another_way(
    entra: Provider,
    server: Sandbox,
    tmp_path: Path,
) -> None:
    config = settings(entra, server, tmp_path, callback_url=f"http://localhost:{free_port()}")
    done = command(tmp_path, config, "login", "--timeout", "1", BROWSER="false", DISPLAY="")
    assert done.returncode == 1
    assert done.stdout == ""
    assert f"No browser could be opened here. Open this address in a browser on this machine:\n\n{entra.authority}" in (
        done.stderr
    )
    assert "`tap-epicor login --device`" in done.stderr
    assert "nobody consented in the browser within 1 second" in done.stderr
