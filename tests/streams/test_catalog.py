"""Catalog entries: what discovery writes is what a sync reads back, and nothing else is taken."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tap_epicor.stream_settings import StreamSettings, stream_settings
from tap_epicor.streams.definition import Definition, DefinitionError, from_catalog, is_selected
from tap_epicor.streams.discovery import discover
from tap_epicor.tap import EpicorTap
from tests.scripted import Reply, Request, serving

if TYPE_CHECKING:
    from tests.sandboxes import Sandbox

CUSTOMERS = "erp_customer_customers"
BAQ = "baq_zCustomer01"
SETTINGS = {
    BAQ: {"key": "Customer_CustNum", "replication_key": "Customer_EstDate"},
    "erp_part_parts": {"select": "PartDescription", "replication_key": ""},
}


@pytest.fixture(scope="module")
def tenant(kinetic: Sandbox) -> tuple[dict[str, Any], dict[str, Definition], dict[str, dict[str, Any]]]:
    """The configuration, the definitions that discovery makes, and the entries that the tap writes."""
    config = kinetic.config(service="*,BaqSvc", streams=SETTINGS)
    tap = EpicorTap(config=config)
    definitions = {definition.name: definition for definition in discover(tap.config, tap.kinetic)}
    catalog = json.loads(tap.catalog_json_text)
    return config, definitions, {entry["tap_stream_id"]: entry for entry in catalog["streams"]}


def entry_of(tenant: tuple[Any, Any, dict[str, dict[str, Any]]], name: str) -> dict[str, Any]:
    return copy.deepcopy(tenant[2][name])


def root(entry: dict[str, Any]) -> dict[str, Any]:
    (metadata,) = [item["metadata"] for item in entry["metadata"] if not item["breadcrumb"]]
    assert isinstance(metadata, dict)
    return metadata


def test_every_entry_is_read_back_as_it_was_defined(tenant: Any) -> None:
    config, definitions, entries = tenant
    assert entries.keys() == definitions.keys()
    for name, definition in definitions.items():
        read = from_catalog(entries[name], stream_settings(config, name))
        assert read == replace(definition, selected=True), name


def test_the_columns_of_an_entry_stand_in_the_servers_order(tenant: Any) -> None:
    _, definitions, entries = tenant
    for name, definition in definitions.items():
        assert list(entries[name]["schema"]["properties"]) == list(definition.schema["properties"]), name


def test_every_stream_but_the_keyless_lists_is_selected(tenant: Any) -> None:
    entries = tenant[2].values()
    unselected = {entry["tap_stream_id"] for entry in entries if not is_selected(entry)}
    assert unselected == {entry["tap_stream_id"] for entry in entries if entry["tap_stream_id"].endswith("_list")}


def test_a_word_of_the_user_goes_before_the_default_selection(tenant: Any) -> None:
    entry = entry_of(tenant, CUSTOMERS)
    root(entry)["selected"] = False
    assert not is_selected(entry)
    del root(entry)["selected"]
    assert is_selected(entry)


def test_an_entry_of_another_tap_is_refused(tenant: Any) -> None:
    entry = entry_of(tenant, CUSTOMERS)
    del root(entry)["epicor"]
    with pytest.raises(DefinitionError, match=f"{CUSTOMERS}: .* not made by this tap: run --discover again"):
        from_catalog(entry, StreamSettings())


@pytest.mark.parametrize("missing", ["service", "name", "columns", "types"])
def test_an_entry_that_was_maimed_is_refused(tenant: Any, missing: str) -> None:
    entry = entry_of(tenant, CUSTOMERS)
    del root(entry)["epicor"][missing]
    with pytest.raises(DefinitionError, match="run --discover again"):
        from_catalog(entry, StreamSettings())


@pytest.mark.parametrize("stream", [CUSTOMERS, BAQ])
@pytest.mark.parametrize("said", [{"key": ("Name",)}, {"key": ()}, {"replication_key": "ChangeDate"}])
def test_settings_that_the_catalog_was_not_made_with_are_refused(
    tenant: Any, stream: str, said: dict[str, Any]
) -> None:
    (setting,) = said
    with pytest.raises(DefinitionError, match=f"{stream}: .* another `{setting}` .* run --discover again"):
        from_catalog(entry_of(tenant, stream), StreamSettings(**said))


def test_a_replication_key_taken_away_in_the_settings_is_refused(tenant: Any) -> None:
    with pytest.raises(DefinitionError, match="another `replication_key`"):
        from_catalog(entry_of(tenant, CUSTOMERS), StreamSettings(replication_key=""))


def test_the_settings_that_the_catalog_was_made_with_are_taken(tenant: Any) -> None:
    said = StreamSettings(key=("Customer_CustNum",), replication_key="Customer_EstDate")
    assert from_catalog(entry_of(tenant, BAQ), said).key == ("Company", "Customer_CustNum")


def test_a_key_that_was_written_into_the_catalog_by_hand_is_refused(tenant: Any) -> None:
    entry = entry_of(tenant, CUSTOMERS)
    entry["key_properties"] = ["Company", "Name"]
    with pytest.raises(DefinitionError, match="does not know the type of Name"):
        from_catalog(entry, StreamSettings())


def test_a_replication_key_among_the_valid_ones_may_be_chosen_in_the_catalog(tenant: Any) -> None:
    entry = entry_of(tenant, "erp_salesorder_salesorders")
    assert "ChangeDate" in root(entry)["valid-replication-keys"]
    entry["replication_key"] = root(entry)["replication-key"] = "ChangeDate"
    assert from_catalog(entry, StreamSettings()).replication_key == "ChangeDate"


CSDL = """<Edmx xmlns="http://docs.oasis-open.org/odata/ns/edmx"><DataServices>
<Schema Namespace="S"><EntityType Name="Row"><Key><PropertyRef Name="Num"/></Key>
<Property Name="Num" Type="Edm.Int32"/><Property Name="Id" Type="Edm.Int32"/></EntityType>
<EntityContainer Name="C"><EntitySet Name="Rows" EntityType="S.Row"/></EntityContainer></Schema>
</DataServices></Edmx>"""


def test_a_stream_that_was_renamed_takes_the_settings_of_its_new_name() -> None:
    def answer(_: Request) -> Reply:
        return Reply(CSDL.encode())

    renamed = "erp_proc_asvc_rows"
    with serving(answer) as server:
        tap = EpicorTap(
            config={
                "url": server.url,
                "service": "Erp.BO.ASvc,Erp.Proc.ASvc",
                "user": "u",
                "password": "p",
                "streams": {renamed: {"key": "Id"}},
            }
        )
        definitions = {one.name: one for one in discover(tap.config, tap.kinetic)}
    assert definitions["erp_a_rows"].key == ("Num",)
    assert definitions[renamed].key == ("Id",)
