"""Airbyte's messages, as lines of JSON."""

from __future__ import annotations

import time
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from airbyte_protocol_dataclasses.models import (
    AirbyteErrorTraceMessage,
    AirbyteMessage,
    AirbyteRecordMessage,
    AirbyteStateMessage,
    AirbyteStateStats,
    AirbyteStateType,
    AirbyteStreamState,
    AirbyteStreamStatusTraceMessage,
    AirbyteTraceMessage,
    StreamDescriptor,
    TraceType,
    Type,
)
from singer_sdk.contrib.msgspec import enc_hook

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airbyte_protocol_dataclasses.models import AirbyteStreamStatus, FailureType

ENCODER = msgspec.json.Encoder(enc_hook=enc_hook, decimal_format="number")


def now() -> int:
    """Return the time in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def line(message: AirbyteMessage) -> bytes:
    """Return a message as a line; what it does not say is left out, since the platform takes no nulls there."""
    return ENCODER.encode(_said(message)) + b"\n"


def record(stream: str, data: dict[str, Any]) -> AirbyteMessage:
    """Return the message of a row.

    Args:
        stream: the stream's name.
        data: the row.
    """
    return AirbyteMessage(type=Type.RECORD, record=AirbyteRecordMessage(stream=stream, data=data, emitted_at=now()))


def state(stream: str, bookmark: Mapping[str, Any], records: int) -> AirbyteMessage:
    """Return the message of how far a stream has come.

    Args:
        stream: the stream's name.
        bookmark: its part of Singer's STATE.
        records: rows since its last such message.
    """
    blob: Any = bookmark  # The model of it has no fields: it may be anything.
    said = AirbyteStateMessage(
        type=AirbyteStateType.STREAM,
        stream=AirbyteStreamState(StreamDescriptor(stream), blob),
        sourceStats=AirbyteStateStats(recordCount=float(records)),
    )
    return AirbyteMessage(type=Type.STATE, state=said)


def status(stream: str, reached: AirbyteStreamStatus) -> AirbyteMessage:
    """Return the message of what becomes of a stream.

    Args:
        stream: the stream's name.
        reached: what.
    """
    said = AirbyteStreamStatusTraceMessage(StreamDescriptor(stream), reached)
    return _trace(TraceType.STREAM_STATUS, stream_status=said)


def error(message: str, kind: FailureType, *, stream: str = "", internal: str = "", trace: str = "") -> AirbyteMessage:
    """Return the message of what went wrong.

    Args:
        message: a sentence for the user.
        kind: whose it is to mend, which decides whether the platform tries again.
        stream: the stream's name; empty where it is not a single one's.
        internal: what developers should know.
        trace: where it happened.
    """
    said = AirbyteErrorTraceMessage(
        message=message,
        internal_message=internal or None,
        stack_trace=trace or None,
        failure_type=kind,
        stream_descriptor=StreamDescriptor(stream) if stream else None,
    )
    return _trace(TraceType.ERROR, error=said)


def _trace(kind: TraceType, **said: Any) -> AirbyteMessage:  # noqa: ANN401
    return AirbyteMessage(type=Type.TRACE, trace=AirbyteTraceMessage(type=kind, emitted_at=float(now()), **said))


def _said(value: Any) -> Any:  # noqa: ANN401
    """Return a model as dictionaries without what is None; rows, schemas and states stay as they are."""
    if is_dataclass(value):
        said = {field.name: getattr(value, field.name) for field in fields(value)}
        return {name: _said(one) for name, one in said.items() if one is not None}
    return [_said(one) for one in value] if isinstance(value, list) else value
