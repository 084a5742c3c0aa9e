"""No secret stands in anything that is written: each command, and a failure of each kind, at debug level."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tap_epicor.auth.vault import open_vault
from tests.auth.flows import LONGEST, NEVER_AGAIN, command, consent, settings
from tests.auth.test_callback import free_port

if TYPE_CHECKING:
    from tests.auth.provider import Provider
    from tests.sandboxes import Sandbox

DEBUG = {"TAP_EPICOR_LOGLEVEL": "DEBUG", "LOGLEVEL": "DEBUG", "BROWSER": "false", "DISPLAY": ""}
BAD_SECRET = "a-wrong-secret-7"
BAD_KEY = "a-wrong-key-7"
BAD_PASSPHRASE = "a-wrong-passphrase-7"
BAD_PASSWORD = "a-wrong-password-7"
BAD_TOKEN = "a-wrong-token-7"
BAD_CERTIFICATE_PASSWORD = "a-wrong-certificate-password-7"


def steps(config: dict[str, Any], certificate: dict[str, Any], server: Sandbox, ended: str) -> list[Any]:
    """Return configurations and commands; each of the configurations is for one run only."""
    alone = {**config, "oauth_settings_location": f"{config['oauth_settings_location']}.of-its-own"}
    password = {**server.config(service="Erp.BO.PlantSvc"), "password": BAD_PASSWORD}
    return [
        (config, ("oauth", "show")),
        (config, ("oauth", "authorization-url")),
        (config, ()),
        (config, ("--discover",)),
        (config, ("login", "--timeout", "1")),
        (config, ("login", "--device", "--timeout", "1")),
        (certificate, ("oauth", "authorization-url")),
        ({**certificate, "oauth_jwt_cert_password": BAD_CERTIFICATE_PASSWORD}, ("oauth", "show")),
        ({**config, "oauth_client_secret": BAD_SECRET}, ("oauth", "refresh-token")),
        ({**config, "api_key": BAD_KEY}, ("--test",)),
        ({**config, "oauth_settings_key": BAD_PASSPHRASE}, ("--test",)),
        ({**alone, "oauth_verifier": ended}, ("--test",)),
        ({**alone, "oauth_client_secret": BAD_SECRET, "oauth_refresh_token": BAD_TOKEN}, ("--test",)),
        ({**password, "auth_scheme": "Basic"}, ("--test",)),
        ({**password, "auth_scheme": "EpicorToken"}, ("--test",)),
    ]


def from_connection_string(text: str) -> str:
    line = [sys.executable, "-m", "tap_epicor", "from-cdata", "-"]
    environment = {**os.environ, **DEBUG}
    done = subprocess.run(
        line, input=text, capture_output=True, text=True, check=True, env=environment, timeout=LONGEST
    )
    return done.stdout + done.stderr


def test_no_secret_reaches_any_output(entra: Provider, server: Sandbox, tmp_path: Path) -> None:
    more = {"oauth_settings_key": NEVER_AGAIN, "callback_url": f"http://localhost:{free_port()}"}
    config = settings(entra, server, tmp_path, "secret", **more)
    certificate = settings(entra, server, tmp_path, "certificate", **more)
    ended = consent(entra, tmp_path, config)
    [flow] = open_vault(config["oauth_settings_location"], NEVER_AGAIN).read()["flows"]
    code = re.search(r"code=([^&]+)", ended)
    assert code
    made = command(tmp_path, config, "oauth", "access-token", "--verifier", ended, **DEBUG)
    tokens = json.loads(made.stdout)
    key = Path(entra.certificate_key).read_text().splitlines()
    with ThreadPoolExecutor(4) as pool:
        done = list(
            pool.map(
                lambda step: command(tmp_path, step[0], *step[1], **DEBUG), steps(config, certificate, server, ended)
            )
        )
    said = from_connection_string(f"URL={server.url};User=manager;Password={BAD_PASSWORD};APIKey={server.api_key}")
    outputs = [made.stderr, said, *(one.stdout + one.stderr for one in done)]
    assert all(outputs)
    assert sum("DEBUG" in output for output in outputs) > len(outputs) / 2
    assert '"type":"STATE"' in outputs[4]
    assert not any("Traceback" in output for output in outputs)
    secrets = [
        NEVER_AGAIN,
        entra.client_secret,
        server.api_key,
        tokens["OAuthAccessToken"],
        tokens["OAuthRefreshToken"],
        code[1],
        flow["code_verifier"],
        key[len(key) // 2],
        BAD_SECRET,
        BAD_KEY,
        BAD_PASSPHRASE,
        BAD_PASSWORD,
        BAD_TOKEN,
        BAD_CERTIFICATE_PASSWORD,
    ]
    for secret in secrets:
        for form in (secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode().rstrip("=")):
            assert not any(form in output for output in outputs), f"{form[:6]}… is in an output"
