"""Whether rows are there, asked by their keys: what is asked, and when an answer is not relied upon."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tap_epicor.kinetic.plan import Part
from tap_epicor.kinetic.presence import MOST_AT_ONCE, NotTold, ask_for
from tap_epicor.kinetic.query import LONGEST_QUERY_STRING
from tap_epicor.kinetic.source import Rows, Source
from tests.kinetic.clients import client
from tests.scripted import Reply, Request, Server, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

KEY = [Part("Company", "Edm.String"), Part("Num", "Edm.Int32")]
NUMBER = re.compile(r"Num eq (\d+)")


def numbers(request: Request) -> list[int]:
    return [int(number) for number in NUMBER.findall(request.options["$filter"])]


def answering(there: set[int], most: int = 10**6) -> Callable[[Request], Reply]:
    """Answer as a server that has these rows and takes so many comparisons at the most."""

    def answer(request: Request) -> Reply:
        asked = numbers(request)
        if len(asked) > most:
            return Reply({"ErrorMessage": "The node count limit of '100' has been exceeded."}, status=400)
        return Reply({"value": [{"Company": "A", "Num": number} for number in sorted(there & set(asked))]})

    return answer


def keys_of(rows: Iterable[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(row["Company"], row["Num"]) for row in rows]


def asked(server: Server, keys: Iterable[int], known: Iterable[int] = (1, 9), **options: Any) -> dict[int, bool]:
    """Return which keys are there, as the server tells."""
    rows = Rows(client(server.url), Source("Erp.BO.ThingSvc", "Things"), "A", **options)
    told = ask_for(rows, KEY, [("A", key) for key in keys], [("A", key) for key in known], keys_of)
    return {key[1]: key in one.came for one in told for key in one.asked}


def test_rows_are_there_or_gone_as_the_server_says() -> None:
    with serving(answering({1, 4, 9})) as server:
        assert asked(server, [2, 4, 7]) == {2: False, 4: True, 7: False}
    assert [numbers(request) for request in server.requests] == [[1, 2, 4, 7, 9], [2, 4, 7]]


def test_each_request_fits_into_a_query_string_and_begins_and_ends_with_a_row_that_is_there() -> None:
    with serving(answering({1, 999_999})) as server:
        told = asked(server, range(1000, 1500), known=(1, 5, 999_999), filter="Name eq 'x' or Name eq 'y'")
    assert told == dict.fromkeys(range(1000, 1500), False)
    for request in server.requests[::2]:
        assert len(request.raw_query) <= LONGEST_QUERY_STRING
        assert (numbers(request)[0], numbers(request)[-1]) == (1, 999_999)
        assert request.options["$filter"].startswith("(Name eq 'x' or Name eq 'y') and (Company eq 'A') and (")
        assert int(request.options["$top"]) > len(numbers(request))
    assert len(server.requests) / 2 < 500 / 20


def test_not_more_keys_are_asked_for_at_once_than_is_reasonable() -> None:
    with serving(answering({1, 9})) as server:
        asked(server, range(100, 400), known=(1, 9))
    assert max(len(numbers(request)) for request in server.requests) <= MOST_AT_ONCE + 2


def test_a_server_that_takes_shorter_filters_gets_them() -> None:
    with serving(answering({1, 9, 105}, most=7)) as server:
        told = asked(server, range(100, 130))
    assert [key for key, there in told.items() if there] == [105]
    assert set(told) == set(range(100, 130))


@pytest.mark.parametrize("there", [set(), {1}, {9}])
def test_nothing_is_told_where_a_row_that_is_there_does_not_come(there: set[int]) -> None:
    with serving(answering(there)) as server, pytest.raises(NotTold, match="does not find rows that are there"):
        asked(server, [4])


def test_nothing_is_told_where_the_filter_is_refused() -> None:
    with serving(answering({1, 9}, most=0)) as server, pytest.raises(NotTold, match="node count"):
        asked(server, [4, 5, 6])


def test_nothing_is_told_where_the_filter_is_too_long() -> None:
    with serving(answering({1, 9})) as server, pytest.raises(NotTold, match="longer than"):
        asked(server, [4], filter=f"Name eq '{'x' * LONGEST_QUERY_STRING}'")


def test_nothing_is_told_where_no_row_is_there() -> None:
    with serving(answering(set())) as server, pytest.raises(NotTold, match="no row"):
        asked(server, [4], known=())
    assert server.requests == []


def test_rows_that_were_not_asked_for_are_told() -> None:
    with serving(lambda _: Reply({"value": [{"Company": "A", "Num": number} for number in (1, 9, 44)]})) as server:
        rows = Rows(client(server.url), Source("Erp.BO.ThingSvc", "Things"), "A")
        (told,) = ask_for(rows, KEY, [("A", 4)], [("A", 1), ("A", 9)], keys_of)
    assert ("A", 44) in told.came


def test_a_key_that_is_the_same_to_the_server_as_a_known_one_is_not_taken_for_gone() -> None:
    def answer(request: Request) -> Reply:
        asked = {9 if number == 90 else number for number in numbers(request)}
        return Reply({"value": [{"Company": "A", "Num": number} for number in sorted({1, 9} & asked)]})

    with serving(answer) as server:
        rows = Rows(client(server.url), Source("Erp.BO.ThingSvc", "Things"), "A")
        (told,) = ask_for(rows, KEY, [("A", 90), ("A", 4)], [("A", 1), ("A", 9)], keys_of)
    assert told.came == {("A", 9)}
