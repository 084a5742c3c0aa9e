"""Streams side by side: as many at once as there are connections, each page and its bookmark as one step."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tap_epicor.kinetic.readers import Readers
from tap_epicor.streams.pen import Pen, PenTaken
from tap_epicor.streams.side_by_side import sync
from tests.equality import differences
from tests.sandboxes import Sandbox, sandbox
from tests.singer import choose, discover, tap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TRANSACTIONS = "erp_parttran_parttrans"
LATENCY = 60


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with sandbox("--company", "EPIC06", "--latency", str(LATENCY), scale=2000) as running:
        yield running


class Doing:
    """A stream that does as it is told, as far as running streams goes."""

    name = "doing"

    def __init__(self, does: Callable[[], None]) -> None:
        self.sync = does

    def finalize_state_progress_markers(self) -> None:
        """There are none."""


def run(pen: Pen, connections: int, *does: Callable[[], None]) -> None:
    sync([Doing(one) for one in does], Readers(connections), pen)  # type: ignore[misc]


def test_small_streams_wait_for_the_server_together(server: Sandbox, tmp_path: Path) -> None:
    config = server.config(company="EPIC06", service="Erp.BO.P*Svc", completeness="off")
    catalog = discover(tmp_path, config)
    seconds, rows = [], []
    for connections in (1, 4):
        began = time.monotonic()
        run = tap(tmp_path, {**config, "max_connections": connections}, catalog=catalog)
        seconds.append(time.monotonic() - began)
        assert run.code == 0, run.log
        assert differences(server.database, run.rows, ["EPIC06"]) == []
        rows.append(run.count())
    assert rows[0] == rows[1]
    assert seconds[1] < 0.75 * seconds[0]


def test_no_state_is_ahead_of_the_rows_that_were_written(server: Sandbox, tmp_path: Path) -> None:
    config = server.config(company="EPIC06", service="Erp.BO.PartTranSvc,Erp.BO.PartSvc", page_size=50)
    catalog = discover(tmp_path, config)
    (tmp_path / "catalog.json").write_text(json.dumps(catalog))
    command = [sys.executable, "-m", "tap_epicor", "--config", str(tmp_path / "config.json")]
    lines = subprocess.run(
        [*command, "--catalog", str(tmp_path / "catalog.json")], capture_output=True, check=True
    ).stdout.splitlines()
    written: Counter[str] = Counter()
    most_ranges = 0
    for line in lines:
        message = json.loads(line)
        written[message.get("stream", "")] += message["type"] == "RECORD"
        for stream, bookmarks in (message["value"]["bookmarks"] if message["type"] == "STATE" else {}).items():
            for partition in bookmarks["partitions"]:
                if resume := partition.get("resume"):
                    assert resume["received"] <= written[stream]
                    most_ranges = max(most_ranges, len(resume["ranges"]))
    assert most_ranges > 1


def test_a_read_in_ranges_goes_on_with_each_of_them(server: Sandbox, tmp_path: Path) -> None:
    config = server.config(company="EPIC06", service="Erp.BO.PartTranSvc", page_size=50)
    catalog = choose(discover(tmp_path, config), TRANSACTIONS)
    (tmp_path / "catalog.json").write_text(json.dumps(catalog))
    command = [sys.executable, "-m", "tap_epicor", "--config", str(tmp_path / "config.json")]
    with subprocess.Popen(
        [*command, "--catalog", str(tmp_path / "catalog.json")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout
        rows, state = [], {}
        for line in process.stdout:
            message = json.loads(line)
            if message["type"] == "RECORD":
                rows.append(message["record"])
            if message["type"] == "STATE":
                state = message["value"]
                if len(rows) > 500:
                    process.kill()
                    break
    (partition,) = state["bookmarks"][TRANSACTIONS]["partitions"]
    assert len(partition["resume"]["ranges"]) == 4
    rest = tap(tmp_path, config, catalog=catalog, state=state)
    assert rest.code == 0, rest.log
    assert rest.rows[TRANSACTIONS]
    assert differences(server.database, {TRANSACTIONS: rows + rest.rows[TRANSACTIONS]}, ["EPIC06"]) == []
    assert len(rows) + len(rest.rows[TRANSACTIONS]) == partition["resume"]["counted"]


def test_one_connection_reads_one_stream_after_the_other() -> None:
    under_way, most = Counter[str](), []

    def does() -> None:
        under_way["now"] += 1
        most.append(under_way["now"])
        time.sleep(0.01)
        under_way["now"] -= 1

    run(Pen(), 1, *[does] * 3)
    assert most == [1, 1, 1]


def test_whoever_holds_the_pen_is_alone_until_it_waits() -> None:
    pen, writing, most = Pen(), Counter[str](), []

    def does() -> None:
        for _ in range(20):
            writing["now"] += 1
            most.append(writing["now"])
            time.sleep(0.0005)
            writing["now"] -= 1
            with pen.lent():
                time.sleep(0.0005)

    run(pen, 4, *[does] * 6)
    assert set(most) == {1}


def test_a_thread_that_holds_no_pen_lends_none() -> None:
    pen = Pen()
    with pen.held():
        other = threading.Thread(target=lambda: pen.lent().__enter__())
        other.start()
        other.join()
        with pytest.raises(TimeoutError):
            within(0.05, lambda: pen.held().__enter__())


def test_what_ends_one_stream_ends_the_others_where_they_wait() -> None:
    pen, ended = Pen(), threading.Event()

    def waits() -> None:
        try:
            while True:
                with pen.lent():
                    time.sleep(0.01)
        except PenTaken:
            ended.set()
            raise

    def fails() -> None:
        with pen.lent():
            time.sleep(0.05)
        raise OSError("the loader is gone")

    with pytest.raises(OSError, match="the loader is gone"):
        run(pen, 2, waits, fails)
    assert ended.wait(5)
    with pytest.raises(PenTaken), pen.held():
        pass


def within(seconds: float, does: Callable[[], Any]) -> None:
    """Do something that must end soon."""
    thread = threading.Thread(target=does, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError
