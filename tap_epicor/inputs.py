"""The files of `--catalog` and `--state`: what is wrong with them is told before the first request."""

from __future__ import annotations

import io
from typing import IO, TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class InputError(ValueError):
    """A catalog or a state that can't be used, with what to do."""


def catalog_file(file: IO[str] | None) -> IO[str] | None:
    """Return the file of `--catalog` for the SDK to read.

    Raises:
        InputError: if it holds no catalog.
    """
    return _checked(file, "--catalog", _wrong_with_catalog, "Run --discover again.")


def state_file(file: IO[str] | None) -> IO[str] | None:
    """Return the file of `--state` for the SDK to read.

    Raises:
        InputError: if it holds no state.
    """
    cure = "Give the value of the last STATE message, or leave `--state` away to read everything."
    return _checked(file, "--state", _wrong_with_state, cure)


def _checked(
    file: IO[str] | None,
    option: str,
    wrong: Callable[[Any], Iterator[str]],
    cure: str,
) -> IO[str] | None:
    if file is None:
        return None
    try:
        text = file.read().removeprefix("\ufeff")
        content = msgspec.json.decode(text)
    except (ValueError, RecursionError) as exc:
        said = "not text in UTF-8" if isinstance(exc, UnicodeError) else str(exc)
        raise InputError(f"The file of `{option}` is not JSON: {said}. {cure}") from exc
    if said := next(wrong(content), ""):
        raise InputError(f"The file of `{option}` can't be used: {said}. {cure}")
    return io.StringIO(text)


def _wrong_with_catalog(catalog: Any) -> Iterator[str]:  # noqa: ANN401
    if not isinstance(catalog, dict):
        yield "it is no JSON object"
    elif not _are_objects(catalog.get("streams")):
        yield "its `streams` is no list of objects"
    else:
        for entry in catalog["streams"]:
            yield from _wrong_with_entry(entry)


def _wrong_with_entry(entry: dict[str, Any]) -> Iterator[str]:
    name = entry.get("tap_stream_id")
    if not isinstance(name, str) or not name:
        yield "a stream in it has no `tap_stream_id`"
    if entry.get("stream") not in (None, name):
        yield f"the stream {name!r} has another name in `stream`"
    schema = entry.get("schema")
    if not isinstance(schema, dict) or "properties" not in schema or not _is_schema(schema):
        yield f"the stream {name!r} has no `schema` with `properties`"
    metadata = entry.get("metadata", [])
    if not _are_objects(metadata) or not all(map(_is_metadata, metadata)):
        yield f"the `metadata` of the stream {name!r} is no list of objects with `breadcrumb` and `metadata`"


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


def _is_metadata(item: dict[str, Any]) -> bool:
    place = item.get("breadcrumb")
    return (
        isinstance(place, list)
        and all(isinstance(name, str) for name in place)
        and isinstance(item.get("metadata"), dict)
    )


def _is_schema(schema: object) -> bool:
    """Return whether the SDK can read it: the parts of an object, and of a list, are schemas too."""
    if not isinstance(schema, dict):
        return False
    properties, items = schema.get("properties", {}), schema.get("items")
    types = schema.get("type", [])
    if not isinstance(types, str) and not (isinstance(types, list) and all(isinstance(one, str) for one in types)):
        return False
    return (
        isinstance(properties, dict)
        and (items is None or _is_schema(items))
        and all(map(_is_schema, properties.values()))
    )


def _are_objects(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)
