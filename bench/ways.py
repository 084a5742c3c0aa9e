"""The ways to copy rows that are compared, and how each is started."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from bench.metadata import DEAF_SERVICE, SERVICE
from bench.rows import BLOCK, COLUMNS, COMPANY, KEY
from bench.runs import PYTHON, ROOT, run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from bench.runs import Instance, Server

DLT_PYTHON: Final = ROOT / ".bench" / "bin" / "python"
"""Where dlt is installed, by `make bench`."""
STREAM_MAPS: Final = {"LineDesc": "LineDesc.upper()", "Net": "float(UnitPrice) * (1 - float(DiscountPercent) / 100)"}
DROPPED: Final = tuple(name for place, name in enumerate(COLUMNS) if place % 2 and name not in {*KEY, "SysRevID"})
"""The columns that are deselected: every other one."""


@dataclass(frozen=True)
class Contender:
    """A way to copy rows.

    Attributes:
        name: what the table calls it.
        share: rows that it reads, as a share of those that the bench is asked for: the fast ones read more.
    """

    name: str
    share: float = 1.0

    @property
    def missing(self) -> str | None:
        """Why it can't be run here; None where it can."""
        return None

    def prepare(self, folder: Path, server: Server) -> None:
        """Do what need not be timed."""

    def command(self, instance: Instance, folder: Path, page_size: int, *, keep: bool = False) -> list[str]:
        """Return the program and its arguments.

        Args:
            instance: whom to ask.
            folder: a place for files.
            page_size: rows of a page.
            keep: whether the rows are wanted on standard output.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Script(Contender):
    """One of the small programs in `contenders`.

    Attributes:
        module: its module.
        python: the Python to run it with.
        writes: whether it writes rows without being told to.
    """

    module: str = ""
    python: str = PYTHON
    writes: bool = False

    @property
    def missing(self) -> str | None:
        """Why it can't be run here; None where it can."""
        return None if ROOT.joinpath(self.python).exists() else f"{self.python} is not there: `make bench` installs it"

    def command(self, instance: Instance, folder: Path, page_size: int, *, keep: bool = False) -> list[str]:  # noqa: ARG002
        """Return the program and its arguments."""
        options = ["--write"] if keep and not self.writes else []
        return [self.python, "-m", f"bench.contenders.{self.module}", instance.rows_address(), str(page_size), *options]


@dataclass(frozen=True)
class PlainTap(Contender):
    """The SDK's own way.

    Attributes:
        config: settings beside the address.
    """

    config: Mapping[str, Any] = field(default_factory=dict)

    def command(self, instance: Instance, folder: Path, page_size: int, *, keep: bool = False) -> list[str]:  # noqa: ARG002
        """Return the program and its arguments."""
        path = _write(folder, {"address": instance.rows_address(), "page_size": page_size, **self.config})
        return [PYTHON, "-m", "bench.contenders.plain_tap", "--config", str(path)]


