"""All ways of writing rows give the same messages: by their text, by the page, and row by row as the SDK does."""

from __future__ import annotations

import json
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import quoteattr

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tap_epicor.kinetic.found import Found, read_json, rows_of
from tap_epicor.kinetic.shape import Shape
from tap_epicor.tap import EpicorTap
from tests.scripted import Reply, Request, serving

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

ROWS_PATH = "/kinetic/api/v1/Erp.BO.ASvc/As"
TYPES = {
    "Text": "Edm.String",
    "Whole": "Edm.Int64",
    "Amount": "Edm.Decimal",
    "Flag": "Edm.Boolean",
    "Day": "Edm.DateTime",
}
NUMBERS = st.sampled_from(
    ["0", "-0", "-0.0", "1e-8", "1E+3", "9007199254740993", "12345678901234567890", "0.10", "12345678901234.12345678"]
)
QUOTED = st.sampled_from(['"1.50"', '"-0"', '"1E+2"', '" 7"', '"12345678901234567890.123456789012345678"'])
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ['"Num":7', "},{", '},{"Num":1', "]}", "[{", "\\", '\\"', "\u2028", "a\tb\r\n"]
)
VALUES: dict[str, st.SearchStrategy[str]] = {
    "Text": TEXTS.map(json.dumps) | TEXTS.map(lambda text: json.dumps(text, ensure_ascii=False)),
    "Whole": st.integers(-(2**63), 2**63 - 1).map(str) | st.sampled_from(['"17"', '"17.0"', '"1_0"', "17.0", "-0"]),
    "Amount": NUMBERS | st.decimals(allow_nan=False, allow_infinity=False, places=5).map(str) | QUOTED,
    "Flag": st.sampled_from(["true", "false"]),
    "Day": st.just('"2024-01-31T00:00:00Z"'),
}


def csdl(more: str = "") -> str:
    columns = more + "".join(f"<Property Name={quoteattr(name)} Type='{kind}'/>" for name, kind in TYPES.items())
    return (
        "<edmx:Edmx xmlns:edmx='http://docs.oasis-open.org/odata/ns/edmx' Version='4.0'><edmx:DataServices>"
        "<Schema Namespace='Erp' xmlns='http://docs.oasis-open.org/odata/ns/edm'><ComplexType Name='Address'>"
        "<Property Name='Street' Type='Edm.String'/><Property Name='Zip' Type='Edm.String'/></ComplexType>"
        "<EntityType Name='A'>"
        "<Key><PropertyRef Name='Num'/></Key><Property Name='Num' Type='Edm.Int32' Nullable='false'/>"
        f"{columns}</EntityType><EntityContainer Name='C'><EntitySet Name='As' EntityType='Erp.A'/></EntityContainer>"
        "</Schema></edmx:DataServices></edmx:Edmx>"
    )


class Shelf:
    """What the server holds, as text."""

    rows: tuple[str, ...] = ()
    more = ""

    def answer(self, request: Request) -> Reply:
        if request.path.endswith("$metadata"):
            return Reply(csdl(self.more).encode(), headers={"Content-Type": "application/xml"})
        assert request.path == ROWS_PATH
        options = request.options
        condition = options.get("$filter", "")
        first = int(condition.rpartition(" ")[2]) if condition else 0
        if " ne " in condition or "$inlinecount" in options:
            return Reply(b'{"odata.count":"%d","value":[]}' % len(self.rows))
        rows = self.rows[first : first + int(options["$top"])]
        return Reply(b'{"odata.metadata":"x","value":[' + ",".join(rows).encode() + b"]}")


@pytest.fixture(scope="module")
def shelf() -> Iterator[Shelf]:
    held = Shelf()
    with serving(held.answer) as server:
        held.url = server.url  # type: ignore[attr-defined]
        yield held


@contextmanager
def way(name: str, patch: pytest.MonkeyPatch) -> Iterator[None]:
    with patch.context() as within:
        if name == "by the page":
            within.setattr(Shape, "read", lambda _, body, path: Found(rows_of(read_json(body, path), path)))
        elif name == "row by row":
            within.setattr("tap_epicor.streams.stream.alias_of", lambda *_: None)
        yield


def messages(
    shelf: Shelf, capsysbinary: pytest.CaptureFixture[bytes], deselected: Collection[str] = (), page_size: int = 3
) -> list[dict[str, Any]]:
    config = {
        "url": shelf.url,  # type: ignore[attr-defined]
        "user": "u",
        "password": "p",
        "service": "Erp.BO.ASvc",
        "company": "EPIC06",
        "page_size": page_size,
        "completeness": "off",
    }
    catalog = EpicorTap(config=config).catalog_dict
    for item in catalog["streams"][0]["metadata"]:
        if item["breadcrumb"] and item["breadcrumb"][-1] in deselected:
            item["metadata"]["selected"] = False
    capsysbinary.readouterr()
    tap = EpicorTap(config=config, catalog=catalog)
    tap.sync_all()
    lines = capsysbinary.readouterr().out.splitlines()
    found = [json.loads(line, parse_float=Decimal, parse_int=Decimal) for line in lines]
    for message in found:
        message.pop("time_extracted", None)
    return [message for message in found if message["type"] != "STATE"]


