"""Which services, entity sets and BAQs there are."""

from __future__ import annotations

import json
import logging
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from tap_epicor.kinetic.dialect import BAQ_SERVICE
from tap_epicor.kinetic.errors import (
    KineticError,
    NotFound,
    PassingError,
    SignInRefused,
    TooLong,
    Unreachable,
    redact,
)
from tap_epicor.kinetic.metadata import read_metadata, read_row_type
from tap_epicor.kinetic.pages import read
from tap_epicor.kinetic.plan import Part, make_plan
from tap_epicor.kinetic.query import Query
from tap_epicor.kinetic.source import Rows, Source
from tap_epicor.kinetic.starter import SERVICES, STARTER

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from tap_epicor.kinetic.client import Kinetic
    from tap_epicor.kinetic.metadata import EntityType

    Types = dict[str, EntityType]
    Complete = Callable[[str, Types], Types]

logger = logging.getLogger(__name__)

_SERVICE_TYPES = ("BO", "UD", "Lib", "Proc")
_SERVICE_NAME = re.compile(rb"\b[A-Za-z]\w{0,63}\.[A-Za-z]\w{0,63}\.\w{1,128}Svc\b")
_QUERIES = "Ice.BO.DynamicQuerySvc"
_LIST_PAGE = 1000
_MOST_SERVICES = 20_000
"""Services in a list at the most; a tenant has some 2,500."""


class ListRefused(KineticError):
    """The server does not tell what it has."""


@dataclass(frozen=True)
class Parameter:
    """A parameter of a BAQ.

    Attributes:
        name: its ParameterID, the name in the query string.
        type: SQL type as the query's designer chose it, such as `nvarchar`.
        optional: whether it may be left out (`SkipIfEmpty`).
    """

    name: str
    type: str
    optional: bool


@dataclass(frozen=True)
class Found:
    """A source with the type of its rows.

    Attributes:
        source: the entity set or BAQ.
        type: its rows.
        parameters: a BAQ's parameters; None where the server does not tell.
        service: the types of all sets of its service, by name.
    """

    source: Source
    type: EntityType
    parameters: Sequence[Parameter] | None = None
    service: Mapping[str, EntityType] = field(default_factory=dict)


def is_pattern(name: str) -> bool:
    """Return whether a name stands for many, by `*` or `?`."""
    return "*" in name or "?" in name


def is_many(service: str) -> bool:
    """Return whether a name among services stands for many: a pattern, or the starter selection."""
    return is_pattern(service) or service == STARTER


def find_services(kinetic: Kinetic, wanted: Sequence[str], company: str) -> list[str]:
    """Return the services that names and patterns stand for, in order and once each.

    Args:
        kinetic: the client.
        wanted: names, patterns of `*` and `?`, or `starter`; `BaqSvc` is left out.
        company: a company that the account may read.

    Raises:
        ListRefused: if there is a pattern and the server does not list its services.
    """
    patterns = [name for name in wanted if is_pattern(name)]
    known = list_services(kinetic, company) if patterns else {}
    found: dict[str, None] = {}
    for name in wanted:
        if name == STARTER:
            found.update(dict.fromkeys(SERVICES))
            continue
        matching = sorted(service for service in known if fnmatchcase(service, name)) if is_pattern(name) else [name]
        if not matching:
            logger.warning("No service matches %r; the server lists %d.", name, len(known))
        found.update(dict.fromkeys(matching))
    found.pop(BAQ_SERVICE, None)
    return list(found)


def describe_services(
    kinetic: Kinetic,
    services: Sequence[str],
    company: str,
    complete: Complete = lambda _, types: types,
    optional: Collection[str] = (),
) -> Iterator[Found]:
    """Yield the entity sets of services; several services are asked at a time.

    A service that can't be read is a warning with its name, unless none can, or it fails for a reason that passes: a
    catalog made meanwhile would lack its tables.

    Args:
        kinetic: the client.
        services: names of services.
        company: a company that the account may read.
        complete: adds to the types of a service's sets what the server says elsewhere; called in several threads.
        optional: those that need not be there.

    Raises:
        PassingError: if the server fails for long.
        KineticError: if no service at all can be read.
    """
    yield from _each(kinetic, lambda service: describe_service(kinetic, service, company, complete), services, optional)


