"""What the tests of whole flows share: configurations, commands, and a user who consents."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    from tests.auth.provider import Provider
    from tests.sandboxes import Sandbox
    from tests.singer import Run

PLANTS = "erp_plant_plants"
NEVER_AGAIN = "correct horse battery staple"
LONGEST = 60
"""Seconds after which a command is held to be without end."""


def settings(entra: Provider, server: Sandbox, folder: Path, client: str = "public", **more: Any) -> dict[str, Any]:
    """Return a configuration that signs in as one of the provider's clients."""
    credentials: dict[str, dict[str, Any]] = {
        "public": {"oauth_client_id": entra.public_client},
        "secret": {"oauth_client_id": entra.secret_client, "oauth_client_secret": entra.client_secret},
        "certificate": {
            "oauth_client_id": entra.certificate_client,
            "oauth_jwt_cert_type": "PEMKEY_FILE",
            "oauth_jwt_cert": str(folder / "both.pem"),
        },
    }
    if client == "certificate":
        (folder / "both.pem").write_text(Path(entra.certificate_key).read_text() + Path(entra.certificate).read_text())
    config = {
        **server.config(service="Erp.BO.PlantSvc"),
        "auth_scheme": "AzureADOpenID",
        "azure_authority": entra.authority,
        "azure_tenant": entra.tenant,
        "oauth_scope": entra.scope,
        "oauth_settings_location": str(folder / "OAuthSettings.txt"),
        "initiate_oauth": "REFRESH",
        "ssl_ca": str(entra.ca_file),
        **credentials[client],
        **more,
    }
    return {name: value for name, value in config.items() if name not in {"user", "password"} and value is not None}


def command(folder: Path, config: dict[str, Any], *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the tap with a configuration file."""
    path = folder / f"{uuid4()}.json"
    path.write_text(json.dumps(config))
    line = [sys.executable, "-m", "tap_epicor", *words, "--config", str(path)]
    surroundings = {**os.environ, **environment}
    return subprocess.run(line, capture_output=True, text=True, check=False, env=surroundings, timeout=LONGEST)


def consent(entra: Provider, folder: Path, config: dict[str, Any]) -> str:
    """Make the address, let the user consent, and return the address that the browser ends at."""
    made = command(folder, config, "oauth", "authorization-url")
    assert made.returncode == 0, made.stderr
    return entra.approve(json.loads(made.stdout)["URL"])


def rows(run: Run) -> int:
    assert run.code == 0, run.log
    return len(run.rows[PLANTS])


def signed_in(entra: Provider, folder: Path, config: dict[str, Any]) -> dict[str, Any]:
    """Let the user sign in, and return the tokens."""
    made = command(folder, config, "oauth", "access-token", "--verifier", consent(entra, folder, config))
    assert made.returncode == 0, made.stderr
    answer: dict[str, Any] = json.loads(made.stdout)
    return answer
