"""What a program names: a set, a BAQ, columns and parameters; where there is no such thing, what comes near."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from tap_epicor.kinetic.catalogue import describe_baq, describe_service, list_baqs, list_services
from tap_epicor.kinetic.dialect import BAQ_SERVICE
from tap_epicor.kinetic.errors import KineticError, NotFound
from tap_epicor.kinetic.parameters import lacking, unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from tap_epicor.kinetic.catalogue import Found
    from tap_epicor.kinetic.client import Kinetic

_NEAR: Final = 3
"""Names that come near, at the most."""
_MOST_NAMES: Final = 12
"""Names that are told where none comes near."""


class NoSuchName(KineticError):
    """A set, BAQ, column or parameter that there is not."""


class Names:
    """The sets and BAQs of an instance, each described by the server once.

    Args:
        kinetic: the client to ask.
        company: company id.
    """

    def __init__(self, kinetic: Kinetic, company: str) -> None:
        self._kinetic = kinetic
        self._company = company
        self._services: dict[str, dict[str, Found]] = {}
        self._baqs: dict[str, Found] = {}

    def entity_set(self, name: str) -> Found:
        """Return an entity set with the type of its rows.

        Args:
            name: its service and its own name, such as `Erp.BO.CustomerSvc/Customers`.

        Raises:
            NoSuchName: if there is none of this name.
            KineticError: if the service can't be read.
        """
        service, _, own = name.partition("/")
        if service == BAQ_SERVICE:
            raise NoSuchName(f"{name!r} is a BAQ", cure=f"Read it by baq({own!r}).")
        if service not in self._services:
            if "." not in service:
                cure = "Write service and set, such as Erp.BO.CustomerSvc/Customers."
                raise NoSuchName(f"{name!r} is no name of an entity set", cure=cure)
            self._services[service] = {found.source.name: found for found in self._describe(service)}
        sets = self._services[service]
        if own not in sets:
            what = f"{service} has no entity set {own!r}" if own else f"{name!r} names a service, and none of its sets"
            raise NoSuchName(what, cure=_near(own, sets))
        return sets[own]

    def baq(self, query: str) -> Found:
        """Return a BAQ with the type of its rows and its parameters.

        Args:
            query: its id.

        Raises:
            NoSuchName: if there is none of this id.
            KineticError: if it can't be read.
        """
        if query not in self._baqs:
            try:
                self._baqs[query] = describe_baq(self._kinetic, query, self._company)
            except NotFound as exc:
                raise self._none_such(exc, f"there is no BAQ {query!r}", query, list_baqs) from exc
        return self._baqs[query]

    def _describe(self, service: str) -> list[Found]:
        try:
            return describe_service(self._kinetic, service, self._company)
        except NotFound as exc:
            raise self._none_such(exc, f"there is no service {service!r}", service, list_services) from exc

    def _none_such(
        self, exc: NotFound, what: str, name: str, known: Callable[[Kinetic, str], Collection[str]]
    ) -> KineticError:
        """Return the error to raise: what the server said, where the name is not to blame or that can't be told."""
        try:
            names = known(self._kinetic, self._company)
        except KineticError:
            return exc
        return exc if name in names else NoSuchName(what, path=exc.path, status=exc.status, cure=_near(name, names))


def check_columns(found: Found, names: Iterable[str], argument: str) -> None:
    """Check that columns are there.

    Args:
        found: the set or BAQ.
        names: names of columns.
        argument: where they stand, for the message.

    Raises:
        NoSuchName: if one is not.
    """
    for name in names:
        if name not in found.type.columns:
            what = f"{found.source} has no column {name!r} (`{argument}`)"
            raise NoSuchName(what, cure=_near(name, found.type.columns))


def check_values(query: str, given: Mapping[str, Any]) -> None:
    """Check that what is given for a BAQ's parameters can be written as Kinetic reads it.

    Args:
        query: the BAQ's id.
        given: values by name.

    Raises:
        KineticError: if one is a set, a dictionary, or another thing that holds values, and no list.
    """
    for name, value in given.items():
        for one in value if isinstance(value, list | tuple) else [value]:
            if isinstance(one, Iterable) and not isinstance(one, str):
                raise KineticError(
                    f"the BAQ {query}: a {type(one).__name__} is no value for {name}",
                    cure="Give one value, or a list of them.",
                )


def check_parameters(found: Found, given: Collection[str]) -> None:
    """Check the parameters of a BAQ, where the server tells which it has.

    Args:
        found: the BAQ.
        given: names of the parameters that have a value.

    Raises:
        NoSuchName: if one is given that there is not.
        KineticError: if one is missing that may not be left out.
    """
    if found.parameters is None:
        return
    query = found.source.name
    for name in unknown(found.parameters, given):
        known = [parameter.name for parameter in found.parameters]
        raise NoSuchName(f"the BAQ {query} has no parameter {name!r}", cure=_near(name, known))
    if missing := lacking(found.parameters, given):
        raise KineticError(
            f"the BAQ {query} wants a value for {', '.join(missing)}",
            cure=f"Give it as an argument: baq({query!r}, {missing[0]}=…).",
        )


def _near(name: str, known: Collection[str]) -> str:
    """Return a hint at what was probably meant, or at what there is."""
    by_lower = {one.lower(): one for one in known}
    near = [by_lower[one] for one in get_close_matches(name.lower(), by_lower, n=_NEAR)]
    if near:
        return f"Did you mean {' or '.join(map(repr, near))}?"
    more = f" and {len(known) - _MOST_NAMES} more" if len(known) > _MOST_NAMES else ""
    return f"There is {', '.join(list(known)[:_MOST_NAMES])}{more}." if known else "There is none at all."
