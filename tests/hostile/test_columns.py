"""Columns that loaders would trip over: left out or told, never taken without a word."""

from __future__ import annotations

import logging

import pytest

from tap_epicor.kinetic.catalogue import Found
from tap_epicor.kinetic.metadata import Column, EntityType
from tap_epicor.kinetic.source import Source
from tap_epicor.stream_settings import StreamSettings
from tap_epicor.streams.definition import DefinitionError, define


def found(*names: str) -> Found:
    columns = {name: Column(name, "Edm.String") for name in ("Num", *names)}
    return Found(Source("Erp.BO.PartSvc", "Parts"), EntityType("S.Row", ("Num",), columns))


@pytest.mark.parametrize("name", ["_sdc_deleted_at", "_SDC_extracted_at"])
def test_a_column_that_a_loader_would_take_for_its_own_is_left_out(name: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        definition = define(found(name), StreamSettings(), has_company=False)
    assert list(definition.schema["properties"]) == ["Num"]
    assert f"the column {name} is left out: loaders keep such names for themselves" in caplog.text


def test_a_column_that_is_left_out_can_not_be_chosen() -> None:
    with pytest.raises(DefinitionError, match="names a column that there is not: '_sdc_deleted_at'"):
        define(found("_sdc_deleted_at"), StreamSettings(select=("_sdc_deleted_at",)), has_company=False)


def test_columns_that_differ_only_by_case_are_told_and_kept(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        definition = define(found("Name", "NAME"), StreamSettings(), has_company=False)
    assert list(definition.schema["properties"]) == ["Num", "Name", "NAME"]
    assert "the columns Name and NAME differ only by case" in caplog.text
