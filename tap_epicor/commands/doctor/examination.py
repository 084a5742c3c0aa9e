"""All checks, one after the other, until going on is pointless."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from tap_epicor.commands.doctor.address import address, instance, settings
from tap_epicor.commands.doctor.files import files
from tap_epicor.commands.doctor.measures import licence, measures, revisions
from tap_epicor.commands.doctor.signing_in import plant, sign_in, version
from tap_epicor.commands.doctor.sources import sources

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_epicor.commands.doctor.check import Check, Examination

_PARTS: Final = (settings, files, address, instance, sign_in, plant, version, sources, measures, revisions)
_OK: Final = 200


def examine(examination: Examination) -> Iterator[Check]:
    """Yield the checks as they are done, each with the requests that it took.

    Args:
        examination: what they share.
    """
    quickest: float | None = None
    with quiet():
        for part in _PARTS:
            for check in part(examination):
                check.asked, examination.asked = examination.asked, []
                answered = [one.seconds for one in check.asked if one.seconds is not None and one.status == _OK]
                quickest = min([*answered, *([] if quickest is None else [quickest])], default=None)
                yield check
                if check.stops:
                    return
        yield licence(examination, quickest)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the log still: what there is to say, the checks say."""
    logger = logging.getLogger("tap_epicor")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
