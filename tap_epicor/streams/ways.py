"""Which way a stream is read: from its own set, with its child rows, or through its parents."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from tap_epicor.kinetic.expanding import Expanding, Kin, NoWay
from tap_epicor.kinetic.plan import REVISION
from tap_epicor.kinetic.probes import highest_to_track
from tap_epicor.kinetic.shape import UNDECLARED
from tap_epicor.kinetic.source import Source
from tap_epicor.streams.bookmark import RESUME, Bookmark
from tap_epicor.streams.children import Inline, Through, known_cuts
from tap_epicor.streams.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tap_epicor.kinetic.plan import Part
    from tap_epicor.kinetic.source import Rows
    from tap_epicor.streams.definition import Definition
    from tap_epicor.streams.reckoning import Reckoning
    from tap_epicor.streams.wanted import Manner

logger = logging.getLogger(__name__)

READ_WHOLE: Final = "read_whole"
"""Name under which STATE says when the last read of everything began, in seconds since 1970."""
CARRIED: Final = "carried"
"""Name under which STATE says which sets of child rows the rows that came so far have carried."""
_DAY: Final = 24 * 60 * 60


def reading_of(  # noqa: PLR0913
    definition: Definition,
    rows: Rows,
    *,
    key: tuple[Part, ...],
    cursor: Part | None,
    bookmark: Bookmark,
    manner: Manner,
    reckoning: Reckoning,
    save: Callable[[], None],
) -> Reading:
    """Return the reading of a stream.

    Args:
        definition: the stream.
        rows: its rows.
        key: columns of its key; empty for none.
        cursor: column that changes are tracked by; None to read everything each time.
        bookmark: how far the runs before have come.
        manner: what the settings say.
        reckoning: what becomes of it.
        save: writes STATE.

    Raises:
        KineticError: if the server can't be asked which way it can be read.
    """
    _forget_what_lacks(bookmark, rows.expand, reckoning.name)
    _forget_when_due(bookmark, manner.full_every, reckoning.name)
    given: dict[str, Any] = {
        "cursor": cursor,
        "bookmark": bookmark,
        "manner": manner,
        "reckoning": reckoning,
        "save": save,
    }
    if definition.parent:
        child = Kin(
            definition.parent.name,
            definition.source.name,
            tuple(part.name for part in key),
            {part.name: part.type for part in (*key, *([cursor] if cursor else []))},
            definition.parent.link,
        )
        cut = known_cuts(bookmark.state, reckoning.name)
        if parents := _through(definition.parent, child, rows, manner.page_size, reckoning.name, cut=cut):
            return Through(parents, child=child, key=definition.parent.parts, **given)
    if rows.expand:
        children = [child for child in definition.children if child.name in rows.expand]
        return Inline(rows, children=children, key=key, **given)
    return Reading(rows, key=key, **given)


def _through(  # noqa: PLR0913
    parent: Kin, child: Kin, rows: Rows, page_size: int, name: str, *, cut: Mapping[str, Sequence[int]]
) -> Expanding | None:
    """Return the parents through which child rows are read; None where they are read from their own set.

    Raises:
        NoWay: if they can't be read through their parents, and do not tell themselves which these are.
        KineticError: if the server can't be asked.
    """
    added = [its for mine, its in parent.link.items() if its == f"{parent.entity_set}_{mine}"]
    if not added:
        if child.cursor is None:
            logger.info("%s: not read through %s, since no changes are asked for.", name, parent.entity_set)
            return None
        _, trap = highest_to_track(replace(rows, filter=None), child.cursor)
        if trap is None:
            logger.info("%s: the server filters these rows by their own columns: `through` is not needed.", name)
            return None
    parents = replace(
        rows,
        source=Source(rows.source.service, parent.entity_set),
        select=(*parent.key, REVISION),
        columns=parent.key,
        shape=UNDECLARED,
        expand=(parent.name,),
    )
    refusal: NoWay | None = None
    try:
        why: str | None = "changes are not tracked"
        if child.cursor and parent.cursor:
            _, why = highest_to_track(parents, parent.cursor)
        if why is None:
            return Expanding(parents, parent.parts, [child], page_size, cut)
    except NoWay as exc:
        why, refusal = exc.message, exc
    if added:
        raise refusal or NoWay(f"its rows can't be read through their parents: {why}", path=parents.path)
    logger.warning("%s: not read through %s, but from its own set: %s.", name, parent.entity_set, why)
    return None


def _forget_what_lacks(bookmark: Bookmark, children: Sequence[str], name: str) -> None:
    """Forget the bookmark where the rows before it came without child rows that are wanted now."""
    state = bookmark.state
    carried = state.pop(CARRIED, ())
    lacking = [child for child in children if child not in carried]
    if lacking and (bookmark.value is not None or RESUME in state):
        logger.info("%s: its rows have come without %s so far: everything is read.", name, ", ".join(lacking))
        bookmark.forget()
    if children:
        state[CARRIED] = list(children)


def _forget_when_due(bookmark: Bookmark, days: int | None, name: str) -> None:
    """Forget the bookmark where everything is to be read again, and remember when a read of everything begins."""
    if days is None:
        return
    now, state = int(time.time()), bookmark.state
    before = state.get(READ_WHOLE)
    due = not isinstance(before, int) or now - before >= days * _DAY
    if isinstance(before, int) and before > now:
        # The clock was wrong then, or is now: the days are counted from now on.
        state[READ_WHOLE] = now
    if bookmark.value is not None and due:
        logger.info("%s: everything is read again, as `full_every` says.", name)
        bookmark.forget()
    if bookmark.value is None and RESUME not in state:
        state[READ_WHOLE] = now
