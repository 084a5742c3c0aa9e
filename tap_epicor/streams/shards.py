"""A share of a load that several machines do: which streams and companies, and which ranges of their keys.

`tap-epicor plan --shards` makes shards. Each is read like any load, with a state of its own, and may be read again: its
rows replace those with the same keys. When all are done, `tap-epicor merge-states` makes one state of theirs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from tap_epicor.kinetic.query import all_of
from tap_epicor.streams.bookmark import CONDITION, VALUE

if TYPE_CHECKING:
    from tap_epicor.stream_settings import StreamSettings

Kind = TypeVar("Kind")

DONE: Final = "shard"
"""Name under which STATE says which shard was read to its end."""


class ShardError(ValueError):
    """A file that is no shard or no plan, or states that don't make up one, with what to do."""


class Read(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """What a shard reads of a stream in a company.

    Attributes:
        stream: the stream's name.
        company: company id, empty for the account's own.
        rows: about how many rows that is.
        range: condition that the rows of the range meet; None for all of them.
        high: the bookmark that the load of all ranges ends with: the highest value of the cursor when it was planned.
        at: when that was, in seconds since 1970.
        bookmark: the stream's state before, where it is not in the state that the run is given.
    """

    stream: str
    company: str
    rows: int
    range: str | None = None
    high: int | str | None = None
    at: int | None = None
    bookmark: dict[str, Any] | None = None


class Shard(msgspec.Struct, forbid_unknown_fields=True):
    """A share of a load.

    Attributes:
        plan: what tells this plan from others.
        shard: its number, from 1.
        of: how many there are.
        reads: what it reads.
    """

    plan: str
    shard: int
    of: int
    reads: list[Read]

    @property
    def label(self) -> str:
        """What STATE says of a read that came to its end in this shard."""
        return f"shard {self.shard} of {self.of}, {self.plan}"

    def condition(self, other: str | None) -> str:
        """Return what restricts the rows: a bookmark of a shard is of no use anywhere else.

        Args:
            other: what restricts them besides; None for nothing.
        """
        return f"{other} & {self.label}" if other else self.label

    def was_read(self, stream: str, company: str, state: dict[str, Any]) -> bool:
        """Return whether a range was read to its end before: its bookmark stays where that of all ranges is.

        Args:
            stream: the stream's name.
            company: company id.
            state: the part of STATE that belongs to them.
        """
        return state.get(DONE) == self.label and self.read(stream, company).range is not None

    def companies(self, stream: str) -> list[str]:
        """Return the companies that it reads of a stream."""
        return list(dict.fromkeys(one.company for one in self.reads if one.stream == stream))

    def read(self, stream: str, company: str) -> Read:
        """Return what it reads of a stream in a company; several ranges as one.

        Raises:
            StopIteration: if it reads nothing of it.
        """
        reads = [one for one in self.reads if (one.stream, one.company) == (stream, company)]
        ranges = [one.range for one in reads if one.range]
        if len(ranges) < 2:  # noqa: PLR2004
            return reads[0]
        return msgspec.structs.replace(reads[0], range=" or ".join(f"({one})" for one in ranges))


class Plan(msgspec.Struct, forbid_unknown_fields=True):
    """All shards of a load.

    Attributes:
        plan: what tells it from others.
        shards: the shards.
    """

    plan: str
    shards: list[Shard]


@dataclass(frozen=True)
class Share:
    """What is read of a stream in a company.

    Attributes:
        settings: the stream's settings, with the condition of the shard's range.
        condition: what a bookmark holds for; None for all rows.
        mark: the bookmark that a read of everything ends with, and since when, where that is known.
    """

    settings: StreamSettings
    condition: str | None
    mark: tuple[Any, int | None] | None = None


def share(shard: Shard | None, stream: str, company: str, settings: StreamSettings, state: dict[str, Any]) -> Share:
    """Return what is read of a stream in a company, and make its state ready for it.

    Args:
        shard: the shard that is read; None for all.
        stream: the stream's name.
        company: company id.
        settings: the stream's settings.
        state: the part of STATE that belongs to them; a shard goes on from the bookmark of before. Changed in place.
    """
    if shard is None:
        return Share(settings, settings.condition)
    read, condition = shard.read(stream, company), shard.condition(settings.condition)
    state.pop(DONE, None)
    if read.bookmark and state.get(CONDITION) != condition and read.bookmark.get(CONDITION) == settings.condition:
        state.update({**read.bookmark, CONDITION: condition})
    narrowed = replace(settings, filter=all_of([settings.filter, read.range]), full_every=None)
    return Share(narrowed, condition, (read.high, read.at) if read.range else None)


def shard_in(path: str) -> Shard:
    """Return the shard in a file.

    Args:
        path: the file.

    Raises:
        ShardError: if there is none.
    """
    return _decoded(path, Shard, "`shard`", "tap-epicor plan --shards")


def plan_in(path: str) -> Plan:
    """Return the plan in a file.

    Args:
        path: the file.

    Raises:
        ShardError: if there is none.
    """
    return _decoded(path, Plan, "`--plan`", "tap-epicor plan --shards")


def _decoded(path: str, kind: type[Kind], what: str, command: str) -> Kind:
    try:
        return msgspec.json.decode(Path(path).expanduser().read_bytes(), type=kind)
    except OSError as exc:
        raise ShardError(f"The file of {what}, {path}, can't be read: {exc.strerror}.") from exc
    except ValueError as exc:
        raise ShardError(f"The file of {what}, {path}, is none that `{command}` writes: {exc}.") from exc


def merged(plan: Plan, states: list[dict[str, Any]]) -> tuple[dict[str, Any], list[str]]:
    """Return the state that follows from those of all shards, and what is not done yet, in sentences.

    A stream whose ranges are not all done keeps the bookmark that it had before the load.

    Args:
        plan: the plan.
        states: the states that its shards ended with, in any order.
    """
    bookmarks: dict[str, dict[str, Any]] = {}
    missing: list[str] = []
    for stream, company in dict.fromkeys((one.stream, one.company) for shard in plan.shards for one in shard.reads):
        parts = [
            (shard, one)
            for shard in plan.shards
            for one in shard.reads
            if (one.stream, one.company) == (stream, company)
        ]
        found = [_done(states, shard, one) for shard, one in parts]
        lacking = [shard.shard for (shard, _), partition in zip(parts, found, strict=True) if partition is None]
        if lacking:
            name = f"{stream} ({company})" if company else stream
            missing.append(f"{name} is not done: shard {', '.join(map(str, dict.fromkeys(lacking)))}")
        partition = parts[0][1].bookmark if lacking else found[0]
        if partition:
            kept = {name: value for name, value in partition.items() if name != DONE}
            if not lacking:
                kept |= {CONDITION: kept.get(CONDITION, "").removesuffix(parts[0][0].label).removesuffix(" & ")}
            kept = {name: value for name, value in kept.items() if name != CONDITION or value}
            bookmarks.setdefault(stream, {"partitions": []})["partitions"].append(kept)
    return {"bookmarks": bookmarks}, missing


def _done(states: list[dict[str, Any]], shard: Shard, read: Read) -> dict[str, Any] | None:
    """Return what a state says of a read that is done; a range's bookmark must be that of when the load was planned."""
    for state in states:
        for partition in state.get("bookmarks", {}).get(read.stream, {}).get("partitions", []):
            is_its = partition.get("context", {}).get("Company", "") == read.company
            is_at = read.range is None or partition.get(VALUE) == read.high
            if is_its and is_at and partition.get(DONE) == shard.label:
                found: dict[str, Any] = partition
                return found
    return None
