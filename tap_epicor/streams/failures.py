"""What ends one read, while the others go on."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tap_epicor.kinetic.errors import KineticError
from tap_epicor.kinetic.patience import TimeUp
from tap_epicor.streams.batches import BatchError
from tap_epicor.streams.bookmark import BookmarkError
from tap_epicor.streams.definition import DefinitionError
from tap_epicor.streams.key_store import KeyStoreError
from tap_epicor.streams.remaining import NoRoom
from tap_epicor.streams.stream_maps import StreamMapError
from tap_epicor.streams.values import ValueMismatch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from logging import Logger

    from tap_epicor.streams.reckoning import Reckoning, Run

FAILURES = (
    KineticError,
    DefinitionError,
    BookmarkError,
    ValueMismatch,
    KeyStoreError,
    NoRoom,
    StreamMapError,
    BatchError,
)
"""Exceptions whose message says all that a user needs."""


@contextmanager
def told(run: Run, reckoning: Reckoning, logger: Logger) -> Iterator[None]:
    """Tell what ends a read, and let the run go on; not where nothing can be written any more.

    Args:
        run: the run.
        reckoning: the read's.
        logger: where to tell.

    Raises:
        OSError: if standard output can't be written.
    """
    try:
        yield
    except TimeUp as exc:
        run.stopped(reckoning, exc)
        logger.warning("%s: %s.", reckoning.name, reckoning.notes[-1])
    except FAILURES as exc:
        run.failed(reckoning, exc)
        logger.error("%s: %s", reckoning.name, exc)  # noqa: TRY400 - all that a user needs
    except OSError:
        raise
    except Exception as exc:
        logger.exception("%s: an error of the tap itself; please report it.", reckoning.name)
        reckoning.ended("failed", f"an error of the tap itself, {type(exc).__name__}: please report it")
