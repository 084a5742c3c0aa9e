"""Something that has rows: an entity set of a service, or a BAQ."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from tap_epicor.kinetic.dialect import BAQ_SERVICE
from tap_epicor.kinetic.found import rows_of
from tap_epicor.kinetic.shape import UNDECLARED, Shape

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tap_epicor.kinetic.client import Kinetic
    from tap_epicor.kinetic.found import Found
    from tap_epicor.kinetic.query import Query


Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Source:
    """An entity set or a BAQ.

    Attributes:
        service: service that it belongs to, such as `Erp.BO.CustomerSvc`; `BaqSvc` for a BAQ.
        name: name of the entity set, or id of the BAQ.
    """

    service: str
    name: str

    @property
    def is_baq(self) -> bool:
        """Whether it is a BAQ."""
        return self.service == BAQ_SERVICE

    def __str__(self) -> str:
        return f"{self.service}/{self.name}"


@dataclass(frozen=True)
class Rows:
    """The rows of a source in one company, perhaps only some of them.

    Attributes:
        kinetic: the client to ask.
        source: where the rows are.
        company: company id.
        filter: condition that all requests carry.
        parameters: parameters of a BAQ, name and value.
        select: the columns wanted; empty for all.
        columns: columns to order by where there is no key.
        shape: what is declared of the rows wanted.
        expand: sets of child rows that each row is to carry.
        within: the row that they belong to, such as `SalesOrders('EPIC06',5001)`, percent-encoded; empty for all rows.
    """

    kinetic: Kinetic
    source: Source
    company: str
    filter: str | None = None
    parameters: Sequence[tuple[str, str]] = ()
    select: Sequence[str] = ()
    columns: Sequence[str] = ()
    shape: Shape = UNDECLARED
    expand: Sequence[str] = ()
    within: str = ""

    @property
    def path(self) -> str:
        """Path of the rows below the instance."""
        dialect = self.kinetic.dialect
        if self.source.is_baq:
            return dialect.baq(self.company, self.source.name)
        if self.within:
            return f"{dialect.service(self.company, self.source.service)}/{self.within}/{self.source.name}"
        return dialect.entity_set(self.company, self.source.service, self.source.name)

    def ask(self, query: Query, *, patient: bool = True) -> dict[str, Any]:
        """Return the answer to a query, to which the parameters of a BAQ are added.

        Args:
            query: what to ask for.
            patient: whether to try again where asking for fewer rows may help, too.

        Raises:
            KineticError: if it can't be had.
        """
        query = self._completed(query)
        answer: dict[str, Any] = self.kinetic.get_json(self.path, query, company=self.company, patient=patient)
        return answer

    def fetch(self, query: Query, *, patient: bool = True) -> list[dict[str, Any]]:
        """Return the rows in the answer to a query.

        Args:
            query: what to ask for.
            patient: whether to try again where asking for fewer rows may help, too.

        Raises:
            KineticError: if they can't be had.
        """
        return rows_of(self.ask(query, patient=patient), self.path)

    def page(self, query: Query, *, patient: bool = True) -> Found:
        """Return the rows in the answer to a query, as they are declared and with their text where that can be.

        Args:
            query: what to ask for.
            patient: whether to try again where asking for fewer rows may help, too.

        Raises:
            KineticError: if they can't be had.
        """
        query = self._completed(query)
        found: Found = self.kinetic.get_json(
            self.path, query, company=self.company, patient=patient, read=self.shape.read
        )
        return found

    def _completed(self, query: Query) -> Query:
        select = query.select
        if select and query.expand and self.kinetic.dialect.selects_expanded:
            select = [*select, *query.expand]
        return replace(query, parameters=self.parameters, select=select)

    def literal(self, edm_type: str, value: object) -> str:
        """Return a value as it is written in `$filter`."""
        return self.kinetic.dialect.literal(edm_type, value)


def not_just_once(ask: Callable[[], Answer], rows: Callable[[Answer], Any] = lambda answer: answer) -> Answer:
    """Return an answer; one without rows is asked for again, since it would end a read or make it empty.

    Args:
        ask: asks the server.
        rows: takes the rows out of an answer.
    """
    answer = ask()
    return answer if rows(answer) else ask()
