"""The tap, in a hurry: what it does in minutes, in a second. `python -m tests.faults.proxy.hurried` as `tap-epicor`."""

from __future__ import annotations

from functools import partial

from tap_epicor import cli, tap
from tap_epicor.connection import connect
from tap_epicor.kinetic.patience import Patience

HURRY = Patience(tries=8, first_tries=3, failed_tries=3, first_wait=0.01, longest_wait=0.2, in_all=3)

if __name__ == "__main__":
    tap.connect = partial(connect, patience=HURRY)  # type: ignore[attr-defined]
    cli.main()