def describe_service(
    kinetic: Kinetic, service: str, company: str, complete: Complete = lambda _, types: types
) -> list[Found]:
    """Return the entity sets of a service, by one request.

    Args:
        kinetic: the client.
        service: name of the service.
        company: a company that the account may read.
        complete: adds to the types of its sets what the server says elsewhere.

    Raises:
        KineticError: if it can't be read.
    """
    path = kinetic.dialect.metadata(company, service)
    types = complete(service, kinetic.get_text(path, read_metadata, company=company))
    return [Found(Source(service, name), row_type, service=types) for name, row_type in types.items()]


def find_baqs(kinetic: Kinetic, wanted: Sequence[str], company: str) -> list[str]:
    """Return the ids of the BAQs that ids and patterns stand for, in order and once each.

    Args:
        kinetic: the client.
        wanted: ids, or patterns of `*` and `?`.
        company: a company that the account may read.

    Raises:
        ListRefused: if there is a pattern and the key may not read `Ice.BO.DynamicQuerySvc`.
    """
    known = list_baqs(kinetic, company) if any(map(is_pattern, wanted)) else {}
    found: dict[str, None] = {}
    for name in wanted:
        matching = [query for query in known if fnmatchcase(query, name)] if is_pattern(name) else [name]
        if not matching:
            logger.warning("No BAQ matches %r; the server lists %d.", name, len(known))
        found.update(dict.fromkeys(matching))
    return list(found)


def describe_baqs(kinetic: Kinetic, queries: Sequence[str], company: str) -> Iterator[Found]:
    """Yield BAQs with their columns and parameters; several are asked for at a time.

    Args:
        kinetic: the client.
        queries: ids of BAQs.
        company: a company that the account may read.

    Raises:
        PassingError: if the server fails for long.
        KineticError: if no BAQ at all can be read.
    """
    yield from _each(kinetic, lambda query: [describe_baq(kinetic, query, company)], queries)


def describe_baq(kinetic: Kinetic, query: str, company: str) -> Found:
    """Return a BAQ with its columns and parameters, by two requests.

    Args:
        kinetic: the client.
        query: id of the BAQ.
        company: a company that the account may read.

    Raises:
        KineticError: if it can't be read.
    """
    path = kinetic.dialect.metadata(company, BAQ_SERVICE, query)
    row_type = kinetic.get_text(path, read_row_type, company=company)
    return Found(Source(BAQ_SERVICE, query), row_type, _parameters(kinetic, query, company))


def _each(
    kinetic: Kinetic, describe: Callable[[str], list[Found]], names: Sequence[str], optional: Collection[str] = ()
) -> Iterator[Found]:
    def attempt(name: str) -> list[Found] | KineticError:
        try:
            return describe(name)
        except KineticError as exc:
            return exc

    def results(pool: ThreadPoolExecutor) -> Iterator[list[Found] | KineticError]:
        """Yield the first one before the others are asked for: a wrong password that is sent often locks accounts."""
        yield from map(attempt, names[:1])
        yield from pool.map(attempt, names[1:])

    failures: list[KineticError] = []
    with ThreadPoolExecutor(kinetic.max_connections, thread_name_prefix="discovery") as pool:
        try:
            for name, result in zip(names, results(pool), strict=True):
                if isinstance(result, SignInRefused | Unreachable | PassingError):
                    raise result
                if isinstance(result, KineticError):
                    failures.append(result)
                    if name in optional and isinstance(result, NotFound):
                        logger.info("%s is left out, since the server has no such service.", name)
                    else:
                        logger.warning("%s is left out: %s", name, result)
                else:
                    yield from result
        finally:
            pool.shutdown(cancel_futures=True)
    if failures and len(failures) == len(names):
        raise failures[0]


