"""The REST API: a path and a query string in, an answer out."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import msgspec

from tap_epicor.sandbox import designer, metadata, openapi, queries, signin
from tap_epicor.sandbox.baqs import Baqs
from tap_epicor.sandbox.errors import ServerError, bad_request, business, not_found
from tap_epicor.sandbox.options import Options
from tap_epicor.sandbox.pages import Sets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_epicor.sandbox.database import Database
    from tap_epicor.sandbox.model import EntitySet, Model
    from tap_epicor.sandbox.pages import Page
    from tap_epicor.sandbox.queries import Query
    from tap_epicor.sandbox.signin import Account
    from tap_epicor.sandbox.switches import Switches

JSON = "application/json; charset=utf-8"
XML = "application/xml; charset=utf-8"
_KEYED = re.compile(r"(?P<name>[^(]+)(?:\((?P<key>.*)\))?", re.DOTALL)
_COUNT = "$count"
_METADATA = "$metadata"
_ENCODER = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True)
class Call:
    """A request.

    Args:
        method: Its HTTP method.
        root: The address of the instance.
        path: Below the instance, not decoded.
        query: The query string, not decoded.
        headers: By lower-case name.
        body: What was sent.
    """

    method: str
    root: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    """An answer.

    Args:
        body: Its body.
        status: Its status.
        media: Its media type.
        headers: Further headers.
        rows: How many rows it holds.
    """

    body: bytes
    status: int = 200
    media: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    rows: int = 0


@dataclass(frozen=True)
class _Place:
    """Where in the API a request is: its version, the company, and the address of what it is about."""

    version: int
    company: str
    address: str


@dataclass(frozen=True)
class Api:
    """Answers requests below `/api` and `/TokenResource.svc`.

    Args:
        database: The rows.
        model: Of the data.
        account: Who may ask.
        companies: Their ids, the account's own first.
        switches: The server's behaviour.
    """

    database: Database
    model: Model
    account: Account
    companies: tuple[str, ...]
    switches: Switches

    def answer(self, call: Call) -> Answer:
        """The answer to a request.

        Raises:
            ServerError: Whenever it is not what was asked for.
        """
        segments = call.path.strip("/").split("/")
        if segments[0] == "TokenResource.svc":
            return self._token(call)
        if segments[0] != "api":
            raise not_found(unquote(segments[0]))
        if segments[1:2] == ["helppage"]:
            return self._helppage(call, segments[2:])
        if segments[1:2] == ["swagger"]:
            return self._swagger(call, segments[2:])
        if segments[1:2] == ["v1"]:
            return self._v1(call, segments[2:])
        if segments[1:3] == ["v2", "odata"]:
            return self._v2(call, segments[3:])
        raise not_found(unquote(segments[-1]))

    def _token(self, call: Call) -> Answer:
        self.account.sign_in(call.headers, call.body)
        seconds = self.switches.token_seconds
        token = self.account.token(seconds)
        if accepts_json(call.headers):
            fields = {"AccessToken": token, "ExpiresIn": seconds, "RefreshToken": "", "TokenType": "Bearer"}
            return Answer(msgspec.json.encode(fields))
        text = (
            f"<Token><AccessToken>{token}</AccessToken><ExpiresIn>{seconds}</ExpiresIn>"
            "<RefreshToken/><TokenType>Bearer</TokenType></Token>"
        )
        return Answer(text.encode(), media=XML)

    def _helppage(self, call: Call, segments: list[str]) -> Answer:
        self._sign_in(call, 1, self.companies[0])
        if segments != ["services"]:
            raise not_found(unquote(segments[-1]) if segments else "helppage")
        kind = Options.parse(call.query, 1).parameters.get("serviceType", ["BO"])[0]
        return Answer(_ENCODER.encode(metadata.service_list(self._services(kind), self.switches.list_shape)))

    def _swagger(self, call: Call, segments: list[str]) -> Answer:
        version = {"v1": 1, "v2": 2}.get(segments[0]) if len(segments) == 3 and segments[1] == "odata" else None  # noqa: PLR2004
        if version is None or self.switches.openapi == "missing":
            raise not_found(unquote(segments[-1]) if segments else "swagger")
        self._sign_in(call, version, self.companies[0])
        _only_get(call)
        name = unquote(segments[2]).removesuffix(".json")
        sets = self.model.services.get(name)
        if sets is None:
            raise not_found(name)
        if self.switches.openapi == "denied" or name in self.switches.denied_services:
            raise signin.denied("Ice.Lib.HelpPageSvc", "GetSwagger", self.switches.denied_status)
        document = openapi.of_service(sets.values(), version, described=self.switches.openapi == "described")
        body = _ENCODER.encode(document)
        tag = f'"{zlib.crc32(body):08x}"'
        if call.headers.get("if-none-match") == tag:
            return Answer(b"", 304, headers={"ETag": tag})
        return Answer(body, headers={"ETag": tag})

    def _services(self, kind: str) -> list[str]:
        if self.switches.service_list == "denied":
            raise signin.denied("Ice.Lib.HelpPageSvc", "GetServices", self.switches.denied_status)
        return [name for name in self.model.services if f".{kind}." in name]

    def _v1(self, call: Call, segments: list[str]) -> Answer:
        company = self._called_company(call.headers)
        self._sign_in(call, 1, company)
        root = f"{call.root}/api/v1/"
        if not any(segments):
            return Answer(metadata.atom(self._services("BO"), root), media="application/atomsvc+xml; charset=utf-8")
        return self._service(call, _Place(1, company, f"{root}{segments[0]}/"), segments)

    def _v2(self, call: Call, segments: list[str]) -> Answer:
        company = unquote(segments[0]) if segments else ""
        self._sign_in(call, 2, company)
        if company not in self.companies:
            raise business(f"Company '{company}' is not valid.")
        if not any(segments[1:]):
            raise not_found(company)
        place = _Place(2, company, f"{call.root}/api/v2/odata/{segments[0]}/{segments[1]}/")
        return self._service(call, place, segments[1:])

    def _sign_in(self, call: Call, version: int, company: str) -> None:
        self.account.check(call.headers.get("authorization", ""))
        if version > 1 or self.switches.v1_key == "required":
            in_query = [entry.partition("=")[2] for entry in call.query.split("&") if entry.startswith("api-key=")]
            key = call.headers.get("x-api-key") or (unquote(in_query[0]) if in_query else None)
            self.account.check_key(key, company)

    def _called_company(self, headers: Mapping[str, str]) -> str:
        """The company of the `CallSettings` header, or else the account's own."""
        try:
            settings = msgspec.json.decode(headers.get("callsettings", "{}").encode("latin-1"), type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise business("The header CallSettings is not valid JSON.") from error
        company = settings.get("Company") or self.companies[0]
        if company not in self.companies:
            raise business(f"Company '{company}' is not valid.")
        return str(company)

    def _service(self, call: Call, place: _Place, segments: list[str]) -> Answer:
        name, *rest = segments
        rest = [segment for segment in rest if segment]
        if name == "BaqSvc":
            return self._baq(call, place, rest)
        sets = self.model.services.get(unquote(name))
        if sets is None:
            raise not_found(unquote(name))
        if call.method == "POST" and rest == ["GetByID"] and name == designer.SERVICE:
            return Answer(_ENCODER.encode(designer.get_by_id(call.body, place.company)))
        _only_get(call)
        if not rest:
            return Answer(_ENCODER.encode(metadata.service_document(sets, place.address, place.version)))
        if rest == [_METADATA]:
            return Answer(metadata.of_service(sets.values(), place.version), media=XML)
        return self._sets(call, place, sets, rest)

    def _sets(self, call: Call, place: _Place, sets: dict[str, EntitySet], path: list[str]) -> Answer:
        name, key = _keyed(path[0])
        entity_set = sets.get(name)
        if entity_set is None:
            raise not_found(name)
        self._allow(entity_set)
        options = Options.parse(call.query, place.version)
        reader = Sets(self.database.connection, self.model, place.company, options, self.switches)
        below = unquote(path[1]) if len(path) > 1 else None
        if key is None and below is None:
            return self._page(call, place, name, reader.page(entity_set))
        if key is None and below == _COUNT and place.version > 1 and self.switches.count != "refused":
            return Answer(str(reader.count(entity_set)).encode(), media="text/plain")
        if key is None:
            raise not_found(str(below))
        return self._below_entity(call, place, entity_set, (reader, key, below))

    def _below_entity(
        self, call: Call, place: _Place, entity_set: EntitySet, asked: tuple[Sets, str, str | None]
    ) -> Answer:
        reader, key, below = asked
        row = reader.entity(entity_set, key)
        if row is None:
            raise not_found(f"{entity_set.name}({key})")
        if below is None:
            context = {_context(place): f"{place.address}{_METADATA}#{entity_set.name}/{_single(place)}"}
            return Answer(_ENCODER.encode(context | row), rows=1)
        if below not in entity_set.children or self.switches.nested == "missing":
            raise not_found(below)
        child = self.model.services[entity_set.service][below]
        return self._page(call, place, below, reader.page(child, key))

    def _allow(self, entity_set: EntitySet) -> None:
        if entity_set.service in self.switches.denied_services:
            method = "GetList" if entity_set.name == "List" else "GetRows"
            raise signin.denied(entity_set.service, method, self.switches.denied_status)

    def _baq(self, call: Call, place: _Place, path: list[str]) -> Answer:
        _only_get(call)
        if not path:
            return Answer(_ENCODER.encode(metadata.service_document(queries.load(), place.address, place.version)))
        name, key = _keyed(path[0])
        query = queries.load().get(name)
        if query is None:
            raise ServerError(404, f"Dynamic query is not found {name}", "Epicor.RESTApi.ErrorHandling.ApiException")
        below = unquote(path[1]) if len(path) > 1 else None
        if below == _METADATA:
            return Answer(metadata.of_query(query, place.version), media=XML)
        if "BaqSvc" in self.switches.denied_services:
            raise signin.denied("BaqSvc", name, self.switches.denied_status)
        place = _Place(place.version, self._baq_company(place, key), f"{place.address}{path[0]}/")
        if place.version > 1 and below is None:
            return Answer(_ENCODER.encode(metadata.service_document(["Data"], place.address, 2)))
        if below not in ((None,) if place.version == 1 else ("Data",)):
            raise not_found(str(below))
        return self._baq_rows(call, place, query)

    def _baq_company(self, place: _Place, key: str | None) -> str:
        """The company that v1 takes in parentheses after the id."""
        company = place.company if key is None else key.strip("'")
        if company not in self.companies:
            raise business(f"Company '{company}' is not valid.")
        return company

    def _baq_rows(self, call: Call, place: _Place, query: Query) -> Answer:
        options = Options.parse(call.query, place.version)
        if options.expand:
            raise bad_request("$expand is not supported on dynamic queries.")
        page = Baqs(self.database.connection, place.company, options, self.switches).page(query)
        return self._page(call, place, "Epicor.QueryItem", page)

    def _page(self, call: Call, place: _Place, name: str, page: Page) -> Answer:
        prefix = "odata." if place.version == 1 else "@odata."
        envelope: dict[str, object] = {_context(place): f"{place.address}{_METADATA}#{name}"}
        if page.count is not None:
            envelope[f"{prefix}count"] = str(page.count) if place.version == 1 else page.count
        envelope["value"] = page.rows
        if page.cut and self.switches.next_link != "none":
            envelope[f"{prefix}nextLink"] = self._next_link(call, place, len(page.rows))
        return Answer(_ENCODER.encode(envelope), rows=len(page.rows))

    def _next_link(self, call: Call, place: _Place, rows: int) -> str:
        options = Options.parse(call.query, place.version)
        moving = ("%24skip", "$skip", "%24top", "$top")
        kept = [entry for entry in call.query.split("&") if entry and not entry.startswith(moving)]
        if options.top is not None:
            kept.append(f"$top={options.top - rows}")
        kept.append(f"$skip={options.skip + rows}")
        if self.switches.next_link == "absolute":
            return f"{call.root}{call.path}?{'&'.join(kept)}"
        return f"{call.path.rpartition('/')[2]}?{'&'.join(kept)}"


def accepts_json(headers: Mapping[str, str]) -> bool:
    """Whether a client says that it takes JSON."""
    return "application/json" in headers.get("accept", "")


def _keyed(segment: str) -> tuple[str, str | None]:
    """A segment of a path: a name, and what stands in parentheses after it."""
    match = _KEYED.fullmatch(unquote(segment))
    if match is None:
        raise not_found(unquote(segment))
    return match["name"], match["key"]


def _only_get(call: Call) -> None:
    if call.method not in {"GET", "HEAD"}:
        raise ServerError(
            405,
            f"The requested resource does not support http method '{call.method}'.",
            "Epicor.RESTApi.ErrorHandling.ApiException",
        )


def _context(place: _Place) -> str:
    return "odata.metadata" if place.version == 1 else "@odata.context"


def _single(place: _Place) -> str:
    return "@Element" if place.version == 1 else "$entity"
