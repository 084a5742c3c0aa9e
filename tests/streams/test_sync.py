"""Runs of the tap against the sandbox: what is copied, and where the next run begins."""

from __future__ import annotations

import datetime as dt
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
import requests

from tests.equality import differences, keyed_sets, stream_of
from tests.sandboxes import Sandbox, sandbox
from tests.scripted import Reply, Request, serving
from tests.singer import choose, discover, tap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PARTS = "erp_part_parts"
TRANSACTIONS = "erp_parttran_parttrans"


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_every_set_is_copied_as_it_is(kinetic: Sandbox, tmp_path: Path, version: str) -> None:
    run = tap(tmp_path, kinetic.config(version))
    assert run.code == 0, run.log
    copies = {stream_of(service, name): run.rows[stream_of(service, name)] for service, name, _ in keyed_sets()}
    assert differences(kinetic.database, copies) == []
    for stream, rows in run.rows.items():
        keys = [tuple(row[name] for name in run.keys[stream]) for row in rows if run.keys[stream]]
        assert len(keys) == len(set(keys)), f"{stream} has rows twice"


@pytest.mark.parametrize(
    "flags",
    [
        ("--zone", "none", "--decimals", "string", "--int64", "string"),
        ("--zone", "offset", "--offset-minutes", "120", "--child-filter", "own"),
        ("--zone", "none", "--offset-minutes", "120"),
        ("--top-maximum", "40", "--collation", "binary", "--next-link", "relative"),
        ("--top-maximum", "7", "--next-link", "absolute", "--count", "page-only"),
        ("--first-revision", "9007199254740993", "--count", "refused"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_whatever_is_not_known_of_kinetic_the_copy_is_right(
    tmp_path: Path, version: str, flags: tuple[str, ...]
) -> None:
    with sandbox(*flags, scale=60) as server:
        run = tap(tmp_path, server.config(version, page_size=50))
        assert run.code == 0, run.log
        copies = {stream_of(service, name): run.rows[stream_of(service, name)] for service, name, _ in keyed_sets()}
        zone = dt.timezone(dt.timedelta(minutes=120 if "120" in flags else 0))
        assert differences(server.database, copies, zone=zone) == []


def test_what_changed_is_read_and_nothing_else(tmp_path: Path) -> None:
    with sandbox() as server:
        config = server.config(service="Erp.BO.PartSvc", overlap=0)
        catalog = choose(discover(tmp_path, config), PARTS)
        first = tap(tmp_path, config, catalog=catalog)
        still = tap(tmp_path, config, catalog=catalog, state=first.state)
        assert still.rows == {}
        for company in ("EPIC06", "EPIC07"):
            before = first.bookmark(PARTS, company)["replication_key_value"]
            assert still.bookmark(PARTS, company)["replication_key_value"] == before
        server.change(inserts=3, updates=5, deletes=0, seed=1, sets=["Erp.BO.PartSvc/Parts"])
        second = tap(tmp_path, config, catalog=catalog, state=still.state)
        assert 0 < len(second.rows[PARTS]) <= 8
        assert differences(server.database, {PARTS: first.rows[PARTS] + second.rows[PARTS]}) == []


@pytest.mark.parametrize(("minutes", "times"), [(0, 1), (60, 10)])
def test_the_overlap_is_read_again_and_ten_times_as_much_after_a_first_load(
    tmp_path: Path, minutes: int, times: int
) -> None:
    with sandbox() as server:
        config = server.config(
            service="Erp.BO.PartSvc", company="EPIC06", overlap=3000, overlap_minutes=minutes, page_size=20
        )
        catalog = choose(discover(tmp_path, config), PARTS)
        first = tap(tmp_path, config, catalog=catalog)
        bookmark = first.bookmark(PARTS)["replication_key_value"]
        again = tap(tmp_path, config, catalog=catalog, state=first.state)
        start = bookmark - times * 3000
        expected = [row["SysRevID"] for row in first.rows[PARTS] if row["SysRevID"] > start]
        assert sorted(row["SysRevID"] for row in again.rows[PARTS]) == sorted(expected)
        assert again.bookmark(PARTS)["replication_key_value"] == bookmark


def test_a_sync_with_a_catalog_asks_for_the_metadata_of_what_is_selected_alone(
    kinetic: Sandbox, tmp_path: Path
) -> None:
    config = kinetic.config(service="Erp.BO.PartSvc")
    catalog = choose(discover(tmp_path, config), PARTS)
    kinetic.requests()
    tap(tmp_path, config, catalog=catalog)
    asked = [request["path"] for request in kinetic.requests()]
    service = "/kinetic/api/v2/odata/{}/Erp.BO.PartSvc"
    assert asked[0] == f"{service.format('EPIC06')}/$metadata"
    assert set(asked[1:]) == {f"{service.format(company)}/Parts" for company in ("EPIC06", "EPIC07")}


def test_state_follows_every_page(kinetic: Sandbox, tmp_path: Path) -> None:
    config = kinetic.config(service="Erp.BO.PartTranSvc", company="EPIC06", page_size=20)
    run = tap(tmp_path, config, catalog=choose(discover(tmp_path, config), TRANSACTIONS))
    pages = "".join(kind[0] for kind in run.kinds).split("S")
    assert max(len(page) for page in pages) == 20
    assert run.count() > 60


def test_an_interrupted_first_load_goes_on_and_keeps_its_low_water_mark(tmp_path: Path) -> None:
    with sandbox() as server:
        config = server.config(
            service="Erp.BO.PartTranSvc", company="EPIC06", page_size=10, overlap=0, max_connections=1
        )
        catalog = choose(discover(tmp_path, config), TRANSACTIONS)
        whole = tap(tmp_path, config, catalog=catalog)
        rows = whole.rows[TRANSACTIONS]
        high = whole.bookmark(TRANSACTIONS)["replication_key_value"]
        key = ["Company", "SysDate", "SysTime", "TranNum"]
        after = [rows[24][name] for name in key]
        resume = {"key": key, "ranges": [[after, None]], "cursor": "SysRevID", "high": high}
        state = {"bookmarks": {TRANSACTIONS: {"partitions": [{"context": {"Company": "EPIC06"}, "resume": resume}]}}}
        server.change(updates=4, inserts=0, deletes=0, seed=3, sets=["Erp.BO.PartTranSvc/PartTrans"])
        rest = tap(tmp_path, config, catalog=catalog, state=state)
        assert len(rest.rows[TRANSACTIONS]) == len(rows) - 25
        assert rest.bookmark(TRANSACTIONS)["replication_key_value"] == high
        changed = tap(tmp_path, config, catalog=catalog, state=rest.state)
        copies = {TRANSACTIONS: rows[:25] + rest.rows[TRANSACTIONS] + changed.rows[TRANSACTIONS]}
        assert differences(server.database, copies, ["EPIC06"]) == []


def test_a_place_that_is_gone_makes_the_load_start_again(kinetic: Sandbox, tmp_path: Path) -> None:
    config = kinetic.config(service="Erp.BO.PartSvc", company="EPIC06")
    resume = {
        "key": ["Company", "PartNum"],
        "ranges": [[["EPIC06", "no such part"], None]],
        "cursor": "SysRevID",
        "high": 5,
    }
    state = {"bookmarks": {PARTS: {"partitions": [{"context": {"Company": "EPIC06"}, "resume": resume}]}}}
    run = tap(tmp_path, config, catalog=choose(discover(tmp_path, config), PARTS), state=state)
    assert differences(kinetic.database, {PARTS: run.rows[PARTS]}, ["EPIC06"]) == []
    assert "read from the beginning" in run.log


@pytest.mark.parametrize("start", [5, 2_400_000_000])
def test_a_start_value_does_not_trust_a_filter_that_is_the_parents(
    kinetic: Sandbox,
    tmp_path: Path,
    start: int,
) -> None:
    lines = "erp_salesorder_orderdtls"
    config = kinetic.config(service="Erp.BO.SalesOrderSvc", start_value=start)
    run = tap(tmp_path, config, catalog=choose(discover(tmp_path, config), lines))
    assert run.code == 0, run.log
    assert differences(kinetic.database, {lines: run.rows[lines]}) == []


def test_another_companys_rows_are_not_taken_for_those_asked_for(kinetic: Sandbox, tmp_path: Path) -> None:
    config = kinetic.config("v1", service="Erp.BO.PartSvc")
    catalog = choose(discover(tmp_path, config), PARTS)
    with headers_taken_away(kinetic, "CallSettings") as gateway:
        run = tap(tmp_path, {**config, "url": gateway}, catalog=catalog)
    assert run.code == 1
    assert "asked for company EPIC07, the server sent rows of EPIC06" in run.log


@contextmanager
def headers_taken_away(kinetic: Sandbox, name: str) -> Iterator[str]:
    """Run a gateway before the sandbox that drops a header."""
    host = kinetic.url.rsplit("/", 1)[0]

    def forward(request: Request) -> Reply:
        headers = {key: value for key, value in request.headers.items() if key not in {name, "Host"}}
        answer = requests.get(f"{host}{quote(request.path)}?{request.raw_query}", headers=headers, timeout=10)
        return Reply(answer.content, answer.status_code)

    with serving(forward) as gateway:
        yield gateway.url


def test_another_filter_makes_the_stream_start_again(kinetic: Sandbox, tmp_path: Path) -> None:
    config = kinetic.config(service="Erp.BO.PartSvc", company="EPIC06")
    catalog = choose(discover(tmp_path, config), PARTS)
    first = tap(tmp_path, config, catalog=catalog)
    narrower = {**config, "streams": {PARTS: {"filter": "TypeCode eq 'M'"}}}
    second = tap(tmp_path, narrower, catalog=catalog, state=first.state)
    assert "the filter or the parameters have changed" in second.log
    assert 0 < len(second.rows[PARTS]) < len(first.rows[PARTS])
    assert {row["TypeCode"] for row in second.rows[PARTS]} == {"M"}


def test_a_second_company_is_read_from_its_beginning(kinetic: Sandbox, tmp_path: Path) -> None:
    config = kinetic.config(service="Erp.BO.PartSvc", company="EPIC06", overlap=0)
    catalog = choose(discover(tmp_path, config), PARTS)
    first = tap(tmp_path, config, catalog=catalog)
    second = tap(tmp_path, {**config, "company": ["EPIC06", "EPIC07"]}, catalog=catalog, state=first.state)
    assert {row["Company"] for row in second.rows[PARTS]} == {"EPIC07"}
    assert differences(kinetic.database, {PARTS: first.rows[PARTS] + second.rows[PARTS]}) == []


def test_v1_without_a_company_reads_the_accounts_own(kinetic: Sandbox, tmp_path: Path) -> None:
    config = kinetic.config("v1", service="Erp.BO.PartSvc")
    del config["company"]
    run = tap(tmp_path, config, catalog=choose(discover(tmp_path, config), PARTS))
    assert differences(kinetic.database, {PARTS: run.rows[PARTS]}, ["EPIC06"]) == []


def test_columns_that_are_not_wanted_are_not_asked_for(kinetic: Sandbox, tmp_path: Path) -> None:
    streams = {PARTS: {"select": "PartDescription, TypeCode"}}
    config = kinetic.config(service="Erp.BO.PartSvc", company="EPIC06", streams=streams)
    catalog = choose(discover(tmp_path, config), PARTS)
    kinetic.requests()
    run = tap(tmp_path, config, catalog=catalog)
    expected = {"Company", "PartNum", "SysRevID", "PartDescription", "TypeCode"}
    assert {frozenset(row) for row in run.rows[PARTS]} == {frozenset(expected)}
    assert set(run.schemas[PARTS]["properties"]) == expected
    pages = [request["query"] for request in kinetic.requests() if "$top=1000" in request["query"]]
    assert len(pages) == 1
    assert "$select=Company,PartNum," in pages[0]


def test_a_deselected_column_is_dropped(kinetic: Sandbox, tmp_path: Path) -> None:
    config = kinetic.config(service="Erp.BO.PartSvc", company="EPIC06")
    catalog = choose(discover(tmp_path, config), PARTS)
    entry = next(entry for entry in catalog["streams"] if entry["tap_stream_id"] == PARTS)
    for item in entry["metadata"]:
        if item["breadcrumb"] == ["properties", "PartDescription"]:
            item["metadata"]["selected"] = False
    run = tap(tmp_path, config, catalog=catalog)
    assert "PartDescription" not in run.rows[PARTS][0]
    assert "PartDescription" not in run.schemas[PARTS]["properties"]


def test_a_start_value_begins_there(kinetic: Sandbox, tmp_path: Path) -> None:
    config = kinetic.config(service="Erp.BO.PartSvc", company="EPIC06")
    catalog = choose(discover(tmp_path, config), PARTS)
    everything = tap(tmp_path, config, catalog=catalog)
    revisions = sorted(row["SysRevID"] for row in everything.rows[PARTS])
    run = tap(tmp_path, {**config, "start_value": revisions[-3]}, catalog=catalog)
    assert [row["SysRevID"] for row in run.rows[PARTS]] == revisions[-3:]


def test_a_day_may_be_the_replication_key(kinetic: Sandbox, tmp_path: Path) -> None:
    stream = "erp_salesorder_salesorders"
    config = kinetic.config(
        service="Erp.BO.SalesOrderSvc",
        company="EPIC06",
        page_size=7,
        streams={stream: {"replication_key": "ChangeDate"}},
    )
    catalog = choose(discover(tmp_path, config), stream)
    first = tap(tmp_path, config, catalog=catalog)
    assert first.code == 0, first.log
    days = sorted(row["ChangeDate"] for row in first.rows[stream] if row["ChangeDate"])
    assert first.bookmark(stream)["replication_key_value"] == days[-1]
    second = tap(tmp_path, config, catalog=catalog, state=first.state)
    assert second.code == 0, second.log
    assert {day[:10] for day in days[-1:]} <= {row["ChangeDate"][:10] for row in second.rows[stream]}
    assert len(second.rows[stream]) < len(first.rows[stream])


def test_a_start_date_reads_a_stream_tracked_by_day(kinetic: Sandbox, tmp_path: Path) -> None:
    stream = "erp_salesorder_salesorders"
    config = kinetic.config(
        service="Erp.BO.SalesOrderSvc",
        company="EPIC06",
        page_size=7,
        streams={stream: {"replication_key": "ChangeDate"}},
    )
    catalog = choose(discover(tmp_path, config), stream)
    everything = tap(tmp_path, config, catalog=catalog).rows[stream]
    day = sorted(row["ChangeDate"] for row in everything if row["ChangeDate"])[len(everything) // 2][:10]
    run = tap(tmp_path, {**config, "start_value": day}, catalog=catalog)
    expected = {row["OrderNum"] for row in everything if row["ChangeDate"] and row["ChangeDate"][:10] >= day}
    assert {row["OrderNum"] for row in run.rows[stream]} == expected


def test_activate_version_comes_after_the_rows(kinetic: Sandbox, tmp_path: Path) -> None:
    config = kinetic.config(
        service="Erp.BO.PartSvc",
        company="EPIC06",
        emit_activate_version_messages=True,
        streams={PARTS: {"replication_key": ""}},
    )
    run = tap(tmp_path, config, catalog=choose(discover(tmp_path, config), PARTS))
    assert run.code == 0, run.log
    last_record = len(run.kinds) - run.kinds[::-1].index("RECORD")
    assert run.kinds.index("ACTIVATE_VERSION") >= last_record
    assert run.kinds.count("ACTIVATE_VERSION") == 1


def test_stream_maps_work(kinetic: Sandbox, tmp_path: Path) -> None:
    maps = {
        PARTS: {"PartNum": "PartNum", "upper": "PartNum.upper()", "__else__": None, "__key_properties__": ["PartNum"]}
    }
    config = kinetic.config(service="Erp.BO.PartSvc", company="EPIC06", stream_maps=maps)
    run = tap(tmp_path, config, catalog=choose(discover(tmp_path, config), PARTS))
    assert run.code == 0, run.log
    assert all(row == {"PartNum": row["PartNum"], "upper": row["PartNum"].upper()} for row in run.rows[PARTS])
    assert len(run.rows[PARTS]) > 20


def test_a_test_run_reads_one_row_a_stream(kinetic: Sandbox, tmp_path: Path) -> None:
    run = tap(tmp_path, kinetic.config(service="Erp.BO.PartSvc", company="EPIC06"), "--test")
    assert run.code == 0, run.log
    assert {len(rows) for rows in run.rows.values()} == {1}
    assert "ERROR" not in run.log


def test_a_wrong_password_is_a_sentence_and_no_traceback(kinetic: Sandbox, tmp_path: Path) -> None:
    run = tap(tmp_path, kinetic.config(password="wrong-one"))
    assert run.code == 1
    assert "Invalid username or password" in run.log
    assert "Traceback" not in run.log
    assert "wrong-one" not in run.log


def test_a_wrong_key_is_told_without_the_key(kinetic: Sandbox, tmp_path: Path) -> None:
    run = tap(tmp_path, kinetic.config(api_key="not-the-key"))
    assert run.code == 1
    assert "Invalid API Key" in run.log
    assert "not-the-key" not in run.log


def test_a_service_that_is_not_there_is_left_out(kinetic: Sandbox, tmp_path: Path) -> None:
    run = tap(tmp_path, kinetic.config(service="Erp.BO.PartSvc,Erp.BO.NoSuchSvc", company="EPIC06"), "--discover")
    assert run.code == 0, run.log
    assert "Erp.BO.NoSuchSvc is left out" in run.log


def test_a_list_of_services_that_is_refused_is_told_and_names_still_work(tmp_path: Path) -> None:
    with sandbox("--service-list", "denied") as server:
        patterns = tap(tmp_path, server.config(service="Erp.BO.P*Svc"), "--discover")
        names = tap(tmp_path, server.config(service="Erp.BO.PartSvc"), "--discover")
    assert patterns.code == 1
    assert "Name the services in `service` instead of a pattern" in patterns.log
    assert names.code == 0
