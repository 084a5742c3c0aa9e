"""Child rows: `$expand` brings them with their parents, nested paths bring what it leaves out.

What a server does with `$expand` is known of none for sure, so that it is proved: before the first page for the parent
that comes first, and of each parent for which its array may have been cut. An array is suspected where a link to its
rest stands beside it, where it is as long as what the server is known to give at the most, or longer than all before:
of the arrays of the greatest length the first, the 16th, 32nd and so on are looked at, and all once one was cut.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from tap_epicor.kinetic.ahead import all_at_once
from tap_epicor.kinetic.errors import BadRequest, Denied, KineticError, NotFound, UnreadableAnswer
from tap_epicor.kinetic.order import BrokenOrder, keys_of, show
from tap_epicor.kinetic.page_size import FEWER_MAY_DO, told
from tap_epicor.kinetic.pages import read
from tap_epicor.kinetic.plan import REVISION, Part, make_plan, parts
from tap_epicor.kinetic.presence import MOST_AT_ONCE, is_one_of
from tap_epicor.kinetic.query import LONGEST_QUERY_STRING, Query
from tap_epicor.kinetic.source import Rows, Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tap_epicor.kinetic.order import Key, Page

logger = logging.getLogger(__name__)

WITHOUT_TOP: Final = 100
"""Rows of an answer to a request without `$top` (several public clients)."""
_NEXT_LINK: Final = "@odata.nextLink"
"""What follows an array's name in that of a link to its rest (OData 3 and 4)."""
_FIRST: Final = 8
"""Arrays of the greatest length so far, all of which are looked at; of more, those whose number is a power of two."""
_MOST_DOUBTED: Final = 1000
"""Arrays of one length, all of which are looked at where nothing but the number of child rows speaks against them."""
_REFUSALS: Final = (BadRequest, Denied, NotFound, UnreadableAnswer, *FEWER_MAY_DO)

Row = dict[str, Any]


class NoWay(KineticError):
    """Child rows that can be read neither by `$expand` nor by nested paths."""

    cure = "Take `expand` or `through` away from this stream: the set of the child rows is a stream of its own."


class CutBefore(KineticError):
    """Arrays of a length are cut, and some of that length have gone out without being looked at."""


@dataclass(frozen=True)
class Kin:
    """A set whose rows are the parents of those of another one, or their children.

    Attributes:
        name: the navigation property that leads from a parent to its children.
        entity_set: the set.
        key: the columns of its key.
        types: Edm type of each of these, and of its `SysRevID` where it has one.
        link: the columns of the parent's key, each with the column of the child that holds the same.
    """

    name: str
    entity_set: str
    key: tuple[str, ...]
    types: dict[str, str]
    link: dict[str, str]

    @property
    def parts(self) -> tuple[Part, ...]:
        """The columns of its key."""
        return parts(self.key, self.types)

    @property
    def cursor(self) -> Part | None:
        """Its `SysRevID`; None where it has none."""
        return Part(REVISION, self.types[REVISION]) if REVISION in self.types else None


