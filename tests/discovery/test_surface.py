"""Discovery of everything that a tenant has."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tap_epicor.kinetic.starter import TABLES
from tests.discovery.surface import load
from tests.memory import measured

if TYPE_CHECKING:
    from collections.abc import Iterator

CATALOGUE = Path(os.environ.get("KINETIC_CATALOGUE", "../shared/kinetic/catalogue.json.gz"))
MOST_MEMORY = 400

pytestmark = pytest.mark.skipif(not CATALOGUE.is_file(), reason="the dump of the vendor surface is not here")


@pytest.fixture(scope="module")
def surface() -> Iterator[str]:
    command = [sys.executable, "-m", "tests.discovery.surface", str(CATALOGUE)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        assert server.stdin
        yield server.stdout.readline().strip()
        server.stdin.close()


def test_the_whole_vendor_surface_is_discovered(
    surface: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.json"
    sign_in = {"user": "reader", "password": "x", "api_key": "k"}
    config.write_text(json.dumps({"url": surface, "api_version": "v2", "company": "EPIC06", "service": "*", **sign_in}))
    catalog = tmp_path / "catalog.json"
    started = time.monotonic()
    run = measured([sys.executable, "-m", "tap_epicor", "--config", str(config), "--discover"], catalog)
    seconds = time.monotonic() - started
    assert run.code == 0, run.log[-2000:]
    streams = json.loads(catalog.read_bytes())["streams"]
    expected = sum(len(service["sets"]) for service in load(CATALOGUE).values())
    with capsys.disabled():
        size = catalog.stat().st_size
        print(f"\n{len(streams)} streams in {seconds:.1f} s, {run.peak} MiB, catalog {size >> 20} MiB")
    assert len({stream["tap_stream_id"] for stream in streams}) == len(streams) == expected
    assert run.peak < MOST_MEMORY
    keyless = [stream for stream in streams if not stream["key_properties"]]
    assert {stream["tap_stream_id"].rsplit("_", 1)[1] for stream in keyless} == {"list"}


def test_the_starter_selection_is_of_sets_that_there_are_and_that_count_their_writes() -> None:
    services = load(CATALOGUE)
    for table in TABLES:
        seen = []
        for source in filter(None, (table.source, table.instead)):
            entity_set = services[source.service]["sets"][source.name]
            assert "SysRevID" in services[source.service]["rows"][entity_set["row"]], source
            seen.append([column.lower() for column in entity_set["key"]])
        assert seen[0], table
        assert seen == seen[:1] * len(seen), table
