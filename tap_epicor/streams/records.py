"""Pages become records: rows of the company that was asked for, with the columns and the types of the schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_epicor.kinetic.found import values_of
from tap_epicor.kinetic.order import BrokenOrder
from tap_epicor.kinetic.shape import ONE_IN
from tap_epicor.streams.definition import COMPANY, COUNTER
from tap_epicor.streams.values import Repair

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from logging import Logger

    from singer_sdk.helpers.types import Record

    from tap_epicor.kinetic.pages import Page
    from tap_epicor.kinetic.source import Rows

_OTHERWISE = "(come otherwise than before)"


class Records:
    """The records of one stream in one company.

    Args:
        rows: the rows of the stream.
        schema: the stream's JSON schema.
        key: columns that tell rows apart, for messages.
        wanted: the columns that are asked for.
        added: columns to add to each row.
        others: the other companies that are read.
        name: the stream's name, for messages.
        told: columns that were told before; changed in place.
        logger: for columns that are not as they were declared.
    """

    def __init__(  # noqa: PLR0913
        self,
        rows: Rows,
        *,
        schema: Mapping[str, Any],
        key: Sequence[str],
        wanted: Sequence[str],
        added: Mapping[str, Any],
        others: Collection[str],
        name: str,
        told: set[str],
        logger: Logger,
    ) -> None:
        self._rows = rows
        self._wanted = wanted
        self._others = others
        self._name = name
        self._told = told
        self._logger = logger
        self._repair = Repair(schema, key, added, {COUNTER})

    def check(self, page: Page) -> None:
        """Check rows that go out as they are.

        Raises:
            BrokenOrder: if they are another company's.
        """
        self._check_company(page)
        self._tell_news(page)
        self._repair.note_unknown(page.rows.unwanted)
        self._tell_unknown()

    def of(self, page: Page) -> list[Record]:
        """Return the records of a page.

        Raises:
            BrokenOrder: if they are another company's.
            ValueMismatch: if a value is none of its column's type.
        """
        self._check_company(page)
        self._tell_news(page)
        rows = page.rows
        if absent := self._not_told(self._repair.absent(rows, self._wanted)):
            self._logger.warning(
                "%s: no row of a page has the columns %s, though the server declares them: they are null.",
                self._name,
                absent,
            )
        records = list(self._repair.rows(rows))
        self._tell_unknown()
        return records

    def _tell_unknown(self) -> None:
        if not self._rows.select and (unknown := self._not_told(self._repair.unknown)):
            self._logger.warning(
                "%s: the catalog does not know the columns %s: run --discover again.", self._name, unknown
            )

    def _tell_news(self, page: Page) -> None:
        if page.rows.news and self._not_told([_OTHERWISE]):
            self._logger.warning(
                "%s: rows come otherwise than before (%s). Of the pages before this one only every %dth row was "
                "compared with what the server declares; all went out as they came.",
                self._name,
                page.rows.news,
                ONE_IN,
            )

    def _not_told(self, names: Collection[str]) -> str:
        new = sorted(set(names) - self._told)
        self._told.update(new)
        return ", ".join(new)

    def _check_company(self, page: Page) -> None:
        """Check that the server has not sent the rows of another of the companies that are read, each on its own.

        Raises:
            BrokenOrder: if it has: something between ignores `CallSettings`, or takes it away.
        """
        if not self._others or COMPANY not in self._wanted:
            return
        came = set(values_of(page.rows, COMPANY))
        found = next((company for company in came if company in self._others), None)
        if found and self._rows.company not in came:
            raise BrokenOrder(
                f"asked for company {self._rows.company}, the server sent rows of {found}",
                path=self._rows.path,
                cure="The account may read only that one, or a gateway takes the header CallSettings away: use "
                "`api_version` v2, or one `company` for each user.",
            )
