"""What the checks found: lines for people, JSON for machines."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_epicor.commands.doctor.check import Check

_COLOURS: Final = {"ok": "green", "note": "yellow", "failed": "red", "skipped": "bright_black"}
_MARK, _NAME = 9, 15


def line(check: Check) -> None:
    """Print a check: how it went, what was tried, what came back; and what to do on a line of its own."""
    mark = click.style(f"{check.outcome:<{_MARK}}", fg=_COLOURS[check.outcome], bold=check.outcome == "failed")
    click.echo(f"{mark}{check.name:<{_NAME}}{_wrapped(f'{check.tried}: {check.found}')}")
    if check.cure:
        click.echo(" " * (_MARK + _NAME) + _wrapped(f"-> {check.cure}"))


def works(checks: Sequence[Check]) -> bool:
    """Return whether a sync would work."""
    return not any(check.outcome == "failed" for check in checks)


def verdict(checks: Sequence[Check], seconds: float) -> str:
    """Return what it all comes to, in words."""
    failed = [check for check in checks if check.outcome == "failed"]
    asked = sum(len(check.asked) for check in checks)
    requests = f"{asked} request{'' if asked == 1 else 's'} in {seconds:.0f} s"
    if failed:
        names = ", ".join(dict.fromkeys(check.name for check in failed))
        return f"A sync would not work as it should: look at {names} ({requests})."
    notes = sum(check.outcome == "note" for check in checks)
    known = f", with {notes} thing{'' if notes == 1 else 's'} to know" if notes else ""
    limits = ", as far as was looked" if any(map(_left_out, checks)) else ""
    return f"A sync would work{limits}{known} ({requests})."


def _left_out(check: Check) -> bool:
    """Return whether it left something alone that a sync reads."""
    is_of_many = check.outcome == "skipped" and check.name in {"services", "BAQs", "company"}
    return is_of_many or bool(check.figures.get("left_alone"))


def as_json(checks: Sequence[Check], seconds: float) -> dict[str, Any]:
    """Return the checks for machines."""
    return {
        "works": works(checks),
        "requests": sum(len(check.asked) for check in checks),
        "seconds": round(seconds, 3),
        "checks": [{name: value for name, value in asdict(check).items() if name != "stops"} for check in checks],
    }


def _wrapped(text: str) -> str:
    """Return a text for a terminal, its later lines under the first; as it is where no person reads it."""
    if not sys.stdout.isatty():
        return text
    import shutil  # noqa: PLC0415
    import textwrap  # noqa: PLC0415

    width = max(40, shutil.get_terminal_size().columns - _MARK - _NAME)
    return f"\n{' ' * (_MARK + _NAME)}".join(textwrap.wrap(text, width, break_on_hyphens=False))
