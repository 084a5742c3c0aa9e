"""What becomes of an entity set or a BAQ: name, key, replication key, columns."""

from __future__ import annotations

from typing import Any

import pytest

from tap_epicor.kinetic.catalogue import Found, Parameter
from tap_epicor.kinetic.metadata import Column, EntityType
from tap_epicor.kinetic.source import Source
from tap_epicor.stream_settings import StreamSettings
from tap_epicor.streams.definition import Definition, DefinitionError, define, stream_name, unique_name
from tap_epicor.streams.json_schema import json_schema

NOTHING = StreamSettings()
TYPES = {
    "Company": "Edm.String",
    "Company1": "Edm.String",
    "PONUM": "Edm.Int32",
    "PONum": "Edm.Int32",
    "CustNum": "Edm.Int32",
    "SysRevID": "Edm.Int64",
    "ChangedOn": "Edm.DateTimeOffset",
    "ChangeDate": "Edm.Date",
    "Tags": "Edm.Int32",
}


def found(*names: str, key: tuple[str, ...] = (), source: str = "Erp.BO.CustomerSvc/Customers", **given: Any) -> Found:
    columns = {name: Column(name, TYPES.get(name, "Edm.String"), collection=name == "Tags") for name in names}
    return Found(Source(*source.split("/")), EntityType("Row", key, columns), **given)


def defined(
    *names: str,
    key: tuple[str, ...] = (),
    source: str = "Erp.BO.CustomerSvc/Customers",
    company: bool = True,
    **said: Any,
) -> Definition:
    return define(found(*names, key=key, source=source), StreamSettings(**said), has_company=company)


CUSTOMERS = ("Company", "CustNum", "Name", "SysRevID", "ChangedOn", "ChangeDate")


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("Erp.BO.CustomerSvc/Customers", "erp_customer_customers"),
        ("Ice.BO.UD01Svc/UD01s", "ice_ud01_ud01s"),
        ("Erp.BO.POSvc/POes", "erp_po_poes"),
        ("BaqSvc/zCustomer01", "baq_zCustomer01"),
    ],
)
def test_a_stream_is_named_by_module_service_and_set(source: str, name: str) -> None:
    assert stream_name(Source(*source.split("/"))) == name


def test_the_key_is_the_metadatas_and_is_never_null() -> None:
    definition = defined(*CUSTOMERS, key=("Company", "CustNum"))
    assert definition.key == ("Company", "CustNum")
    properties = definition.schema["properties"]
    assert (properties["CustNum"]["type"], properties["Name"]["type"]) == ("integer", ["string", "null"])


@pytest.mark.parametrize(
    ("columns", "key"),
    [(("Company1", "Name"), ("Company1",)), (("Company", "PONUM"), ("Company", "PONUM")), (("PONum",), ("PONum",))],
)
def test_names_are_taken_as_they_are(columns: tuple[str, ...], key: tuple[str, ...]) -> None:
    definition = defined(*columns, key=key)
    assert definition.key == key
    assert list(definition.schema["properties"]) == list(columns)


def test_the_settings_key_goes_before_the_metadatas() -> None:
    assert defined(*CUSTOMERS, key=("Company", "CustNum")).key == ("Company", "CustNum")
    said = define(found(*CUSTOMERS, key=("Company", "CustNum")), StreamSettings(key=("Name",)), has_company=True)
    none = define(found(*CUSTOMERS, key=("Company", "CustNum")), StreamSettings(key=()), has_company=True)
    assert (said.key, none.key) == (("Name",), ())


def test_a_baq_has_no_key_whatever_its_metadata_says() -> None:
    definition = defined("Company", "CustNum", "SysRevID", key=("CustNum",), source="BaqSvc/zTop")
    assert (definition.key, definition.replication_key) == ((), None)
    assert definition.selected


def test_a_baq_has_the_key_and_replication_key_that_the_settings_name() -> None:
    source = found("Company", "CustNum", "SysRevID", source="BaqSvc/zTop")
    definition = define(
        source, StreamSettings(key=("Company", "CustNum"), replication_key="SysRevID"), has_company=True
    )
    assert (definition.key, definition.replication_key) == (("Company", "CustNum"), "SysRevID")
    assert definition.types == {"Company": "Edm.String", "CustNum": "Edm.Int32", "SysRevID": "Edm.Int64"}


def test_the_counter_of_a_baqs_answers_is_no_column() -> None:
    definition = defined("CustNum", "RowIdent", source="BaqSvc/zTop", company=False)
    assert (list(definition.schema["properties"]), definition.columns) == (["CustNum"], 1)


