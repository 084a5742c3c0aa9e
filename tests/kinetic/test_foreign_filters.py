"""A `$filter` that is about something else than the rows, as Kinetic's on child sets, costs no row."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from tap_epicor.kinetic.pages import read
from tap_epicor.kinetic.plan import Part, make_plan
from tap_epicor.kinetic.source import Rows, Source
from tests.kinetic.clients import client
from tests.scripted import Reply, Request, serving

if TYPE_CHECKING:
    import pytest

PLAN = make_plan((Part("SysRowID", "Edm.Guid"),))


@dataclass
class Children:
    """Child rows, of each the number of its parent, by which `$filter` chooses and nothing else."""

    parents: dict[int, int]
    asked: list[dict[str, str]] = field(default_factory=list)

    def answer(self, request: Request) -> Reply:
        self.asked.append(request.options)
        found = sorted(self.parents)
        if match := re.fullmatch(
            r"SysRowID (\w\w) guid'(.*)'|SysRowID (\w\w) (.*)", request.options.get("$filter", "")
        ):
            sign, bound = match[1] or match[3], UUID(match[2] or match[4]).int
            found = [one for one in found if self._meets(self.parents[one], sign, bound)]
        skip = int(request.options.get("$skip", 0))
        found = found[skip : skip + int(request.options["$top"])]
        return Reply({"value": [{"SysRowID": str(UUID(int=one))} for one in found]})

    def _meets(self, parent: int, sign: str, bound: int) -> bool:
        return {"ge": parent >= bound, "gt": parent > bound, "eq": parent == bound}[sign]

    def read(self, page_size: int) -> list[int]:
        with serving(self.answer) as server:
            rows = Rows(client(server.url), Source("Erp.BO.ASvc", "Bs"), "EPIC06")
            return [UUID(row["SysRowID"]).int for page in read(rows, PLAN, page_size) for row in page.rows]


def test_a_step_back_that_hits_by_chance_is_not_believed(caplog: pytest.LogCaptureFixture) -> None:
    # From 4 on, from 3 on and beyond 4 the server gives 3 alone: as if 4 had been deleted, were it not for the last.
    assert Children({1: 0, 2: 0, 3: 9, 4: 0}).read(10) == [1, 2, 3, 4]
    assert "Going on by $skip" in caplog.text


def test_the_only_row_found_again_by_chance_comes_once(caplog: pytest.LogCaptureFixture) -> None:
    assert Children({1: 5}).read(10) == [1]
    assert "Going on by $skip" in caplog.text


@given(parents=st.dictionaries(st.integers(1, 40), st.integers(0, 45), max_size=12), page_size=st.integers(12, 20))
@settings(max_examples=60)
def test_a_set_that_fits_into_a_page_is_read_whole(parents: dict[int, int], page_size: int) -> None:
    # No parent has the SysRowID of one of its children.
    parents = {child: 100 * parent + 7 for child, parent in parents.items()}
    children = Children({100 * child: parent for child, parent in parents.items()})
    assert children.read(page_size) == sorted(children.parents)
