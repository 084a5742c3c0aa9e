"""Whether a bookmark is of the database that is read: one that was restored or copied counts from another place.

A rowversion is unique in a database and only rises. So the row that had the bookmark's value has it still, or a higher
one, or is gone; no other row ever gets it, and nothing comes after what is above all rows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tap_epicor.kinetic.errors import BadRequest, ServerFailed
from tap_epicor.kinetic.plan import REVISION
from tap_epicor.kinetic.probes import highest
from tap_epicor.kinetic.query import Query, all_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_epicor.kinetic.pages import Page
    from tap_epicor.kinetic.plan import Part
    from tap_epicor.kinetic.source import Rows
    from tap_epicor.streams.bookmark import Bookmark


class OtherDatabase(Exception):
    """The bookmark is none of this database, with the evidence."""


def of_same_database(
    pages: Iterable[Page], rows: Rows, key: tuple[Part, ...], cursor: Part, bookmark: Bookmark
) -> Iterator[Page]:
    """Yield pages of changes as long as nothing speaks against the bookmark.

    Args:
        pages: the changes, in the order of the cursor; the bookmark follows them.
        rows: the rows that they are of.
        key: columns of the key.
        cursor: the column that changes are tracked by.
        bookmark: how far the runs before have come.

    Raises:
        OtherDatabase: if the database was restored or copied; no page from the bookmark on has been yielded.
        KineticError: if the server can't be asked.
    """
    value = bookmark.value
    unproved = None if cursor.name != REVISION or not bookmark.last else value
    last = None
    for page in pages:
        last = page.rows[-1][cursor.name]
        if unproved is not None and int(last) >= unproved:
            _check_row(page, rows, key, unproved, bookmark.last)
            unproved = None
        yield page
    if (last is None or bookmark.is_above(last)) and bookmark.is_above(highest(rows, cursor)):
        raise OtherDatabase(f"no row has a {cursor.name} of {value} or more")


def _check_row(page: Page, rows: Rows, key: tuple[Part, ...], value: int, last: list[str]) -> None:
    """Check the row that the bookmark was taken from, when a page comes to its value."""
    names = [part.name for part in key]
    there = [[str(row.get(name)) for name in names] for row in page.rows if int(row[REVISION]) == value]
    if there and last not in there:
        raise OtherDatabase(f"the {REVISION} {value} of the bookmark is another row's now")
    if there:
        return
    now = _revision_now(rows, key, last)
    if now is not None and now < value:
        row = ", ".join(f"{name} {had}" for name, had in zip(names, last, strict=True))
        raise OtherDatabase(f"the row with {row} had the {REVISION} {value} of the bookmark, and has {now} now")


def _revision_now(rows: Rows, key: tuple[Part, ...], values: list[str]) -> int | None:
    """Return the revision of a row; None where it is gone, or the server does not find it by its key."""
    try:
        alike = [f"{part.name} eq {rows.literal(part.type, had)}" for part, had in zip(key, values, strict=True)]
        select = [*(part.name for part in key), REVISION]
        found = replace(rows, filter=None).fetch(Query(all_of(alike), top=2, select=select))
    except (BadRequest, ServerFailed, ValueError):
        return None
    mine = [row for row in found if [str(row.get(part.name)) for part in key] == values]
    return int(mine[0][REVISION]) if len(mine) == len(found) == 1 else None
