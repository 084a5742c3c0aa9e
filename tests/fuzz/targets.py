"""What the fuzzer calls: each parser, with what must hold for any input. Anything but its own error is a find."""

from __future__ import annotations

import io
import json
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib import RecordMessage

from tap_epicor.checks import problems, tidy
from tap_epicor.commands.connection_string import ConnectionStringError
from tap_epicor.commands.connection_string import read as read_connection_string
from tap_epicor.inputs import InputError, catalog_file, state_file
from tap_epicor.kinetic.dialect import DIALECTS
from tap_epicor.kinetic.errors import KineticError, UnreadableAnswer, from_response, redirected
from tap_epicor.kinetic.found import read_json, rows_of
from tap_epicor.kinetic.metadata import Column, EntityType, MetadataError, read_metadata, read_row_type
from tap_epicor.kinetic.openapi import LONGEST_DESCRIPTION, read_openapi
from tap_epicor.kinetic.plan import Part
from tap_epicor.sandbox import filters
from tap_epicor.sandbox.literals import Literal
from tap_epicor.settings import PROPERTIES
from tap_epicor.stream_settings import StreamSettings, as_list, stream_settings
from tap_epicor.streams.bookmark import Bookmark, BookmarkError
from tap_epicor.streams.definition import DefinitionError, from_catalog, is_selected
from tap_epicor.streams.values import Repair, ValueMismatch
from tap_epicor.streams.writer import PageWriter
from tests.kinetic.test_metadata import V3, V4

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "hush-hush"
LONGEST = 4000
"""Characters of a message at the most."""
CURSORS = (Part("SysRevID", "Edm.Int64"), Part("ChangedOn", "Edm.DateTimeOffset"), None)
KEY = (Part("Company", "Edm.String"), Part("Num", "Edm.Int32"), Part("Amount", "Edm.Decimal"))
SCHEMA = {
    "properties": {
        "Company": {"type": "string"},
        "Num": {"type": "integer"},
        "Amount": {"type": ["number", "null"]},
        "Name": {"type": ["string", "null"]},
    }
}
ENTRY: dict[str, Any] = {
    "tap_stream_id": "erp_part_parts",
    "schema": {"type": "object", **SCHEMA},
    "key_properties": ["Company", "Num"],
    "metadata": [
        {
            "breadcrumb": [],
            "metadata": {
                "selected": True,
                "table-key-properties": ["Company", "Num"],
                "replication-key": "SysRevID",
                "valid-replication-keys": ["SysRevID"],
                "epicor": {
                    "service": "Erp.BO.PartSvc",
                    "name": "Parts",
                    "columns": 4,
                    "types": {"Company": "Edm.String", "Num": "Edm.Int32", "SysRevID": "Edm.Int64"},
                    "parameters": [{"name": "Plant", "type": "nvarchar", "optional": True}],
                },
            },
        }
    ],
}
STATE: dict[str, Any] = {
    "bookmarks": {
        "erp_part_parts": {
            "partitions": [
                {
                    "context": {"Company": "EPIC06"},
                    "replication_key": "SysRevID",
                    "replication_key_value": 9007199254740993,
                    "resume": {
                        "key": ["Company", "Num", "Amount"],
                        "ranges": [[["EPIC06", 5, "1.50"], None], [None, ["EPIC06", 9, "0"]]],
                        "cursor": "SysRevID",
                        "high": 17,
                        "received": 100,
                        "counted": 200,
                    },
                },
                {"context": {"Company": "EPIC07"}, "replication_key_value": "2024-01-31T00:00:00Z"},
            ]
        }
    }
}
CONFIG: dict[str, Any] = {
    "url": "https://erp.example.com/KineticLive",
    "service": ["Erp.BO.*"],
    "company": "EPIC06,EPIC07",
    "user": "reader",
    "password": SECRET,
    "timeout": 2.5,
    "ssl_ca": "ca.pem",
    "streams": {"erp_*": {"key": "A,B", "parameters": {"Plant": ["MfgSys", True, None]}, "page_size": 5}},
}
PAGE = (
    b'{"odata.count":"2","value":[{"Company":"EPIC06","Num":"5","Amount":1e-8,"Name":"\\ud83d\\ude00"},'
    b'{"Company":"EPIC06","Num":9007199254740993,"Amount":-0.0,"Name":null,"X":[{"a":1}]}]}'
)
ERROR = {
    "HttpStatus": 401,
    "ReasonPhrase": "REST API Exception",
    "ErrorMessage": "Invalid API Key x.",
    "CorrelationId": "a",
}


