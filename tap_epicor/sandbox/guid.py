"""Guids as the database keeps them: as text that sorts the way SQL Server sorts uniqueidentifier.

SQL Server compares the last group first, then the fourth, and the first three by their bytes from the right.
"""

from __future__ import annotations

EMPTY = "0" * 32


def store(text: str) -> str:
    """The stored form of a guid such as `00000003-b615-4300-957b-34956697f040`."""
    first, second, third, fourth, last = text.lower().split("-")
    return last + fourth + _turned(third) + _turned(second) + _turned(first)


def show(stored: str) -> str:
    """The usual form of a stored guid."""
    first = f"{stored[30:]}{stored[28:30]}{stored[26:28]}{stored[24:26]}"
    second = f"{stored[22:24]}{stored[20:22]}"
    third = f"{stored[18:20]}{stored[16:18]}"
    return f"{first}-{second}-{third}-{stored[12:16]}-{stored[:12]}"


def _turned(digits: str) -> str:
    return "".join(digits[at : at + 2] for at in range(len(digits) - 2, -1, -2))
