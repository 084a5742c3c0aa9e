"""What columns hold, in the server's words: asked for in discovery, and kept from one to the next."""

from __future__ import annotations

import logging
import os
import tempfile
import threading
import time
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zlib import crc32

import msgspec
import platformdirs

from tap_epicor.kinetic.errors import KineticError
from tap_epicor.kinetic.openapi import cleaned, read_openapi

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_epicor.kinetic.client import Kinetic
    from tap_epicor.kinetic.metadata import EntityType

    Texts = dict[str, dict[str, str]]

logger = logging.getLogger(__name__)

KEPT_FOR: Final = 30 * 24 * 3600
"""Seconds after which a service is asked again whose columns are as they were."""
MOST_FAILURES: Final = 3
"""Services in a row that give no document, after which no more are asked for one."""
LONGEST_DOCUMENT: Final = 32 << 20
"""Bytes of a document beyond which it is refused; those of Kinetic have some MB."""
_AT_ONCE: Final = 4
"""Documents in memory at once, at the most."""
_VALIDATORS: Final = {"ETag": "If-None-Match", "Last-Modified": "If-Modified-Since"}


class _Kept(msgspec.Struct):
    """A file of the cache.

    Attributes:
        place: stands for the address of the document and the company, so that no other's is taken for it.
        columns: stands for the columns of the service when it was read.
        asked: seconds of the epoch.
        conditions: headers that ask whether it has changed since.
        texts: the descriptions by column, by set.
    """

    place: str
    columns: int
    asked: float
    conditions: dict[str, str]
    texts: dict[str, dict[str, str]]


class Descriptions:
    """Adds descriptions to the columns of services; failing to get them is said once, and stops nothing.

    Args:
        kinetic: the client.
        company: a company that the account may read.
    """

    def __init__(self, kinetic: Kinetic, company: str) -> None:
        self._kinetic = kinetic
        self._company = company
        self._folder: Path | None = Path(platformdirs.user_cache_dir("tap-epicor")) / "descriptions"
        self._lock = threading.Lock()
        self._room = threading.Semaphore(_AT_ONCE)
        self._in_a_row = self._failures = self._asked = self._columns = self._described = 0
        self._first: KineticError | None = None

    def complete(self, service: str, types: dict[str, EntityType]) -> dict[str, EntityType]:
        """Return the types of a service's sets with descriptions, as far as they can be had.

        Args:
            service: its name.
            types: the types by set.
        """
        texts = self._texts(service, types)
        completed = {name: _described(entity, texts.get(name, {})) for name, entity in types.items()}
        with self._lock:
            columns = [column for entity in completed.values() for column in entity.columns.values()]
            self._columns += len(columns)
            self._described += sum(1 for column in columns if column.description)
        return completed

    def tell(self) -> None:
        """Say what came of it."""
        said = f"{self._described} of {self._columns} columns have a description."
        if self._first is None:
            logger.info("%s", said)
            return
        ended = " No more were asked for." if self._in_a_row >= MOST_FAILURES else ""
        logger.warning(
            "%s They could not be had of %d of the %d services asked for them: %s%s All else is as without.",
            said,
            self._failures,
            self._asked,
            self._first,
            ended,
        )

    def _texts(self, service: str, types: Mapping[str, EntityType]) -> Texts:
        path = self._kinetic.dialect.openapi(service)
        place = sha256(f"{self._kinetic.base_url}/{path} {self._company}".encode()).hexdigest()
        kept = self._kept(place)
        columns = _stand_in(types)
        if kept and kept.columns == columns and 0 <= time.time() - kept.asked < KEPT_FOR:
            return kept.texts
        with self._room:
            fresh = self._attempt(path, place, types, kept if kept and kept.columns == columns else None)
        if fresh is None:
            return kept.texts if kept else {}
        self._keep(fresh)
        return fresh.texts

    def _attempt(self, path: str, place: str, types: Mapping[str, EntityType], before: _Kept | None) -> _Kept | None:
        """Return the descriptions of a service as they are today; None where they can't be had."""
        with self._lock:
            if self._in_a_row >= MOST_FAILURES:
                return None
            self._asked += 1
        try:
            fresh = self._ask(path, place, types, before)
        except KineticError as exc:
            with self._lock:
                exc.cure, exc.path = "", exc.path or path
                self._first = self._first or exc
                self._failures += 1
                self._in_a_row += 1
            return None
        with self._lock:
            self._in_a_row = 0
        return fresh

    def _ask(self, path: str, place: str, types: Mapping[str, EntityType], before: _Kept | None) -> _Kept:
        """Return the descriptions of a service as they are today.

        Raises:
            KineticError: if they can't be had.
        """
        conditions = before.conditions if before else {}
        answer = self._kinetic.get_if_changed(path, conditions, company=self._company, longest=LONGEST_DOCUMENT)
        if answer is None and before:
            return msgspec.structs.replace(before, asked=time.time())
        body, headers = answer or (b"", {})
        texts = read_openapi(body, types)
        conditions = {asks: headers[says] for says, asks in _VALIDATORS.items() if headers.get(says)}
        return _Kept(place, _stand_in(types), time.time(), conditions, texts)

    def _file(self, place: str) -> Path | None:
        return self._folder and self._folder / f"{place[:40]}.json"

    def _kept(self, place: str) -> _Kept | None:
        """Return what is kept of a service; None where nothing is, or where it is damaged."""
        file = self._file(place)
        if file is None:
            return None
        try:
            kept = msgspec.json.decode(file.read_bytes(), type=_Kept)
        except FileNotFoundError:
            return None
        except OSError as exc:
            self._do_without(exc)
            return None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
            logger.warning("The kept descriptions in %s are damaged (%s), and asked for anew.", file, exc)
            return None
        return kept if kept.place == place else None

    def _keep(self, fresh: _Kept) -> None:
        """Write a file of the cache whole, or leave it as it was."""
        file = self._file(fresh.place)
        if file is None:
            return
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            handle, draft = tempfile.mkstemp(dir=file.parent, prefix=".")
            try:
                with os.fdopen(handle, "wb") as content:
                    content.write(msgspec.json.encode(fresh))
                Path(draft).replace(file)
            finally:
                Path(draft).unlink(missing_ok=True)
        except OSError as exc:
            self._do_without(exc)

    def _do_without(self, exc: OSError) -> None:
        with self._lock:
            folder, self._folder = self._folder, None
        if folder:
            logger.info("Column descriptions are not kept, since %s can't be used: %s.", folder, exc.strerror or exc)


def _described(entity: EntityType, texts: Mapping[str, str]) -> EntityType:
    """Return a type with the descriptions of its columns; what was kept is cleaned again, since files can be edited."""
    clean = {name: cleaned(text, name) for name, text in texts.items() if name in entity.columns}
    columns = {name: replace(one, description=clean.get(name, "")) for name, one in entity.columns.items()}
    return replace(entity, columns=columns)


def _stand_in(types: Mapping[str, EntityType]) -> int:
    """Return a number that changes with the sets and columns of a service."""
    return crc32(" ".join(word for name, entity in types.items() for word in (name, *entity.columns)).encode())