def test_a_column_of_that_name_in_an_entity_set_is_one() -> None:
    assert "RowIdent" in defined("CustNum", "RowIdent", key=("CustNum",)).schema["properties"]


def test_the_counter_is_no_key() -> None:
    with pytest.raises(DefinitionError, match="'RowIdent'"):
        define(found("CustNum", "RowIdent", source="BaqSvc/zTop"), StreamSettings(key=("RowIdent",)), has_company=True)


def test_a_keyless_list_is_there_but_not_selected() -> None:
    definition = defined("Company", "CustNum", source="Erp.BO.CustomerSvc/List")
    assert (definition.key, definition.selected) == ((), False)


def test_a_set_without_a_key_is_selected_once_it_has_one() -> None:
    keyless = found("Company", "CustNum", source="Erp.BO.CustomerSvc/Others")
    assert not define(keyless, NOTHING, has_company=True).selected
    assert define(keyless, StreamSettings(key=("Company", "CustNum")), has_company=True).selected


def test_changes_are_tracked_by_revision_and_could_be_by_the_time_columns() -> None:
    definition = defined(*CUSTOMERS, key=("Company", "CustNum"))
    assert definition.replication_key == "SysRevID"
    assert definition.cursors == ("SysRevID", "ChangedOn", "ChangeDate")
    assert definition.types["ChangeDate"] == "Edm.Date"


def test_without_a_revision_nothing_is_tracked_unless_the_settings_say_so() -> None:
    assert defined("Company", "CustNum", "ChangeDate", key=("Company", "CustNum")).replication_key is None
    columns = found("Company", "CustNum", "ChangeDate", key=("Company", "CustNum"))
    assert (
        define(columns, StreamSettings(replication_key="ChangeDate"), has_company=True).replication_key == "ChangeDate"
    )


def test_an_empty_replication_key_makes_the_stream_be_read_whole() -> None:
    definition = defined(*CUSTOMERS, key=("Company", "CustNum"), replication_key="")
    assert definition.replication_key is None


@pytest.mark.parametrize("column", ["Name", "Tags"])
def test_a_replication_key_that_has_no_order_is_refused(column: str) -> None:
    source = found("Company", "CustNum", "Name", "Tags", key=("Company", "CustNum"))
    with pytest.raises(DefinitionError, match=rf"`replication_key` {column} .* must be a whole number or a date"):
        define(source, StreamSettings(replication_key=column), has_company=True)


def test_a_revision_that_is_text_is_not_tracked() -> None:
    columns = {"Key1": Column("Key1", "Edm.String"), "SysRevID": Column("SysRevID", "Edm.String")}
    source = Found(Source("Ice.BO.UD01Svc", "UD01s"), EntityType("Row", ("Key1",), columns))
    assert define(source, NOTHING, has_company=False).replication_key is None


@pytest.mark.parametrize("setting", ["key", "replication_key", "select"])
@pytest.mark.parametrize(
    ("name", "meant"),
    [("custnum", "CustNum"), ("CustNumb", "CustNum"), ("SysRevId", "SysRevID"), ("SYSREV", "SysRevID")],
)
def test_a_column_that_there_is_not_is_refused_with_the_nearest_one(setting: str, name: str, meant: str) -> None:
    said: Any = name if setting == "replication_key" else (name,)
    with pytest.raises(
        DefinitionError, match=rf"erp_customer_customers: `{setting}` .* '{name}'; did you mean '{meant}'\?"
    ):
        define(found(*CUSTOMERS, key=("Company", "CustNum")), StreamSettings(**{setting: said}), has_company=True)


def test_what_is_selected_comes_with_key_and_replication_key() -> None:
    definition = defined(*CUSTOMERS, key=("Company", "CustNum"), select=("Name",))
    assert list(definition.schema["properties"]) == ["Company", "CustNum", "Name", "SysRevID"]
    assert definition.cursors == ("SysRevID",)
    assert definition.columns == len(CUSTOMERS)


@pytest.mark.parametrize(
    ("columns", "key", "source", "company", "added"),
    [
        (("CustNum",), (), "BaqSvc/zTop", True, True),
        (("CustNum",), (), "BaqSvc/zTop", False, False),
        (("Company", "CustNum"), (), "BaqSvc/zTop", True, False),
        (("CustNum",), (), "Erp.BO.CustomerSvc/List", True, True),
        (("Company", "CustNum"), (), "Erp.BO.CustomerSvc/List", True, False),
        (("Company1",), ("Company1",), "Erp.BO.CompanySvc/Companies", True, False),
    ],
)
def test_the_company_is_added_where_rows_could_not_be_told_apart_without_it(
    columns: tuple[str, ...],
    key: tuple[str, ...],
    source: str,
    *,
    company: bool,
    added: bool,
) -> None:
    definition = defined(*columns, key=key, source=source, company=company)
    assert definition.company_added == added
    assert ("Company" in definition.schema["properties"]) == (added or "Company" in columns)


