"""BAQs: found by list, id or pattern, asked for with their parameters, copied whole or by what changed."""

from __future__ import annotations

import datetime as dt
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from tap_epicor.sandbox import queries
from tap_epicor.stream_settings import stream_settings
from tap_epicor.tap import EpicorTap
from tests.sandboxes import Sandbox, sandbox
from tests.singer import Run, tap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BINS = "baq_zPartBin"
JOURNAL = "baq_GLDetail"
JOURNAL_KEY = ["GLJrnDtl_FiscalYear", "GLJrnDtl_JournalNum", "GLJrnDtl_JournalLine"]
TRACKED: dict[str, Any] = {
    "key": JOURNAL_KEY,
    "replication_key": "GLJrnDtl_SysRevID",
    "parameters": {"FromDate": "2000-01-01"},
}
VERSIONS = pytest.mark.parametrize("version", ["v1", "v2"])


@pytest.fixture(scope="module")
def without_skip() -> Iterator[Sandbox]:
    """A server that ignores `$skip` on BAQs."""
    with sandbox("--baq-skip", "ignored", scale=120) as running:
        yield running


def config(server: Sandbox, version: str = "v2", *, baqs: str = "", **settings: Any) -> dict[str, Any]:
    given = server.config(version, baqs=baqs, **settings)
    if baqs:
        given.pop("service")
    return given