@given(
    st.lists(st.fixed_dictionaries({name: st.just("null") | value for name, value in VALUES.items()}), max_size=8),
    st.sets(st.sampled_from(sorted(TYPES)), max_size=2),
    st.permutations(["Num", *TYPES]),
    st.sampled_from(["", '"odata.etag":"x",', '"Unknown":1,', '"Unknown":{"Num":[{"Num":2},{"Num":3}]},']),
)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_all_ways_give_the_same_messages(  # noqa: PLR0913, PLR0917
    shelf: Shelf,
    capsysbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
    rows: list[dict[str, str]],
    deselected: set[str],
    order: list[str],
    more: str,
) -> None:
    numbered = [{**row, "Num": str(number)} for number, row in enumerate(rows)]
    shelf.rows = tuple("{" + more + ",".join(f'"{name}":{row[name]}' for name in order) + "}" for row in numbered)
    told = {}
    for name in ("by their text", "by the page", "row by row"):
        with way(name, monkeypatch):
            told[name] = messages(shelf, capsysbinary, deselected)
    assert [message["record"]["Num"] for message in told["row by row"] if "record" in message] == list(range(len(rows)))
    assert told["by their text"] == told["by the page"] == told["row by row"]


def test_what_is_deselected_within_a_column_does_not_go_out(
    shelf: Shelf, capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf, "more", "<Property Name='Address' Type='Erp.Address'/>")
    others = {"Text": "x", "Whole": 1, "Amount": 0.1, "Flag": None, "Day": None}
    shelf.rows = (json.dumps({"Num": 0, "Address": {"Street": "a", "Zip": "b"}, **others}),)
    (found,) = [one["record"] for one in messages(shelf, capsysbinary, {"Zip"}) if one["type"] == "RECORD"]
    assert found["Address"] == {"Street": "a"}


def test_a_server_that_breaks_its_lines_breaks_none_of_ours(
    shelf: Shelf, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    row = '{\n  "Num": %d,\r\n "Text":"x","Whole":1,"Amount":0.10,"Flag":null,"Day":null\n}'
    shelf.rows = (row % 0, row % 1)
    found = [message["record"] for message in messages(shelf, capsysbinary) if message["type"] == "RECORD"]
    assert [(one["Num"], str(one["Amount"])) for one in found] == [(0, "0.10"), (1, "0.10")]


def test_rows_that_are_as_declared_go_out_as_they_came(
    shelf: Shelf, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    row = '{"Num":0,"Text":"\\u00e9 },{ \\n","Whole":9007199254740993,"Amount":0.10,"Flag":null,"Day":null}'
    shelf.rows = (row,)
    EpicorTap(
        config={
            "url": shelf.url,  # type: ignore[attr-defined]
            "user": "u",
            "password": "p",
            "service": "Erp.BO.ASvc",
            "company": "EPIC06",
            "completeness": "off",
        }
    ).sync_all()
    (line,) = [line for line in capsysbinary.readouterr().out.splitlines() if b'"RECORD"' in line]
    assert row.encode() in line
    assert msgspec.json.decode(line)["stream"] == "erp_a_as"


def test_numbers_that_become_strings_far_into_a_read_are_said_and_written_as_numbers(
    shelf: Shelf, capsysbinary: pytest.CaptureFixture[bytes], caplog: pytest.LogCaptureFixture
) -> None:
    row = '{"Num":%d,"Text":"x","Whole":1,"Amount":%s,"Flag":null,"Day":null}'
    shelf.rows = tuple(row % (number, "0.10" if number < 2_000 else '"0.10"') for number in range(3_000))
    found = [one["record"] for one in messages(shelf, capsysbinary, page_size=500) if one["type"] == "RECORD"]
    assert [one["Num"] for one in found] == list(range(3_000))
    assert {(type(one["Amount"]), str(one["Amount"])) for one in found} == {(Decimal, "0.10")}
    (said,) = [text for text in caplog.messages if "rows come otherwise than before" in text]
    assert "Expected `float | null`, got `str`" in said


def test_a_column_that_is_added_far_into_a_read_is_said_and_left_out(
    shelf: Shelf, capsysbinary: pytest.CaptureFixture[bytes], caplog: pytest.LogCaptureFixture
) -> None:
    row = '{"Num":%d,"Text":"x","Whole":1,"Amount":1,"Flag":null,"Day":null%s}'
    shelf.rows = tuple(row % (number, "" if number < 2_000 else ',"New_c":1') for number in range(3_000))
    found = [one["record"] for one in messages(shelf, capsysbinary, page_size=500) if one["type"] == "RECORD"]
    assert {tuple(one) for one in found} == {("Num", *TYPES)}
    assert any("the catalog does not know the columns New_c" in text for text in caplog.messages)
