"""The summary that a run ends with: a table for people, JSON for machines."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from rich.table import Table

    from tap_epicor.streams.reckoning import Run

logger = logging.getLogger(__name__)

_TOTALS: Final = ("received", "written", "duplicates", "skipped", "deleted", "pages", "retries")
_COLOURS: Final = {"complete": "green", "incomplete": "red", "failed": "red", "stopped": "yellow", "not read": "yellow"}


class SummaryNotWritten(Exception):
    """The file of `summary_path` can't be written."""


def begin(path: str | None) -> None:
    """Take away the summary of an earlier run: whoever looks at it must not take it for this one's.

    Args:
        path: the file; None for none.
    """
    if path:
        with suppress(OSError):
            Path(path).expanduser().unlink(missing_ok=True)


def tell(run: Run, path: str | None) -> None:
    """Tell what became of a run: one line of JSON in the log, a table on a terminal, and a file where one is named.

    Args:
        run: the run.
        path: the file; None for none.

    Raises:
        SummaryNotWritten: if the file can't be written.
    """
    text = msgspec.json.encode(as_json(run)).decode()
    logger.info("SUMMARY: %s", text)
    if sys.stderr.isatty():
        from rich.console import Console  # noqa: PLC0415 - heavy, and of use only to people

        Console(stderr=True).print(table(run))
    if path:
        _write(Path(path).expanduser(), text)


def as_json(run: Run) -> dict[str, Any]:
    """Return a run's reckonings, and their sums, as they go into the log and into the file."""
    return {
        "complete": run.complete,
        "started": run.started.isoformat(timespec="seconds"),
        "seconds": round(run.seconds, 3),
        "over": run.over,
        "drift": run.drift,
        "totals": {name: sum(getattr(one, name) for one in run.reckonings) for name in _TOTALS},
        "streams": [{**asdict(one), "seconds": round(one.seconds, 3)} for one in run.reckonings],
    }


def table(run: Run) -> Table:
    """Return a run's reckonings for people to read."""
    from rich.table import Table  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415

    shown = Table(title=f"{len(run.reckonings)} reads in {run.seconds:.1f} s")
    shown.add_column("Stream")
    for name in ("Server counted", "Received", "Written", "Deleted", "Retries", "Seconds"):
        shown.add_column(name, justify="right")
    shown.add_column("Outcome")
    for one in run.reckonings:
        counts = [str(count) for count in (one.counted_before, one.counted_after) if count is not None]
        shown.add_row(
            Text(one.name),
            " / ".join(dict.fromkeys(counts)),
            *(f"{figure:,}" for figure in (one.received, one.written, one.deleted, one.retries)),
            f"{one.seconds:.1f}",
            Text(". ".join([one.outcome, *one.notes]), style=_COLOURS.get(one.outcome, "red")),
        )
    return shown


def _write(path: Path, text: str) -> None:
    """Write the file whole or not at all, so that whoever watches it never reads half."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        temporary.write_text(f"{text}\n", encoding="utf-8")
        temporary.replace(path)
    except OSError as exc:
        raise SummaryNotWritten(f"`summary_path` {path} can't be written: {exc.strerror}.") from exc
