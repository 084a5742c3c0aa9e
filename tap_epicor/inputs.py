"""The files of `--catalog` and `--state`: what is wrong with them is told before the first request."""

from __future__ import annotations

import codecs
import io
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from tap_epicor.streams.definition import METADATA_KEY, is_selected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import IO, TextIO

_T = TypeVar("_T")


class InputError(ValueError):
    """A catalog or a state that can't be used, with what to do."""


class _Unfit(Exception):
    """JSON that is not what it should be, with the reason."""


class _Words(msgspec.Struct, rename="kebab", omit_defaults=True, gc=False):
    """What is said of a stream or a column."""

    selected: Any = None
    selected_by_default: Any = None
    epicor: Any = msgspec.field(default=None, name=METADATA_KEY)


class _Item(msgspec.Struct, gc=False):
    breadcrumb: list[str]
    metadata: _Words


class _Part(msgspec.Struct, kw_only=True, gc=False):
    """A schema as far as the SDK reads it: the parts of an object, and of a list, are schemas too."""

    type: str | list[str] = ""
    properties: dict[str, _Part] = {}
    items: _Part | None = None


class _Schema(_Part, kw_only=True):
    properties: dict[str, _Part]


class _Entry(msgspec.Struct):
    tap_stream_id: Any = None
    stream: Any = None
    schema: msgspec.Raw = msgspec.Raw(b"null")
    metadata: msgspec.Raw = msgspec.Raw(b"[]")


class _Catalog(msgspec.Struct):
    streams: list[msgspec.Raw]


def catalog_file(file: TextIO | None) -> IO[str] | None:
    """Return the file of `--catalog` for the SDK to read, the streams in it that are not selected cut short.

    A whole tenant's catalog is of some 40 MB, and nearly all of it the schemas of streams that nobody reads.

    Args:
        file: the file, of which the bytes are read.

    Raises:
        InputError: if it holds no catalog.
    """
    return _checked(file, "--catalog", _shortened, "Run --discover again.")


def state_file(file: TextIO | None) -> IO[str] | None:
    """Return the file of `--state` for the SDK to read.

    Args:
        file: the file, of which the bytes are read.

    Raises:
        InputError: if it holds no state.
    """
    cure = "Give the value of the last STATE message, or leave `--state` away to read everything."
    return _checked(file, "--state", _state, cure)


def shard_state_file(file: TextIO) -> IO[str] | None:
    """Return the file of the state that a shard ended with; None where it is empty, since the shard never told one.

    Args:
        file: the file, of which the bytes are read.

    Raises:
        InputError: if it holds no state.
    """
    if not file.buffer.peek(1):  # type: ignore[attr-defined]  # click opens files for buffered reading
        return None
    cure = (
        "Give the last state that the shard's loader told, or leave the file away: the shard counts as not done then."
    )
    return _checked(file, file.name, _state, cure)


def _checked(file: TextIO | None, option: str, read: Callable[[bytes], bytes], cure: str) -> IO[str] | None:
    if file is None:
        return None
    text = file.buffer.read().removeprefix(codecs.BOM_UTF8)
    try:
        return io.StringIO(read(text).decode())
    except _Unfit as exc:
        raise InputError(f"The file of `{option}` can't be used: {exc}. {cure}") from exc
    except (ValueError, RecursionError) as exc:
        said = str(exc) if _is_utf8(text) else "not text in UTF-8"
        raise InputError(f"The file of `{option}` is not JSON: {said}. {cure}") from exc


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeError:
        return False
    return True


def _shortened(text: bytes) -> bytes:
    said = "it is no JSON object" if not text.lstrip().startswith(b"{") else "its `streams` is no list of objects"
    catalog = _decoded(text, _Catalog, said)
    return b'{"streams": [' + b",".join(map(_shortened_entry, catalog.streams)) + b"]}"


def _shortened_entry(text: msgspec.Raw) -> bytes | memoryview:
    """Return an entry, or what a run must know of it where it is not selected: what it reads."""
    entry = _decoded(text, _Entry, "its `streams` is no list of objects")
    name = entry.tap_stream_id
    if not isinstance(name, str) or not name:
        raise _Unfit("a stream in it has no `tap_stream_id`")
    if entry.stream not in (None, name):
        raise _Unfit(f"the stream {name!r} has another name in `stream`")
    _decoded(entry.schema, _Schema, f"the stream {name!r} has no `schema` with `properties`")
    said = f"the `metadata` of the stream {name!r} is no list of objects with `breadcrumb` and `metadata`"
    items = _decoded(entry.metadata, list[_Item], said)
    short = {"tap_stream_id": name, "metadata": [msgspec.to_builtins(item) for item in items if not item.breadcrumb]}
    return memoryview(text) if is_selected(short) else msgspec.json.encode(short)


def _decoded(text: bytes | msgspec.Raw, into: type[_T], said: str) -> _T:
    try:
        return msgspec.json.decode(text, type=into)
    except msgspec.ValidationError as exc:
        raise _Unfit(said) from exc


def _state(text: bytes) -> bytes:
    if said := next(_wrong_with_state(msgspec.json.decode(text)), ""):
        raise _Unfit(said)
    return text


def _wrong_with_state(state: Any) -> Iterator[str]:  # noqa: ANN401
    if not isinstance(state, dict):
        yield "it is no JSON object"
        return
    bookmarks = state.get("bookmarks", {})
    if not isinstance(bookmarks, dict):
        yield "its `bookmarks` is no object"
        return
    for name, bookmark in bookmarks.items():
        if not isinstance(bookmark, dict):
            yield f"the bookmark of {name!r} is no object"
        elif not _are_objects(bookmark.get("partitions", [])):
            yield f"the `partitions` of the bookmark of {name!r} is no list of objects"
        elif not all(isinstance(part.get("context"), dict) for part in bookmark.get("partitions", [])):
            yield f"a partition of the bookmark of {name!r} has no `context`"


def _are_objects(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)
