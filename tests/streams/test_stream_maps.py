"""Stream maps: a mistake in one is a sentence, and a row that is gone is told by the key that the loader knows."""

from __future__ import annotations

import hashlib
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.mapper import PluginMapper

from tap_epicor.streams.stream_maps import KeyMaps, StreamMapError
from tests.singer import choose, discover, tap

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sandboxes import Sandbox

PARTS = "erp_part_parts"
SCHEMA = {"properties": {name: {"type": ["string", "null"]} for name in ("Company", "Num", "Text")}}
KEY = {"Company": "A", "Num": "n1"}
LOGGER = logging.getLogger("tests")


def keys(maps: dict[str, Any], **config: Any) -> list[tuple[str, dict[str, Any]]]:
    """Return what these stream maps make of the key of a thing that is gone."""
    mapper = PluginMapper({**config, "stream_maps": {**maps}}, LOGGER)
    mapper.register_raw_stream_schema("things", SCHEMA, list(KEY))
    return list(KeyMaps("things", mapper.stream_maps["things"], {**config, "stream_maps": maps}, LOGGER).keys(KEY))


@pytest.mark.parametrize(
    ("maps", "known"),
    [
        ({}, [("things", KEY)]),
        ({"things": {"Text": "Text.upper()", "__filter__": "Text > 'a'"}}, [("things", KEY)]),
        ({"things": {"__alias__": "others"}}, [("others", KEY)]),
        ({"thing*": {"__alias__": "'my_' + __stream_name__"}}, [("my_things", KEY)]),
        ({"things": {"Num": "Num.upper()"}}, [("things", {"Company": "A", "Num": "N1"})]),
        (
            {"things": {"Id": "md5(Company + Num + config['salt'])", "__key_properties__": ["Id"]}},
            [("things", {"Id": hashlib.md5(b"An1pepper", usedforsecurity=False).hexdigest()})],
        ),
        ({"things": {"Num": "Num", "__key_properties__": ["Num"], "__else__": None}}, [("things", {"Num": "n1"})]),
        ({"things": {"__alias__": "a"}, "b": {"__source__": "things"}}, [("a", KEY), ("b", KEY)]),
        ({"things": {"__key_properties__": []}, "b": {"__source__": "things"}}, [("b", KEY)]),
        ({"things": None, "b": {"__source__": "things"}}, [("b", KEY)]),
        ({"things": None, "b": {"__source__": "things", "Num": "Num.upper()"}}, [("b", {"Company": "A", "Num": "N1"})]),
        ({"things": None}, []),
        ({"__else__": None}, []),
    ],
)
def test_a_row_that_is_gone_is_told_by_the_key_that_the_loader_knows(
    maps: dict[str, Any], known: list[tuple[str, dict[str, Any]]]
) -> None:
    assert keys(maps, stream_map_config={"salt": "pepper"}) == known


@pytest.mark.parametrize("said", [{"Id": "Num + Text"}, {"Id": "str(record['Text'])"}, {"Id": "Nim"}])
def test_a_key_made_of_other_columns_can_not_be_told_and_is_not_guessed(said: dict[str, Any]) -> None:
    with pytest.raises(StreamMapError, match=r"`stream_maps`: an expression for things fails on .* only Company, Num"):
        keys({"things": {**said, "__key_properties__": ["Id"]}})


def test_a_key_column_that_is_not_of_the_sets_key_can_not_be_told() -> None:
    with pytest.raises(StreamMapError, match="KeyError: 'Text'"):
        keys({"things": {"__key_properties__": ["Num", "Text"]}})


def test_an_expression_that_fails_in_one_company_is_a_sentence_and_the_next_company_is_read(
    kinetic: Sandbox, tmp_path: Path
) -> None:
    maps = {PARTS: {"Odd": "1 / (0 if Company == 'EPIC06' else 1)"}}
    config = kinetic.config(service="Erp.BO.PartSvc", stream_maps=maps)
    run = tap(tmp_path, config, catalog=choose(discover(tmp_path, config), PARTS))
    assert run.code == 1
    assert "`stream_maps`: an expression for erp_part_parts fails on the row with Company 'EPIC06', PartNum" in run.log
    assert "ZeroDivisionError" in run.log
    assert "1 of 2 reads are not complete: erp_part_parts (EPIC06): failed" in run.log
    assert "Traceback" not in run.log
    assert "please report" not in run.log
    first, second = json.loads(run.log.split("SUMMARY: ", 1)[1].splitlines()[0])["streams"]
    assert (first["outcome"], first["written"]) == ("failed", 0)
    assert (second["outcome"], second["written"]) == ("complete", run.count())
    assert run.bookmark(PARTS, "EPIC07")
    assert "replication_key_value" not in run.bookmark(PARTS)


@pytest.mark.parametrize("said", [{"Odd": "PartNum ("}, {"PartNum": None}, {"__key_properties__": ["None"]}])
def test_a_map_that_can_not_be_understood_is_a_sentence(kinetic: Sandbox, tmp_path: Path, said: dict[str, Any]) -> None:
    config = kinetic.config(service="Erp.BO.PartSvc", stream_maps={PARTS: said})
    run = tap(tmp_path, config)
    assert run.code == 1
    assert "`stream_maps` is not right: " in run.log
    assert "Traceback" not in run.log


def test_streams_that_no_map_names_are_left_out_where_else_is_null_with_a_catalog_too(
    kinetic: Sandbox, tmp_path: Path
) -> None:
    config = kinetic.config(service="Erp.BO.PartSvc,Erp.BO.PlantSvc", company="EPIC06")
    catalog = choose(discover(tmp_path, config), PARTS, "erp_plant_plants")
    maps = {PARTS: {"__alias__": "p"}, "__else__": None}
    run = tap(tmp_path, {**config, "stream_maps": maps}, catalog=catalog)
    assert run.code == 0, run.log
    assert list(run.rows) == ["p"]
