"""Streams side by side: the next one begins as soon as a connection is free."""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from singer_sdk import Stream

    from tap_epicor.kinetic.readers import Readers
    from tap_epicor.streams.pen import Pen


def sync(streams: Iterable[Stream], readers: Readers, pen: Pen) -> None:
    """Sync streams, as many at once as there are connections.

    Args:
        streams: the streams, in the order they begin in.
        readers: places of those who read.
        pen: what each holds while it does not wait.

    Raises:
        BaseException: what ended one of them, and so the run: the others end with it.
    """
    ends: SimpleQueue[BaseException | None] = SimpleQueue()

    def run(stream: Stream) -> None:
        end = None
        try:
            with pen.held():
                stream.sync()
                stream.finalize_state_progress_markers()
        except BaseException as exc:  # noqa: BLE001 - raised again below
            end = exc
        ends.put(end)
        readers.leave()

    under_way = 0
    try:
        for stream in streams:
            readers.enter()
            while not ends.empty():
                under_way -= 1
                _raise(ends.get())
            threading.Thread(target=run, args=(stream,), name=stream.name, daemon=True).start()
            under_way += 1
        for _ in range(under_way):
            _raise(ends.get())
    except BaseException:
        pen.take_for_good()
        raise


def _raise(end: BaseException | None) -> None:
    if end is not None:
        raise end
