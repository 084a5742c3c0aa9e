"""The tap as Airbyte's source: the same streams, which also say what becomes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airbyte_protocol_dataclasses.models import AirbyteStreamStatus, FailureType

from tap_epicor.airbyte import messages
from tap_epicor.airbyte.failures import failure_type, of_all
from tap_epicor.airbyte.state import WRITTEN
from tap_epicor.airbyte.writer import AirbyteLines, AirbyteWriter
from tap_epicor.streams.reckoning import Run
from tap_epicor.streams.stopping import Stopped
from tap_epicor.streams.stream import EpicorStream
from tap_epicor.tap import EpicorTap

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from singer_sdk.helpers.types import Context

    from tap_epicor.streams.reckoning import Reckoning

_ENDS = (AirbyteStreamStatus.COMPLETE, AirbyteStreamStatus.INCOMPLETE)


class SourceRun(Run):
    """A run that remembers of which kind its failures are."""

    def __init__(self) -> None:
        super().__init__()
        self._kinds: dict[str, FailureType] = {}

    def failed(self, reckoning: Reckoning, error: Exception) -> None:
        """Say that a stream failed.

        Args:
            reckoning: the stream's.
            error: why.
        """
        self._kinds[reckoning.name] = failure_type(error)
        super().failed(reckoning, error)

    def kind(self, reckoning: Reckoning) -> FailureType:
        """Return of which kind a stream's failure is.

        Args:
            reckoning: the stream's.
        """
        return self._kinds.get(reckoning.name, FailureType.system_error)

    @property
    def kinds(self) -> FailureType:
        """Of which kind the failures are together."""
        return of_all(self.kind(one) for one in self.reckonings if one.outcome not in {"complete", "not read"})


class SourceStream(EpicorStream):
    """A stream that writes its own state, and says what becomes of it."""

    lines_class = AirbyteLines
    _writer: AirbyteWriter
    _run: SourceRun
    _said = b""
    _counted = 0
    reached: AirbyteStreamStatus | None = None
    """The status that it has reached; None before it begins."""

    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> Generator[dict[str, Any], Any, Any]:
        """Read the stream, and say what became of it."""
        self.tell(AirbyteStreamStatus.STARTED)
        yield from super()._sync_records(context, write_messages=write_messages)
        self._write_state_now()
        left = [one for one in self._run.reckonings if one.stream == self.name and one.outcome != "complete"]
        for one in left:
            if one.notes:
                said = f"{one.name} is {one.outcome}: {' '.join(one.notes)}"
                self._writer.write_message(messages.error(said, self._run.kind(one), stream=self.name))
        self.tell(AirbyteStreamStatus.INCOMPLETE if left else AirbyteStreamStatus.COMPLETE)

    def tell(self, reached: AirbyteStreamStatus) -> None:
        """Say what has become of the stream.

        Args:
            reached: what.
        """
        self.reached = reached
        self._writer.write_message(messages.status(self.name, reached))

    def _write(self, lines: Iterable[tuple[bytes, int]]) -> None:
        if self.reached is AirbyteStreamStatus.STARTED:
            self.tell(AirbyteStreamStatus.RUNNING)
        super()._write(lines)

    def _activate(self) -> None:
        """Leave the rows of syncs before to the platform, which keeps them where a stream is not complete."""

    def _write_state_message(self) -> None:
        """Write the stream's own part of the state, with the number of rows since the last time.

        The platform takes no state twice in a row. Where rows come and the bookmark stays, their number is another.
        """
        if self.state_manager.is_flushed or self.reached in _ENDS:
            return
        self.state_manager.is_flushed = True
        records = self._writer.records
        state = {**self.stream_state, WRITTEN: records}
        if (said := messages.ENCODER.encode(state)) != self._said:
            self._writer.write_message(messages.state(self.name, state, records - self._counted))
            self._said, self._counted = said, records


class EpicorSource(EpicorTap):
    """Copies Epicor Kinetic and ERP 10.2 in Airbyte's protocol."""

    name = "source-epicor"
    message_writer_class = AirbyteWriter
    message_writer: AirbyteWriter
    stream_class = SourceStream
    run_class = SourceRun
    run: SourceRun

    def sync_all(self) -> None:  # type: ignore[misc]  # as in the tap
        """Read all streams, and say what became of each.

        Raises:
            RunIncomplete: if a stream is not complete.
            Stopped: if the run was told to end.
        """
        try:
            super().sync_all()
        except Stopped:
            for stream in self.streams.values():
                if isinstance(stream, SourceStream) and stream.reached not in {None, *_ENDS}:
                    stream.tell(AirbyteStreamStatus.INCOMPLETE)
            raise
