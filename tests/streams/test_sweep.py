"""Sweeps: what is gone is told, whatever happens on the way, and nothing else is."""

from __future__ import annotations

import logging
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_epicor.kinetic.plan import Part
from tap_epicor.kinetic.source import Rows, Source
from tap_epicor.streams.key_file import Head
from tap_epicor.streams.key_store import KeyStore
from tap_epicor.streams.sweep import Outcome, Sweep, TooManyDeletes
from tests.kinetic.clients import client
from tests.scripted import Reply, Request, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tap_epicor.kinetic.client import Kinetic

TERM = re.compile(r"K (eq|gt|ge) (-?\d+)")
HOLDS: Mapping[str, Callable[[int, int], bool]] = {
    "eq": lambda key, value: key == value,
    "gt": lambda key, value: key > value,
    "ge": lambda key, value: key >= value,
}


class Things:
    """A set of rows with the key K, as a server of OData 4 answers for it."""

    def __init__(self) -> None:
        self.keys: set[int] = set()
        self.filters = True
        self.count: int | None = None
        self.spelled: dict[int, int] = {}

    def __call__(self, request: Request) -> Reply:
        options = request.options
        terms = TERM.findall(options.get("$filter", ""))
        there = sorted(self.keys)
        if "K eq" in options.get("$filter", "") and not self.filters:
            there = []
        elif terms:
            wanted = [(sign, self.spelled.get(int(value), int(value))) for sign, value in terms]
            there = [key for key in there if any(HOLDS[sign](key, value) for sign, value in wanted)]
        skip = int(options.get("$skip", 0))
        body: dict[str, Any] = {"value": [{"K": key} for key in there[skip : skip + int(options["$top"])]]}
        if "$count" in options:
            body["@odata.count"] = len(there) if self.count is None else self.count
        return Reply(body)


KEY = [Part("K", "Edm.Int32")]
HEAD = Head("server", "Erp.BO.ThingSvc/Things", "A", (("K", "Edm.Int32"),))


def sweep_of(kinetic: Kinetic, folder: Path, confirmed: str | None = None, most: float = 100) -> Sweep:
    rows = Rows(kinetic, Source("Erp.BO.ThingSvc", "Things"), "A")
    store = KeyStore(str(folder), "things", HEAD, logging.getLogger("tests"))
    return Sweep(rows, KEY, store, prepared=lambda found: found, page_size=4, most=most, confirmed=confirmed)


@pytest.fixture
def things() -> Things:
    return Things()


@pytest.fixture
def asking(things: Things) -> Iterator[Kinetic]:
    with serving(things) as server:
        yield client(server.url)


def sweep(kinetic: Kinetic, folder: Path, *noted: int, **options: Any) -> tuple[list[int], Outcome, str | None]:
    """Run a whole sweep; return what is gone, what it found, and what STATE says from then on."""
    filters = options.pop("filters", True)
    running = sweep_of(kinetic, folder, **options)
    running.note([{"K": key} for key in noted])
    outcome = running.compare(filters=filters)
    gone = [key for (key,) in running.gone()]
    running.finish()
    return gone, outcome, running.deleted_at


def test_the_first_sweep_learns(things: Things, asking: Kinetic, tmp_path: Path) -> None:
    things.keys = set(range(100))
    gone, outcome, at = sweep(asking, tmp_path)
    assert (gone, outcome, at) == ([], Outcome(known=0, found=100, gone=0, learned=True), None)


def test_a_row_that_is_gone_is_told_once(things: Things, asking: Kinetic, tmp_path: Path) -> None:
    things.keys = set(range(100))
    sweep(asking, tmp_path)
    things.keys -= {0, 50}
    gone, outcome, at = sweep(asking, tmp_path)
    assert (gone, outcome) == ([0, 50], Outcome(known=100, found=98, gone=2, learned=False))
    assert at is not None
    assert sweep(asking, tmp_path, confirmed=at) == ([], Outcome(98, 98, 0, learned=False), at)


