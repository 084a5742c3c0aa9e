"""Where the keys of rows that a loader holds are kept from run to run.

For each stream and company:

- `{company}.keys`: the keys known when the last sweep ended.
- `{company}.notes/`: a file for each page of rows that was sent since then, written before they are sent. Because of
  them a row that comes and goes between two sweeps, or that a killed run has sent, is deleted as well.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import tempfile
import uuid
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final
from urllib.parse import quote

import fsspec
from fsspec.implementations.local import LocalFileSystem

from tap_epicor.streams.key_file import DamagedFile, Head, KeyFile, KeyWriter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from logging import Logger, LoggerAdapter

    from tap_epicor.streams.key_file import Key

_TOGETHER: Final = 100
"""Notes fetched in one go."""
_IN_MEMORY: Final = 8 << 20
_SIGN_IN: Final = re.compile(r"//[^/@]*@")


class KeyStoreError(Exception):
    """A key store that can't be read or written, with what to do."""


class KeyStore:
    """The known keys of one stream in one company.

    Args:
        address: the setting `key_store`.
        stream: the stream.
        head: which rows the keys are of.
        logger: for what is damaged or of no use any more.

    Raises:
        KeyStoreError: if there is no file system for such an address.
    """

    def __init__(self, address: str, stream: str, head: Head, logger: Logger | LoggerAdapter[Logger]) -> None:
        self._shown = _SIGN_IN.sub("//", address)
        self._name = f"{stream} ({head.company})" if head.company else stream
        self.head = head
        self._logger = logger
        self._run = uuid.uuid4().hex
        self._notes = 0
        self._taken: list[str] = []
        self._said_other = False
        with self._explained("opened"):
            self._system, root = fsspec.url_to_fs(address)
        self._path = "/".join([root.rstrip("/"), quote(stream, safe=""), f"{quote(head.company, safe='')}.keys"])
        self._folder = self._path.removesuffix("keys") + "notes"

    def note(self, keys: Sequence[Key]) -> None:
        """Keep the keys of rows that are about to be sent; they are kept when this returns.

        Raises:
            KeyStoreError: if they can't be.
        """
        with io.BytesIO() as file:
            writer = KeyWriter(file, self.head)
            writer.add(keys)
            writer.close()
            self._notes += 1
            self._put(file, f"{self._folder}/{self._run}-{self._notes:06}")

    def last(self) -> KeyFile | None:
        """Return the keys of the last sweep; None where there was none, or they are of no use.

        Raises:
            KeyStoreError: if the store can't be read.
        """
        with self._explained("read"):
            if not self._system.exists(self._path):
                return None
            # Removed with its last reader.
            file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115
            with self._system.open(self._path, "rb") as kept:
                shutil.copyfileobj(kept, file)
        return self._usable(file, self._path)

    def notes(self) -> Iterator[list[Key]]:
        """Yield the keys that were noted since the last sweep.

        Raises:
            KeyStoreError: if the store can't be read.
        """
        with self._explained("read"):
            self._system.invalidate_cache()
            self._taken = self._system.ls(self._folder, detail=False) if self._system.exists(self._folder) else []
        paths = iter([path for path in self._taken if not path.endswith(".tmp")])
        while some := list(islice(paths, _TOGETHER)):
            with self._explained("read"):
                contents = self._system.cat(some)
            for path in some:
                file = self._usable(io.BytesIO(contents[path]), path)
                for _, keys in file.blocks() if file else ():
                    yield keys

    def replace(self, file: IO[bytes]) -> None:
        """Put the keys that are known now in place of those of the last sweep and of the notes that were read.

        Args:
            file: a file of keys, which replaces the last one at once: whoever is killed meanwhile leaves the one or
                the other.

        Raises:
            KeyStoreError: if it can't be written.
        """
        self._put(file, self._path)
        with self._explained("tidied"):
            for start in range(0, len(self._taken), _TOGETHER):
                self._system.rm(self._taken[start : start + _TOGETHER])
        self._taken = []

    def _usable(self, file: IO[bytes], path: str) -> KeyFile | None:
        """Return a file's keys; None, and a warning, where they can't be relied upon."""
        try:
            keys = KeyFile(file)
        except DamagedFile as exc:
            self._logger.warning("%s: of %s in the key store %s: its keys are lost.", self._name, path, exc)
            return None
        if not keys.is_of(self.head) and not self._said_other:
            self._said_other = True
            self._logger.warning(
                "%s: the key store holds keys of another server, company, key or filter than today's: they are not "
                "used, and rows that are gone since then stay in the loader.",
                self._name,
            )
        return keys if keys.is_of(self.head) else None

    def _put(self, file: IO[bytes], path: str) -> None:
        """Write a file so that it is there whole or not at all."""
        file.seek(0)
        with self._explained("written"):
            if isinstance(self._system, LocalFileSystem):
                _put_locally(file, Path(path))
            else:
                self._system.makedirs(path.rpartition("/")[0], exist_ok=True)
                with self._system.transaction, self._system.open(path, "wb") as target:
                    shutil.copyfileobj(file, target)

    @contextmanager
    def _explained(self, done: str) -> Iterator[None]:
        """Tell in a sentence what goes wrong in a file system, each of which has exceptions of its own."""
        try:
            yield
        except Exception as exc:
            said = _SIGN_IN.sub("//", str(exc)) or type(exc).__name__
            raise KeyStoreError(
                f"{self._name}: `key_store` {self._shown} can't be {done}: {said}. No row was sent whose key is not "
                "kept: mend it, and run again."
            ) from exc


def _put_locally(file: IO[bytes], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.tmp")
    with temporary.open("wb") as target:
        shutil.copyfileobj(file, target)
        target.flush()
        os.fsync(target.fileno())
    temporary.replace(path)
    if os.name == "posix":
        handle = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
