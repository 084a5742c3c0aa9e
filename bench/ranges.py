"""Which rows a `$filter` lets through: as ranges of row numbers, found by arithmetic, without a look at any row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from odata_query import ast
from odata_query.exceptions import ODataException
from odata_query.grammar import ODataLexer, ODataParser

from bench.rows import BLOCK, COMPANY, FIRST_ORDER, FIRST_REVISION, LINES, REVISIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Ranges = list[range]

_MOST_LINES: Final = 100 * LINES
"""Rows that are looked at one by one for a condition that is no range, such as one on `OrderLine` alone."""


class NotServed(ValueError):
    """A condition that this server can't turn into ranges."""


def ranges(condition: str, rows: int) -> Ranges:
    """Return the rows that a condition lets through, in order.

    Args:
        condition: the `$filter`; empty for none.
        rows: how many rows the set has.

    Raises:
        NotServed: if it is of another kind than those that go by the key or the revision.
    """
    everything = [range(rows)]
    if not condition:
        return everything
    try:
        tree = ODataParser().parse(ODataLexer().tokenize(condition))
    except ODataException as exc:
        raise NotServed(f"{condition!r}: {exc}") from exc
    return _within(tree, everything)


def _within(node: Any, among: Ranges) -> Ranges:  # noqa: ANN401
    if isinstance(node, ast.BoolOp):
        left = _within(node.left, among)
        if isinstance(node.op, ast.And):
            return _within(node.right, left) if left else []
        return _joined([*left, *_within(node.right, among)])
    if isinstance(node, ast.Compare) and isinstance(node.left, ast.Identifier):
        rule = _RULES.get(node.left.name)
        if rule and isinstance(node.right, ast.Integer | ast.String):
            return rule(type(node.comparator), node.right.val, among)
    raise NotServed(f"a condition of this kind: {node}")


def _by_company(sign: type, value: str, among: Ranges) -> Ranges:
    return among if _holds(sign, COMPANY, value) else []


def _by_order(sign: type, value: str, among: Ranges) -> Ranges:
    first = (int(value) - FIRST_ORDER) * LINES
    return _by_number(sign, range(first, first + LINES), among)


def _by_revision(sign: type, value: str, among: Ranges) -> Ranges:
    block, place = divmod(int(value) - FIRST_REVISION, REVISIONS)
    first = block * BLOCK + (place + 1) // 2
    return _by_number(sign, range(first, first + (place + 1) % 2), among)


def _by_line(sign: type, value: str, among: Ranges) -> Ranges:
    if sum(map(len, among)) > _MOST_LINES:
        raise NotServed("a condition on OrderLine alone")
    numbers = (number for one in among for number in one)
    return _joined([range(n, n + 1) for n in numbers if _holds(sign, n % LINES + 1, int(value))])


_RULES: Final[dict[str, Callable[[type, str, Ranges], Ranges]]] = {
    "Company": _by_company,
    "OrderNum": _by_order,
    "OrderLine": _by_line,
    "SysRevID": _by_revision,
}


def _by_number(sign: type, equal: range, among: Ranges) -> Ranges:
    """Return the rows that stand to those that are equal as a sign says."""
    endless = max((one.stop for one in among), default=0)
    if sign is ast.NotEq:
        return _joined([*_cut(among, 0, equal.start), *_cut(among, equal.stop, endless)])
    bounds: dict[type, tuple[int, int]] = {
        ast.Eq: (equal.start, equal.stop),
        ast.Lt: (0, equal.start),
        ast.LtE: (0, equal.stop),
        ast.Gt: (equal.stop, endless),
        ast.GtE: (equal.start, endless),
    }
    return _cut(among, *bounds[sign])


def _cut(among: Ranges, start: int, stop: int) -> Ranges:
    cut = (range(max(one.start, start), min(one.stop, stop)) for one in among)
    return [one for one in cut if one]


def _joined(found: Sequence[range]) -> Ranges:
    """Return ranges in order, those that touch as one."""
    joined: Ranges = []
    for one in sorted(found, key=lambda one: one.start):
        if joined and one.start <= joined[-1].stop:
            joined[-1] = range(joined[-1].start, max(joined[-1].stop, one.stop))
        else:
            joined.append(one)
    return joined


def _holds(sign: type, left: Any, right: Any) -> bool:  # noqa: ANN401
    signs: dict[type, bool] = {
        ast.Eq: left == right,
        ast.NotEq: left != right,
        ast.Lt: left < right,
        ast.LtE: left <= right,
        ast.Gt: left > right,
        ast.GtE: left >= right,
    }
    return signs[sign]
