"""The connector's image, as far as it can be looked at without an engine: its contract, its files, and its steps."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.test_documents import ROOT

FILE = ROOT / "docker" / "Dockerfile"
IGNORED = ROOT / "docker" / "Dockerfile.dockerignore"
HADOLINT = ROOT / ".airbyte" / "bin" / "hadolint"
NOT_HERE = {"--system", "--no-cache", "--no-cache-dir", "--compile-bytecode"}
UV = str(Path(sys.executable).parent / "uv")


def stages() -> list[list[tuple[str, str]]]:
    """Return the instructions of each stage; what stands before the first is left out."""
    found: list[list[tuple[str, str]]] = []
    text = re.sub(r"\\\n\s*", " ", FILE.read_text())
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        if word == "FROM":
            found.append([])
        elif found and line and not line.startswith("#"):
            found[-1].append((word, rest))
    return found


def said(word: str) -> str:
    """Return what the image says last of something."""
    return [rest for one, rest in stages()[-1] if one == word][-1]


def copied() -> list[str]:
    """Return the files and folders that go into the image."""
    lines = [rest.split() for word, rest in stages()[0] if word == "COPY"]
    return [name for *names, _ in lines for name in names]


@pytest.mark.skipif(not HADOLINT.exists(), reason="it is installed with PyAirbyte, which has no version here")
def test_it_has_no_mistake_that_a_linter_finds() -> None:
    command = [str(HADOLINT), "--failure-threshold", "warning", str(FILE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_it_is_built_as_the_platform_wants_it() -> None:
    """Source: airbytehq/airbyte, docs/platform/understanding-airbyte/airbyte-protocol-docker.md."""
    (entry,) = json.loads(said("ENTRYPOINT"))
    assert Path(entry).is_absolute(), "the platform runs it in a folder of its own choice"
    assert said("ENV") == f'AIRBYTE_ENTRYPOINT="{entry}"'
    assert said("USER") == "airbyte"
    assert said("WORKDIR") == "/airbyte"
    assert "docker.io/airbyte/python-connector-base:" in FILE.read_text()


def test_its_files_are_there_and_reach_the_engine() -> None:
    kept = [line[1:] for line in IGNORED.read_text().splitlines() if line.startswith("!")]
    for name in copied():
        assert (ROOT / name).exists(), name
        assert any(fnmatchcase(name, one) for one in kept), name
    assert sorted(kept) == sorted(copied())


def test_its_steps_make_the_command_that_it_runs(tmp_path: Path) -> None:
    """In an environment in place of /usr/local, and by the uv of this one; then as a user without a home."""
    for name in copied():
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    local = tmp_path / "local"
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, local], check=True)
    for word, step in stages()[0]:
        if word == "RUN":
            options = [one for one in step.partition("pip install ")[2].split() if one not in NOT_HERE]
            command = [UV, "pip", "install", "--quiet", "--python", str(local), *options]
            done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
    (entry,) = json.loads(said("ENTRYPOINT"))
    command = [str(local / "bin" / Path(entry).name), "spec"]
    surroundings = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    run = subprocess.run(command, cwd="/", env=surroundings, capture_output=True, text=True, check=False)
    assert json.loads(run.stdout)["type"] == "SPEC", run.stderr
