"""What a server gives at the most, how its values are written, and what it makes of `$skip`: measured, not assumed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tap_epicor.kinetic.plan import MOMENTS
from tap_epicor.kinetic.query import Query

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_epicor.kinetic.metadata import EntityType
    from tap_epicor.kinetic.source import Rows

_ZONE: Final = re.compile(r"(Z|[+-]\d\d:\d\d)$")
_COUNTERS: Final = ("RowIdent",)
"""Columns of BAQs that are counted anew in each answer."""


@dataclass(frozen=True)
class Forms:
    """How values stand in the rows of an answer; None where no row shows it.

    Attributes:
        int64: `number`, `string`, or both.
        decimals: the same.
        zones: what ends a time: `Z`, `offset`, `none`, or several of them.
    """

    int64: str | None
    decimals: str | None
    zones: str | None


def rows_without_top(rows: Rows) -> int:
    """Return how many rows come where `$top` does not say how many are wanted.

    Args:
        rows: rows of which there are many.

    Raises:
        KineticError: if they can't be had.
    """
    return len(rows.fetch(Query(rows.filter, select=rows.select), patient=False))


def rows_with_top(rows: Rows, top: int) -> int:
    """Return how many rows come where so many are asked for.

    Args:
        rows: rows of which there are as many.
        top: rows to ask for.

    Raises:
        TooMuch: if the server can't do so many at once.
        KineticError: if they can't be had.
    """
    return len(rows.fetch(Query(rows.filter, top=top, select=rows.select), patient=False))


def honours_skip(rows: Rows, first: Sequence[Mapping[str, Any]]) -> bool | None:
    """Return whether `$skip` leaves rows out, None where the rows do not show it.

    Whether Kinetic does so on BAQs is not proved by any public client.

    Args:
        rows: the rows.
        first: the first two of them.

    Raises:
        KineticError: if they can't be had.
    """
    if len(first) < 2 or _told_apart(first[0]) == _told_apart(first[1]):  # noqa: PLR2004
        return None
    found = rows.fetch(Query(rows.filter, top=1, skip=1), patient=False)
    if not found or _told_apart(found[0]) == _told_apart(first[0]):
        return False
    return True if _told_apart(found[0]) == _told_apart(first[1]) else None


def forms_of(found: Sequence[Mapping[str, Any]], row_type: EntityType) -> Forms:
    """Return how values stand in rows.

    Args:
        found: the rows as they came.
        row_type: what is declared of them.
    """
    typed = {name: column.type for name, column in row_type.columns.items() if not column.collection}

    def values(*types: str) -> list[Any]:
        names = [name for name, edm_type in typed.items() if edm_type in types]
        return [row[name] for row in found for name in names if row.get(name) is not None]

    moments = [value for value in values(*(MOMENTS - {"Edm.Date"})) if isinstance(value, str) and "T" in value]
    return Forms(
        _all_told("string" if isinstance(value, str) else "number" for value in values("Edm.Int64")),
        _all_told("string" if isinstance(value, str) else "number" for value in values("Edm.Decimal")),
        _all_told(_zone(value) for value in moments),
    )


def _zone(moment: str) -> str:
    zone = _ZONE.search(moment)
    return "none" if zone is None else "Z" if zone[1] == "Z" else "offset"


def _all_told(kinds: Any) -> str | None:  # noqa: ANN401
    return " and ".join(sorted(set(kinds))) or None


def _told_apart(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in _COUNTERS}