def catalog(given: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {entry["tap_stream_id"]: entry for entry in EpicorTap(config=given).catalog_dict["streams"]}


def run(folder: Path, server: Sandbox, baq: str, version: str = "v2", state: Any = None, **settings: Any) -> Run:
    """Run the tap on one BAQ of one company; `settings` are its stream's, but for those of the whole tap."""
    whole = {name: settings.pop(name) for name in ("page_size", "company", "overlap") if name in settings}
    given = config(server, version, baqs=baq, **{"company": "EPIC06", **whole}, streams={f"baq_{baq}": settings})
    return tap(folder, given, state=state)


def in_database(server: Sandbox, sql: str, *values: object) -> set[tuple[Any, ...]]:
    with closing(sqlite3.connect(server.database, timeout=30)) as connection:
        return set(connection.execute(sql, values))


def carried(entry: dict[str, Any]) -> dict[str, Any]:
    (metadata,) = [item["metadata"] for item in entry["metadata"] if not item["breadcrumb"]]
    found: dict[str, Any] = metadata["epicor"]
    return found


@VERSIONS
def test_the_service_of_baqs_stands_for_all_of_them(kinetic: Sandbox, version: str) -> None:
    kinetic.requests()
    found = catalog(config(kinetic, version, service="BaqSvc"))
    assert found.keys() == {f"baq_{name}" for name in queries.load()}
    assert any(request["path"].endswith("DynamicQuerySvc/DynamicQueries") for request in kinetic.requests())


def test_the_service_of_baqs_stands_for_those_that_are_named_where_some_are(kinetic: Sandbox) -> None:
    given = {**kinetic.config(service="BaqSvc,Erp.BO.PlantSvc"), "baqs": "OpenOrders"}
    assert catalog(given).keys() == {"baq_OpenOrders", "erp_plant_plants", "erp_plant_list"}


@pytest.mark.parametrize(
    ("baqs", "names"),
    [
        ("zCustomer01", {"zCustomer01"}),
        ("z*", {"zCustomer01", "zPartBin"}),
        ("NoRow?,OpenOrders", {"NoRows", "OpenOrders"}),
        ("NoRows,NoSuchQuery", {"NoRows"}),
    ],
)
def test_baqs_are_named_by_id_and_pattern(kinetic: Sandbox, baqs: str, names: set[str]) -> None:
    assert catalog(config(kinetic, baqs=baqs)).keys() == {f"baq_{name}" for name in names}


def test_named_baqs_ask_for_no_list(kinetic: Sandbox) -> None:
    kinetic.requests()
    catalog(config(kinetic, baqs="zCustomer01"))
    assert not [request for request in kinetic.requests() if request["path"].endswith("DynamicQueries")]


@VERSIONS
def test_the_catalog_tells_the_parameters(kinetic: Sandbox, version: str) -> None:
    found = catalog(config(kinetic, version, baqs="*"))
    for name, query in queries.load().items():
        told = {parameter["name"]: parameter for parameter in carried(found[f"baq_{name}"])["parameters"]}
        assert told == {
            parameter.name: {"name": parameter.name, "type": parameter.kind, "optional": parameter.optional}
            for parameter in query.parameters
        }


def test_parameters_that_the_server_does_not_tell_are_left_to_it(tmp_path: Path) -> None:
    with sandbox("--denied", "Ice.BO.DynamicQuerySvc", scale=50) as server:
        found = catalog(config(server, baqs="zPartBin"))
        given = run(tmp_path, server, "zPartBin", parameters={"CurrentPlant": "MfgSys"})
        missing = run(tmp_path, server, "zPartBin")
    assert "parameters" not in carried(found[BINS])
    assert (given.code, missing.code) == (0, 1)
    assert "'CurrentPlant' is configured as mandatory" in missing.log


@pytest.mark.parametrize(
    ("baq", "parameters", "sentence"),
    [
        ("zPartBin", {}, "the BAQ wants a value for CurrentPlant: give it in `streams`"),
        ("zPartBin", {"PartNum": "A"}, "the BAQ wants a value for CurrentPlant"),
        ("zPartBin", {"CurrentPlant": []}, "the BAQ wants a value for CurrentPlant"),
        ("zPartBin", {"CurentPlant": "MfgSys"}, "the BAQ has no parameter 'CurentPlant'; did you mean 'CurrentPlant'?"),
        ("zPartBin", {"CurrentPlant": "MfgSys", "Xyz": 1}, "the BAQ has no parameter 'Xyz'; it has "),
        ("zCustomer01", {"Xyz": 1}, "the BAQ has no parameter 'Xyz'; it has none."),
    ],
)
def test_parameters_that_are_wrong_are_told_before_any_row_is_asked_for(
    kinetic: Sandbox, tmp_path: Path, baq: str, parameters: dict[str, Any], sentence: str
) -> None:
    kinetic.requests()
    done = run(tmp_path, kinetic, baq, parameters=parameters)
    assert done.code == 1
    assert f"baq_{baq}: {sentence}" in done.log
    assert "Traceback" not in done.log
    asked = [request["path"] for request in kinetic.requests()]
    assert not [path for path in asked if path.endswith(f"{baq}/Data")]


def test_parameters_of_an_entity_set_are_refused(kinetic: Sandbox, tmp_path: Path) -> None:
    streams = {"erp_plant_plants": {"parameters": {"Plant": "MfgSys"}}}
    done = tap(tmp_path, kinetic.config(service="Erp.BO.PlantSvc", streams=streams))
    assert done.code == 1
    assert "`parameters` is for BAQs only; an entity set has `filter`" in done.log


def test_a_parameter_of_null_is_not_given() -> None:
    config = {"streams": {BINS: {"parameters": {"CurrentPlant": "MfgSys", "PartNum": None}}}}
    assert stream_settings(config, BINS).parameters == (("CurrentPlant", "MfgSys"),)


@VERSIONS
def test_a_list_of_values_asks_for_each_of_them(kinetic: Sandbox, tmp_path: Path, version: str) -> None:
    wanted = ["GEAR-000015", "50% OFF & MORE"]
    done = run(tmp_path, kinetic, "zPartBin", version, parameters={"CurrentPlant": "MfgSys", "PartNum": wanted})
    assert {row["PartBin_PartNum"] for row in done.rows[BINS]} == set(wanted)


@VERSIONS
def test_dates_and_truth_values_are_written_as_kinetic_reads_them(
    kinetic: Sandbox, tmp_path: Path, version: str
) -> None:
    parameters = {"FromDate": "2023-01-01", "Year": 2023, "Posted": True}
    done = run(tmp_path, kinetic, "GLDetail", version, parameters=parameters)
    expected = in_database(
        kinetic,
        'SELECT FiscalYear, JournalNum, JournalLine FROM "GLJrnDtlMnl" '
        "WHERE Company = 'EPIC06' AND FiscalYear = 2023 AND Posted AND JEDate >= '2023-01-01'",
    )
    assert expected
    assert {tuple(row[name] for name in JOURNAL_KEY) for row in done.rows[JOURNAL]} == expected


@VERSIONS
def test_a_baq_without_a_key_is_copied_whole_each_time(kinetic: Sandbox, tmp_path: Path, version: str) -> None:
    expected = in_database(kinetic, 'SELECT CustNum FROM "Customer" WHERE Company = ?', "EPIC06")
    first = run(tmp_path, kinetic, "zCustomer01", version, page_size=7)
    second = run(tmp_path, kinetic, "zCustomer01", version, first.state, page_size=7)
    for done in (first, second):
        assert done.code == 0, done.log
        assert done.keys["baq_zCustomer01"] == []
        assert sorted((row["Customer_CustNum"],) for row in done.rows["baq_zCustomer01"]) == sorted(expected)


@VERSIONS
def test_a_baq_with_key_and_replication_key_brings_what_changed(tmp_path: Path, version: str) -> None:
    with sandbox(scale=200) as server:
        given = config(server, version, baqs="GLDetail", overlap=0, page_size=9, streams={JOURNAL: TRACKED})
        first = tap(tmp_path, given)
        assert first.code == 0, first.log
        assert first.keys[JOURNAL] == ["Company", *JOURNAL_KEY]
        mark = first.bookmark(JOURNAL)["replication_key_value"]
        assert mark == max(row["GLJrnDtl_SysRevID"] for row in first.rows[JOURNAL] if row["Company"] == "EPIC06")
        server.change(inserts=2, updates=4, deletes=0, seed=5, sets=["Erp.BO.GLJournalEntrySvc/GLJrnDtlMnls"])
        second = tap(tmp_path, given, state=first.state)
        sql = 'SELECT Company, FiscalYear, JournalNum, JournalLine, SysRevID FROM "GLJrnDtlMnl" WHERE JEDate NOT NULL'
        expected = in_database(server, sql)
    assert 0 < second.count() < first.count() / 2
    copy = {tuple(row[name] for name in first.keys[JOURNAL]): row for row in first.rows[JOURNAL] + second.rows[JOURNAL]}
    assert {(*key, row["GLJrnDtl_SysRevID"]) for key, row in copy.items()} == expected


def test_other_parameters_make_a_baq_be_read_again(kinetic: Sandbox, tmp_path: Path) -> None:
    first = run(tmp_path, kinetic, "GLDetail", overlap=0, **TRACKED)
    narrower: dict[str, Any] = {**TRACKED, "parameters": {"FromDate": "2000-01-01", "Year": 2023}}
    second = run(tmp_path, kinetic, "GLDetail", state=first.state, overlap=0, **narrower)
    assert "the filter or the parameters have changed" in second.log
    assert {row["GLJrnDtl_FiscalYear"] for row in second.rows[JOURNAL]} == {2023}
    assert second.count() == sum(row["GLJrnDtl_FiscalYear"] == 2023 for row in first.rows[JOURNAL])


@VERSIONS
def test_each_company_has_its_rows_under_its_own_name(kinetic: Sandbox, tmp_path: Path, version: str) -> None:
    done = run(tmp_path, kinetic, "zCustomer01", version, company="EPIC06,EPIC07")
    rows = done.rows["baq_zCustomer01"]
    assert {row["Company"] for row in rows} == {"EPIC06", "EPIC07"}
    assert all(row["Company"] == row["Customer_Company"] for row in rows)
    assert next(iter(done.schemas["baq_zCustomer01"]["properties"])) == "Company"


def test_a_baq_without_rows_has_its_columns(kinetic: Sandbox, tmp_path: Path) -> None:
    done = run(tmp_path, kinetic, "NoRows")
    assert (done.code, done.count()) == (0, 0)
    assert done.schemas["baq_NoRows"]["properties"].keys() == {"Company", "Part_PartNum", "Part_NetWeight"}


def test_the_counter_of_each_answer_is_no_column(kinetic: Sandbox, tmp_path: Path) -> None:
    done = run(tmp_path, kinetic, "UserTable")
    assert "RowIdent" not in done.schemas["baq_UserTable"]["properties"]
    assert all("RowIdent" not in row for row in done.rows["baq_UserTable"])
    assert "catalog does not know" not in done.log


@VERSIONS
def test_a_baq_that_fails_is_told_as_kinetic_tells_it(kinetic: Sandbox, tmp_path: Path, version: str) -> None:
    done = run(tmp_path, kinetic, "Broken", version)
    assert done.code == 1
    assert "BAQ execution failed with error:" in done.log
    assert "Traceback" not in done.log


@VERSIONS
@pytest.mark.parametrize("settings", [{}, {"key": "Customer_CustNum", "page_size": 5}], ids=["one page", "by key"])
def test_a_server_that_ignores_skip_is_copied_where_one_page_holds_all_or_a_key_is_named(
    without_skip: Sandbox, tmp_path: Path, version: str, settings: dict[str, Any]
) -> None:
    done = run(tmp_path, without_skip, "zCustomer01", version, **settings)
    assert done.code == 0, done.log
    expected = in_database(without_skip, 'SELECT CustNum FROM "Customer" WHERE Company = ?', "EPIC06")
    assert sorted((row["Customer_CustNum"],) for row in done.rows["baq_zCustomer01"]) == sorted(expected)


@VERSIONS
def test_a_server_that_ignores_skip_is_an_error_where_it_would_repeat_itself(
    without_skip: Sandbox, tmp_path: Path, version: str
) -> None:
    done = run(tmp_path, without_skip, "zCustomer01", version, page_size=5)
    assert done.code == 1
    assert "the server ignores $skip" in done.log
    assert "name a `key` for this stream, or raise its `page_size`" in done.log


@VERSIONS
def test_a_bookmark_may_go_into_a_parameter_of_the_baq(tmp_path: Path, version: str) -> None:
    dated = {"key": JOURNAL_KEY, "replication_key": "GLJrnDtl_JEDate", "replication_parameter": "FromDate"}
    with sandbox(scale=200) as server:
        given = config(
            server, version, baqs="GLDetail", company="EPIC06", start_value="2000-01-01", streams={JOURNAL: dated}
        )
        first = tap(tmp_path, given)
        assert first.code == 0, first.log
        expected = in_database(server, "SELECT count(*) FROM GLJrnDtlMnl WHERE JEDate NOT NULL AND Company = 'EPIC06'")
        assert {(first.count(),)} == expected
        server.requests()
        second = tap(tmp_path, given, state=first.state)
        assert second.code == 0, second.log
        newest = max(row["GLJrnDtl_JEDate"] for row in first.rows[JOURNAL])
        day_before = (dt.date.fromisoformat(newest[:10]) - dt.timedelta(days=1)).isoformat()
        asked = [one["query"] for one in server.requests() if "FromDate" in one["query"]]
    assert f"FromDate={day_before}&" in asked[0]
    expected_rows = [row for row in first.rows[JOURNAL] if row["GLJrnDtl_JEDate"][:10] >= day_before]
    assert second.count() == len(expected_rows) > 0


def test_a_parameter_that_gets_the_bookmark_must_be_one_that_the_baq_has(kinetic: Sandbox, tmp_path: Path) -> None:
    done = run(tmp_path, kinetic, "GLDetail", **{**TRACKED, "replication_parameter": "Since"})
    assert done.code == 1
    assert "the BAQ has no parameter 'Since'" in done.log


def test_a_parameter_that_gets_the_bookmark_wants_a_replication_key(kinetic: Sandbox, tmp_path: Path) -> None:
    done = run(tmp_path, kinetic, "GLDetail", key=JOURNAL_KEY, replication_parameter="FromDate")
    assert done.code == 1
    assert "`replication_parameter` FromDate without `replication_key`" in done.log
