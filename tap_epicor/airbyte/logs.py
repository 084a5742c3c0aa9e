"""The log as Airbyte's messages: standard output is all that the platform reads."""

from __future__ import annotations

import logging
import sys
import threading
from typing import TYPE_CHECKING

from airbyte_protocol_dataclasses.models import AirbyteLogMessage, AirbyteMessage, Level, Type
from singer_sdk.metrics import METRICS_LOGGER_NAME

from tap_epicor.airbyte.messages import line

if TYPE_CHECKING:
    from tap_epicor.airbyte.writer import AirbyteWriter

_LEVELS = (
    (logging.CRITICAL, Level.FATAL),
    (logging.ERROR, Level.ERROR),
    (logging.WARNING, Level.WARN),
    (logging.INFO, Level.INFO),
    (logging.DEBUG, Level.DEBUG),
)


class AirbyteHandler(logging.Handler):
    """Writes log records as messages.

    Args:
        writer: what all messages are written by.
    """

    def __init__(self, writer: AirbyteWriter) -> None:
        super().__init__()
        self._writer = writer
        self._formatter = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record.

        Args:
            record: the record.

        Raises:
            OSError: if standard output can't be written, which ends the run like a row that can't be.
        """
        level = next((level for least, level in _LEVELS if record.levelno >= least), Level.TRACE)
        trace = self._formatter.formatException(record.exc_info) if record.exc_info else None
        said = AirbyteLogMessage(level=level, message=record.getMessage(), stack_trace=trace)
        message = AirbyteMessage(type=Type.LOG, log=said)
        if threading.current_thread() is threading.main_thread():
            self._writer.write_message(message)
        else:
            # No signal interrupts it here, and what is written elsewhere meanwhile is none of its affair.
            sys.stdout.buffer.write(line(message))
            sys.stdout.buffer.flush()


def log_through(writer: AirbyteWriter, *, debug: bool) -> None:
    """Send all that is logged through a writer; metrics, which Singer's orchestrators read, only to debug.

    Args:
        writer: what all messages are written by.
        debug: whether to tell everything.
    """
    handler = AirbyteHandler(writer)
    if not debug:
        handler.addFilter(lambda record: record.name != METRICS_LOGGER_NAME)
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.DEBUG if debug else logging.INFO)
    logging.captureWarnings(capture=True)
