"""What a request asks for: the `$` options of OData and their encoding."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LONGEST_QUERY_STRING = 2048
"""Bytes of query string that IIS takes by default."""

_READABLE = "()',:*"


@dataclass(frozen=True)
class Query:
    """The options of one request.

    Attributes:
        filter: `$filter`, an OData expression.
        orderby: `$orderby`, each entry a column, perhaps with ` desc`.
        top: `$top`, in rows. Kinetic stops at 100 rows without it (several public clients).
        skip: `$skip`, in rows.
        select: `$select`; left away when the query string would become too long for IIS.
        expand: `$expand`, sets of child rows that each row is to carry.
        parameters: name and value of each BAQ parameter; a list repeats its name.
        options: further `$` options, such as those that ask for a count.
    """

    filter: str | None = None
    orderby: Sequence[str] = ()
    top: int | None = None
    skip: int = 0
    select: Sequence[str] = ()
    expand: Sequence[str] = ()
    parameters: Sequence[tuple[str, str]] = ()
    options: Sequence[tuple[str, str]] = ()

    def encode(self) -> str:
        """Return the query string, spaces as `%20`, since Kinetic reads `+` as a plus."""
        pairs = [*self.parameters, *self.options]
        if self.filter:
            pairs.append(("$filter", self.filter))
        if self.orderby:
            pairs.append(("$orderby", ",".join(self.orderby)))
        if self.top is not None:
            pairs.append(("$top", str(self.top)))
        if self.skip:
            pairs.append(("$skip", str(self.skip)))
        if self.expand:
            pairs.append(("$expand", ",".join(self.expand)))
        plain = _join(pairs)
        if not self.select:
            return plain
        selecting = _join([*pairs, ("$select", ",".join(self.select))])
        return selecting if len(selecting) <= LONGEST_QUERY_STRING else plain


def as_many_as_fit(columns: Sequence[str], longest: int = LONGEST_QUERY_STRING // 2) -> list[str]:
    """Return the first of these columns, as many as an `$orderby` has room for.

    Args:
        columns: the columns.
        longest: bytes at the most.
    """
    lengths = accumulate(len(quote(column)) + 1 for column in columns)
    return [column for column, length in zip(columns, lengths, strict=True) if length <= longest]


def beyond(key: Sequence[tuple[str, str]], *, inclusive: bool = False) -> str:
    """Return the filter for the rows that come after a key in the order of that key.

    Each column stands twice, nested, so that a key of twenty parts still fits into a query string.

    Args:
        key: name and literal of each column, in order.
        inclusive: whether the row with this very key is wanted too.
    """
    return _on_one_side(key, "gt", "ge" if inclusive else "gt")


def up_to(key: Sequence[tuple[str, str]]) -> str:
    """Return the filter for the rows that come before a key in the order of that key, and the row that has it.

    Args:
        key: name and literal of each column, in order.
    """
    return _on_one_side(key, "lt", "le")


def _on_one_side(key: Sequence[tuple[str, str]], leading_sign: str, last_sign: str) -> str:
    *leading, (name, literal) = key
    expression = f"{name} {last_sign} {literal}"
    for name, literal in reversed(leading):
        expression = f"{name} {leading_sign} {literal} or ({name} eq {literal} and ({expression}))"
    return expression


def all_of(expressions: Iterable[str | None]) -> str | None:
    """Return one filter that holds where all of the given ones hold."""
    given = [expression for expression in expressions if expression]
    if len(given) < 2:  # noqa: PLR2004
        return given[0] if given else None
    return " and ".join(f"({expression})" for expression in given)


def _join(pairs: Iterable[tuple[str, str]]) -> str:
    return "&".join(f"{quote(name, safe='$')}={quote(value, safe=_READABLE)}" for name, value in pairs)
