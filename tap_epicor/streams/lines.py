"""Pages become RECORD lines, many at once: the text of a row goes out as it came, or rows are written together.

Only where nothing looks into single records: with stream maps or flattening they go the SDK's own way, row by row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from singer_sdk.contrib.msgspec import enc_hook
from singer_sdk.helpers._util import utc_now
from singer_sdk.mapper import SameRecordTransform

from tap_epicor.kinetic.shape import KINDS, UNDECLARED, Shape

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from singer_sdk.mapper import StreamMap

    from tap_epicor.kinetic.found import Found

AT_ONCE = 1_000
"""Lines that are made before they are written: those of a page would take as much memory as the page."""

_ENCODER = msgspec.json.Encoder(enc_hook=enc_hook, decimal_format="number")


_A_COLUMN: Final = len(("properties", "Name"))


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

    by_text: Final = True
    """Whether rows may go out by their text."""

    def of_rows(self, found: Found) -> Iterator[tuple[bytes, int]]:
        """Yield the lines of rows that go out as they are, and how many there are in each piece.

        Args:
            found: the rows.
        """
        for at in range(0, len(found), AT_ONCE):
            texts = (found.texts or ())[at : at + AT_ONCE]
            yield self._of_texts(texts), len(texts)

    def of_records(self, records: Sequence[dict[str, Any]]) -> Iterator[tuple[bytes, int]]:
        """Yield the lines of records, and how many there are in each piece.

        Args:
            records: the records, with the columns that are added.
        """
        for name in self._dropped:
            for record in records:
                record.pop(name, None)
        for at in range(0, len(records), AT_ONCE):
            some = records[at : at + AT_ONCE]
            texts = _ENCODER.encode_lines(some).split(b"\n")[:-1]
            yield b"".join([self._head(), (self._tail() + self._head()).join(texts), self._tail()]), len(some)

    def _of_texts(self, texts: Sequence[Any]) -> bytes:
        tail = self._tail()
        if self._added:
            texts = [memoryview(text)[:-1] for text in texts]
            tail = b"," + self._added + b"}" + tail
        return b"".join([self._head(), (tail + self._head()).join(texts), tail])

    def _head(self) -> bytes:
        return b'{"type":"RECORD","stream":' + _ENCODER.encode(self._alias) + b',"record":'

    def _tail(self) -> bytes:
        version = b"" if self._version is None else b',"version":%d' % self._version
        return version + b',"time_extracted":' + _ENCODER.encode(utc_now()) + b"}\n"


def alias_of(maps: Sequence[StreamMap], mask: Mapping[tuple[str, ...], bool]) -> str | None:
    """Return the stream's name in messages where records are written as they are; None where something changes them.

    Args:
        maps: the stream's maps.
        mask: what of the stream is selected, by its place in the schema.
    """
    (first, *others) = maps
    plain = type(first) is SameRecordTransform and not first.flattening_enabled
    dropped_within = any(len(place) > _A_COLUMN and not selected for place, selected in mask.items())
    return str(first.stream_alias) if plain and not others and not dropped_within else None


def shape_of(properties: Mapping[str, Any], wanted: Sequence[str], compared: Collection[str]) -> Shape:
    """Return what rows must be for their text to go on as it came.

    Args:
        properties: the JSON schema of each column.
        wanted: the columns that are asked for.
        compared: the columns whose values are looked at; fractions among them would lose digits.
    """
    kinds = {name: kind for name in wanted if (kind := _kind(properties[name]))}
    compared = kinds.keys() & compared
    if len(kinds) < len(wanted) or any(kinds[name][0] not in KINDS or kinds[name][0] == "number" for name in compared):
        return UNDECLARED
    return Shape(kinds, compared)


def _kind(schema: Mapping[str, Any]) -> tuple[str, bool] | None:
    """Return a column's type and whether it may be null; None where it may have several, which may need repair."""
    types = [schema["type"]] if isinstance(schema["type"], str) else list(schema["type"])
    nullable = "null" in types
    (kind, *others) = [name for name in types if name != "null"] or [None]
    return (kind, nullable) if isinstance(kind, str) and not others else None
