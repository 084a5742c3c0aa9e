"""How much memory a program takes."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.singer import LONGEST

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# The kernel counts as a process's own what the one that started it held: so it is started by one that holds little.
_STARTER = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""


@dataclass(frozen=True)
class Measured:
    """A program that has ended.

    Attributes:
        code: its exit code.
        log: what it wrote to standard error.
        peak: MiB that it held at the most.
    """

    code: int
    log: str
    peak: int


def measured(command: Sequence[str], output: Path) -> Measured:
    """Run a program, its output into a file.

    Args:
        command: the program and its arguments.
        output: the file.
    """
    # Measuring coverage takes memory of its own.
    variables = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    starter = [sys.executable, "-c", _STARTER, *command]
    with output.open("wb") as out:
        done = subprocess.run(starter, stdout=out, stderr=subprocess.PIPE, env=variables, check=False, timeout=LONGEST)
    *log, peak = done.stderr.decode().splitlines()
    return Measured(done.returncode, "\n".join(log), int(peak) >> (20 if sys.platform == "darwin" else 10))