class Expanding:
    """Parents with their child rows.

    Args:
        rows: the parents, with the children that are wanted in `expand`.
        key: the columns of their key.
        children: these children.
        page_size: rows to ask for at once.
        cut: lengths of arrays that are known to be cut, by the name of the navigation property.

    Attributes:
        rows: the parents, with those children in `expand` that the server brings by it.

    Raises:
        NoWay: if the server brings some neither by `$expand` nor by nested paths.
        KineticError: if it can't be asked.
    """

    def __init__(
        self,
        rows: Rows,
        key: Sequence[Part],
        children: Sequence[Kin],
        page_size: int,
        cut: Mapping[str, Sequence[int]] = MappingProxyType({}),
    ) -> None:
        self._key = tuple(key)
        self._children = children
        self._page_size = page_size
        self._lengths = {child.name: _Lengths(rows, cut.get(child.name, ())) for child in children}
        self._nests: set[str] = set()
        self.rows = rows
        self.rows = replace(rows, expand=[child.name for child in children if self._expands(child)])
        self.came: Counter[str] = Counter()
        """Child rows so far, by the name of the navigation property."""

    @property
    def cut(self) -> dict[str, list[int]]:
        """Lengths of arrays that were found to be cut, by the name of the navigation property."""
        return {name: lengths.found for name, lengths in self._lengths.items() if lengths.found}

    @property
    def one_by_one(self) -> bool:
        """Whether child rows are read parent by parent."""
        return len(self.rows.expand) < len(self._children)

    def doubts(self, name: str) -> bool:
        """Look at all arrays of the greatest length from now on; return whether any was not looked at so far.

        Args:
            name: the navigation property.
        """
        return self._lengths[name].doubts()

    def complete(self, found: list[Row]) -> None:
        """Make the child rows of parents whole; parents are changed in place.

        Raises:
            BrokenOrder: if child rows are another parent's.
            CutBefore: if child rows of parents that were here before are missing.
            KineticError: if they can't be had.
        """
        for child in self._children:
            lengths, known = self._lengths[child.name], set[int]()
            asked = [row for row in found if lengths.suspects(row.get(child.name)) or _goes_on(row, child)]
            while asked:
                for row, nested in zip(asked, self._each_nested(asked, child), strict=True):
                    if nested is not None:
                        if lengths.learn(row.get(child.name), nested):
                            raise CutBefore(
                                f"$expand brings no more than {len(row[child.name])} of {child.name}, and not all, as "
                                "it turns out",
                                path=self.rows.path,
                            )
                        row[child.name] = nested
                known.update(map(id, asked))
                asked = [row for row in found if id(row) not in known and lengths.are_cut(len(row[child.name]))]
            lengths.went_out()
            for row in found:
                self._check(row, child)
                self.came[child.name] += len(row[child.name])

    def of_keys(self, keys: Sequence[Key]) -> Iterator[Page]:
        """Yield the parents that have these keys, with their child rows.

        Args:
            keys: the keys.

        Raises:
            BrokenOrder: if others come.
            KineticError: if they can't be had.
        """
        rest, most = list(keys), MOST_AT_ONCE
        while rest:
            some, condition = self._as_many_as_fit(rest[:most])
            try:
                pages = list(read(replace(self.rows, filter=condition), make_plan(self._key), self._page_size))
            except BadRequest:
                # Servers may limit what a filter consists of.
                if len(some) == 1:
                    raise
                most = len(some) // 2
                continue
            rest = rest[len(some) :]
            wanted = {tuple(map(_loosely, key)) for key in some}
            for page in pages:
                for key in keys_of(page.rows, self._key, self.rows.path):
                    if tuple(map(_loosely, key)) not in wanted:
                        raise BrokenOrder(
                            f"the server does not keep to $filter: it sent the row with {show(self._key, key)}",
                            path=self.rows.path,
                            cure=NoWay.cure,
                        )
                self.complete(page.rows)
                yield page

    def _as_many_as_fit(self, keys: Sequence[Key]) -> tuple[Sequence[Key], str | None]:
        """Return the first keys that half a query string has room for; the read needs the rest."""
        for number in range(len(keys), 0, -1):
            condition = is_one_of(self.rows, self._key, keys[:number])
            if number == 1 or len(Query(condition).encode()) <= LONGEST_QUERY_STRING // 2:
                break
        return keys[:number], condition

    def _expands(self, child: Kin) -> bool:
        """Return whether `$expand` brings child rows, as far as the first parent tells.

        Raises:
            NoWay: if it does not, and nested paths do not either.
        """
        names = [part.name for part in self._key]
        plain = Query(self.rows.filter, names, top=1, select=names)
        why = "it is ignored"
        try:
            found = self.rows.fetch(replace(plain, expand=[child.name]), patient=False)
            if not found or isinstance(found[0].get(child.name), list):
                return True
        except _REFUSALS as exc:
            why = told(exc)
            found = self.rows.fetch(plain)
        try:
            for row in found:
                self._nested(row, child)
        except _REFUSALS as exc:
            raise NoWay(
                f"the child rows {child.name} can't be read: not by $expand ({why}), nor by nested paths ({told(exc)})",
                path=self.rows.path,
            ) from exc
        logger.warning(
            "%s: the server does not bring %s by $expand (%s): they are read parent by parent, which takes longer.",
            self.rows.source,
            child.name,
            why,
        )
        return False

    def _each_nested(self, found: Sequence[Row], child: Kin) -> Iterator[list[Row] | None]:
        """Yield the child rows of parents; None where an array that is hardly suspected can't be looked at."""
        kinetic = self.rows.kinetic
        for at in range(0, len(found), kinetic.max_connections):
            some = found[at : at + kinetic.max_connections]
            yield from all_at_once([partial(self._looked_at, row, child) for row in some], kinetic.meanwhile)

    def _looked_at(self, row: Row, child: Kin) -> list[Row] | None:
        lengths, array = self._lengths[child.name], row.get(child.name)
        try:
            return self._nested(row, child)
        except (BadRequest, Denied, NotFound) as exc:
            if not isinstance(array, list):
                raise
            if lengths.are_cut(len(array)) or _goes_on(row, child):
                raise NoWay(
                    f"$expand brings {len(array)} of {child.name}, which may not be all, and nested paths are refused "
                    f"({told(exc)})",
                    path=self.rows.path,
                ) from exc
            if lengths.trust():
                logger.warning(
                    "%s: that $expand brings all of %s is not proved, since nested paths are refused (%s).",
                    self.rows.source,
                    child.name,
                    told(exc),
                )
            return None

    def _nested(self, row: Row, child: Kin) -> list[Row]:
        """Return the child rows of a parent by its nested path; none where the parent is gone meanwhile."""
        rows = self.rows
        (key,) = keys_of([row], self._key, rows.path)
        literals = [rows.literal(part.type, value) for part, value in zip(self._key, key, strict=True)]
        written = ",".join(quote(literal, safe="'") for literal in literals)
        source = Source(rows.source.service, child.name)
        within = f"{rows.source.name}({written})"
        nested = Rows(rows.kinetic, source, rows.company, columns=child.key, within=within)
        try:
            found = self._all_of(nested, child)
        except (BadRequest, NotFound) as exc:
            condition = is_one_of(rows, self._key, [key])
            if isinstance(exc, NotFound) and not rows.fetch(Query(condition, top=1, select=[self._key[0].name])):
                return []
            found = self._of_own_set(key, child)
            if not found:
                exc.cure = f"Look at the row with {show(self._key, key)}: its key may not fit into a path. {NoWay.cure}"
                raise
        else:
            self._nests.add(child.name)
        return found

    def _of_own_set(self, key: Key, child: Kin) -> list[Row]:
        """Return the child rows of a parent from their own set, where paths lead to those of others; or else none."""
        if child.name not in self._nests or len(child.link) < len(self._key):
            return []
        source = Source(self.rows.source.service, child.entity_set)
        rows = Rows(self.rows.kinetic, source, self.rows.company, columns=child.key)
        linked = [replace(part, name=child.link[part.name]) for part in self._key]
        return self._all_of(replace(rows, filter=is_one_of(rows, linked, [key])), child)

    def _all_of(self, rows: Rows, child: Kin) -> list[Row]:
        pages = read(rows, make_plan(child.parts, filters=False), self._page_size)
        return [one for page in pages for one in page.rows]

    def _check(self, row: Row, child: Kin) -> None:
        for one in row[child.name]:
            for mine, its in child.link.items():
                if its in one and one[its] != row[mine] and _loosely(one[its]) != _loosely(row[mine]):
                    key = show(self._key, tuple(row.get(part.name) for part in self._key))
                    raise BrokenOrder(
                        f"under the row with {key} comes one of {child.name} with {its} {one[its]!r:.100}",
                        path=self.rows.path,
                        cure=NoWay.cure,
                    )


