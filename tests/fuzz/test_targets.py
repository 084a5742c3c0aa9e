"""What the fuzzer tries for hours, for a moment: damaged input is taken or refused, and nothing else happens."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.csdl import damaged
from tests.fuzz.targets import CONFIG, ENTRY, STATE, TARGETS, catalog, settings, state

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("5" * 5000),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_the_inputs_to_begin_with_are_taken(name: str) -> None:
    for seed in TARGETS[name].seeds:
        TARGETS[name].call(seed)


@pytest.mark.parametrize("name", sorted(TARGETS.keys() - {"page"}))
@given(data=st.data())
def test_damaged_input_is_taken_or_refused(name: str, data: st.DataObject) -> None:
    target = TARGETS[name]
    target.call(data.draw(st.binary(max_size=60) | st.sampled_from(target.seeds).flatmap(damaged)))


def _places(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for name, one in inner for place in _places(one, (*path, name)))]


def changed(whole: Any) -> st.SearchStrategy[bytes]:
    """The JSON document with one of its values replaced by any other, or taken away."""

    def apply(change: tuple[tuple[Any, ...], Any, bool]) -> bytes:
        path, value, removed = change
        content = json.loads(json.dumps(whole))
        if not path:
            return json.dumps(value).encode()
        holder = content
        for name in path[:-1]:
            holder = holder[name]
        if removed:
            del holder[path[-1]]
        else:
            holder[path[-1]] = value
        return json.dumps(content).encode()

    return st.tuples(st.sampled_from(_places(whole)), JSON, st.booleans()).map(apply)


@given(changed(STATE))
def test_a_state_with_any_other_value_in_any_place_is_taken_or_refused(data: bytes) -> None:
    state(data)


@given(changed({"streams": [ENTRY]}))
def test_a_catalog_with_any_other_value_in_any_place_is_taken_or_refused(data: bytes) -> None:
    catalog(data)


@given(changed(CONFIG))
def test_a_configuration_with_any_other_value_in_any_place_is_taken_or_refused(data: bytes) -> None:
    settings(data)


@pytest.mark.parametrize("zone", ["+0000", "+99999999999999"])
def test_a_time_to_wait_that_is_none_is_not_taken(zone: str) -> None:
    TARGETS["error"].call(f"\x00\x1d\nWed, 21 Oct 2015 07:28:00 {zone}\n\n{{}}".encode())
