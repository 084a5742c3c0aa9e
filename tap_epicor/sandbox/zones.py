"""Times: kept in UTC, shown and understood in the zone the switches choose."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tap_epicor.sandbox.switches import Switches

_DAY_TIME = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)T(?P<time>\d\d:\d\d(?::\d\d)?)(?P<fraction>\.\d{1,12})?(?P<zone>Z|[+-]\d\d:\d\d)?"
)


def show(stored: str, switches: Switches) -> str:
    """A stored time as rows show it."""
    if switches.zone == "Z":
        return stored + "Z"
    suffix = offset(switches) if switches.zone == "offset" else ""
    return _shifted(stored, switches.offset_minutes) + suffix


def offset(switches: Switches) -> str:
    """The server's zone as a suffix, such as `+02:00`."""
    hours, minutes = divmod(abs(switches.offset_minutes), 60)
    return f"{'-' if switches.offset_minutes < 0 else '+'}{hours:02d}:{minutes:02d}"


def store(text: str, switches: Switches) -> str | None:
    """The stored form of a literal, or nothing when it is no time; without a zone it is in the server's."""
    match = _DAY_TIME.fullmatch(text)
    if match is None:
        return None
    zone = match["zone"]
    shift = 0 if switches.zone == "Z" else switches.offset_minutes
    if zone:
        shift = 0 if zone == "Z" else int(zone[0] + "1") * (int(zone[1:3]) * 60 + int(zone[4:]))
    clock = match["time"] if match["time"].count(":") > 1 else f"{match['time']}:00"
    fraction = (match["fraction"] or "").rstrip("0").rstrip(".")
    try:
        return _shifted(f"{match['date']}T{clock}{fraction}", -shift)
    except ValueError:
        return None


def has_zone(text: str) -> bool:
    """Whether a literal tells its zone."""
    match = _DAY_TIME.fullmatch(text)
    return match is not None and match["zone"] is not None


def _shifted(stored: str, minutes: int) -> str:
    clock, dot, fraction = stored.partition(".")
    moved = dt.datetime.fromisoformat(clock) + dt.timedelta(minutes=minutes)
    return f"{moved.isoformat()}{dot}{fraction}"
