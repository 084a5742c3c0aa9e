"""The reading: nothing lost, nothing twice, and no end without proof."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest

from tap_epicor.kinetic.errors import KineticError
from tap_epicor.kinetic.order import BrokenOrder
from tap_epicor.kinetic.pages import LostPlace, read
from tap_epicor.kinetic.plan import Part, make_plan
from tap_epicor.kinetic.source import Rows, Source
from tests.kinetic.clients import client
from tests.kinetic.stock import Stock, read_all
from tests.scripted import Reply, Request, serving

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_epicor.kinetic.plan import Plan

KEY = (Part("Num", "Edm.Int32"),)
REVISION = Part("SysRevID", "Edm.Int64")


@dataclass
class Table:
    """A set with the key `Num`, as a server holds it; its faults are switches."""

    numbers: list[int]
    most: int = 5000
    ignores_filter: bool = False
    ignores_skip: bool = False
    refuses_filter: bool = False
    counts: bool = True
    before: Callable[[int], Reply | None] = lambda _: None
    served: int = field(default=0)

    def answer(self, request: Request) -> Reply:
        self.served += 1
        if reply := self.before(self.served):
            return reply
        options = request.options
        rows = [{"Num": number, "SysRevID": number} for number in sorted(self.numbers)]
        if (condition := options.get("$filter")) and not self.ignores_filter:
            if self.refuses_filter:
                return Reply(status=500)
            found = re.fullmatch(r"(?:Num|SysRevID) (ge|gt|eq) (-?\d+)", condition)
            assert found, condition
            meets = {"ge": operator.ge, "gt": operator.gt, "eq": operator.eq}[found[1]]
            rows = [row for row in rows if meets(row["Num"], int(found[2]))]
        total = len(rows)
        skip = 0 if self.ignores_skip else int(options.get("$skip", 0))
        body: dict[str, Any] = {"value": rows[skip : skip + min(int(options["$top"]), self.most)]}
        if "$count" in options and self.counts:
            body["@odata.count"] = total
        return Reply(body)


def numbers(table: Table, plan: Plan, page_size: int = 10, source: str = "Erp.BO.ASvc") -> list[int]:
    with serving(table.answer) as server:
        rows = Rows(client(server.url), Source(source, "As"), "EPIC06", columns=("Num",))
        return [row["Num"] for page in read(rows, plan, page_size) for row in page.rows]


@pytest.mark.parametrize("count", [0, 1, 2, 9, 10, 11, 19, 20, 21, 95])
@pytest.mark.parametrize("most", [1, 2, 3, 7, 5000])
def test_by_key_brings_each_row_once_whatever_the_servers_limit(count: int, most: int) -> None:
    table = Table(list(range(count)), most=most)
    assert numbers(table, make_plan(KEY)) == list(range(count))


@pytest.mark.parametrize("count", [0, 1, 10, 95])
@pytest.mark.parametrize("most", [1, 3, 5000])
def test_by_revision_brings_each_row_once(count: int, most: int) -> None:
    plan = make_plan(KEY, REVISION, since=4)
    assert numbers(Table(list(range(count)), most=most), plan) == list(range(5, count))


@pytest.mark.parametrize("count", [0, 1, 10, 35])
@pytest.mark.parametrize("most", [1, 2, 7])
def test_by_skip_brings_each_row_once(count: int, most: int) -> None:
    assert numbers(Table(list(range(count)), most=most), make_plan(())) == list(range(count))


def test_by_skip_a_server_that_sends_the_last_row_for_ever_is_not_believed() -> None:
    def answer(request: Request) -> Reply:
        rows = [{"Num": number} for number in range(3)]
        skip = min(int(request.options.get("$skip", 0)), 2)
        return Reply({"value": rows[skip : skip + 2]})

    with serving(answer) as server:
        rows = Rows(client(server.url), Source("BaqSvc", "zTop"), "EPIC06", columns=("Num",))
        with pytest.raises(BrokenOrder, match="sends row 3 again for the one after it"):
            list(read(rows, make_plan(()), 2))


def test_the_company_is_asked_about_once_where_it_is_not_the_same_in_all_rows() -> None:
    key = (Part("Company", "Edm.String"), Part("Num", "Edm.Int32"))
    stock = Stock([{"Company": f"EPIC0{number // 20}", "Num": number} for number in range(60)])
    with serving(stock.answer) as server:
        found, error = read_all(stock, server.url, make_plan(key), 5)
    assert (found, error) == (list(range(60)), None)
    assert len([options for options in stock.asked if " ne " in options.get("$filter", "")]) == 1


def test_an_empty_answer_in_the_middle_is_not_the_end() -> None:
    table = Table(list(range(50)), before=lambda number: Reply({"value": []}) if number == 3 else None)
    assert numbers(table, make_plan(KEY)) == list(range(50))


def test_a_boundary_row_that_was_deleted_meanwhile_loses_nothing(caplog: pytest.LogCaptureFixture) -> None:
    table = Table(list(range(50)))

    def delete(number: int) -> None:
        if number == 2:
            table.numbers.remove(9)

    table.before = delete
    assert numbers(table, make_plan(KEY)) == list(range(50))
    assert "$skip" not in caplog.text


def test_a_row_written_anew_while_changes_are_read_speaks_against_no_filter(caplog: pytest.LogCaptureFixture) -> None:
    table = Table(list(range(25)))

    def write(number: int) -> None:
        if number in {2, 3}:
            table.numbers.remove(number * 10 - 11)
            table.numbers += [28 + number]

    table.before = write
    assert numbers(table, make_plan(KEY, REVISION, since=-1)) == [*range(25), 30, 31]
    assert "$skip" not in caplog.text


def test_rows_inserted_behind_the_reader_are_left_to_the_next_run() -> None:
    table = Table(list(range(0, 100, 2)))

    def insert(number: int) -> None:
        if number == 2:
            table.numbers += [1, 99]

    table.before = insert
    assert numbers(table, make_plan(KEY)) == [*range(0, 100, 2), 99]


def test_a_filter_that_is_refused_makes_way_for_skip(caplog: pytest.LogCaptureFixture) -> None:
    assert numbers(Table(list(range(35)), refuses_filter=True), make_plan(KEY)) == list(range(35))
    assert "Going on by $skip" in caplog.text


def test_a_filter_that_is_ignored_makes_way_for_skip(caplog: pytest.LogCaptureFixture) -> None:
    assert numbers(Table(list(range(35)), ignores_filter=True), make_plan(KEY)) == list(range(35))
    assert "does not find the row" in caplog.text


def test_skip_notices_rows_that_were_deleted_before_it() -> None:
    table = Table(list(range(60)), refuses_filter=True)

    def delete(number: int) -> None:
        if number == 4:
            table.numbers = table.numbers[3:]

    table.before = delete
    assert numbers(table, make_plan(KEY)) == list(range(60))


@pytest.mark.parametrize("when", [5, 6, 7, 8])
@pytest.mark.parametrize("count", [3, 9])
@pytest.mark.parametrize("plan", [make_plan(()), make_plan(KEY, filters=False)])
def test_skip_one_row_at_a_time_loses_none_when_one_before_it_is_deleted(plan: Plan, count: int, when: int) -> None:
    table = Table(list(range(count)), most=1)

    def delete(number: int) -> None:
        if number == when:
            table.numbers.remove(0)

    table.before = delete
    assert numbers(table, plan, 1) == list(range(count))


def test_skip_gives_up_when_its_place_is_gone() -> None:
    table = Table(list(range(60)), refuses_filter=True)

    def delete(number: int) -> None:
        if number == 4:
            table.numbers = [number for number in table.numbers if number > 40]

    table.before = delete
    with pytest.raises(BrokenOrder, match="moved while reading"):
        numbers(table, make_plan(KEY))


def test_changes_outside_of_the_filter_are_an_error() -> None:
    table = Table(list(range(35)), ignores_filter=True)
    with pytest.raises(BrokenOrder, match="asked for SysRevID gt 20, it sent a row with 0"):
        numbers(table, make_plan(KEY, REVISION, since=20))


def test_a_page_that_comes_again_is_an_error() -> None:
    table = Table(list(range(35)), ignores_skip=True, most=10)
    with pytest.raises(BrokenOrder, match=r"ignores \$skip"):
        numbers(table, make_plan(()), source="BaqSvc")


def test_a_page_that_comes_again_is_noticed_though_its_rows_were_changed_by_their_reader() -> None:
    table = Table(list(range(8)), ignores_skip=True)
    with serving(table.answer) as server:
        rows = Rows(client(server.url), Source("BaqSvc", "zTop"), "EPIC06")
        count = 0
        for page in islice(read(rows, make_plan(()), 10), 5):
            count += len(page.rows)
            for row in page.rows:
                row["Company"] = "EPIC06"
    assert count == 8


@pytest.mark.parametrize("count", [1, 2, 8])
def test_a_server_that_ignores_skip_is_right_when_the_first_page_held_all(count: int) -> None:
    table = Table(list(range(count)), ignores_skip=True)
    assert numbers(table, make_plan(()), source="BaqSvc") == list(range(count))


def test_a_server_that_ignores_skip_and_does_not_count_is_not_believed() -> None:
    table = Table(list(range(8)), ignores_skip=True, counts=False)
    with pytest.raises(BrokenOrder, match=r"ignores \$skip"):
        numbers(table, make_plan(()), source="BaqSvc")


def page(*values: int | None) -> Reply:
    return Reply({"value": [{"Num": value, "SysRevID": value} for value in values]})


def test_rows_that_fall_are_an_error_with_the_row_in_it() -> None:
    table = Table([], before=lambda _: page(1, 2, 5, 4))
    with pytest.raises(BrokenOrder, match="row with Num 4 comes after Num 5"):
        numbers(table, make_plan(KEY))


def test_a_key_that_stands_twice_is_an_error() -> None:
    table = Table([], before=lambda _: page(1, 2, 2))
    with pytest.raises(BrokenOrder, match="row with Num 2 comes twice"):
        numbers(table, make_plan(KEY))


def test_a_null_in_the_key_is_an_error() -> None:
    table = Table([], before=lambda _: page(1, None))
    with pytest.raises(BrokenOrder, match="no value in Num"):
        numbers(table, make_plan(KEY))


def test_an_answer_without_rows_is_an_error() -> None:
    table = Table([], before=lambda _: Reply({"Company": "EPIC06", "QueryID": "zTop"}))
    with pytest.raises(KineticError, match="no list of rows named 'value', but Company, QueryID"):
        numbers(table, make_plan(()))


def test_a_read_goes_on_after_the_row_it_left_off_at() -> None:
    assert numbers(Table(list(range(30))), make_plan(KEY, after=(17,))) == list(range(18, 30))


def test_a_read_does_not_go_on_from_a_row_that_is_gone() -> None:
    table = Table([number for number in range(30) if number != 17])
    with pytest.raises(LostPlace, match="Num 17"):
        numbers(table, make_plan(KEY, after=(17,)))


def test_rows_that_come_in_another_order_later_are_an_error() -> None:
    def answer(request: Request) -> Reply:
        rows = [{"Num": number} for number in range(12)]
        skip = int(request.options.get("$skip", 0))
        if skip == 0:
            rows.reverse()
        return Reply({"value": rows[skip : skip + int(request.options["$top"])]})

    with serving(answer) as server:
        rows = Rows(client(server.url), Source("BaqSvc", "zTop"), "EPIC06")
        with pytest.raises(BrokenOrder, match="rows moved while reading"):
            list(read(rows, make_plan(()), 5))


def test_rows_without_a_key_are_ordered_by_all_columns() -> None:
    table = Table(list(range(12)))
    asked: list[str] = []

    def answer(request: Request) -> Reply:
        asked.append(request.options["$orderby"])
        return table.answer(request)

    with serving(answer) as server:
        rows = Rows(client(server.url), Source("BaqSvc", "zTop"), "EPIC06", columns=("Name", "Num"))
        assert sum(len(page.rows) for page in read(rows, make_plan(()), 5)) == 12
    assert set(asked) == {"Name,Num"}


@pytest.mark.parametrize("plan", [make_plan(KEY), make_plan(KEY, REVISION, since=-1), make_plan(())])
@pytest.mark.parametrize("empty", [1, 2, 3, 4])
def test_one_empty_answer_loses_nothing(plan: Plan, empty: int) -> None:
    table = Table(list(range(25)), before=lambda number: Reply({"value": []}) if number == empty else None)
    assert numbers(table, plan) == list(range(25))


@pytest.mark.parametrize("fault", ["ignores_filter", "refuses_filter"])
@pytest.mark.parametrize("most", [7, 5000])
def test_a_server_that_ignores_filter_and_skip_is_not_believed(fault: str, most: int) -> None:
    table = Table(list(range(95)), ignores_skip=True, most=most)
    setattr(table, fault, True)
    with pytest.raises(BrokenOrder, match=r"ignores \$skip"):
        numbers(table, make_plan(KEY))


def test_a_count_of_the_page_alone_proves_nothing() -> None:
    def answer(request: Request) -> Reply:
        rows = [{"Num": number} for number in range(min(10, int(request.options["$top"])))]
        return Reply({"value": rows, "@odata.count": len(rows)})

    with serving(answer) as server:
        rows = Rows(client(server.url), Source("BaqSvc", "zTop"), "EPIC06", columns=("Num",))
        with pytest.raises(BrokenOrder, match=r"ignores \$skip"):
            list(read(rows, make_plan(()), 50))


def test_a_revision_that_stands_twice_is_an_error_even_across_pages() -> None:
    revisions = [1, 2, 2, 3]

    def answer(request: Request) -> Reply:
        sign, least = re.findall(r"SysRevID (ge|gt) (-?\d+)", request.options["$filter"])[0]
        found = [one for one in revisions if one > int(least) or (sign == "ge" and one == int(least))]
        return Reply({"value": [{"SysRevID": one} for one in found[: int(request.options["$top"])]]})

    with serving(answer) as server:
        rows = Rows(client(server.url), Source("Erp.BO.ASvc", "As"), "EPIC06")
        with pytest.raises(BrokenOrder, match="SysRevID 2 comes twice"):
            list(read(rows, make_plan(KEY, REVISION, since=0), 2))


def test_next_links_are_followed() -> None:
    pages = {
        None: {"value": [{"Num": 1}, {"Num": 2}], "@odata.nextLink": "As?%24skiptoken=a"},
        "a": {"value": [], "@odata.nextLink": "As?%24skiptoken=b"},
        "b": {"value": [{"Num": 3}]},
    }

    def answer(request: Request) -> Reply:
        if skip := int(request.options.get("$skip", 0)):
            return Reply({"value": [{"Num": 1}, {"Num": 2}, {"Num": 3}][skip:]})
        return Reply(pages[request.options.get("$skiptoken")])

    with serving(answer) as server:
        rows = Rows(client(server.url), Source("Erp.BO.ASvc", "As"), "EPIC06")
        found = [row["Num"] for page in read(rows, make_plan(()), 10) for row in page.rows]
    assert found == [1, 2, 3]


def test_a_next_link_that_loops_is_an_error() -> None:
    numbers_sent = iter(range(100))

    def answer(_: Request) -> Reply:
        return Reply({"value": [{"Num": next(numbers_sent)}], "@odata.nextLink": "As?%24skiptoken=a"})

    with serving(answer) as server:
        rows = Rows(client(server.url), Source("Erp.BO.ASvc", "As"), "EPIC06")
        with pytest.raises(BrokenOrder, match="next link leads back"):
            list(read(rows, make_plan(()), 10))


def test_a_company_that_all_rows_share_drops_out_of_the_comparison() -> None:
    key = (Part("Company", "Edm.String"), Part("Num", "Edm.Int32"))
    asked: list[str] = []

    def answer(request: Request) -> Reply:
        condition = request.options.get("$filter", "")
        asked.append(condition)
        if " ne " in condition:
            return Reply({"value": []})
        least = int(found[-1]) if (found := re.findall(r"Num ge (\d+)", condition)) else 0
        rows = [{"Company": "EPIC06", "Num": number} for number in range(least, 25)]
        return Reply({"value": rows[: int(request.options["$top"])]})

    with serving(answer) as server:
        rows = Rows(client(server.url), Source("Erp.BO.ASvc", "As"), "EPIC06")
        found = [row["Num"] for page in read(rows, make_plan(key), 10) for row in page.rows]
    assert found == list(range(25))
    assert asked == [
        "",
        "Company gt 'EPIC06' or (Company eq 'EPIC06' and (Num ge 9))",
        "Company ne 'EPIC06'",
        "Num ge 19",
        "Num ge 24",
    ]
