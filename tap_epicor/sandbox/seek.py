"""Lower bounds that a filter implies, so that paging by key uses the key's index.

Clients page by `(A gt 1) or (A eq 1 and B gt 2)`. SQLite searches no index for that, but does for `A >= 1`,
which follows from it.
"""

from __future__ import annotations

from odata_query import ast

_AT_LEAST = (ast.Gt, ast.GtE, ast.Eq)
_LITERALS = (ast.Integer, ast.String)


def bounds(node: ast._Node) -> dict[str, ast._Node]:
    """The least value that the filter lets each column have, by identifier."""
    if isinstance(node, ast.Compare):
        return _of_comparison(node)
    if not isinstance(node, ast.BoolOp):
        return {}
    left, right = bounds(node.left), bounds(node.right)
    if isinstance(node.op, ast.And):
        return right | left
    return {name: least for name, least in left.items() if right.get(name) == least}


def _of_comparison(node: ast.Compare) -> dict[str, ast._Node]:
    if not isinstance(node.comparator, _AT_LEAST):
        return {}
    if not (isinstance(node.left, ast.Identifier) and isinstance(node.right, _LITERALS)):
        return {}
    return {node.left.name: node.right}
