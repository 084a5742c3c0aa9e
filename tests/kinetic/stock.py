"""A set of rows behind a real HTTP server, which fails, falls short and changes as a test says."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from odata_query import ast
from odata_query.grammar import ODataLexer, ODataParser

from tap_epicor.kinetic.errors import KineticError
from tap_epicor.kinetic.pages import read
from tap_epicor.kinetic.source import Rows, Source
from tests.kinetic.clients import client
from tests.scripted import Reply, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tap_epicor.kinetic.plan import Plan

Row = dict[str, Any]

_SIGNS: dict[type, Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


@dataclass
class Stock:
    """The rows, in the order that the server keeps, and what befalls whoever reads them.

    Attributes:
        rows: the rows.
        order: sorts a value, as the database would.
        most: rows in an answer, at the most.
        fails_from: rows asked for at which it fails.
        poison: values of `Num` whose rows make an answer fail.
        hides_keys: whether they do so, too, when only the key is asked for.
        failure: what it answers then.
        befalls: what happens before it answers its nth request, and what it answers instead.
        asked: the options of each request.
        gone: values of `Num` of rows that were there and are not, or were not for a while.
        answers: what it answers to some options instead.
        understands: what it takes a `$filter` for.
    """

    rows: list[Row]
    order: Callable[[Any], Any] = lambda value: value
    most: int = 5000
    fails_from: int = 1_000_000
    poison: frozenset[int] = frozenset()
    hides_keys: bool = False
    failure: Reply = field(default_factory=lambda: Reply(status=500))
    befalls: Mapping[int, Callable[[Stock], Reply | None]] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    gone: set[int] = field(default_factory=set)
    answers: Callable[[Mapping[str, str]], Reply | None] = lambda options: None  # noqa: ARG005
    understands: Callable[[str], str] = lambda condition: condition

    def answer(self, request: Request) -> Reply:
        """Answer a request."""
        options = request.options
        self.asked.append(options)
        if (befalls := self.befalls.get(len(self.asked))) and (reply := befalls(self)):
            return reply
        if reply := self.answers(options):
            return reply
        top = int(options["$top"])
        if top >= self.fails_from:
            return self.failure
        names = [name.removesuffix(" desc") for name in options.get("$orderby", "Num").split(",")]
        rows = sorted(self.rows, key=lambda row: [self.order(row[name]) for name in names])
        if options.get("$orderby", "").endswith(" desc"):
            rows.reverse()
        tree = _tree(self.understands(options.get("$filter", "")))
        rows = [row for row in rows if self._meets(row, tree)]
        total, skip = len(rows), int(options.get("$skip", 0))
        rows = rows[skip : skip + min(top, self.most)]
        if (self.hides_keys or "$select" not in options) and any(row["Num"] in self.poison for row in rows):
            return self.failure
        if "$select" in options:
            rows = [{name: row[name] for name in options["$select"].split(",")} for row in rows]
        prefix = "@odata" if "/v2/" in request.path else "odata"
        count = {f"{prefix}.count": total} if "$count" in options or "$inlinecount" in options else {}
        return Reply({"value": rows, **count})

    def _meets(self, row: Row, node: ast._Node | None) -> bool:
        if node is None:
            return True
        if isinstance(node, ast.BoolOp):
            both = (self._meets(row, node.left), self._meets(row, node.right))
            return all(both) if isinstance(node.op, ast.And) else any(both)
        assert isinstance(node, ast.Compare)
        assert isinstance(node.left, ast.Identifier)
        mine = row[node.left.name]
        theirs = self.order(type(mine)(getattr(node.right, "val")))  # noqa: B009 - literals have it
        return _SIGNS[type(node.comparator)](self.order(mine), theirs)


def _tree(condition: str) -> ast._Node | None:
    """Return what a `$filter` says; the prefixes of v1's literals are none of odata-query's."""
    plain = re.sub(r"(?:datetimeoffset|datetime|guid)(?=')", "", condition)
    return ODataParser().parse(ODataLexer().tokenize(plain)) if plain else None


def read_all(  # noqa: PLR0913
    stock: Stock,
    url: str,
    plan: Plan,
    page_size: int = 10,
    *,
    skipped: list[str] | None = None,
    version: str = "v2",
    columns: Sequence[str] = ("Num",),
) -> tuple[list[Any], KineticError | None]:
    """Return the numbers of the rows that a read brings, and the error that it ends with."""
    numbers: list[Any] = []
    kinetic = client(url, version, timeout=(2.0, 0.3))
    try:
        for page in read(
            Rows(kinetic, Source("Erp.BO.ASvc", "As"), "EPIC06", columns=columns), plan, page_size, skipped
        ):
            numbers += [row["Num"] for row in page.rows]
            page.rows.let_go()
            if len(numbers) > 10 * len(stock.rows) + 1000:
                raise AssertionError("the read has no end")
    except KineticError as exc:
        return numbers, exc
    return numbers, None
