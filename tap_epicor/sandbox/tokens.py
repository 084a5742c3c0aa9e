"""The spelling of filters: what OData 3 (v1) and OData 4 (v2) each allow, brought to one grammar.

odata-query parses OData 4. Before it sees a filter, the literals of OData 3 become typed strings, and every
name gets an underscore, since its grammar takes `Allocated` for the word `all`.
"""

from __future__ import annotations

import re

from tap_epicor.sandbox.errors import bad_request

_TOKEN = re.compile(
    r"(?P<typed>(?:datetimeoffset|datetime|guid|time|binary|X)'[^']*')"
    r"|(?P<string>'(?:[^']|'')*')"
    r"|(?P<guid>[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})"
    r"|(?P<moment>\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)?)"
    r"|(?P<day>\d{4}-\d\d-\d\d(?![\dT]))"
    r"|(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?[LlMmDdFf]?(?![\w.]))"
    r"|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<space>\s+)"
    r"|(?P<sign>[(),/-])"
)
WORDS = frozenset(
    (
        "and",
        "or",
        "not",
        "eq",
        "ne",
        "gt",
        "ge",
        "lt",
        "le",
        "add",
        "sub",
        "mul",
        "div",
        "mod",
        "in",
        "null",
        "true",
        "false",
        "asc",
        "desc",
    )
)
_COMMON = "endswith startswith length indexof substring tolower toupper trim concat year month day hour minute second"
FUNCTIONS = {
    1: frozenset(f"{_COMMON} substringof round floor ceiling".split()),
    2: frozenset(f"{_COMMON} contains round floor ceiling date now".split()),
}
_WORDS_OF_4 = frozenset({"in"})
TYPED = "\x01"
"""Opens a string that stands for a typed literal: its type, another such mark, and its text."""


def normalize(text: str, version: int) -> str:
    """The filter in the one grammar.

    Args:
        text: As the client wrote it.
        version: Of the API, 1 or 2.

    Raises:
        ServerError: When that version would not understand it.
    """
    written = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise bad_request(f"Syntax error: character '{text[at]}' is not valid at position {at} in '{text}'.")
        kind = match.lastgroup or ""
        follows = text[match.end() :].lstrip()[:1]
        written.append(_WRITERS[kind](match[0], version, follows) if kind in _WRITERS else match[0])
        at = match.end()
    return "".join(written)


def column_name(identifier: str) -> str:
    """The name behind an identifier of the one grammar."""
    return identifier[1:]


def names(normal: str) -> list[str]:
    """The columns that a filter in the one grammar names."""
    found = (match[0] for match in _TOKEN.finditer(normal) if match.lastgroup == "name")
    return [column_name(name) for name in found if name.startswith("_")]


def _typed(text: str, version: int, _follows: str) -> str:
    if version != 1:
        raise bad_request(f"Unrecognized '{text}' literal in the expression.")
    kind, _, value = text.partition("'")
    return _mark(kind, value[:-1])


def _mark(kind: str, value: str) -> str:
    return f"'{TYPED}{kind}{TYPED}{value}'"


def _guid(text: str, version: int, _follows: str) -> str:
    if version == 1:
        raise bad_request(f"Syntax error in '{text}': a guid is written guid'…'.")
    return _mark("guid", text)


def _moment(text: str, version: int, _follows: str) -> str:
    if version == 1:
        raise bad_request(f"Syntax error in '{text}': a time is written datetime'…'.")
    return _mark("moment", text)


def _day(text: str, version: int, _follows: str) -> str:
    if version == 1:
        raise bad_request(f"Syntax error in '{text}': a time is written datetime'…'.")
    return _mark("day", text)


def _number(text: str, version: int, _follows: str) -> str:
    if text[-1].isdigit():
        return text
    if version != 1:
        raise bad_request(f"Syntax error: '{text}' is not a number.")
    return text[:-1]


def _name(text: str, version: int, follows: str) -> str:
    if follows == "(" and text not in WORDS:
        if text not in FUNCTIONS[version]:
            raise bad_request(f"An unknown function with name '{text}' was found.")
        return text if text != "substringof" else "contains"
    if text in WORDS and not (version == 1 and text in _WORDS_OF_4):
        return text
    return f"_{text}"


_WRITERS = {
    "typed": _typed,
    "guid": _guid,
    "moment": _moment,
    "day": _day,
    "number": _number,
    "name": _name,
}
