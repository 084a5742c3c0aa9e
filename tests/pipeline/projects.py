"""Meltano projects of their own for tests, which share the installed plugins."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Project:
    """A copy of the repository's Meltano project, with a database and a state of its own."""

    folder: Path
    environment: Mapping[str, str]

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run Meltano, and return how it ended."""
        command = [str(Path(sys.executable).parent / "meltano"), "--cwd", str(self.folder), *words]
        settings = {**os.environ, **self.environment, **environment}
        return subprocess.run(command, capture_output=True, text=True, check=False, env=settings)

    def state(self, state_id: str) -> dict[str, Any]:
        """Return the state that Meltano keeps."""
        done = self.run("state", "get", state_id)
        assert done.returncode == 0, done.stderr
        content: dict[str, Any] = json.loads(done.stdout)
        return content


def project(folder: Path, config: Mapping[str, Any], **environment: str) -> Project:
    """Return a Meltano project whose tap has this configuration, as a user sets it in the environment."""
    (folder / ".meltano").mkdir(parents=True)
    (folder / "meltano.yml").write_text((ROOT / "meltano.yml").read_text())
    for kind in ("extractors", "loaders"):
        (folder / ".meltano" / kind).symlink_to(ROOT / ".meltano" / kind)
    settings = {
        f"TAP_EPICOR_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
        for name, value in config.items()
    }
    return Project(folder, {**settings, "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false", **environment})
