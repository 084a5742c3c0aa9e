"""Pages become RECORD lines whole: the text of a row goes on as it came, or a page of records is written at once.

Only where nothing looks into single records: with stream maps or flattening they go the SDK's own way, row by row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.contrib.msgspec import enc_hook
from singer_sdk.helpers._util import utc_now
from singer_sdk.mapper import SameRecordTransform

from tap_epicor.kinetic.found import UNDECLARED, Shape

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from singer_sdk.mapper import StreamMap

    from tap_epicor.kinetic.found import Found

_ENCODER = msgspec.json.Encoder(enc_hook=enc_hook, decimal_format="number")


class Lines:
    """The RECORD lines of one stream.

    Args:
        alias: the stream's name in messages.
        version: the version that a loader keeps; None for none.
        added: columns to add to each row.
        dropped: columns to leave out of rows in which they come nevertheless.
    """

    def __init__(
        self,
        alias: str,
        version: int | None,
        added: Mapping[str, Any],
        dropped: Collection[str],
    ) -> None:
        self._alias = alias
        self._version = version
        self._added = _ENCODER.encode(added)[1:-1] if added else b""
        self._dropped = dropped

    def of_texts(self, found: Found) -> bytes:
        """Return the lines of rows that are as declared: their text, between what begins and what ends a line.

        Args:
            found: the rows.
        """
        texts: Sequence[Any] = found.texts()
        tail = self._tail()
        if self._added:
            texts = [memoryview(text)[:-1] for text in texts]
            tail = b"," + self._added + b"}" + tail
        return b"".join([self._head(), (tail + self._head()).join(texts), tail])

    def of_records(self, records: Sequence[dict[str, Any]]) -> bytes:
        """Return the lines of records.

        Args:
            records: the records, with the columns that are added.
        """
        for name in self._dropped:
            for record in records:
                record.pop(name, None)
        texts = [_ENCODER.encode(record) for record in records]
        return b"".join([self._head(), (self._tail() + self._head()).join(texts), self._tail()])

    def _head(self) -> bytes:
        return b'{"type":"RECORD","stream":' + _ENCODER.encode(self._alias) + b',"record":'

    def _tail(self) -> bytes:
        version = b"" if self._version is None else b',"version":%d' % self._version
        return version + b',"time_extracted":' + _ENCODER.encode(utc_now()) + b"}\n"


def alias_of(maps: Sequence[StreamMap]) -> str | None:
    """Return the stream's name in messages where records are written as they are; None where something changes them.

    Args:
        maps: the stream's maps.
    """
    (first, *others) = maps
    plain = type(first) is SameRecordTransform and not first.flattening_enabled
    return str(first.stream_alias) if plain and not others else None


def shape_of(properties: Mapping[str, Any], wanted: Sequence[str], compared: Collection[str]) -> Shape:
    """Return what rows must be for their text to go on as it came.

    Args:
        properties: the JSON schema of each column.
        wanted: the columns that are asked for.
        compared: the columns whose values are looked at; fractions among them would lose digits.
    """
    kinds = {name: kind for name in wanted if (kind := _kind(properties[name]))}
    if len(kinds) < len(wanted) or any(kinds[name][0] == "number" for name in compared):
        return UNDECLARED
    return Shape(kinds)


def _kind(schema: Mapping[str, Any]) -> tuple[str, bool] | None:
    types = [schema["type"]] if isinstance(schema["type"], str) else list(schema["type"])
    nullable = "null" in types
    (kind, *others) = [name for name in types if name != "null"] or [None]
    return (kind, nullable) if isinstance(kind, str) and not others else None