def test_deletes_that_the_loader_has_not_kept_are_told_again(things: Things, asking: Kinetic, tmp_path: Path) -> None:
    things.keys = set(range(100))
    sweep(asking, tmp_path)
    things.keys -= {50}
    sweep(asking, tmp_path)
    things.keys -= {60}
    gone, outcome, at = sweep(asking, tmp_path)
    assert sorted(gone) == [50, 60]
    assert outcome.gone == 1
    assert sweep(asking, tmp_path, confirmed=at)[0] == []


def test_a_row_that_came_back_is_not_deleted(things: Things, asking: Kinetic, tmp_path: Path) -> None:
    things.keys = set(range(100))
    sweep(asking, tmp_path)
    things.keys -= {50}
    sweep(asking, tmp_path)
    things.keys |= {50}
    assert sweep(asking, tmp_path)[0] == []
    things.keys -= {50}
    assert sweep(asking, tmp_path)[0] == [50]


def test_a_row_that_was_sent_and_is_gone_before_the_sweep_is_told(
    things: Things, asking: Kinetic, tmp_path: Path
) -> None:
    things.keys = set(range(100))
    assert sweep(asking, tmp_path, 500)[0] == [500]


def test_rows_that_are_gone_are_found_among_thousands(things: Things, asking: Kinetic, tmp_path: Path) -> None:
    things.keys = set(range(300))
    gone, outcome, _ = sweep(asking, tmp_path, *range(300, 2500))
    assert sorted(gone) == list(range(300, 2500))
    assert (outcome.known, outcome.found) == (2200, 300)


@pytest.mark.parametrize(("most", "gone", "allowed"), [(10, 10, 10), (10, 11, None), (0, 1, None), (0.5, 1, 1)])
def test_no_more_is_deleted_than_allowed(  # noqa: PLR0913, PLR0917
    things: Things, asking: Kinetic, tmp_path: Path, most: float, gone: int, allowed: int | None
) -> None:
    things.keys = set(range(100))
    sweep(asking, tmp_path)
    things.keys = set(range(gone, 100))
    told, outcome, at = sweep(asking, tmp_path, most=most)
    if allowed is not None:
        assert told == list(range(gone))
        outcome.check("path")
        return
    assert (told, at) == ([], None)
    with pytest.raises(TooManyDeletes, match=rf"{gone} of 100 rows are gone.*run once with `max_deletes` {gone};"):
        outcome.check("path")
    assert len(sweep(asking, tmp_path, most=gone)[0]) == gone


def test_one_row_of_few_may_go(things: Things, asking: Kinetic, tmp_path: Path) -> None:
    things.keys = {1, 2, 3}
    sweep(asking, tmp_path)
    things.keys = {1, 3}
    assert sweep(asking, tmp_path, most=10)[0] == [2]


def test_after_a_lost_store_the_guard_measures_by_what_is_there(
    things: Things, asking: Kinetic, tmp_path: Path
) -> None:
    things.keys = set(range(100))
    assert sweep(asking, tmp_path, 500, 501, most=2)[0] == [500, 501]


def test_a_count_that_the_keys_do_not_explain_deletes_nothing(things: Things, asking: Kinetic, tmp_path: Path) -> None:
    things.keys = set(range(100))
    sweep(asking, tmp_path)
    things.keys -= {50}
    things.count = 100
    told, outcome, at = sweep(asking, tmp_path)
    assert (told, at, outcome.gone) == ([], None, 1)
    assert outcome.unproved == "99 keys came, and the server counted 100 rows before and 100 after"
    assert "None of them is deleted" in outcome.told("things (A)")[1]
    things.count = None
    assert sweep(asking, tmp_path)[0] == [50]


def test_without_a_filter_an_exact_count_is_the_proof(things: Things, asking: Kinetic, tmp_path: Path) -> None:
    things.keys = set(range(100))
    sweep(asking, tmp_path, filters=False)
    things.keys -= {50}
    assert sweep(asking, tmp_path, filters=False)[0] == [50]
    things.keys -= {60}
    things.filters = False
    assert sweep(asking, tmp_path)[0] == [50, 60]


