"""All that differs between version 1 (OData 3) and version 2 (OData 4) of Kinetic's REST services."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

BAQ_SERVICE: Final = "BaqSvc"

_ZONE = re.compile(r"(Z|[+-]\d\d:\d\d)$", re.IGNORECASE)
MOST_DIGITS = 400
"""Digits that are written out, more than any Edm type has: `1E999999999` would be a gigabyte."""
_NUMBERS = frozenset(
    {"Edm.Byte", "Edm.SByte", "Edm.Int16", "Edm.Int32", "Edm.Int64", "Edm.Double", "Edm.Single"},
)


@dataclass(frozen=True)
class Dialect:
    """One version of the REST services.

    Attributes:
        version: `v1` or `v2`.
        next_link: property of an answer that holds the address of the next page.
        count: property of an answer that holds the number of all rows.
        count_option: query option that asks for that number.
        company_in_path: whether the company is part of every address (v2) or a header (v1).
        selects_expanded: whether `$select` must name what `$expand` is to bring (OData 3).
    """

    version: str
    next_link: str
    count: str
    count_option: tuple[str, str]
    company_in_path: bool
    selects_expanded: bool

    def root(self, company: str) -> str:
        """Return the path under which the services of a company stand."""
        return f"api/v2/odata/{_segment(company)}" if self.company_in_path else "api/v1"

    def service(self, company: str, service: str) -> str:
        """Return the path of a service."""
        return f"{self.root(company)}/{_segment(service)}"

    def entity_set(self, company: str, service: str, name: str) -> str:
        """Return the path of an entity set's rows."""
        return f"{self.service(company, service)}/{_segment(name)}"

    def baq(self, company: str, query_id: str) -> str:
        """Return the path of a BAQ's rows.

        In v2 the bare id answers with a descriptor instead; in v1 another company than the account's own stands behind
        the id in parentheses (two or more public clients each).
        """
        path = f"{self.service(company, BAQ_SERVICE)}/{_segment(query_id)}"
        if self.company_in_path:
            return f"{path}/Data"
        return f"{path}({_segment(company)})/" if company else f"{path}/"

    def metadata(self, company: str, service: str, query_id: str | None = None) -> str:
        """Return the path of the CSDL document of a service, or of one BAQ."""
        path = self.service(company, service)
        return f"{path}/{_segment(query_id)}/$metadata" if query_id else f"{path}/$metadata"

    def openapi(self, service: str) -> str:
        """Return the path of the OpenAPI document of a service, which is of no company (vendor text for v1)."""
        return f"api/swagger/{self.version}/odata/{_segment(service)}.json"

    def call_settings(self, company: str, plant: str | None) -> str | None:
        """Return the `CallSettings` header that sets company and plant, or None where none is needed."""
        settings = {} if self.company_in_path and not plant else {"Company": company, "Plant": plant or ""}
        given = {name: value for name, value in settings.items() if value}
        return json.dumps(given) if given else None

    def literal(self, edm_type: str, value: object) -> str:
        """Return a value as it is written in `$filter`.

        Args:
            edm_type: type of the column, such as `Edm.Int64`.
            value: the value as it stood in a row's JSON.

        Raises:
            ValueError: if the type has no literal.
        """
        text = _plain(value)
        if edm_type in _NUMBERS:
            return text
        if edm_type == "Edm.Decimal":
            return text if self.company_in_path else f"{text}M"
        if edm_type == "Edm.Boolean":
            return text.lower()
        quoted = "'" + text.replace("'", "''") + "'"
        if edm_type == "Edm.String":
            return quoted
        if edm_type in _PREFIXES_V1:
            if edm_type == "Edm.DateTimeOffset":
                text = text if _ZONE.search(text) else f"{text}Z"
            if edm_type == "Edm.DateTime":
                text = _ZONE.sub("", text)
            return text if self.company_in_path else f"{_PREFIXES_V1[edm_type]}'{text}'"
        raise ValueError(f"a column of type {edm_type} can't be compared in a $filter")


_PREFIXES_V1: Mapping[str, str] = {
    "Edm.Guid": "guid",
    "Edm.DateTime": "datetime",
    "Edm.DateTimeOffset": "datetimeoffset",
    "Edm.Date": "datetime",
    "Edm.TimeOfDay": "time",
    "Edm.Time": "time",
}

V1: Final = Dialect(
    "v1", "odata.nextLink", "odata.count", ("$inlinecount", "allpages"), company_in_path=False, selects_expanded=True
)
V2: Final = Dialect(
    "v2", "@odata.nextLink", "@odata.count", ("$count", "true"), company_in_path=True, selects_expanded=False
)
DIALECTS: Mapping[str, Dialect] = {"v1": V1, "v2": V2}


def _segment(text: str) -> str:
    return quote(text, safe="")


def _plain(value: object) -> str:
    if isinstance(value, Decimal) and abs(value.adjusted()) <= MOST_DIGITS:
        return format(value, "f")
    return str(value)
