"""Long transactions: rows that become visible late, below values that were already read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.equality import differences
from tests.sandboxes import Sandbox, sandbox
from tests.singer import Run, choose, discover, tap

if TYPE_CHECKING:
    from pathlib import Path

Catalogs = dict[str, dict[str, Any]]
STREAMS = ("erp_parttran_parttrans", "erp_customer_customers")
SETS = ["PartTrans", "Customers"]
SERVICES = "Erp.BO.PartTranSvc,Erp.BO.CustomerSvc"
HOUR = 3600
SCALE = 800
"""About 800,000 revisions: four times what the overlap in revisions reaches back."""
REVISIONS = {"overlap": 200_000, "overlap_minutes": 0}
MINUTES = {"overlap": 0, "overlap_minutes": 5}
NONE = {"overlap": 0, "overlap_minutes": 0}


@pytest.fixture(scope="module")
def catalogs(kinetic: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Catalogs:
    """The catalog of both versions of the API."""
    folder = tmp_path_factory.mktemp("discovery")
    configs = {version: kinetic.config(version, service=SERVICES) for version in ("v1", "v2")}
    return {version: choose(discover(folder, config), *STREAMS) for version, config in configs.items()}


class Copy:
    """What runs of the tap have written, each with the state of the one before."""

    def __init__(self, folder: Path, server: Sandbox, version: str, catalog: dict[str, Any], **overlap: int) -> None:
        self._folder = folder
        self._server = server
        self._config = server.config(version, service=SERVICES, **overlap)
        self._catalog = catalog
        self._rows: dict[str, list[dict[str, Any]]] = {stream: [] for stream in STREAMS}
        self._state: dict[str, Any] | None = None

    def run(self) -> Run:
        """Run the tap once more."""
        run = tap(self._folder, self._config, catalog=self._catalog, state=self._state)
        assert run.code == 0, run.log
        for stream in STREAMS:
            self._rows[stream] += run.rows[stream]
        self._state = run.state
        return run

    def differences(self) -> list[str]:
        """Return how it differs from the database."""
        return differences(self._server.database, self._rows)


@pytest.mark.parametrize(
    ("version", "overlap"),
    [
        pytest.param("v1", REVISIONS, id="v1-revisions"),
        pytest.param("v2", REVISIONS, id="v2-revisions"),
        pytest.param("v2", MINUTES, id="v2-minutes"),
    ],
)
def test_rows_that_writers_commit_late_are_read(
    tmp_path: Path, catalogs: Catalogs, version: str, overlap: dict[str, int]
) -> None:
    with sandbox(scale=SCALE) as server:
        copy = Copy(tmp_path, server, version, catalogs[version], **overlap)
        copy.run()
        for seed in range(2):
            server.write(writers=150, over=1.0, longest=20.0, inserts=1, updates=1, seed=seed, sets=SETS)
            server.change(updates=5, seed=seed, sets=SETS)
            copy.run()
        server.commit()
        copy.run()
        assert server.writing()["committed"] == 300
        assert copy.differences() == []


def test_rows_of_a_writer_that_began_before_the_first_read_are_read(tmp_path: Path, catalogs: Catalogs) -> None:
    """No earlier value is known then: that is what the overlap in revisions is for."""
    with sandbox(scale=SCALE) as server:
        copy = Copy(tmp_path, server, "v2", catalogs["v2"], **REVISIONS)
        hold_a_writer_open(server)
        copy.run()
        server.commit()
        copy.run()
        assert copy.differences() == []


def test_the_overlap_is_a_small_part_of_the_rows(tmp_path: Path, catalogs: Catalogs) -> None:
    with sandbox(scale=SCALE) as server:
        copy = Copy(tmp_path, server, "v2", catalogs["v2"], **REVISIONS)
        first = copy.run()
        assert 0 < copy.run().count() < first.count() / 3


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_without_an_overlap_they_are_lost(tmp_path: Path, catalogs: Catalogs, version: str) -> None:
    with sandbox(scale=SCALE) as server:
        copy = Copy(tmp_path, server, version, catalogs[version], **NONE)
        copy.run()
        hold_a_writer_open(server)
        copy.run()
        assert copy.differences() == []
        server.commit()
        copy.run()
        lost = copy.differences()
        assert len([one for one in lost if one.endswith("is missing")]) == 2
        assert len(lost) > 2


def hold_a_writer_open(server: Sandbox) -> None:
    """Let a writer take revisions and others write above them, until it is told to commit."""
    server.write(shortest=HOUR, longest=HOUR, inserts=2, updates=2, sets=SETS)
    server.await_writers("waiting")
    server.change(updates=4, seed=1, sets=SETS)
    assert server.writing()["open"] == 1
