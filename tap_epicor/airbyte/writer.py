"""Rows and states on standard output as Airbyte's messages, rows by the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airbyte_protocol_dataclasses.models import AirbyteMessage
from singer_sdk.singerlib import RecordMessage

from tap_epicor.airbyte.messages import ENCODER, line, now, record
from tap_epicor.streams.lines import Lines
from tap_epicor.streams.sweep import DELETED_AT
from tap_epicor.streams.writer import PageWriter

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from singer_sdk.singerlib import Message

CDC_DELETED_AT = "_ab_cdc_deleted_at"
"""Column by which Airbyte's destinations delete a row when they keep one row of each key."""


class AirbyteWriter(PageWriter):
    """Writes Airbyte's messages; of Singer's, only the rows that a sweep found gone have one there."""

    def write_message(self, message: Message | AirbyteMessage) -> None:
        """Write a message.

        Args:
            message: Airbyte's, or Singer's. Singer's SCHEMA is the catalog's here, its STATE is written by each
                stream, and what ACTIVATE_VERSION is for is the platform's affair.

        Raises:
            Stopped: if the run was told to end meanwhile.
        """
        super().write_message(message)  # type: ignore[arg-type]  # format_message knows both

    def format_message(self, message: Message | AirbyteMessage) -> bytes:  # type: ignore[override]
        """Return a message's line; nothing where Airbyte has no such message.

        Args:
            message: the message.
        """
        if isinstance(message, AirbyteMessage):
            return line(message)
        if isinstance(message, RecordMessage):
            data = {CDC_DELETED_AT if name == DELETED_AT else name: value for name, value in message.record.items()}
            return line(record(message.stream, data))
        return b""


class AirbyteLines(Lines):
    """The RECORD lines of one stream.

    What is written at once has a moment of its own, later than that of what was written before it: destinations that
    keep one row of each key take the one that was emitted last.

    Args:
        alias: the stream's name.
        version: of no use here.
        added: columns to add to each row. A row that is there says nothing of when it was deleted.
        dropped: columns to leave out of rows in which they come nevertheless.
    """

    def __init__(self, alias: str, version: int | None, added: Mapping[str, Any], dropped: Collection[str]) -> None:
        added = {name: value for name, value in added.items() if name != DELETED_AT}
        super().__init__(alias, version, added, {*dropped, DELETED_AT})
        self._emitted_at = 0

    def _head(self) -> bytes:
        return b'{"type":"RECORD","record":{"stream":' + ENCODER.encode(self._alias) + b',"data":'

    def _tail(self) -> bytes:
        self._emitted_at = max(self._emitted_at + 1, now())
        return b',"emitted_at":%d}}\n' % self._emitted_at
