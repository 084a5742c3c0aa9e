"""What a run would read: how, about how many rows, pages and requests, and how it is shared out."""

from __future__ import annotations

import dataclasses
import heapq
import math
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from tap_epicor.kinetic.order import keys_of
from tap_epicor.kinetic.probes import count
from tap_epicor.kinetic.query import Query, all_of, beyond, up_to
from tap_epicor.kinetic.ranges import Range, cut
from tap_epicor.kinetic.seeking import compared, constant_of
from tap_epicor.stream_settings import stream_settings
from tap_epicor.streams.failures import FAILURES
from tap_epicor.streams.shards import Plan, Read, Shard, partition_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tap_epicor.streams.reading import Outlook
    from tap_epicor.streams.stream import EpicorStream

QUESTIONS: Final = {True: 7, False: 2}
"""Requests beside those for pages: of a read of everything, and of one of changes."""
_OF_A_PARENT: Final = 2
"""Requests for the child rows of a row, where the server does not bring them along."""
_WORTH_CUTTING: Final = 1.2
"""Shares that a read must be larger than to be cut."""


@dataclasses.dataclass(frozen=True)
class Prospect:
    """What would be read of a stream in a company.

    Attributes:
        stream: the stream.
        company: company id, empty for the account's own.
        outlook: what the read would be; None where that can't be told.
        error: why not, in a sentence.
        swept: rows whose keys are read afterwards, to find those that are gone.
    """

    stream: EpicorStream
    company: str
    outlook: Outlook | None
    error: str = ""
    swept: int = 0

    @property
    def rows(self) -> int | None:
        """About how many rows; None where the server does not count them."""
        return self.outlook.rows if self.outlook else None

    @property
    def pages(self) -> int | None:
        """About how many pages."""
        if self.outlook is None or self.outlook.rows is None:
            return None
        return math.ceil(self.outlook.rows / self.outlook.page_size)

    @property
    def requests(self) -> int | None:
        """About how many requests."""
        if self.pages is None or self.outlook is None:
            return None
        swept = math.ceil(self.swept / self.outlook.page_size)
        nested = _OF_A_PARENT * self.outlook.nested * (self.outlook.rows or 0)
        return self.pages + swept + nested + QUESTIONS[self.outlook.plan.cursor is None]


@dataclasses.dataclass(frozen=True)
class Sample:
    """A page that was read to see how long one takes.

    Attributes:
        rows: its rows.
        seconds: how long it took.
        cut: whether the server gave fewer rows than were asked for, although there are more.
    """

    rows: int
    seconds: float
    cut: bool = False


def prospects(streams: Sequence[EpicorStream], connections: int) -> Iterator[list[Prospect]]:
    """Yield what would be read of each stream in each company, in the streams' order.

    Args:
        streams: the streams.
        connections: how many of them are asked about at once.
    """
    with ThreadPoolExecutor(connections) as threads:
        yield from threads.map(_of_stream, streams)


def _of_stream(stream: EpicorStream) -> list[Prospect]:
    found = []
    for context in stream.partitions:
        (company,) = context.values()
        try:
            outlook = stream.outlook(company)
            found.append(Prospect(stream, company, outlook, swept=_swept(stream, outlook)))
        except FAILURES as exc:
            found.append(Prospect(stream, company, None, str(exc)))
    return found


def _swept(stream: EpicorStream, outlook: Outlook) -> int:
    """Return how many rows' keys are read to find those that are gone."""
    if not stream_settings(stream.config, stream.name).sweeps:
        return 0
    return (outlook.rows if outlook.plan.cursor is None else count(outlook.wanted)) or 0


def sample(found: Iterable[Prospect]) -> Sample | None:
    """Return how long a page takes, of the largest read; None where no row is to be read.

    Args:
        found: what would be read.

    Raises:
        KineticError: if it can't be had.
    """
    largest = max((one for one in found if one.rows), key=lambda one: one.rows or 0, default=None)
    if largest is None or largest.outlook is None:
        return None
    rows, plan = largest.outlook.wanted, largest.outlook.plan
    condition = all_of([rows.filter, plan.condition(rows.literal)])
    query = Query(
        condition,
        [part.name for part in plan.order],
        top=largest.outlook.page_size,
        select=rows.select,
        expand=rows.expand,
    )
    began = time.monotonic()
    came = rows.page(query)
    seconds = time.monotonic() - began
    cut = len(came) < min(largest.outlook.page_size, largest.rows or 0)
    return Sample(len(came), seconds, cut) if came else None


