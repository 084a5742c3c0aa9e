"""Rows of the tables that are the customer's own: user codes and user-defined tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_epicor.sandbox import words
from tap_epicor.sandbox.history import DAY_TIMES, History

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from tap_epicor.sandbox.masters import Row


def code_types(history: History, _rng: Random) -> Iterator[Row]:
    """UDCodeType."""
    for number in range(1, 7):
        yield {
            "Company": history.company,
            "CodeTypeID": f"TYPE{number}",
            "CodeTypeDesc": f"User codes {number}",
            "CreateDate": DAY_TIMES[number],
            "CreateUser": "manager",
        }


def codes(history: History, _rng: Random) -> Iterator[Row]:
    """UDCodes."""
    for number in range(1, 7):
        for letter in "ABCÄ&'":
            yield {
                "Company": history.company,
                "CodeTypeID": f"TYPE{number}",
                "CodeID": f"{letter}{number}",
                "CodeDesc": f"Code {letter}",
                "IsActive": letter != "C",
                "CreateDate": DAY_TIMES[number],
            }


def user_rows(history: History, rng: Random) -> Iterator[Row]:
    """UD01: exact decimals of 18 digits, and dates kept as text."""
    for number in range(max(history.rows // 50, 10)):
        yield {
            **_user_keys(history, number),
            "Character01": words.COMMENTS[number % len(words.COMMENTS)],
            "ShortChar01": DAY_TIMES[number % 1600][:10],
            "Number01": rng.randrange(-(10**18) + 1, 10**18),
            "Number02": rng.randrange(1, 100) * 10**9,
            "Date01": DAY_TIMES[rng.randrange(1600)],
            "CheckBox01": number % 3 == 0,
        }


def user_parents(history: History, rng: Random) -> Iterator[Row]:
    """UD100."""
    for number in range(max(history.rows // 100, 10)):
        yield {
            **_user_keys(history, number),
            "ShortChar01": f"parent {number}",
            "Number01": rng.randrange(10**18),
            "Date01": DAY_TIMES[rng.randrange(1600)],
        }


def user_children(history: History, rng: Random) -> Iterator[Row]:
    """UD100A: eleven parts of key."""
    for number in range(max(history.rows // 100, 10)):
        for child in range(1, 3):
            yield {
                **_user_keys(history, number),
                "ChildKey1": str(child),
                **{f"ChildKey{part}": "" for part in range(2, 6)},
                "ShortChar01": f"child {child}",
                "Number01": rng.randrange(10**18),
            }


def _user_keys(history: History, number: int) -> Row:
    keys: Row = {"Company": history.company, "Key1": f"K{number}"}
    return keys | {"Key2": str(number % 4), "Key3": "a&b" if number % 2 else "", "Key4": "", "Key5": ""}
