"""Tables in Markdown that are readable as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]], note: str = "") -> str:
    """Return a table: words to the left, numbers to the right.

    Args:
        title: its heading.
        head: the columns' names.
        rows: the cells.
        note: a sentence below it.
    """
    widths = [max(3, *(len(row[place]) for row in [head, *rows])) for place in range(len(head))]
    numeric = [bool(rows) and all((row[place] or "0")[0].isdigit() for row in rows) for place in range(len(head))]
    rule = ["-" * (width - 1) + (":" if right else "-") for width, right in zip(widths, numeric, strict=True)]

    def line(cells: Sequence[str]) -> str:
        padded = (
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(cells, widths, numeric, strict=True)
        )
        return f"| {' | '.join(padded)} |"

    body = "\n".join([line(head), f"| {' | '.join(rule)} |", *map(line, rows)])
    return f"### {title}\n\n{body}\n" + (f"\n{note}\n" if note else "")


def rounded(value: float) -> str:
    """Return a number with three digits that count."""
    if value >= 100:  # noqa: PLR2004
        return f"{round(value, 3 - len(str(int(value)))):,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"  # noqa: PLR2004
