"""Where the tap's time goes, by modules: the profiler's own cost weighs on what calls much, so read it as a map."""

from __future__ import annotations

import pstats
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.runs import PYTHON, ROOT, run
from bench.tables import rounded, table
from bench.ways import warm

if TYPE_CHECKING:
    from bench.runs import Server
    from bench.ways import Contender

_SHOWN: Final = 20
_Function = tuple[str, int, str]


def stages(server: Server, folder: Path, contender: Contender, *, rows: int, page_size: int) -> str:
    """Return a table of one contender's modules; what is built in counts for the module that calls it.

    Args:
        server: the server.
        folder: a place for files.
        contender: whom to look at.
        rows: rows that it reads.
        page_size: rows of a page.
    """
    warm(contender, server, folder, page_size)
    few = _profile(server, folder, contender, page_size, page_size)
    seconds = _profile(server, folder, contender, page_size + rows, page_size)
    seconds.subtract(few)
    total = sum(seconds.values())
    cells = [
        (stage, f"{one / total:.1%}", rounded(one / rows * 1_000_000)) for stage, one in seconds.most_common(_SHOWN)
    ]
    note = (
        f"{rows:,} rows, after the first page: start-up is left out. {rounded(total / rows * 1_000_000)} µs a row in "
        "all, with the profiler."
    )
    return table(f"Stages: {contender.name}", ("where", "of the time", "µs a row"), cells, note)


def _profile(server: Server, folder: Path, contender: Contender, rows: int, page_size: int) -> Counter[str]:
    profile = folder / "profile"
    _, _, module, *arguments = contender.command(server.instance(rows), folder, page_size)
    run([PYTHON, "-m", "bench.profiled", str(profile), module, *arguments])
    return by_stage(pstats.Stats(str(profile)))


def by_stage(profiled: pstats.Stats) -> Counter[str]:
    """Return the seconds that were spent in each stage itself.

    Args:
        profiled: what the profiler noted.
    """
    seconds: Counter[str] = Counter()
    for function, (_, _, own, _, callers) in profiled.stats.items():  # type: ignore[attr-defined]
        if "'acquire' of '_thread.lock'" in function[2]:
            # Waiting for another thread is no work.
            continue
        if not _is_builtin(function):
            seconds[_stage(function)] += own
            continue
        for caller, (_, _, spent, _) in callers.items():
            seconds["the interpreter" if _is_builtin(caller) else f"{_stage(caller)}: {_short(function)}"] += spent
    return seconds


def _is_builtin(function: _Function) -> bool:
    return function[0] == "~" or function[0].startswith("<frozen")


def _short(function: _Function) -> str:
    """Return the name of a built-in function, without the addresses in it."""
    return function[2].strip("<>").removeprefix("built-in method ").partition(" at 0x")[0]


def _stage(function: _Function) -> str:
    """Return a module of the tap, or the package that a module belongs to."""
    path = Path(function[0])
    if path.is_relative_to(ROOT) and "site-packages" not in path.parts:
        return str(path.relative_to(ROOT))
    if "site-packages" in path.parts:
        return path.parts[path.parts.index("site-packages") + 1]
    return f"Python's {path.parent.name if path.name == '__init__.py' else path.stem}"
