"""The files of `--catalog` and `--state`, as a run takes them."""

from __future__ import annotations

import codecs
import io
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_epicor.inputs import InputError, catalog_file, state_file
from tap_epicor.streams.definition import is_selected, source_of
from tests.fuzz.targets import ENTRY
from tests.memory import measured
from tests.singer import choose, discover

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sandboxes import Sandbox

PARTS = "erp_part_parts"
MOST_MEMORY = 150
"""MiB of a run with the catalog of a whole tenant."""
TENANT = 3_400
"""Streams of a whole tenant."""

WORDS = {"selected": st.sampled_from([True, False, None]), "selected-by-default": st.booleans()}
ENTRIES = st.builds(
    lambda name, words, root, own: {
        **ENTRY,
        "tap_stream_id": f"stream_{name}",
        "metadata": [
            {"breadcrumb": ["properties", "Num"], "metadata": {"selected": True}},
            *([{"breadcrumb": [], "metadata": {**(ENTRY["metadata"][0]["metadata"] if own else {}), **words}}] * root),
        ],
    },
    st.integers(),
    st.fixed_dictionaries({}, optional=WORDS),
    st.integers(0, 2),
    st.booleans(),
)


def taken(catalog: bytes) -> list[dict[str, Any]]:
    """The entries that the SDK gets to read."""
    file = catalog_file(io.TextIOWrapper(io.BytesIO(catalog)))
    assert file
    entries: list[dict[str, Any]] = json.load(file)["streams"]
    return entries


@given(st.lists(ENTRIES, max_size=4))
def test_of_a_stream_that_is_not_selected_a_run_learns_what_it_reads_and_no_more(entries: list[dict[str, Any]]) -> None:
    short = taken(json.dumps({"streams": entries}).encode())
    assert [entry for entry in short if is_selected(entry)] == [entry for entry in entries if is_selected(entry)]
    assert [source_of(entry) for entry in short] == [source_of(entry) for entry in entries]
    assert all("schema" not in entry for entry in short if not is_selected(entry))


def test_the_catalog_of_a_whole_tenant_takes_little_memory_and_asks_for_nothing_that_is_not_selected(
    kinetic: Sandbox, tmp_path: Path
) -> None:
    config = kinetic.config(service="Erp.BO.PartSvc", company="EPIC06")
    (parts,) = [one for one in choose(discover(tmp_path, config), PARTS)["streams"] if one["tap_stream_id"] == PARTS]
    selected = json.dumps(parts)
    other = json.dumps(choose({"streams": [parts]})["streams"][0]).replace("Erp.BO.PartSvc", "Erp.BO.OtherSvc")
    others = (other.replace(f'"{PARTS}"', f'"erp_other_{number}"') for number in range(TENANT))
    (tmp_path / "catalog.json").write_text(f'{{"streams": [{", ".join([selected, *others])}]}}')
    kinetic.requests()
    command = [sys.executable, "-m", "tap_epicor", "--config", str(tmp_path / "config.json")]
    run = measured([*command, "--catalog", str(tmp_path / "catalog.json")], tmp_path / "out.jsonl")
    assert run.code == 0, run.log
    assert '"RECORD"' in (tmp_path / "out.jsonl").read_text()
    assert {request["path"].split("/")[-2] for request in kinetic.requests()} == {"Erp.BO.PartSvc"}
    assert run.peak < MOST_MEMORY


@pytest.mark.parametrize("read", [catalog_file, state_file])
def test_a_file_that_windows_wrote_in_utf_16_is_told(read: Any) -> None:
    text = json.dumps({"streams": [ENTRY], "bookmarks": {}})
    with pytest.raises(InputError, match="not JSON: not text in UTF-8"):
        read(io.TextIOWrapper(io.BytesIO(text.encode("utf-16"))))


def test_a_mark_of_utf_8_before_the_text_is_taken() -> None:
    assert taken(codecs.BOM_UTF8 + json.dumps({"streams": [ENTRY]}).encode()) == [ENTRY]