def is_clean(text: str) -> bool:
    """Whether a text can neither begin a line of its own nor command a terminal."""
    return not any(unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"} for letter in text)


def check(said: Exception) -> None:
    """Check that a message can be put into a log as it is."""
    text = str(said)
    assert is_clean(text), ascii(text)
    assert SECRET not in text.lower()
    assert len(text) < LONGEST


def metadata(data: bytes) -> None:
    """CSDL."""
    for read in (read_metadata, read_row_type):
        try:
            read(data)
        except MetadataError as exc:
            check(exc)


def openapi(data: bytes) -> None:
    """OpenAPI."""
    columns = {name: Column(name, "Edm.String") for name in ("Company", "Num")}
    try:
        found = read_openapi(data, {"Rows": EntityType("Erp.Tablesets.Row", (), columns)})
    except UnreadableAnswer as exc:
        check(exc)
        return
    for column, text in found["Rows"].items():
        assert column in columns
        assert text.isprintable()
        assert 0 < len(text) <= LONGEST_DESCRIPTION


def connection_string(data: bytes) -> None:
    """Connection strings of the commercial provider."""
    try:
        given = read_connection_string(data.decode("utf-8", "replace"))
    except ConnectionStringError:
        return
    assert all(isinstance(value, str) for value in given.values.values())


def error(data: bytes) -> None:
    """Answers with an error status: status, Retry-After, Location and body, one line each."""
    status, wait, place, body = [*data.split(b"\n", 3), b"", b"", b""][:4]
    headers = {"Retry-After": wait.decode("latin-1"), "Location": place.decode("latin-1")}
    code = int.from_bytes(status[:2], "big") % 200 + 400
    for one in (
        from_response(code, headers, body, "/kinetic/api", [SECRET]),
        redirected(code, headers, "/kinetic/api", [SECRET]),
    ):
        check(one)


def state(data: bytes) -> None:
    """The file of `--state`, and the bookmarks in it."""
    try:
        file = state_file(io.TextIOWrapper(io.BytesIO(data)))
    except InputError:
        return
    assert file
    for stream, bookmark in json.load(file).get("bookmarks", {}).items():
        for part in [bookmark, *bookmark.get("partitions", [])]:
            for cursor in CURSORS:
                try:
                    one = Bookmark(dict(part), cursor, None, stream)
                    one.is_above(5 if cursor and cursor.type == "Edm.Int64" else "2024-01-01T00:00:00Z")
                    if left := one.left_off(KEY):
                        one.left_at(KEY, left)
                        for key in [bound for each in left.ranges for bound in (each.after, each.upto) if bound]:
                            assert all(DIALECTS["v2"].literal(p.type, v) for p, v in zip(KEY, key, strict=True))
                except BookmarkError:
                    pass


def catalog(data: bytes) -> None:
    """The file of `--catalog`, and the streams that it selects."""
    try:
        file = catalog_file(io.TextIOWrapper(io.BytesIO(data)))
    except InputError:
        return
    assert file
    for entry in filter(is_selected, json.load(file)["streams"]):
        try:
            definition = from_catalog(entry, StreamSettings())
            list(Repair(definition.schema, definition.key, {}).rows([{"Num": "5"}, {"Company": 5, "Amount": "1"}]))
        except (DefinitionError, ValueMismatch):
            continue
        assert definition.to_metadata()["service"] == definition.source.service


def lines(body: bytes) -> list[tuple[dict[str, Any], bytes]]:
    """Rows in the body of an answer, each as it was made to fit and as the line for a loader."""
    writer = PageWriter()
    rows = rows_of(read_json(body, "/kinetic/api"), "/kinetic/api")
    return [
        (row, bytes(writer.format_message(RecordMessage("erp_part_parts", row))))  # the writer has one buffer
        for row in Repair(SCHEMA, ["Company", "Num"], {}).rows(rows)
    ]


def page(data: bytes) -> None:
    """Rows, from the body of an answer to lines for a loader."""
    try:
        for row, line in lines(data):
            assert json.loads(line, parse_float=Decimal)["record"] == row
    except (KineticError, ValueMismatch) as exc:
        check(exc)


def literal(data: bytes) -> None:
    """Values in filters, read back by the sandbox's parser."""
    text = data.decode("utf-8", "replace")
    for number, dialect in enumerate(DIALECTS.values(), 1):
        tree: Any = filters.read(f"Name eq {dialect.literal('Edm.String', text)}", number).tree
        if not text.startswith("\x01"):  # the sandbox's own mark
            assert Literal.of_string(tree.right.val).text == text


def settings(data: bytes) -> None:
    """A configuration that fits the schema as far as the fuzzer knows."""
    try:
        config = json.loads(data)
    except (ValueError, RecursionError):
        return
    if not isinstance(config, dict):
        return
    kept: dict[str, Any] = {name: value for name, value in config.items() if type(value) is type(CONFIG.get(name))}
    if not all(isinstance(value, dict) for value in (kept.get("streams") or {}).values()):
        del kept["streams"]
    kept = tidy(kept)
    if not problems(kept, PROPERTIES):
        for name in ("service", "company", "baqs"):
            assert all(as_list(kept.get(name)))
        stream_settings(kept, "erp_part_parts")


@dataclass(frozen=True)
class Target:
    """A parser to fuzz, and inputs to begin with."""

    call: Callable[[bytes], None]
    seeds: tuple[bytes, ...]


def _json(*values: object) -> tuple[bytes, ...]:
    return tuple(json.dumps(value).encode() for value in values)


TARGETS = {
    "metadata": Target(metadata, (V3.encode(), V4.encode())),
    "openapi": Target(
        openapi,
        _json(
            {"definitions": {"Erp_Tablesets_Row": {"properties": {"Num": {"description": "A number."}}}}},
            {"components": {"schemas": {"Row": {"allOf": [{"$ref": "#/x/Row"}], "properties": {"Num": {}}}}}},
        ),
    ),
    "connection_string": Target(
        connection_string,
        (
            b"jdbc:epicorerp:URL=https://erp.example.com/Kinetic;User=me;Password=\"a;b\";Service='Erp.BO.PartSvc';",
            b"DRIVER={CData ODBC Driver for Epicor Kinetic};Server=x;PWD={a}}b;c};API Key=k;Timeout = 30",
            b"Auth Scheme=AzureAD;OAuthClientId=1;OAuthClientSecret='it''s';InitiateOAuth=GETANDREFRESH",
        ),
    ),
    "error": Target(
        error,
        (
            b"\x00\x01\n30\nhttps://x/\n" + json.dumps(ERROR).encode(),
            b"\x00\x1d\nWed, 21 Oct 2026 07:28:00 GMT\n/x\n<Error><ErrorMessage>a &lt; b</ErrorMessage></Error>",
            b"\x00\x67\n\n\n<html><title>503</title><script>x</script></html>",
            b'\x00\x67\n\n\n{"error":{"code":"x","message":{"lang":"en","value":"hush-hush"}}}',
        ),
    ),
    "state": Target(state, _json(STATE, {"bookmarks": {"a": {"replication_key_value": 5}}})),
    "catalog": Target(catalog, _json({"streams": [ENTRY]})),
    "page": Target(page, (PAGE, b'{"value":[]}', b'{"error":{"code":"","message":""}}')),
    "literal": Target(literal, (b"O'Brien", "guid'x' and ü😀".encode(), b"a' or 1 eq 1 or 'a' eq '")),
    "settings": Target(settings, _json(CONFIG)),
}
