"""Whether rows are there, asked by their keys, many at once.

Each question is put twice. Once with rows that are known to be there as the first and the last alternative: only if
they come back has the server understood the whole `$filter`. And once without them, since a key that seems to be gone
may be the same to the server as that of a known row: SQL Server does not tell cases apart, nor spaces at the end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from tap_epicor.kinetic.probes import REFUSALS
from tap_epicor.kinetic.query import LONGEST_QUERY_STRING, Query, all_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tap_epicor.kinetic.order import Key
    from tap_epicor.kinetic.plan import Part
    from tap_epicor.kinetic.source import Rows

MOST_AT_ONCE = 50
"""Keys in a request at the most; its length allows fewer, as a rule."""


class NotTold(Exception):
    """The server's `$filter` does not find rows that are there."""


@dataclass(frozen=True)
class Told:
    """What the server said of some keys.

    Attributes:
        asked: the keys asked for.
        came: the keys of the rows that came.
    """

    asked: Sequence[Key]
    came: set[Key]


def ask_for(
    rows: Rows,
    key: Sequence[Part],
    keys: Iterable[Key],
    known: Sequence[Key],
    keys_of: Callable[[list[dict[str, Any]]], Iterable[Key]],
) -> Iterator[Told]:
    """Ask for rows by their keys.

    Args:
        rows: the rows.
        key: the columns of the key.
        keys: the keys to ask for.
        known: keys of rows that are there; the first and the last of them are used.
        keys_of: takes the keys out of rows, in the form that `keys` and `known` have.

    Yields:
        For each request the keys that were asked for and those that came.

    Raises:
        NotTold: if the known rows do not come, or such a request is refused.
        KineticError: if there is no answer.
    """
    if not known:
        raise NotTold("there is no row that could be asked for along with those in question")
    most = MOST_AT_ONCE
    waiting: list[Key] = []
    source = iter(keys)
    while True:
        waiting += islice(source, most - len(waiting)) if len(waiting) < most else ()
        if not waiting:
            return
        batch = _as_many_as_fit(rows, key, waiting[:most], known)
        try:
            with_known = set(keys_of(rows.fetch(_query(rows, key, [known[0], *batch, known[-1]]))))
            came = set(keys_of(rows.fetch(_query(rows, key, batch))))
        except REFUSALS as exc:
            # Servers may limit what a filter consists of (OData libraries do, to 100 nodes).
            if len(batch) == 1:
                raise NotTold(f"the server does not take a $filter by the key ({exc.message})") from exc
            most = len(batch) // 2
            continue
        if not {known[0], known[-1]} <= with_known:
            raise NotTold("the server's $filter by the key does not find rows that are there")
        yield Told(batch, came | with_known - {known[0], known[-1]})
        waiting = waiting[len(batch) :]


def _as_many_as_fit(rows: Rows, key: Sequence[Part], keys: Sequence[Key], known: Sequence[Key]) -> Sequence[Key]:
    for number in range(1, len(keys) + 1):
        if len(_query(rows, key, [known[0], *keys[:number], known[-1]]).encode()) > LONGEST_QUERY_STRING:
            if number == 1:
                raise NotTold("a $filter by the key is longer than a query string may be")
            return keys[: number - 1]
    return keys


def _query(rows: Rows, key: Sequence[Part], keys: Sequence[Key]) -> Query:
    query = Query(is_one_of(rows, key, keys), top=len(keys) + 1, select=[part.name for part in key])
    return replace(query, parameters=rows.parameters)


def is_one_of(rows: Rows, key: Sequence[Part], keys: Sequence[Key]) -> str | None:
    """Return the filter for those of the rows that have one of these keys.

    Args:
        rows: the rows.
        key: the columns of the key.
        keys: the keys.
    """
    terms = [
        [f"{part.name} eq {rows.literal(part.type, value)}" for part, value in zip(key, values, strict=True)]
        for values in keys
    ]
    same = [terms[0][place] for place in range(len(key)) if all(term[place] == terms[0][place] for term in terms)]
    others = [" and ".join(part for part in term if part not in same) for term in terms]
    either = " or ".join(f"({other})" for other in others) if others[0] else None
    return all_of([rows.filter, *same, either])
