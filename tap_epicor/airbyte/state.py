"""The states that Airbyte kept, as Singer's."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tap_epicor.inputs import InputError, state_file

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

WRITTEN: Final = "written"
"""Word in a stream's state for the rows of the sync so far."""

_CURE: Final = "Give the STATE messages of the last run as a list, or leave `--state` away to read everything."


class _Descriptor(msgspec.Struct):
    name: str


class _Stream(msgspec.Struct):
    stream_descriptor: _Descriptor
    stream_state: dict[str, Any] | None = None


class _State(msgspec.Struct):
    """A state message as it comes back: the library's model of it keeps nothing of `stream_state`."""

    type: str | None = None
    stream: _Stream | None = None


def singer_state(path: Path | None, incremental: Collection[str]) -> dict[str, Any]:
    """Return the state of a file as the tap reads it.

    Args:
        path: the file; None for none.
        incremental: names of the streams whose state counts; the others are read whole.

    Raises:
        InputError: if it holds no states, or not those of streams.
    """
    if path is None:
        return {}
    try:
        text = path.read_bytes()
        # Before there were states of streams, an empty one was an empty object.
        states = [] if text.strip() in (b"", b"{}", b"null") else msgspec.json.decode(text, type=list[_State])
    except OSError as exc:
        raise InputError(f"The file of `--state` can't be read: {exc.strerror}.") from exc
    except (msgspec.DecodeError, RecursionError) as exc:
        raise InputError(f"The file of `--state` holds no states: {exc}. {_CURE}") from exc
    if any(one.stream is None for one in states):
        raise InputError(f"The file of `--state` holds a state that is no stream's. {_CURE}")
    streams = [one.stream for one in states if one.stream]
    bookmarks = {
        one.stream_descriptor.name: {name: value for name, value in one.stream_state.items() if name != WRITTEN}
        for one in streams
        if one.stream_state and one.stream_descriptor.name in incremental
    }
    checked = state_file(io.TextIOWrapper(io.BytesIO(msgspec.json.encode({"bookmarks": bookmarks}))))
    state: dict[str, Any] = json.load(checked) if checked else {}
    return state
