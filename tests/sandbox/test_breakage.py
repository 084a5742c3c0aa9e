"""Answers that break by what is in them, and sets that are no longer what they were."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest
import requests

from tap_epicor.sandbox import truth

if TYPE_CHECKING:
    from tests.sandbox.conftest import Server

PARTS = "Erp.BO.PartSvc/Parts"
PLANTS = "Erp.BO.PartSvc/PartPlants"
POISON = "Erp.BO.PartSvc/Parts('EPIC06','O''''BRIEN')"
EDM = "{http://docs.oasis-open.org/odata/ns/edm}"


@pytest.mark.parametrize(
    ("breaks", "status", "words"),
    [("timeout", 500, "Execution Timeout Expired"), ("empty", 500, ""), ("too-large", 413, "too large")],
)
def test_an_answer_of_too_many_rows_breaks(server: Server, breaks: str, status: int, words: str) -> None:
    server.switch(answer_maximum=5, answer_breaks=breaks)
    assert len(server.rows(f"{PARTS}?$top=5")) == 5
    answer = server.v2(f"{PARTS}?$top=6")
    assert answer.status_code == status
    assert words in answer.text
    assert bool(answer.text) == bool(words)


def test_an_answer_of_too_many_rows_may_not_come(server: Server) -> None:
    server.switch(answer_maximum=5, answer_breaks="stall")
    with pytest.raises(requests.ReadTimeout):
        requests.get(
            f"{server.url}/api/v1/{PARTS}?$top=6",
            auth=(server.user, server.password),
            headers={"Accept": "application/json"},
            timeout=0.5,
        )


@pytest.mark.parametrize("path", [f"{PARTS}?$top=5000", f"{PARTS}('EPIC06','O''''BRIEN')"])
def test_a_poison_row_breaks_every_answer_that_would_hold_it(server: Server, path: str) -> None:
    assert server.v2(path).status_code == 200
    server.switch(poison=POISON)
    answer = server.v2(path)
    assert (answer.status_code, answer.content) == (500, b"")


def test_a_poison_row_leaves_other_answers_alone(server: Server) -> None:
    parts = len(server.rows(f"{PARTS}?$top=5000"))
    server.switch(poison=POISON)
    assert len(server.rows(f"{PARTS}?$top=5000&$filter=PartNum ne 'O''''BRIEN'")) == parts - 1
    assert server.v2(f"{PARTS}?$top=5000", company="EPIC07").status_code == 200
    assert server.v2(f"{PLANTS}?$top=5000").status_code == 200
    assert server.v2(f"{PARTS}/$count").text == str(parts)


def test_there_may_be_several_poison_rows(server: Server) -> None:
    one, other = server.rows(f"{PLANTS}?$top=2&$select=Company,PartNum,Plant")
    keys = ["'{Company}','{PartNum}','{Plant}'".format(**row).replace("O''B", "O''''B") for row in (one, other)]
    server.switch(poison=f"{PLANTS}({keys[0]}), {PLANTS}({keys[1]})")
    assert server.v2(f"{PLANTS}({keys[0]})").status_code == 500
    assert server.v2(f"{PLANTS}({keys[1]})").status_code == 500


def declared(server: Server) -> tuple[dict[str, str], list[str]]:
    """Return the columns and the key of Parts in the metadata."""
    document = ET.fromstring(server.v2("Erp.BO.PartSvc/$metadata").content)  # noqa: S314 - our own
    kind = document.find(f".//{EDM}EntitySet[@Name='Parts']")
    assert kind is not None
    name = kind.attrib["EntityType"].rpartition(".")[2]
    entity = document.find(f".//{EDM}EntityType[@Name='{name}']")
    assert entity is not None
    columns = {one.attrib["Name"]: one.attrib["Type"] for one in entity.findall(f"{EDM}Property")}
    return columns, [one.attrib["Name"] for one in entity.findall(f"{EDM}Key/{EDM}PropertyRef")]


def test_a_column_may_have_come(server: Server) -> None:
    columns, key = declared(server)
    server.switch(drift="column-added")
    assert declared(server) == (columns | {"Finish_c": "Edm.String"}, key)
    row = server.rows(f"{PARTS}?$top=1&$orderby=Finish_c desc&$filter=Finish_c ne null")[0]
    assert row["Finish_c"] == row["SearchWord"]


def test_a_column_may_have_gone(server: Server) -> None:
    columns, key = declared(server)
    server.switch(drift="column-gone")
    assert declared(server) == ({name: kind for name, kind in columns.items() if name != "MfgComment"}, key)
    assert "MfgComment" not in server.rows(f"{PARTS}?$top=1")[0]
    assert server.v2(f"{PARTS}?$select=PartNum,MfgComment").status_code == 400


def test_a_column_may_have_another_type(server: Server) -> None:
    columns, key = declared(server)
    server.switch(drift="column-retyped")
    assert declared(server) == (columns | {"InActive": "Edm.Int32"}, key)
    assert {type(row["InActive"]) for row in server.rows(f"{PARTS}?$top=5000")} == {int}
    assert server.v2(f"{PARTS}?$filter=InActive eq 1").status_code == 200


def test_a_key_may_have_changed(server: Server) -> None:
    columns, key = declared(server)
    server.switch(drift="key-changed")
    assert declared(server) == (columns, [*key, "SysRowID"])
    assert server.v2(f"{PARTS}('EPIC06','O''''BRIEN')").status_code == 400


def test_a_drift_leaves_the_database_as_it_was(server: Server) -> None:
    before = list(truth.rows(server.database, "Erp.BO.PartSvc", "Parts", "EPIC06"))
    server.switch(drift="column-gone")
    assert list(truth.rows(server.database, "Erp.BO.PartSvc", "Parts", "EPIC06")) == before
