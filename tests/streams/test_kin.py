"""What `expand` and `through` make of a stream, and with which sets they can't be had."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tap_epicor.kinetic.catalogue import Found
from tap_epicor.kinetic.metadata import Column, EntityType
from tap_epicor.kinetic.source import Source
from tap_epicor.stream_settings import StreamSettings
from tap_epicor.streams.definition import Definition, DefinitionError
from tap_epicor.streams.kin import adapted_with_kin, check_kin, define_with_kin

TYPES = {"SysRevID": "Edm.Int64", "PONum": "Edm.Int32", "PONUM": "Edm.Int32", "POLine": "Edm.Int32"}


def entity(name: str, key: str, others: str = "", **navigation: str) -> EntityType:
    columns = {one: Column(one, TYPES.get(one, "Edm.String")) for one in f"{key} {others}".split()}
    return EntityType(f"Erp.Tablesets.{name}", tuple(key.split()), columns, navigation)


SERVICE = {
    "POes": entity(
        "POHeaderRow", "Company PONum", "SysRevID", PODetails="Erp.Tablesets.PODetailRow", Notes="Self.NoteRow"
    ),
    "PODetails": entity("PODetailRow", "Company PONUM POLine", "PartNum SysRevID"),
    "PONotes": entity("NoteRow", "SysRowID", "Text SysRevID"),
    "Others": entity("OtherRow", "Company1", "Name"),
    "List": entity("ListRow", "", "Company PONum"),
}


def found(name: str, service: dict[str, EntityType] = SERVICE) -> Found:
    return Found(Source("Erp.BO.POSvc", name), service[name], service=service)


def defined(name: str, service: dict[str, EntityType] = SERVICE, **said: Any) -> Definition:
    return define_with_kin(found(name, service), StreamSettings(**said), has_company=True)


def test_children_are_a_column_of_arrays_with_the_types_of_their_columns() -> None:
    definition = defined("POes", expand=("PODetails",))
    assert list(definition.schema["properties"]) == ["Company", "PONum", "SysRevID", "PODetails"]
    column = definition.schema["properties"]["PODetails"]
    assert column["type"] == ["array", "null"]
    assert column["items"]["properties"]["POLine"] == {"type": ["integer", "null"]}


def test_columns_are_linked_in_other_letters_and_without_the_1_of_a_key_named_like_its_type() -> None:
    assert defined("POes", expand=("PODetails",)).children[0].link == {"Company": "Company", "PONum": "PONUM"}
    others = {**SERVICE, "Others": replace(SERVICE["Others"], navigation={"POes": ""})}
    parent = defined("POes", {**others, "Others": entity("O", "Company1", "SysRevID")}, through="Others").parent
    assert parent
    assert parent.link == {"Company1": "Company"}


def test_a_navigation_property_may_have_another_name_than_its_set() -> None:
    (child,) = defined("POes", expand=("Notes",)).children
    assert (child.name, child.entity_set) == ("Notes", "PONotes")
    parent = defined("PONotes", through="POes").parent
    assert parent
    assert (parent.name, parent.entity_set) == ("Notes", "POes")


def test_where_navigation_is_not_declared_the_set_of_that_name_is_meant() -> None:
    service = {name: replace(type_, navigation={}) for name, type_ in SERVICE.items()}
    assert defined("POes", service, expand=("PONotes",)).children[0].entity_set == "PONotes"
    assert defined("PODetails", service, through="POes").parent


def test_child_rows_get_the_columns_of_their_parents_key_that_they_lack() -> None:
    definition = defined("PONotes", through="POes")
    assert definition.schema["properties"]["POes_PONum"] == {"type": ["integer", "null"]}
    assert definition.parent
    assert definition.parent.link == {"Company": "POes_Company", "PONum": "POes_PONum"}


def test_what_is_expanded_is_selected() -> None:
    properties = defined("POes", expand=("PODetails",), select=("PONum",)).schema["properties"]
    assert list(properties) == ["Company", "PONum", "SysRevID", "PODetails"]


@pytest.mark.parametrize(
    ("name", "said", "sentence"),
    [
        ("POes", {"expand": ("PODetail",)}, "child rows that there are not: 'PODetail'; did you mean 'PODetails'"),
        ("POes", {"expand": ("Others",)}, "child rows that there are not: 'Others'"),
        ("PODetails", {"expand": ("List",)}, "`expand`: the rows of List have no key"),
        ("List", {"expand": ("PODetails",)}, "`expand` without a key"),
        ("POes", {"expand": ("PODetails",), "through": "Others"}, "can't be had together"),
        ("PODetails", {"through": "POs"}, "names a set that its service does not have: 'POs'"),
        ("PODetails", {"through": "PODetails"}, "names a set that its service does not have"),
        ("Others", {"through": "POes"}, "the rows of POes have no child rows of this set"),
        ("PODetails", {"through": "Others"}, "Others has no key or no SysRevID"),
        ("PODetails", {"through": "POes", "filter": "POLine gt 1"}, "the server applies the filter to the parents"),
        ("PODetails", {"through": "POes", "replication_key": ""}, "wants SysRevID as `replication_key`"),
    ],
)
def test_what_can_not_be_had_is_said(name: str, said: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        defined(name, **said)
    assert sentence in str(caught.value)


def test_a_baq_has_no_child_rows() -> None:
    query = Found(Source("BaqSvc", "zTop"), entity("QueryItem", ""))
    with pytest.raises(DefinitionError, match="a BAQ has no child rows"):
        define_with_kin(query, StreamSettings(expand=("PODetails",)), has_company=True)


@pytest.mark.parametrize("now", [{}, {"expand": ("Notes",)}, {"expand": ("PODetails",), "through": "Others"}])
def test_a_catalog_made_with_other_kin_is_refused(now: dict[str, Any]) -> None:
    definition = defined("POes", expand=("PODetails",))
    assert check_kin(definition, StreamSettings(expand=("PODetails",))) is definition
    with pytest.raises(
        DefinitionError, match=r"made with another `(expand|through)` than the settings': run --discover"
    ):
        check_kin(definition, StreamSettings(**now))


def test_a_column_of_child_rows_that_is_new_since_discovery_is_in_the_schema(caplog: pytest.LogCaptureFixture) -> None:
    said = StreamSettings(expand=("PODetails",))
    today = {**SERVICE, "PODetails": entity("PODetailRow", "Company PONUM POLine", "PartNum SysRevID DueDate")}
    definition = adapted_with_kin(defined("POes", expand=("PODetails",)), found("POes", today), said)
    assert "DueDate" in definition.schema["properties"]["PODetails"]["items"]["properties"]
    assert "columns have another type since discovery: PODetails" in caplog.text


def test_a_stream_whose_child_set_is_gone_is_not_read() -> None:
    said = StreamSettings(expand=("PODetails",))
    today = {name: type_ for name, type_ in SERVICE.items() if name != "PODetails"}
    unfit = adapted_with_kin(defined("POes", expand=("PODetails",)), found("POes", today), said).unfit
    assert unfit
    assert "child rows that there are not: 'PODetails'" in unfit
    assert unfit.endswith("Run --discover again.")
