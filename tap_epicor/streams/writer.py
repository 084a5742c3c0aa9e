"""Singer messages on standard output, rows collected and everything else sent at once."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.singerlib import RecordMessage

if TYPE_CHECKING:
    from singer_sdk.singerlib import Message


class PageWriter(MsgSpecWriter):
    """Keeps RECORD lines until a message of another kind follows; decimals keep every digit."""

    def write_message(self, message: Message) -> None:
        """Write a message; all but RECORD are flushed, with the rows before them."""
        sys.stdout.buffer.write(self.format_message(message))
        if not isinstance(message, RecordMessage):
            sys.stdout.buffer.flush()
