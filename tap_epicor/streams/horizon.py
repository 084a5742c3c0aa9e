"""How far below its bookmark a read of changes begins, so that rows which appear late are read.

SQL Server hands out a row's `SysRevID` when it is written and shows the row when its transaction ends: a row appears
late, below values that were read before. What was invisible in the last read and shows up now was written within the
transaction's life before that read. So the state remembers, beside the bookmark, which value was the highest at which
time: a read begins at the value of `overlap_minutes` before the last read, and `overlap` revisions below that, for
first reads, from before which no value is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_INTERVALS: Final = 4
"""Parts of the overlap's time of which one value each is remembered: more make the state longer, fewer the overlap."""


@dataclass(frozen=True)
class Horizon:
    """What is remembered of the last reads of a stream.

    Attributes:
        read_at: when the last read began, in seconds since 1970: what was visible then has been read.
        highest: times in seconds since 1970, each with a value that all later writes lie above; the oldest first.
    """

    read_at: int
    highest: tuple[tuple[int, int], ...]

    def later(self, read_at: int, at: int, value: int, minutes: int) -> Horizon:
        """Return what to remember after another read.

        Args:
            read_at: when that read began.
            at: a time since which all writes lie above the value.
            value: the value.
            minutes: how long a transaction may last.
        """
        # A clock that was set back makes an earlier time of a later one: its value is still one that holds.
        earlier = [(min(then, at), highest) for then, highest in self.highest if highest <= value]
        limit = read_at - minutes * 60
        old = [one for one in earlier if one[0] <= limit]
        kept = old[-1:]
        for one in earlier[len(old) :]:
            if not kept or one[0] - kept[-1][0] >= minutes * 60 // _INTERVALS:
                kept.append(one)
        return Horizon(read_at, (*kept, (at, value)))

    def start(self, minutes: int) -> int:
        """Return a value that all rows lie above which the last read can't have seen.

        Args:
            minutes: how long a transaction may last.
        """
        limit = self.read_at - minutes * 60
        old = [value for at, value in self.highest if at <= limit]
        return old[-1] if old else self.highest[0][1]
