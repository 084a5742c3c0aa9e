"""Fuzz one parser, guided by the coverage of its code: `python -m tests.fuzz.fuzz metadata 300`.

It goes on after a find, and prints each kind of it once, with the input. Exit code 1 if there was any.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import time
import traceback
from pathlib import Path

import atheris  # type: ignore[import-untyped]

with atheris.instrument_imports(include=["tap_epicor"]):
    from tests.fuzz.targets import TARGETS

_LONGEST_INPUT = 4096


def main() -> None:
    """Fuzz the parser that the first argument names, for as many seconds as the second says."""
    name, seconds = sys.argv[1], int(sys.argv[2])
    target = TARGETS[name]
    finds: set[tuple[str, str]] = set()
    runs = 0
    until = time.monotonic() + seconds
    logging.disable()

    def once(data: bytes) -> None:
        nonlocal runs
        runs += 1
        try:
            target.call(data)
        except Exception as exc:  # noqa: BLE001 - every kind is a find
            find = type(exc).__name__, str(traceback.extract_tb(exc.__traceback__)[-1])
            if find not in finds:
                finds.add(find)
                print(f"FIND {exc!r:.300} at {find[1]}: {data[:300]!r}", flush=True)
        if time.monotonic() > until:
            print(f"{name}: {runs} executions in {seconds} s, {len(finds)} finds", flush=True)
            os._exit(1 if finds else 0)  # libFuzzer has no other end that lets a word be said

    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(target.seeds):
            (Path(folder) / f"seed{number}").write_bytes(seed)
        atheris.Setup([sys.argv[0], f"-max_len={_LONGEST_INPUT}", "-verbosity=0", folder], once)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
