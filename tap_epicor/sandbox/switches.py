"""What the server does where the real one's behaviour is not known: one switch a question."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal


def switch(default: object, text: str) -> Any:  # noqa: ANN401 - as dataclasses.field, of any type
    """A field of that default, whose help text the command lines show."""
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True, kw_only=True)
class Switches:
    """The behaviours that may be chosen at start, or changed at run time."""

    child_filter: Literal["parent", "own"] = switch(
        "parent", "Whose columns $filter names on a child set such as OrderDtls."
    )
    expand: Literal["works", "capped", "ignored", "refused"] = switch(
        "works", "What $expand brings: all child rows, as many as an answer without $top, none, or 400."
    )
    nested: Literal["works", "missing"] = switch(
        "works", "Whether paths such as /SalesOrders('EPIC06',1)/OrderDtls lead anywhere."
    )
    top_maximum: int = switch(5000, "The most rows one answer holds, whatever $top says.")
    top_default: int = switch(100, "Rows in an answer without $top.")
    baq_top_default: int = switch(100, "The same for BAQs; 0 for all rows.")
    next_link: Literal["none", "absolute", "relative"] = switch("none", "Links to the next page.")
    zone: Literal["Z", "none", "offset"] = switch("Z", "Suffix of times in rows.")
    offset_minutes: int = switch(0, "The server's zone, minutes east of UTC, for the zones none and offset.")
    decimals: Literal["number", "string"] = switch("number", "How decimals stand in JSON.")
    int64: Literal["number", "string"] = switch("number", "How 64-bit integers stand in JSON.")
    baq_skip: Literal["honoured", "ignored"] = switch("honoured", "What $skip does on BAQs.")
    count: Literal["right", "page-only", "refused"] = switch("right", "Counts: true, of the page alone, or 400.")
    service_list: Literal["allowed", "denied"] = switch("allowed", "Whether the services may be listed.")
    list_shape: Literal["objects", "names", "value"] = switch("objects", "JSON shape of the list of services.")
    openapi: Literal["described", "bare", "denied", "missing"] = switch(
        "described", "OpenAPI documents: with descriptions of columns, without, access denied, or 404."
    )
    collation: Literal["nocase", "binary"] = switch("nocase", "How strings compare and sort.")
    seats: int = switch(0, "Licences: requests served at once; 0 for no limit.")
    latency_ms: int = switch(0, "Added to every answer.")
    v1_key: Literal["optional", "required"] = switch("optional", "Whether v1 wants the API key too.")
    revision_filter: Literal["works", "fails"] = switch("works", "Whether $filter may name SysRevID.")
    ud_revision: Literal["moves", "stays"] = switch("moves", "SysRevID when only _c columns are edited.")
    denied: str = switch("", "Services, separated by commas, that answer with access denied.")
    denied_status: Literal[401, 403] = switch(401, "The status of access denied.")
    token_seconds: int = switch(3600, "The life of an access token.")
    query_bytes: int = switch(2048, "The longest query string that IIS lets through.")
    answer_maximum: int = switch(0, "The most rows that an answer can hold without breaking; 0 for no limit.")
    answer_breaks: Literal["timeout", "empty", "too-large", "stall"] = switch(
        "timeout", "How a bigger answer breaks: 500 with words or without, 413, or a minute of nothing."
    )
    poison: str = switch("", "Rows that break every answer, such as Erp.BO.PartSvc/Parts('EPIC06','LINE-1').")
    drift: Literal["none", "column-added", "column-gone", "column-retyped", "key-changed"] = switch(
        "none", "What an upgrade has made of Erp.BO.PartSvc/Parts."
    )

    @property
    def denied_services(self) -> frozenset[str]:
        """The denied services by name."""
        return frozenset(name.strip() for name in self.denied.split(",") if name.strip())
