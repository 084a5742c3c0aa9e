"""Singer messages on standard output, rows collected and everything else sent at once."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Final

from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.singerlib import RecordMessage

from tap_epicor.streams.stopping import Stopped

if TYPE_CHECKING:
    from singer_sdk.singerlib import Message


_AT_ONCE: Final = 1 << 16
"""Bytes after which to look whether to end, at the end of a line: a slow loader may take long for more."""


class PageWriter(MsgSpecWriter):
    """Keeps RECORD lines until a message of another kind follows; decimals keep every digit."""

    rows_are_last = False
    """Whether the last message is a row: a STATE that says the same as the one before is not written again."""
    _writing = False
    _signal: int | None = None

    def __init__(self) -> None:
        super().__init__()
        self._of_thread = threading.local()

    @property
    def records(self) -> int:
        """RECORD messages that this thread has written so far."""
        count: int = getattr(self._of_thread, "records", 0)
        return count

    def _count(self, records: int) -> None:
        self._of_thread.records = self.records + records
        self.rows_are_last = True

    def write_message(self, message: Message) -> None:
        """Write a message; all but RECORD are flushed, with the rows before them.

        Raises:
            Stopped: if the run was told to end meanwhile.
        """
        self._writing = True
        sys.stdout.buffer.write(self.format_message(message))
        if isinstance(message, RecordMessage):
            self._count(1)
        else:
            sys.stdout.buffer.flush()
            self.rows_are_last = False
        self._end_if_told()

    def write_lines(self, lines: bytes, records: int) -> None:
        """Write RECORD lines, or others that tell of records.

        Args:
            lines: whole lines.
            records: of how many records they tell; they are counted when all are written.

        Raises:
            Stopped: if the run was told to end meanwhile.
        """
        start = 0
        while start < len(lines):
            end = lines.find(b"\n", min(start + _AT_ONCE, len(lines)) - 1) + 1
            self._writing = self.rows_are_last = True
            sys.stdout.buffer.write(memoryview(lines)[start:end])
            self._end_if_told()
            start = end
        self._count(records)

    def _end_if_told(self) -> None:
        self._writing = False
        if self._signal is not None:
            signum, self._signal = self._signal, None
            raise Stopped(signum)

    def stop(self, signum: int) -> None:
        """End the run now, or after the message that is being written: half a line would break the loader.

        Args:
            signum: the signal's number.

        Raises:
            Stopped: unless a message is being written.
        """
        if self._writing:
            self._signal = signum
        else:
            raise Stopped(signum)
