"""When a run must end: after `max_duration`, or when the `quiet_hours` begin."""

from __future__ import annotations

import math
import re
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from datetime import time as time_of_day
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

_DURATION: Final = re.compile(r"(?:(\d{1,4})h)?(?:(\d{1,6})m)?(?:(\d{1,8})s)?", re.ASCII)
_HOURS: Final = re.compile(r"(\d\d:\d\d) ?- ?(\d\d:\d\d)(?: +(\S+))?", re.ASCII)


@dataclass(frozen=True)
class QuietHours:
    """A time of each day.

    Attributes:
        begin: when they begin.
        end: when they end; on the next day where that is earlier.
        zone: the zone that both are in; None for this machine's.
    """

    begin: time_of_day
    end: time_of_day
    zone: tzinfo | None = None

    def seconds_until(self, now: float) -> float:
        """Return how long it is until they begin; 0 within them.

        Args:
            now: a moment, in seconds since 1970.
        """
        at = datetime.fromtimestamp(now, self.zone)
        begun, ended = self.begin <= at.time(), self.end <= at.time()
        if (begun and not ended) if self.begin < self.end else (begun or not ended):
            return 0
        begins = at.replace(hour=self.begin.hour, minute=self.begin.minute, second=0, microsecond=0)
        if begins <= at:
            begins += timedelta(days=1)
        return begins.timestamp() - now


def duration(value: str | int) -> int:
    """Return a duration in seconds.

    Args:
        value: minutes, or hours, minutes and seconds, such as `2h30m` or `90s`.

    Raises:
        ValueError: if it is neither, with how to write it.
    """
    text = str(value)
    found = _DURATION.fullmatch(f"{text}m" if text.isdigit() else text)
    hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    if not hours + minutes + seconds:
        raise ValueError("write it in minutes, or as 2h30m")
    return 3600 * hours + 60 * minutes + seconds


def quiet_hours(value: str) -> QuietHours:
    """Return hours of the day.

    Args:
        value: such as `07:00-18:30`, perhaps with a zone: `07:00-18:30 Europe/Berlin`.

    Raises:
        ValueError: if they are no such hours, with how to write them.
    """
    found = _HOURS.fullmatch(value)
    if not found:
        raise ValueError("write it as 07:00-18:30, or with a time zone as 07:00-18:30 Europe/Berlin")
    begin, end, name = found.groups()
    try:
        hours = QuietHours(time_of_day.fromisoformat(begin), time_of_day.fromisoformat(end))
    except ValueError:
        raise ValueError("a day has the hours from 00:00 to 23:59") from None
    if begin == end:
        raise ValueError("it begins when it ends")
    try:
        return QuietHours(hours.begin, hours.end, ZoneInfo(name) if name else None)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise ValueError(f"this machine knows no time zone {name!r} (`pip install tzdata` brings them all)") from None


class Clock:
    """Tells how much time a run has left.

    Args:
        config: a configuration without problems.
        began: when the run began, on the monotonic clock.
    """

    def __init__(self, config: Mapping[str, Any], began: float) -> None:
        self._longest = config.get("max_duration")
        self._ends = math.inf if self._longest is None else began + duration(self._longest)
        self._hours = config.get("quiet_hours")
        self._quiet = None if self._hours is None else quiet_hours(self._hours)

    def left(self) -> float:
        """Return for how many seconds more requests may be made; 0 or less when there is no time left."""
        quiet = math.inf if self._quiet is None else self._quiet.seconds_until(time.time())
        return min(quiet, self._ends - time.monotonic())

    @property
    def why(self) -> str:
        """What ends the run, to follow a `since`."""
        if time.monotonic() >= self._ends:
            return f"its `max_duration` ({self._longest}) is over"
        return f"it is within the `quiet_hours` ({self._hours})"
