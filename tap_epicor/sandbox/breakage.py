"""Answers that break by what is in them: too many rows, or a row that no answer survives."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tap_epicor.sandbox.errors import SQL, EmptyError, PageError, ServerError, StallError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_epicor.sandbox.switches import Switches

_ROW = re.compile(r"(?P<set>[\w.]+/\w+)\((?P<key>(?:[^')]|'(?:[^']|'')*')*)\)")
_TIMEOUT = "Execution Timeout Expired.  The timeout period elapsed prior to completion of the operation."
_TOO_LARGE = "The page was not displayed because the response entity is too large."


def check_size(rows: int, switches: Switches) -> None:
    """Breaks an answer of more rows than the server can bear.

    Args:
        rows: How many it would hold.
        switches: How many it bears, and how it breaks.

    Raises:
        ServerError: A time-out of the database, told in words.
        EmptyError: One that is not.
        PageError: What IIS says of too much.
        StallError: Nothing is answered.
    """
    if not 0 < switches.answer_maximum < rows:
        return
    if switches.answer_breaks == "timeout":
        raise ServerError(500, _TIMEOUT, SQL)
    if switches.answer_breaks == "too-large":
        raise PageError("413.1", _TOO_LARGE)
    raise EmptyError if switches.answer_breaks == "empty" else StallError


def poisoned_keys(entity_set: str, switches: Switches) -> Iterator[str]:
    """The keys of the rows that break every answer of a set.

    Args:
        entity_set: Its service and name, with a slash between.
        switches: Which rows they are.
    """
    for row in _ROW.finditer(switches.poison):
        if row["set"] == entity_set:
            yield row["key"]
