"""Runs a module with its threads profiled, as `python -m cProfile` runs its main thread: rows are read in threads.

python -m bench.profiled FILE MODULE ARGUMENTS…
"""

from __future__ import annotations

import cProfile
import pstats
import runpy
import sys
import threading


def main() -> None:
    """Run the module, and write what its threads took."""
    file, module, *arguments = sys.argv[1:]
    profiles: list[cProfile.Profile] = []
    run = threading.Thread.run

    def profiled(thread: threading.Thread) -> None:
        profile = cProfile.Profile()
        profiles.append(profile)
        profile.runcall(run, thread)

    threading.Thread.run = profiled  # type: ignore[method-assign, assignment]
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        first, *others = profiles
        pstats.Stats(first, *others).dump_stats(file)


if __name__ == "__main__":
    main()