@pytest.mark.parametrize("source", ["BaqSvc/zTop", "Erp.BO.CustomerSvc/List"])
def test_an_added_company_is_the_first_part_of_a_key_from_the_settings(source: str) -> None:
    definition = define(found("CustNum", source=source), StreamSettings(key=("CustNum",)), has_company=True)
    assert definition.key == ("Company", "CustNum")
    assert next(iter(definition.schema["properties"].items())) == ("Company", {"type": "string"})


def test_an_added_company_is_no_column_of_the_servers() -> None:
    definition = define(found("CustNum", source="BaqSvc/zTop"), StreamSettings(key=("CustNum",)), has_company=True)
    assert (definition.columns, definition.types) == (1, {"CustNum": "Edm.Int32"})


def test_parameters_of_a_baq_go_into_the_metadata_and_unknown_ones_do_not() -> None:
    parameter = Parameter("Plant", "nvarchar", optional=False)
    known = define(found("CustNum", source="BaqSvc/zTop", parameters=[parameter]), NOTHING, has_company=True)
    unknown = define(found("CustNum", source="BaqSvc/zTop"), NOTHING, has_company=True)
    assert known.to_metadata()["parameters"] == [{"name": "Plant", "type": "nvarchar", "optional": False}]
    assert "parameters" not in unknown.to_metadata()


def names(*sources: str) -> list[str]:
    taken: list[str] = []
    for source in sources:
        taken.append(unique_name(Source(*source.split("/")), taken))
    return taken


def test_two_streams_of_one_name_are_told_apart_by_their_services() -> None:
    assert names("Erp.BO.CustomerSvc/Customers", "Erp.Proc.CustomerSvc/Customers", "Erp.BO.PartSvc/Parts") == [
        "erp_customer_customers",
        "erp_proc_customersvc_customers",
        "erp_part_parts",
    ]


def test_no_stream_is_lost_to_another_of_its_name() -> None:
    given = ["Erp.BO.ASvc/Rows", "Erp.Proc.ASvc/Rows", "Erp.Proc.ASvc/ROWS", "Erp.BO.ASvc/ROWS", "Erp.BO.ASvc/rows"]
    assert len(set(names(*given))) == len(given)


@pytest.mark.parametrize(
    ("edm", "schema"),
    [
        ("Edm.Byte", {"type": "integer"}),
        ("Edm.SByte", {"type": "integer"}),
        ("Edm.Int16", {"type": "integer"}),
        ("Edm.Int32", {"type": "integer"}),
        ("Edm.Int64", {"type": "integer"}),
        ("Edm.Decimal", {"type": "number"}),
        ("Edm.Double", {"type": "number"}),
        ("Edm.Single", {"type": "number"}),
        ("Edm.Boolean", {"type": "boolean"}),
        ("Edm.String", {"type": "string"}),
        ("Edm.Guid", {"type": "string", "format": "uuid"}),
        ("Edm.DateTime", {"type": "string", "format": "date-time"}),
        ("Edm.DateTimeOffset", {"type": "string", "format": "date-time"}),
        ("Edm.Date", {"type": "string", "format": "date"}),
        ("Edm.TimeOfDay", {"type": "string", "format": "time"}),
        ("Edm.Binary", {"type": "string", "contentEncoding": "base64"}),
        ("Enum", {"type": "string"}),
        ("Edm.Geography", {"type": "string"}),
    ],
)
def test_each_type_has_its_schema(edm: str, schema: dict[str, Any]) -> None:
    column = Column("A", edm, nullable=False)
    assert json_schema([column], ["A"])["properties"]["A"] == schema
    assert json_schema([column])["properties"]["A"] == {**schema, "type": [schema["type"], "null"]}


def test_structures_and_lists_have_schemas_of_their_own() -> None:
    address = Column("Address", "Complex", columns=(Column("City", "Edm.String"),))
    tags = Column("Tags", "Edm.Int32", collection=True)
    assert json_schema([address, tags])["properties"] == {
        "Address": {"type": ["object", "null"], "properties": {"City": {"type": ["string", "null"]}}},
        "Tags": {"type": ["array", "null"], "items": {"type": "integer"}},
    }
