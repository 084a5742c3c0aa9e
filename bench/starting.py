"""How long the command takes to say the least."""

from __future__ import annotations

from collections import defaultdict
from statistics import median

from bench.runs import PYTHON, run
from bench.tables import rounded, table

_MODULES = {"tap-epicor": "tap_epicor", "an empty singer-sdk tap": "bench.contenders.empty_tap"}
_OPTIONS = ("--version", "--about")


def starting(*, rounds: int) -> str:
    """Return a table of start-up times.

    Args:
        rounds: how often each runs; the table has medians.
    """
    taken: dict[tuple[str, str], list[float]] = defaultdict(list)
    for number in range(rounds + 1):
        for option in _OPTIONS:
            for name, module in _MODULES.items():
                seconds = run([PYTHON, "-m", module, option]).whole_seconds
                # The first round warms up.
                taken[option, name] += [seconds] if number else []
    tap, empty = _MODULES
    rows = []
    for option in _OPTIONS:
        ours, least = median(taken[option, tap]), median(taken[option, empty])
        rows.append((f"`{option}`", rounded(ours / least), f"{ours:.2f}", f"{least:.2f}"))
    return table("Start-up", ("command", "× an empty tap", "tap-epicor, s", "empty tap, s"), rows)