def test_without_a_filter_and_a_count_nothing_is_deleted(things: Things, asking: Kinetic, tmp_path: Path) -> None:
    things.keys = set(range(100))
    sweep(asking, tmp_path)
    things.keys -= {50}
    things.filters = False
    rows = Rows(asking, Source("BaqSvc", "Things"), "A")
    store = KeyStore(str(tmp_path), "things", HEAD, logging.getLogger("tests"))
    running = Sweep(rows, KEY, store, prepared=lambda found: found, page_size=4, most=100, confirmed=None)
    outcome = running.compare()
    assert list(running.gone()) == []
    assert outcome.unproved
    assert outcome.unproved.startswith("the server's $filter by the key does not find rows that are there")


def test_the_last_row_of_a_set_may_go_where_the_server_counts_none(
    things: Things, asking: Kinetic, tmp_path: Path
) -> None:
    things.keys = {1}
    sweep(asking, tmp_path)
    things.keys = set()
    assert sweep(asking, tmp_path)[0] == [1]


def test_a_key_by_which_another_row_comes_is_kept_and_said(things: Things, asking: Kinetic, tmp_path: Path) -> None:
    things.keys = set(range(100))
    sweep(asking, tmp_path)
    things.keys = things.keys - {50, 60} | {1050}
    things.spelled = {50: 1050}
    told, outcome, _ = sweep(asking, tmp_path)
    assert told == [60]
    assert (outcome.gone, outcome.respelled) == (1, 1)
    assert "in other letters or spaces" in outcome.told("things (A)")[1]
    things.spelled = {}
    assert 50 in sweep(asking, tmp_path)[0]


class Loader:
    """A copy: it keeps what has come up to the last STATE that it has passed on."""

    def __init__(self) -> None:
        self.rows: dict[int, bool] = {}
        self.state: str | None = None

    def take(self, messages: Sequence[tuple[str, Any]]) -> None:
        for kind, value in messages:
            if kind == "state":
                self.state = value
            else:
                self.rows[value] = kind == "row"


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_whatever_happens_the_copy_ends_as_the_database_is(data: st.DataObject) -> None:
    """Rows come and go at any moment, runs are killed at any step, and loaders lose what came after some message."""
    things, loader = Things(), Loader()
    number = st.integers(0, 12)
    pending: set[int] = set()
    with serving(things) as server, tempfile.TemporaryDirectory() as folder:
        kinetic = client(server.url)

        def change() -> None:
            come, go = data.draw(st.sets(number)), data.draw(st.sets(number))
            pending.update(come)
            things.keys.update(come)
            things.keys.difference_update(go)

        def run(steps: int, kept: int) -> None:
            """Make a run that is killed after some steps, of whose messages the loader keeps some."""
            messages: list[tuple[str, Any]] = []
            stream = messages_of(kinetic, Path(folder), loader.state, pending, things, change if steps < 99 else None)
            for _, message in zip(range(steps), stream, strict=False):
                messages += [message] if message else []
            loader.take(messages[:kept])
            pending.difference_update(value for kind, value in messages[:kept] if kind == "row")

        for _ in range(data.draw(st.integers(1, 4))):
            change()
            run(data.draw(st.integers(0, 25)), data.draw(st.integers(0, 25)))
        run(99, 99)
        assert {key for key, live in loader.rows.items() if live} == things.keys


def messages_of(  # noqa: PLR0913, PLR0917
    kinetic: Kinetic,
    folder: Path,
    state: str | None,
    pending: set[int],
    things: Things,
    change: Callable[[], None] | None,
) -> Iterator[tuple[str, Any] | None]:
    """Yield the messages of a run, and nothing at other moments at which it may be killed."""
    running = sweep_of(kinetic, folder, state)
    changed = sorted(pending & things.keys)
    for start in range(0, len(changed), 3):
        running.note([{"K": key} for key in changed[start : start + 3]])
        yield None
        yield from (("row", key) for key in changed[start : start + 3])
    if change:
        change()
    running.compare()
    yield None
    yield from (("gone", key) for (key,) in running.gone())
    yield None
    running.finish()
    yield None
    yield ("state", running.deleted_at)
