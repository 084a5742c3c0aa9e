"""A share of a load that several machines do: which streams and companies, and which ranges of their keys.

`tap-epicor plan --shards` makes shards. Each is read like any load, with a state of its own, and may be read again: its
rows replace those with the same keys. When all are done, `tap-epicor merge-states` makes one state of theirs.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from tap_epicor.kinetic.query import all_of
from tap_epicor.streams.bookmark import CONDITION, RESUME, VALUE
from tap_epicor.streams.ways import READ_WHOLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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
        high: the bookmark that the load of all ranges ends with: the highest value of the cursor when it was planned,
            or when a load that was interrupted began.
        at: when that was, in seconds since 1970; None for a read of changes.
        bookmark: the stream's state before, which the shard goes on from.
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

    def companies(self, stream: str) -> list[str]:
        """Return the companies that it reads of a stream."""
        return list(dict.fromkeys(one.company for one in self.reads if one.stream == stream))

    def contexts(self, stream: str, state_of: Callable[[dict[str, str]], dict[str, Any]]) -> list[dict[str, str]]:
        """Return the companies that it has not read to the end yet, as contexts.

        Args:
            stream: the stream's name.
            state_of: returns what STATE says of a context.
        """
        contexts = [{"Company": company} for company in self.companies(stream)]
        return [one for one in contexts if not self.is_done(stream, one["Company"], state_of(one))]

    def is_done(self, stream: str, company: str, state: Mapping[str, Any]) -> bool:
        """Return whether it has read a stream in a company to the end.

        A range that has a bookmark is done too, though the run was killed before it could say so: to read its changes
        would move its bookmark beyond that of the other ranges.

        Args:
            stream: the stream's name.
            company: company id.
            state: the part of STATE that belongs to them.
        """
        if state.get(DONE) == self.label:
            return True
        own = str(state.get(CONDITION, "")).endswith(self.label) and VALUE in state and RESUME not in state
        return own and self.read(stream, company).range is not None

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
        before: the state that it was made for.
    """

    plan: str
    shards: list[Shard]
    before: dict[str, Any] = {}


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
    if settings.full_every and read.at is not None:
        # The plan has looked whether that is due.
        state.setdefault(READ_WHOLE, read.at)
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

    A stream whose ranges are not all done keeps the bookmark that it had before the load, as does one that is not in
    the plan.

    Args:
        plan: the plan.
        states: the states that its shards ended with, in any order.
    """
    state = deepcopy(plan.before)
    bookmarks = state.setdefault("bookmarks", {})
    missing: list[str] = []
    for (stream, company), shards in _by_read(plan).items():
        found = [_done(states, shard, stream, company) for shard in shards]
        if lacking := [shard.shard for shard, part in zip(shards, found, strict=True) if part is None]:
            name = f"{stream} ({company})" if company else stream
            missing.append(f"{name} is not done: shard {', '.join(map(str, lacking))}")
        elif found[0]:
            _put(bookmarks.setdefault(stream, {}), company, _without_shard(found[0], shards[0]))
    return state, missing


def partition_of(state: Mapping[str, Any], stream: str, company: str) -> dict[str, Any] | None:
    """Return the part of STATE that belongs to a stream in a company; None where there is none.

    Args:
        state: the state.
        stream: the stream's name.
        company: company id.
    """
    for partition in state.get("bookmarks", {}).get(stream, {}).get("partitions", []):
        if partition.get("context", {}).get("Company", "") == company:
            found: dict[str, Any] = partition
            return found
    return None


def _by_read(plan: Plan) -> dict[tuple[str, str], list[Shard]]:
    """Return the shards that read each stream in each company."""
    shards: dict[tuple[str, str], dict[int, Shard]] = {}
    for shard in plan.shards:
        for one in shard.reads:
            shards.setdefault((one.stream, one.company), {})[shard.shard] = shard
    return {read: list(found.values()) for read, found in shards.items()}


def _done(states: list[dict[str, Any]], shard: Shard, stream: str, company: str) -> dict[str, Any] | None:
    found = (partition_of(state, stream, company) for state in states)
    return next((one for one in found if one is not None and shard.is_done(stream, company, one)), None)


def _without_shard(partition: dict[str, Any], shard: Shard) -> dict[str, Any]:
    """Return what a shard says of a stream as a run says it that reads all of it."""
    kept = {name: value for name, value in partition.items() if name not in {DONE, CONDITION}}
    condition = partition.get(CONDITION, "").removesuffix(shard.label).removesuffix(" & ")
    return {**kept, CONDITION: condition} if condition else kept


def _put(bookmark: dict[str, Any], company: str, partition: dict[str, Any]) -> None:
    partitions = bookmark.get("partitions", [])
    others = [one for one in partitions if one.get("context", {}).get("Company", "") != company]
    bookmark["partitions"] = [*others, partition]
