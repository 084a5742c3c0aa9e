"""Child rows as `$expand` and nested paths bring them: none is missing, and none is another parent's."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_epicor.kinetic.errors import BadRequest
from tap_epicor.kinetic.expanding import CutBefore, Expanding, Kin, NoWay
from tap_epicor.kinetic.order import BrokenOrder
from tap_epicor.kinetic.pages import read
from tap_epicor.kinetic.plan import Part, make_plan
from tap_epicor.kinetic.source import Rows, Source
from tests.kinetic.clients import client
from tests.scripted import Reply, Request, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

KEY = (Part("Code", "Edm.String"),)
CHILD = Kin("Bs", "Bs", ("Num",), {"Num": "Edm.Int32"}, {"Code": "Code"})


@dataclass
class Family:
    """Parents with so many child rows each.

    Attributes:
        sizes: how many child rows each parent has.
        cut: child rows in `$expand` at the most.
        most: rows in an answer at the most.
        expands: whether there is `$expand`.
        nests: whether there are nested paths.
        befalls: what becomes of the rows of an answer, parents or children.
        links: whether a link to the rest stands beside an array that was cut.
        gone: parents that are gone by the time they are asked for on their own.
        refused: parents whose keys no path may hold.
        asked: the paths and options of all requests.
    """

    sizes: Mapping[str, int]
    cut: int = 1000
    most: int = 1000
    expands: bool = True
    nests: bool = True
    befalls: Callable[[list[dict[str, Any]]], None] = lambda rows: None  # noqa: ARG005
    links: bool = False
    gone: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def children(self, parent: str) -> list[dict[str, Any]]:
        return [{"Code": parent, "Num": number} for number in range(self.sizes[parent])]

    def answer(self, request: Request) -> Reply:
        self.asked.append((request.path, request.options))
        within = re.search(r"/As\('(.*)'\)/Bs$", request.path)
        if within:
            parent = within[1].replace("''", "'")
            if parent in self.refused:
                return Reply("A potentially dangerous Request.Path value was detected.", 400)
            if not self.nests or parent in self.gone:
                return Reply({"ErrorMessage": "Resource not found for the segment 'Bs'."}, 404)
            return self.page(request, self.children(parent))
        if request.path.endswith("/Bs"):
            parent = request.options["$filter"].removeprefix("Code eq '").removesuffix("'")
            return self.page(request, self.children(parent))
        if "$expand" in request.options and not self.expands:
            return Reply({"ErrorMessage": "No $expand here."}, 400)
        rows: list[dict[str, Any]] = [{"Code": parent} for parent in sorted(self.sizes)]
        if match := re.search(r"Code (eq|ge|gt) '(.*)'", request.options.get("$filter", "")):
            sign, bound = match[1], match[2].replace("''", "'")
            holds = {"eq": str.__eq__, "ge": str.__ge__, "gt": str.__gt__}[sign]
            rows = [row for row in rows if row["Code"] not in self.gone or sign != "eq"]
            rows = [row for row in rows if holds(row["Code"], bound)]
        if "$expand" in request.options:
            rows = [{**row, "Bs": self.children(row["Code"])[: self.cut]} for row in rows]
            for row in rows if self.links else ():
                if len(row["Bs"]) < self.sizes[row["Code"]]:
                    row["Bs@odata.nextLink"] = f"As('{row['Code']}')/Bs?$skip={self.cut}"
        return self.page(request, rows)

    def page(self, request: Request, rows: list[dict[str, Any]]) -> Reply:
        skip = int(request.options.get("$skip", 0))
        rows = rows[skip : skip + min(self.most, int(request.options["$top"]))]
        self.befalls(rows)
        return Reply({"value": rows})

    def expanding(self, url: str, page_size: int = 10) -> Expanding:
        rows = Rows(client(url), Source("Erp.BO.ASvc", "As"), "EPIC06", expand=("Bs",))
        return Expanding(rows, KEY, [CHILD], page_size)

    def read(self, page_size: int = 10) -> dict[str, int]:
        """Return how many child rows each parent comes with."""
        with serving(self.answer) as server:
            expanding = self.expanding(server.url, page_size)
            found: dict[str, int] = {}
            for page in read(expanding.rows, make_plan(KEY), page_size):
                expanding.complete(page.rows)
                for row in page.rows:
                    assert row["Bs"] == self.children(row["Code"])
                    found[row["Code"]] = len(row["Bs"])
            assert expanding.came["Bs"] == sum(found.values())
            return found


PARENTS = st.dictionaries(st.text("ABcd '/%é&+#?", min_size=1, max_size=6).filter(str.strip), st.integers(0, 9))


@given(sizes=PARENTS.filter(bool), page_size=st.integers(2, 12), most=st.integers(2, 20), expands=st.booleans())
@settings(max_examples=25)
def test_all_child_rows_come_whatever_the_parents_are_called(
    sizes: dict[str, int], page_size: int, most: int, *, expands: bool
) -> None:
    assert Family(sizes, most=most, expands=expands).read(page_size) == sizes


@pytest.mark.parametrize("cut", [0, 3, 100])
def test_arrays_that_were_cut_are_made_whole(cut: int) -> None:
    sizes = {f"P{number:02}": cut + number % 3 for number in range(30)}
    assert Family(sizes, cut=cut).read() == sizes


def test_arrays_that_are_not_cut_are_looked_at_the_less_the_more_there_are() -> None:
    family = Family({f"P{number:02}": 5 for number in range(40)})
    family.read()
    # The first eight, the 16th and the 32nd, by two requests each.
    assert sum(path.endswith("/Bs") for path, _ in family.asked) == 10 * 2


def test_an_array_beside_a_link_to_its_rest_is_made_whole() -> None:
    sizes = {f"P{number:02}": 3 if number < 2 else 5 for number in range(3)}
    assert Family(sizes, cut=3, links=True).read() == sizes


def test_an_array_beside_a_link_to_its_rest_is_an_error_where_that_can_not_be_had() -> None:
    with pytest.raises(NoWay, match="brings 3 of Bs, which may not be all, and nested paths are refused"):
        Family({"P1": 3, "P2": 5}, cut=3, links=True, nests=False).read()


def test_arrays_that_turn_out_to_be_cut_after_others_went_out_are_an_error_of_their_own() -> None:
    family = Family({f"P{number:02}": 3 if number < 9 else 5 for number in range(20)}, cut=3)
    with serving(family.answer) as server:
        expanding = family.expanding(server.url)
        (page,) = read(expanding.rows, make_plan(KEY), 100)
        expanding.complete(page.rows[:9])
        with pytest.raises(CutBefore, match=r"\$expand brings no more than 3 of Bs"):
            expanding.complete(page.rows[9:])
        expanding.complete(page.rows)
        assert {row["Code"]: len(row["Bs"]) for row in page.rows} == family.sizes
        assert expanding.cut == {"Bs": [3]}


def test_arrays_as_long_as_an_answer_without_top_are_all_looked_at() -> None:
    family = Family({f"P{number:02}": 100 for number in range(6)})
    family.read()
    assert len({path for path, _ in family.asked if path.endswith("/Bs")}) == 6


def test_a_parent_whose_key_no_path_may_hold_has_its_child_rows_from_their_own_set() -> None:
    sizes = {"P1": 2, "P2*": 13, "P3": 1}
    assert Family(sizes, expands=False, refused=frozenset({"P2*"})).read() == sizes


def test_a_parent_whose_child_rows_no_request_brings_is_named() -> None:
    with pytest.raises(BadRequest, match="potentially dangerous") as raised:
        Family({"P1": 2, "P2*": 0}, expands=False, refused=frozenset({"P2*"})).read()
    assert "the row with Code 'P2*'" in str(raised.value)


def test_parents_that_are_asked_for_one_by_one_share_connections() -> None:
    family = Family({f"P{number:02}": 3 for number in range(20)}, expands=False)
    with serving(family.answer) as server:
        expanding = family.expanding(server.url)
        for page in read(expanding.rows, make_plan(KEY), 10):
            expanding.complete(page.rows)
        assert len({request.port for request in server.requests}) <= expanding.rows.kinetic.max_connections + 1


def test_what_can_not_be_looked_at_is_taken_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    sizes = {f"P{number:02}": number for number in range(6)}
    assert Family(sizes, nests=False).read() == sizes
    assert caplog.text.count("that $expand brings all of Bs is not proved") == 1


def test_an_array_that_is_likely_to_be_cut_is_an_error_where_the_rest_can_not_be_had() -> None:
    with pytest.raises(NoWay, match=r"brings 100 of Bs, which may not be all, and nested paths are refused \(HTTP 404"):
        Family({"P1": 250}, cut=100, nests=False).read()


def test_a_server_with_neither_way_is_refused() -> None:
    with pytest.raises(NoWay, match=r"not by \$expand \(HTTP 400: No \$expand here\), nor by nested paths \(HTTP 404"):
        Family({"P1": 2}, expands=False, nests=False).read()


def test_child_rows_of_another_parent_are_refused() -> None:
    def mix_up(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            if row.get("Bs"):
                row["Bs"][-1] = {**row["Bs"][-1], "Code": "Other"}

    with pytest.raises(BrokenOrder, match=r"under the row with Code 'P1' comes one of Bs with Code 'Other'"):
        Family({"P0": 3, "P1": 2}, befalls=mix_up).read()


def test_spaces_and_cases_of_a_key_do_not_make_another_parent() -> None:
    def pad(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            if "Num" in row:
                row["Code"] = row["Code"].lower() + "  "

    family = Family({"P1": 2}, befalls=pad)
    found: list[dict[str, Any]] = [{"Code": "P1"}]
    with serving(family.answer) as server:
        family.expanding(server.url).complete(found)
    assert found == [{"Code": "P1", "Bs": [{"Code": "p1  ", "Num": 0}, {"Code": "p1  ", "Num": 1}]}]


def test_a_parent_that_is_gone_meanwhile_has_no_child_rows() -> None:
    family = Family({"P1": 2, "P2": 3}, expands=False, gone=frozenset({"P2"}))
    found: list[dict[str, Any]] = [{"Code": "P1"}, {"Code": "P2"}]
    with serving(family.answer) as server:
        family.expanding(server.url).complete(found)
    assert [len(row["Bs"]) for row in found] == [2, 0]


def test_parents_are_had_by_their_keys_and_no_others() -> None:
    family = Family({"P1": 2, "P2": 3})
    with serving(family.answer) as server:
        expanding = family.expanding(server.url)
        found = [row for page in expanding.of_keys([("P2",)]) for row in page.rows]
        assert found == [{"Code": "P2", "Bs": family.children("P2")}]
        family.befalls = lambda rows: rows.append({"Code": "P3", "Bs": []})
        with pytest.raises(BrokenOrder, match=r"does not keep to \$filter: it sent the row with Code 'P3'"):
            list(expanding.of_keys([("P2",)]))
