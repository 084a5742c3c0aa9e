"""A tap as the SDK's own template has it: `RESTStream`, `OffsetPaginator`, the default writer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.pagination import OffsetPaginator
from typing_extensions import override

from bench.rows import COLUMNS, KEY

if TYPE_CHECKING:
    from singer_sdk.streams.rest import HTTPRequest, PageContext

_TYPES: dict[str, type[th.JSONTypeHelper[Any]]] = {
    "Edm.String": th.StringType,
    "Edm.Guid": th.StringType,
    "Edm.Decimal": th.NumberType,
    "Edm.Int32": th.IntegerType,
    "Edm.Int64": th.IntegerType,
    "Edm.Boolean": th.BooleanType,
    "Edm.DateTimeOffset": th.DateTimeType,
}


class OrderLines(RESTStream[int]):
    """The order lines."""

    name = "orderdtls"
    primary_keys = KEY
    records_jsonpath = "$.value[*]"
    schema: ClassVar[dict[str, Any]] = th.PropertiesList(
        *(th.Property(name, _TYPES[kind]) for name, kind in COLUMNS.items())
    ).to_dict()

    @property
    @override
    def url_base(self) -> str:
        """The server."""
        return "{0.scheme}://{0.netloc}".format(urlsplit(self.config["address"]))

    @override
    def get_new_paginator(self) -> OffsetPaginator:
        return OffsetPaginator(start_value=0, page_size=self.config["page_size"])

    @override
    def get_http_request(self, *, page: PageContext[int]) -> HTTPRequest:
        request = super().get_http_request(page=page)
        request.params |= {"$skip": page.next_page_token or 0, "$top": self.config["page_size"]}
        return request


class PlainTap(Tap):
    """An ordinary tap."""

    name = "tap-plain"
    config_jsonschema: ClassVar[dict[str, Any]] = th.PropertiesList(
        th.Property("address", th.StringType, required=True),
        th.Property("page_size", th.IntegerType, required=True),
    ).to_dict()

    @override
    def discover_streams(self) -> list[OrderLines]:
        return [OrderLines(self, path=urlsplit(self.config["address"]).path)]


if __name__ == "__main__":
    PlainTap.cli()
