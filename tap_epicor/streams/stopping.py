"""SIGTERM and SIGINT: a run ends between two messages, with its state written, and soon."""

from __future__ import annotations

import os
import threading
from typing import Final

LONGEST: Final = 1.5
"""Seconds to end in; a run that hangs in a request, or whose output nobody takes, is ended then all the same."""


class Stopped(SystemExit):
    """A signal to end, which becomes the exit code of a program that ended by it.

    Args:
        signum: the signal's number.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(128 + signum)


def end_soon(signum: int) -> None:
    """End the process after a while, whatever it does then.

    Args:
        signum: the signal's number.
    """
    watchdog = threading.Timer(LONGEST, os._exit, [128 + signum])
    watchdog.daemon = True
    watchdog.start()
