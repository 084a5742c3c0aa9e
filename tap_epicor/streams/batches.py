"""Pages become files, and a BATCH message for each tells the loader where it lies: `batch_config`.

A file holds the rows of one page, and no more than `batch_size` of them. Its message goes out when it is there whole,
and the bookmark moves after that, as it does behind RECORD messages: no STATE runs ahead of a file that is still open,
whichever stream writes that STATE, and whoever is killed leaves at most a file that nobody was told of.
"""

from __future__ import annotations

import gzip
import re
import uuid
from collections import defaultdict
from contextlib import contextmanager
from itertools import chain, count
from typing import TYPE_CHECKING, Any, Final

import fsspec
from fsspec.implementations.local import LocalFileSystem
from singer_sdk.contrib.msgspec import encoder
from singer_sdk.helpers._batch import BatchConfig, BatchFileFormat, SDKBatchMessage

from tap_epicor.streams.parquet import Unfit, parquet

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from singer_sdk.helpers.types import Record
    from singer_sdk.singerlib import RecordMessage

    from tap_epicor.kinetic.found import Found

VERSION: Final = "_sdc_table_version"
"""Column that loaders of the Singer SDK compare with ACTIVATE_VERSION, and fill from RECORD messages alone."""

_LEVEL: Final = 1
"""Of gzip: three times as fast as 6 and five times as 9, for files that are half as large again."""
_SIGN_IN: Final = re.compile(r"//[^/@]*@")


class BatchError(Exception):
    """A batch file that can't be written, with what to do."""


class Batches:
    """The batch files of one stream in one company.

    Args:
        config: the setting `batch_config`.
        prefix: what the files' names begin with, behind the setting's own `prefix`.
        schemas: the JSON schema of each name that the stream has in messages, as the loader knows it.
        version: the version that a loader keeps; None for none.
        added: columns to add to each row.
        dropped: columns to leave out of rows in which they come nevertheless.
        maps: makes messages of a record, where stream maps or flattening are configured; None for none.

    Attributes:
        by_text: whether rows may go out by their text.

    Raises:
        BatchError: if there is no file system for such an address.
    """

    def __init__(  # noqa: PLR0913, PLR0917
        self,
        config: Mapping[str, Any],
        prefix: str,
        schemas: Mapping[str, Mapping[str, Any]],
        version: int | None,
        added: Mapping[str, Any],
        dropped: Collection[str],
        maps: Callable[[Record], Iterable[RecordMessage]] | None,
    ) -> None:
        self._config = BatchConfig.from_dict(dict(config))
        self._prefix = f"{self._config.storage.prefix or ''}{prefix}-{uuid.uuid4().hex}"
        self._numbers = count(1)
        self._schemas = schemas
        self._version = version
        self._own = {} if version is None else {VERSION: version}
        self._added = encoder.encode({**added, **self._own})[1:-1]
        self._dropped = dropped
        self._maps = maps
        self.by_text = maps is None
        with self._explained("opened"):
            self._system, self._folder = fsspec.url_to_fs(self._config.storage.root, **self._config.storage.params)

    def of_rows(self, found: Found) -> Iterator[tuple[bytes, int]]:
        """Write files of rows that go out by their text, and yield their messages and how many rows they have.

        Args:
            found: the rows.

        Raises:
            BatchError: if a file can't be written.
        """
        texts: Sequence[Any] = found.texts or ()
        if self._added:
            tail = b"," + self._added + b"}"
            texts = [b"".join((memoryview(text)[:-1], tail)) for text in texts]
        (alias,) = self._schemas
        yield self._written({alias: texts})

    def of_records(self, records: Sequence[Record]) -> Iterator[tuple[bytes, int]]:
        """Write files of records, and yield their messages and how many rows they have: with stream maps, other ones.

        Args:
            records: the records, with the columns that are added.

        Raises:
            BatchError: if a file can't be written.
            StreamMapError: if an expression fails on a record.
        """
        texts: dict[str, list[bytes]] = defaultdict(list)
        if self._maps:
            for message in chain.from_iterable(map(self._maps, records)):
                texts[message.stream].append(encoder.encode(message.record | self._own))
            yield self._written(texts)
            return
        for name in self._dropped:
            for record in records:
                record.pop(name, None)
        (alias,) = self._schemas
        yield self._written({alias: [encoder.encode(record | self._own) for record in records]})

    def _written(self, texts: Mapping[str, Sequence[Any]]) -> tuple[bytes, int]:
        """Write files of the rows of each name, and return their messages and how many rows these have."""
        size = self._config.batch_size
        messages = b"".join(
            self._message(alias, [self._put(alias, rows[first : first + size])])
            for alias, rows in texts.items()
            for first in range(0, len(rows), size)
        )
        return messages, sum(map(len, texts.values()))

    def _message(self, alias: str, manifest: list[str]) -> bytes:
        message = SDKBatchMessage(alias, self._config.encoding, manifest, self._version)
        return encoder.encode(message.to_dict()) + b"\n"

    def _put(self, alias: str, texts: Sequence[Any]) -> str:
        """Write a file so that it is there whole or not at all, where the file system can; return its address."""
        ending, content = self._content(alias, texts)
        name = f"{self._prefix}-{next(self._numbers):06}.{ending}"
        path = f"{self._folder.rstrip('/')}/{name}"
        with self._explained("written"):
            self._system.makedirs(path.rpartition("/")[0], exist_ok=True)
            if isinstance(self._system, LocalFileSystem):
                self._system.pipe_file(f"{path}.tmp", content)
                self._system.mv(f"{path}.tmp", path)
            else:
                self._system.pipe_file(path, content)
        root = self._config.storage.root
        return f"{root.rstrip('/')}/{name}" if "://" in root else str(self._system.unstrip_protocol(path))

    def _content(self, alias: str, texts: Sequence[Any]) -> tuple[str, bytes]:
        """Return how a file's name ends, and what it holds."""
        lines = b"\n".join(texts) + b"\n"
        compression = self._config.encoding.compression
        if self._config.encoding.format == BatchFileFormat.PARQUET:
            schema = self._schemas[alias]["properties"] | {name: {"type": "integer"} for name in self._own}
            try:
                return "parquet", parquet(lines, schema, compression)
            except Unfit as exc:
                cure = "Set the format of `batch_config` to jsonl, or leave that column out."
                raise BatchError(f"{alias}: parquet can't hold its rows: {exc}. {cure}") from exc
        return ("jsonl.gz", gzip.compress(lines, _LEVEL)) if compression == "gzip" else ("jsonl", lines)

    @contextmanager
    def _explained(self, done: str) -> Iterator[None]:
        """Tell in a sentence what goes wrong in a file system, each of which has exceptions of its own."""
        try:
            yield
        except Exception as exc:
            shown = _SIGN_IN.sub("//", self._config.storage.root)
            said = _SIGN_IN.sub("//", str(exc)) or type(exc).__name__
            raise BatchError(
                f"a batch file in {shown} (`batch_config`, storage, root) can't be {done}: {said}. The bookmark stands "
                "before its rows: mend it, and run again."
            ) from exc
