"""A file of keys: compressed blocks of columns, and a digest of all that stands before it.

Keys are kept themselves, not digests of them, since a delete must name its row. Column by column they compress to less
than digests would take: a key of company, date, time and number to 5.3 bytes.
"""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from decimal import Context, Decimal
from hashlib import sha256
from typing import IO, TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tap_epicor.kinetic.plan import Part

Key = tuple[Any, ...]

FORMAT: Final = 1
KEYS: Final = "keys"
SENT: Final = "sent"
"""Blocks of rows that are gone, whose deletes the loader has perhaps not kept yet."""

_BLOCK: Final = 1000
"""Keys in a block; more make the file no smaller."""
_EXACT: Final = Context(prec=1000)

encode = msgspec.json.Encoder(decimal_format="number").encode
decode = msgspec.json.Decoder(float_hook=Decimal).decode


class DamagedFile(ValueError):
    """A file that is not what was written, or was written by another version."""


@dataclass(frozen=True)
class Head:
    """Which rows a file's keys are of; keys under another head are of no use.

    Attributes:
        server: address and API version of the instance.
        source: service and entity set, or BAQ.
        company: company id.
        key: name and Edm type of each column.
        condition: what restricts the rows; None for nothing.
    """

    server: str
    source: str
    company: str
    key: tuple[tuple[str, str], ...]
    condition: str | None = None


class KeyWriter:
    """Writes a file of keys, a block at a time.

    Args:
        file: where to; it stays open.
        head: which rows the keys are of.
    """

    def __init__(self, file: IO[bytes], head: Head) -> None:
        self._out = gzip.GzipFile(fileobj=file, mode="wb", compresslevel=6, mtime=0)
        self._digest = sha256()
        self._line({"format": FORMAT, "head": head})

    def add(self, keys: Sequence[Key], kind: str = KEYS) -> None:
        """Add keys, in the order in which they compress best: the server's own."""
        for start in range(0, len(keys), _BLOCK):
            self._line({kind: list(zip(*keys[start : start + _BLOCK], strict=True))})

    def close(self, deleted_at: str | None = None) -> None:
        """End the file.

        Args:
            deleted_at: when the deletes of the keys under `sent` were sent.
        """
        self._line({"deleted_at": deleted_at, "sha256": self._digest.hexdigest()})
        self._out.close()

    def _line(self, content: object) -> None:
        line = encode(content) + b"\n"
        self._digest.update(line)
        self._out.write(line)


class KeyFile:
    """A file of keys that was checked from its first byte to its last.

    Args:
        file: the file, which can be read more than once.

    Raises:
        DamagedFile: if it is not whole.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        first, tail = self._check()
        self.head: object = first.get("head")
        self.deleted_at: str | None = tail.get("deleted_at")

    def is_of(self, head: Head) -> bool:
        """Return whether it holds keys of the same rows."""
        return bool(self.head == decode(encode(head)))

    def blocks(self) -> Iterator[tuple[str, list[Key]]]:
        """Yield the blocks: what kind of keys, and the keys."""
        for line in self._lines():
            for kind, columns in decode(line).items():
                if kind in {KEYS, SENT}:
                    yield kind, list(zip(*columns, strict=True))

    def _lines(self) -> Iterator[bytes]:
        self._file.seek(0)
        with gzip.GzipFile(fileobj=self._file, mode="rb") as content:
            yield from content

    def _check(self) -> tuple[dict[str, Any], dict[str, Any]]:
        digest = sha256()
        first = line = b""
        try:
            for following in self._lines():
                first = first or following
                digest.update(line)
                line = following
            head, tail = decode(first), decode(line)
        except (OSError, EOFError, zlib.error, msgspec.DecodeError) as exc:
            raise DamagedFile(f"it is damaged ({exc})") from exc
        if not isinstance(head, dict) or head.get("format") != FORMAT:
            raise DamagedFile("it was written by another version")
        if not isinstance(tail, dict) or tail.get("sha256") != digest.hexdigest():
            raise DamagedFile("it is damaged: its digest does not fit")
        return head, tail


def keys_of(rows: Iterable[Mapping[str, Any]], columns: Sequence[Part]) -> list[Key]:
    """Return the keys of rows, equal ones in equal form.

    Args:
        rows: the rows, numbers as numbers.
        columns: the columns of the key.
    """
    names = [part.name for part in columns]
    return [tuple(_plain(row.get(name)) for name in names) for row in rows]


def _plain(value: Any) -> Any:  # noqa: ANN401
    """Return a value; a decimal as a whole number or without zeros at its end."""
    if not isinstance(value, Decimal):
        return value
    whole = value.to_integral_value(context=_EXACT)
    return int(whole) if whole == value else value.normalize(_EXACT)