class _Lengths:
    """The lengths of the arrays that came.

    Args:
        rows: the parents.
        cut: lengths that are known to be cut.
    """

    def __init__(self, rows: Rows, cut: Sequence[int]) -> None:
        self._most = rows.kinetic.most_rows
        self._cut = {WITHOUT_TOP, *cut}
        self._longest = -1
        self._came = 0
        self._passed = -1
        self._trusted = False
        self.found = list(cut)
        """Lengths at which arrays were cut."""

    def are_cut(self, length: int) -> bool:
        """Return whether arrays of a length are known to be cut, or likely to be."""
        most = self._most.get(False)
        return length in self._cut or (most is not None and length >= most)

    def trust(self) -> bool:
        """Look at no array more that is not likely to be cut; return whether some were looked at so far."""
        trusted, self._trusted = self._trusted, True
        return not trusted

    def suspects(self, array: object) -> bool:
        """Return whether child rows may be missing from what came for a parent."""
        if not isinstance(array, list):
            return True
        length = len(array)
        if self.are_cut(length):
            return True
        if length > self._longest:
            self._longest, self._came = length, 0
        if length < self._longest:
            return False
        self._came += 1
        return not self._trusted and (self._came <= _FIRST or self._came.bit_count() == 1)

    def went_out(self) -> None:
        """Take note that the arrays so far are made use of."""
        if not self._all_looked_at():
            self._passed = self._longest

    def doubts(self) -> bool:
        """Look at all arrays of the greatest length from now on; return whether any was not looked at so far."""
        doubted = self._came <= _MOST_DOUBTED and not (self._trusted or self._all_looked_at())
        if doubted:
            self._cut.add(self._longest)
            self._passed = -1
        return doubted

    def learn(self, array: object, nested: Sequence[Row]) -> bool:
        """Take note of what a nested path brought; return whether arrays that went out may lack some, too."""
        if not isinstance(array, list) or len(nested) <= len(array):
            return False
        length = len(array)
        late = length == self._passed and length not in self.found
        if length not in self.found:
            self.found.append(length)
        self._cut.add(length)
        return late

    def _all_looked_at(self) -> bool:
        return self._came <= _FIRST or self._longest in self._cut


def _goes_on(row: Row, child: Kin) -> bool:
    """Return whether a link to the rest stands beside the child rows of a parent."""
    return bool(row.get(f"{child.name}{_NEXT_LINK}"))


def _loosely(value: object) -> str:
    """Return what is the same of values that are the same to SQL Server, whatever their cases and spaces at the end."""
    return str(value).rstrip().casefold()