def paged_as(found: Iterable[Prospect], page: Sample | None) -> list[Prospect]:
    """Return what would be read, in pages no longer than the server gives them.

    Args:
        found: what would be read.
        page: a page of it.
    """
    if page is None or not page.cut:
        return list(found)
    return [
        dataclasses.replace(
            one,
            outlook=one.outlook and dataclasses.replace(one.outlook, page_size=min(one.outlook.page_size, page.rows)),
        )
        for one in found
    ]


def shards(found: Sequence[Prospect], number: int, before: dict[str, Any]) -> Plan:
    """Return a plan that shares reads out, so that all shares are about the same work.

    A read of everything by key that is larger than a share is cut into ranges of its key, none shorter than a page;
    so is what is left of one that was interrupted. One of which nothing could be told is in a share nevertheless,
    which will tell what became of it.

    Args:
        found: what is to be read.
        number: how many shares.
        before: the state that it is read from.

    Raises:
        KineticError: if the server does not tell where to cut.
    """
    share = math.ceil(sum(_work(one.outlook) for one in found) / number)
    reads = [read for one in found for read in _reads(one, share, number, before)]
    plan = Plan(uuid.uuid4().hex[:12], [], before)
    plan.shards = [Shard(plan.plan, place + 1, number, []) for place in range(number)]
    lightest = [(0, place) for place in range(number)]
    for read, work in sorted(reads, key=lambda one: -one[1]):
        total, place = heapq.heappop(lightest)
        plan.shards[place].reads.append(read)
        heapq.heappush(lightest, (total + work, place))
    plan.shards = [shard for shard in plan.shards if shard.reads]
    for place, shard in enumerate(plan.shards, start=1):
        shard.shard, shard.of = place, len(plan.shards)
    return plan


def _work(outlook: Outlook | None) -> int:
    """Return the work of a read, in rows; where these are not counted, that of a page."""
    return (outlook.rows or 0) + outlook.page_size if outlook else 1


def _reads(one: Prospect, share: int, most: int, before: dict[str, Any]) -> list[tuple[Read, int]]:
    """Return what becomes of a read, and the work of each part."""
    outlook, work = one.outlook, _work(one.outlook)
    parts = _parts(outlook, share, most) if outlook else 1
    cuts = list(_cuts(outlook, parts)) if outlook and parts > 1 else []
    if outlook is None or len(cuts) < 2:  # noqa: PLR2004
        whole = Read(one.stream.name, one.company, one.rows or 0, bookmark=_before(one, before))
        return [(replace(whole, at=outlook and outlook.at), work)]
    part = Read(one.stream.name, one.company, 0, high=outlook.high, at=outlook.at)
    return [(replace(part, range=condition, rows=rows), rows + outlook.page_size) for condition, rows in cuts]


def _before(one: Prospect, state: dict[str, Any]) -> dict[str, Any] | None:
    """Return the state that a read begins with: as the stream would begin, or where it can't be asked, as it stands."""
    partition = one.outlook.state if one.outlook else partition_of(state, one.stream.name, one.company) or {}
    return {name: value for name, value in partition.items() if name != "context"} or None


def _parts(outlook: Outlook, share: int, most: int) -> int:
    """Return how many parts a read is to be cut into."""
    plan, rows, work = outlook.plan, outlook.rows or 0, _work(outlook)
    if not plan.seeks or plan.cursor is not None or work <= _WORTH_CUTTING * share:
        return 1
    return min(most, math.ceil(work / share), rows // outlook.page_size)


def _cuts(outlook: Outlook, parts: int) -> Iterator[tuple[str | None, int]]:
    """Yield the conditions of ranges that hold about the same number of rows each, and that number."""
    rows, order = outlook.wanted, outlook.plan.order
    names = [part.name for part in order]
    first = keys_of(rows.fetch(Query(rows.filter, names, top=1, select=names)), order, rows.path)
    constant = constant_of(rows, order, first[0]) if first else None

    def condition(one: Range) -> str | None:
        after = beyond(compared(rows, order, one.after, constant)) if one.after else None
        upto = up_to(compared(rows, order, one.upto, constant)) if one.upto else None
        return all_of([after, upto])

    total = outlook.rows or 0
    for left in outlook.ranges:
        number = total
        if len(outlook.ranges) > 1:
            number = count(dataclasses.replace(rows, filter=all_of([rows.filter, condition(left)]))) or 0
        pieces = round(parts * number / total)
        ranges = cut(rows, order, left, number, pieces) if pieces > 1 else [left]
        yield from ((condition(one), number // len(ranges)) for one in ranges)