@dataclass(frozen=True)
class TheTap(Contender):
    """This project's tap, in one of its ways of writing, which follow from the configuration.

    Attributes:
        version: `api_version`.
        service: the service whose set is read.
        dropped: columns that the catalog deselects.
        config: further settings.
        connections: `max_connections`.
        encoding: how rows go into files, of `batch_config`; None for RECORD messages.
    """

    version: str = "v2"
    service: str = SERVICE
    dropped: tuple[str, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    connections: int = 1
    encoding: Mapping[str, str] | None = None

    def prepare(self, folder: Path, server: Server) -> None:
        """Discover the catalog, unless it is there."""
        if self._catalog(folder).exists():
            return
        config = _write(folder, self.settings(server.instance(0).url))
        catalog = json.loads(run([PYTHON, "-m", "tap_epicor", "--config", str(config), "--discover"], keep=True).output)
        for entry in catalog["streams"]:
            for item in entry["metadata"]:
                if item["breadcrumb"][1:] and item["breadcrumb"][1] in self.dropped:
                    item["metadata"]["selected"] = False
        self._catalog(folder).write_text(json.dumps(catalog))

    def command(self, instance: Instance, folder: Path, page_size: int, *, keep: bool = False) -> list[str]:  # noqa: ARG002
        """Return the program and its arguments."""
        batches = {"encoding": self.encoding, "storage": {"root": str(folder / "files")}, "batch_size": page_size}
        more = {"batch_config": batches} if self.encoding else {}
        config = _write(folder, self.settings(instance.url) | {"page_size": page_size} | more)
        files = ["--config", str(config), "--catalog", str(self._catalog(folder))]
        return [PYTHON, "-m", "tap_epicor", *files]

    def settings(self, url: str) -> dict[str, Any]:
        """Return the tap's configuration for an instance."""
        return {
            "url": url,
            "api_version": self.version,
            "api_key": "key",
            "company": COMPANY,
            "user": "reader",
            "password": "secret",
            "service": self.service,
            "max_connections": self.connections,
            **self.config,
        }

    def _catalog(self, folder: Path) -> Path:
        return folder / f"catalog-{abs(hash((self.version, self.service, self.dropped)))}.json"


THE_TAP: Final = TheTap("tap-epicor", 8)
PLAIN: Final = PlainTap("plain singer-sdk tap")
HAND_LOOP: Final = Script("hand loop: requests, json, print", 1, "hand_loop", writes=True)
DOWNLOAD: Final = Script("bare download: requests, read in one go", 8, "download")
CONTENDERS: Final[tuple[Contender, ...]] = (
    THE_TAP,
    TheTap("tap-epicor, half of the columns deselected", 8, dropped=DROPPED),
    TheTap("tap-epicor, half of the columns deselected but sent", 4, service=DEAF_SERVICE, dropped=DROPPED),
    TheTap("tap-epicor, v1: numbers that are strings", 4, version="v1"),
    TheTap("tap-epicor, BATCH jsonl.gz", 2, encoding={"format": "jsonl", "compression": "gzip"}),
    TheTap("tap-epicor, BATCH parquet", 2, encoding={"format": "parquet"}),
    TheTap("tap-epicor, stream maps", 0.4, config={"stream_maps": {"erp_orderdtlsearch_orderdtls": STREAM_MAPS}}),
    PLAIN,
    PlainTap("plain singer-sdk tap, stream maps", 0.4, config={"stream_maps": {"orderdtls": STREAM_MAPS}}),
    Script("dlt rest_api, extract", 1, "dlt_source", str(DLT_PYTHON)),
    HAND_LOOP,
    DOWNLOAD,
    Script("the server alone: a socket, read into one buffer", 8, "socket_download"),
)


def warm(contender: Contender, server: Server, folder: Path, page_size: int) -> None:
    """Run a contender once on few rows: the server renders them, and what is imported comes into the system's cache.

    Args:
        contender: whom to run.
        server: the server.
        folder: a place for files.
        page_size: rows of a page.
    """
    contender.prepare(folder, server)
    run(contender.command(server.instance(BLOCK), folder, page_size))


def keys(output: bytes) -> Iterator[tuple[Any, ...]]:
    """Yield the keys of the rows in what a contender wrote: Singer messages, rows, lists of rows, or whole answers."""
    for line in output.splitlines():
        found = json.loads(line)
        if isinstance(found, dict) and "type" in found:
            rows = [found["record"]] if found["type"] == "RECORD" else _in_files(found.get("manifest", ()))
        else:
            rows = found if isinstance(found, list) else found["value"]
        for row in rows:
            yield tuple(row[name] for name in KEY)


def _in_files(addresses: Iterable[str]) -> list[dict[str, Any]]:
    from pyarrow import parquet  # noqa: PLC0415 - the kernel would count its memory as that of each contender

    rows: list[dict[str, Any]] = []
    for address in addresses:
        path = address.removeprefix("file://")
        if path.endswith(".parquet"):
            rows += parquet.read_table(path, columns=list(KEY)).to_pylist()
        else:
            with gzip.open(path, "rb") as file:
                rows += map(json.loads, file)
    return rows


def _write(folder: Path, config: Mapping[str, Any]) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps(config))
    return path