def list_services(kinetic: Kinetic, company: str) -> dict[str, str]:
    """Return the names of all services, each with its description, or an empty text where there is none.

    The shape of the list is not known, so that names are taken from wherever they stand in the answer.

    Args:
        kinetic: the client.
        company: a company that the account may read.

    Raises:
        ListRefused: if the server does not list its services.
        KineticError: if it can't be asked.
    """
    found: dict[str, str] = {}
    refusal: KineticError | None = None
    addresses = [
        *((f"api/helppage/services?serviceType={kind}", "application/json") for kind in _SERVICE_TYPES),
        (f"{kinetic.dialect.root(company)}/", "application/atomsvc+xml, application/xml, application/json"),
    ]
    for path, accept in addresses:
        if found and not path.startswith("api/helppage"):
            break
        try:
            document = kinetic.get_text(path, bytes, company=company, accept=accept)
        except TooLong as exc:
            refusal = refusal or exc
        except (SignInRefused, PassingError):
            raise
        except KineticError as exc:
            refusal = refusal or exc
        else:
            found |= dict.fromkeys((match[0].decode() for match in _SERVICE_NAME.finditer(document)), "")
            found |= _descriptions(document)
        if len(found) > _MOST_SERVICES:
            raise ListRefused(
                f"the server lists more than {_MOST_SERVICES:,} services, which no Kinetic has",
                cure="Name the services in `service` instead of a pattern.",
            )
    if not found:
        raise ListRefused(
            f"the server does not list its services{f' ({refusal})' if refusal else ''}",
            cure="Name the services in `service` instead of a pattern; the API key's access scope may hide the list.",
        ) from refusal
    return found


def _descriptions(document: bytes) -> dict[str, str]:
    """Return what a list in JSON says of services, where it stands beside their names."""
    try:
        waiting = [json.loads(document)]
    except (ValueError, RecursionError):
        return {}
    found: dict[str, str] = {}
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, dict):
            waiting += part.values()
            texts = {name.lower(): text for name, text in part.items() if isinstance(text, str)}
            if said := texts.get("description") or texts.get("summary"):
                names = [text for text in texts.values() if _SERVICE_NAME.fullmatch(text.encode("utf-8", "replace"))]
                found |= dict.fromkeys(names, redact(said))
    return found


def list_baqs(kinetic: Kinetic, company: str, *, described: bool = False) -> dict[str, str]:
    """Return the ids of all BAQs, in order, each with its description, or an empty text where there is none.

    Args:
        kinetic: the client.
        company: a company that the account may read.
        described: whether descriptions are wanted.

    Raises:
        ListRefused: if the key may not read `Ice.BO.DynamicQuerySvc`.
        SignInRefused: if the server refuses the sign-in.
    """
    columns = ("Company", "QueryID", *(("Description",) if described else ()))
    rows = Rows(kinetic, Source(_QUERIES, "DynamicQueries"), company, select=columns)
    plan = make_plan([Part("Company", "Edm.String"), Part("QueryID", "Edm.String")])
    try:
        known = {
            str(row["QueryID"]): redact(str(row.get("Description") or ""))
            for page in read(rows, plan, _LIST_PAGE)
            for row in page.rows
        }
    except SignInRefused:
        raise
    except KineticError as exc:
        raise ListRefused(
            f"the server does not list its BAQs ({exc})",
            cure="Name them in `baqs`, or let the API key's access scope read Ice.BO.DynamicQuerySvc.",
        ) from exc
    for query in sorted(query for query in known if not query.isprintable()):
        logger.warning("The BAQ %.100r is left out: no id holds such characters.", query)
    return {query: known[query] for query in sorted(known) if query.isprintable()}


def _parameters(kinetic: Kinetic, query: str, company: str) -> list[Parameter] | None:
    condition = f"QueryID eq {kinetic.dialect.literal('Edm.String', query)}"
    rows = Rows(kinetic, Source(_QUERIES, "QueryParameters"), company)
    try:
        found = rows.fetch(Query(condition, top=_LIST_PAGE))
    except KineticError as exc:
        logger.info("The parameters of BAQ %s are not known: %s", query, exc)
        return None
    return list(_read_parameters(found, query))


def _read_parameters(found: Iterable[dict[str, Any]], query: str) -> Iterator[Parameter]:
    seen: set[str] = set()
    for row in found:
        name = str(row.get("ParameterID") or "")
        if name and name not in seen and row.get("QueryID") == query:
            seen.add(name)
            yield Parameter(name, str(row.get("ParameterType") or ""), bool(row.get("SkipIfEmpty")))
