"""A read of a set or BAQ: an iterator of its rows, or of its pages as Arrow tables."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from threading import Lock
from typing import TYPE_CHECKING, Any

from tap_epicor.kinetic.errors import KineticError
from tap_epicor.kinetic.pages import LostPlace
from tap_epicor.kinetic.probes import count
from tap_epicor.kinetic.ranges import Range, Spread

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from tap_epicor.kinetic.plan import Plan
    from tap_epicor.kinetic.source import Rows
    from tap_epicor.python.arrow import Pages
    from tap_epicor.python.values import Columns


class Read(Iterator[dict[str, Any]]):
    """The rows of a set or BAQ, one after the other; what is asked for is a page at a time. Threads may share it.

    A value is `None`, `str`, `bool`, `int`, `Decimal` (`Edm.Decimal`, with every digit) or `float` (`Edm.Double`), as
    the metadata declares it, however the server wrote it. Dates, times and GUIDs are text as Kinetic sends it.

    Args:
        rows: the rows wanted.
        plan: how to read them.
        columns: the columns wanted.
        page_size: rows to ask for at once.
        ordered: whether they are to come in the order of the key.
        skips: whether rows that can't be read are left out.
    """

    def __init__(  # noqa: PLR0913
        self, rows: Rows, plan: Plan, columns: Columns, *, page_size: int, ordered: bool, skips: bool
    ) -> None:
        self._rows = rows
        self._plan = plan
        self._columns = columns
        self._page_size = page_size
        self._ordered = ordered
        self._skips = skips
        self._taking = Lock()
        self._dictionaries = chain.from_iterable(map(columns.dictionaries, self._pages()))

    def __next__(self) -> dict[str, Any]:
        with self._taking:
            return next(self._dictionaries)

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of the pages, also where there are no rows.

        Raises:
            KineticError: if pyarrow is not installed.
        """
        return self._tables().schema

    def pages(self) -> Iterator[pa.Table]:
        """Return an iterator of the pages as Arrow tables, all of the same schema; it begins at the first row.

        A page is at the most `page_size` rows. No page is empty, so that a set without rows has none.

        Raises:
            ValueMismatch: if a value does not fit its column.
            KineticError: if a page can't be had, or pyarrow is not installed.
        """
        tables = self._tables()
        return map(tables.table, self._pages())

    def _pages(self) -> Iterator[Sequence[dict[str, Any]]]:
        return _pages(self._rows, self._plan, self._page_size, ordered=self._ordered, skips=self._skips)

    def _tables(self) -> Pages:
        try:
            from tap_epicor.python.arrow import Pages  # noqa: PLC0415 - an extra, and slow to import
        except ModuleNotFoundError as exc:
            if exc.name != "pyarrow":
                raise
            raise KineticError("Arrow tables need pyarrow", cure="pip install 'tap-epicor[arrow]'.") from exc
        return Pages(self._columns)


def _pages(rows: Rows, plan: Plan, page_size: int, *, ordered: bool, skips: bool) -> Iterator[Sequence[dict[str, Any]]]:
    """Yield the pages as they come; when the next one is asked for, the one before is gone.

    It does not hold the `Read` that it is of: whoever lets go of that ends the read, and its connections are free.

    Raises:
        KineticError: if a page can't be had, or contradicts the request.
    """
    # A read never waits for a place: one within another would wait for itself.
    places = rows.kinetic.readers.enter_more(1)
    counted = not ordered and plan.seeks and not rows.source.is_baq
    try:
        left = count(rows) if counted else None
        skipped: list[str] | None = [] if skips else None
        for page, _ in Spread(rows, plan, page_size, skipped=skipped, ranges=(Range(),), left=left).pages():
            yield page.rows
            page.rows.let_go()
    except LostPlace as exc:
        exc.cure = "Read it again with ordered=True, which does not depend on rows being found by their key."
        raise
    finally:
        rows.kinetic.readers.leave(places)
