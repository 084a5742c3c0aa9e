"""Values of any letters come through the quoting of each form of connection string."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_epicor.commands.connection_string import PROPERTIES, read

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = [name for each in PROPERTIES for name in (each.name, *each.aliases)]
BY_ALIAS = {name: each.name for each in PROPERTIES for name in (each.name, *each.aliases)}
VALUES = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(";='\"{}"), max_size=12)


def in_quotes(mark: str) -> Callable[[str], str]:
    return lambda value: mark + value.replace(mark, mark * 2) + mark


def in_braces(value: str) -> str:
    return "{" + value.replace("}", "}}") + "}"


FORMS: dict[str, tuple[str, Callable[[str], str]]] = {
    "ADO.NET, double quotes": ("", in_quotes('"')),
    "ADO.NET, single quotes": ("", in_quotes("'")),
    "JDBC": ("jdbc:epicorerp:", in_quotes('"')),
    "JDBC, as CData writes it": ("jdbc:cdata:epicorerp:", in_quotes("'")),
    "ODBC": ("", in_braces),
}


@pytest.mark.parametrize("form", FORMS)
@given(
    pairs=st.lists(st.tuples(st.sampled_from(NAMES), VALUES), min_size=1, max_size=6),
    space=st.sampled_from(["", " ", "\n", "\t "]),
    end=st.sampled_from(["", ";", "; "]),
)
def test_what_was_quoted_is_what_is_read(form: str, pairs: list[tuple[str, str]], space: str, end: str) -> None:
    prefix, quote = FORMS[form]
    text = prefix + f";{space}".join(f"{name}{space}={space}{quote(value)}{space}" for name, value in pairs) + end
    given_ones = read(text)
    assert given_ones.values == {BY_ALIAS[name]: value for name, value in pairs}
    assert given_ones.unknown == []
