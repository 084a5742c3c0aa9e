"""The settings of a client: the tap's own names, types and checks."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any, get_args, get_type_hints

import pytest

from tap_epicor.kinetic import Kinetic
from tap_epicor.python.settings import ClientSettings, WrongSettings
from tap_epicor.settings import GROUPS, PROPERTIES


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"url": ""}, ["`url` is missing: give the address of the server, such as"]),
        ({"user": None}, ["`user` is missing: `auth_scheme` Basic signs in with an Epicor user and a password."]),
        ({"api_version": "v2"}, ["`company` is missing", "`api_key` is missing"]),
        ({"api_version": "v3"}, ['`api_version` is "v3": it must be one of']),
        ({"password": 7.5}, ["`password`: it must be text."]),
        ({"usr": "x"}, ["There is no setting of a client 'usr'; did you mean 'user'?"]),
        ({"service": "Erp.BO.*"}, ["There is no setting of a client 'service': remove it."]),
        ({"company": "EPIC06,EPIC07"}, ["`company` names several: make a client for each of them."]),
    ],
)
def test_settings_are_checked_as_the_taps_are(settings: dict[str, Any], said: list[str]) -> None:
    right = {"url": "https://erp.example.com/Kinetic", "user": "u", "password": "hush-hush"}
    with pytest.raises(WrongSettings) as caught:
        Kinetic(**{**right, **settings})
    assert len(caught.value.problems) == len(said)
    for problem, start in zip(caught.value.problems, said, strict=True):
        assert problem.startswith(start)
        assert problem in str(caught.value)
    assert "hush-hush" not in str(caught.value)


def test_a_client_takes_the_settings_of_a_connection_and_no_others() -> None:
    connection = {
        prop.name
        for group, properties in GROUPS.items()
        if group != "Reading"
        for prop in properties
        if prop.name not in {"service", "baqs"}
    }
    assert {"url", *ClientSettings.__annotations__} == connection | {"page_size", "unreadable_rows"}


def test_settings_are_typed_as_the_schema_has_them() -> None:
    for name, hint in get_type_hints(ClientSettings).items():
        schema = PROPERTIES[name].to_dict()[name]
        choices = {choice for part in get_args(hint) for choice in get_args(part)}
        assert choices == {choice for choice in schema.get("enum") or () if choice is not None}, name


def test_the_room_of_kinetic_knows_nothing_of_settings_singer_and_arrow() -> None:
    script = (
        "import sys, tap_epicor.kinetic, tap_epicor.kinetic.pages, tap_epicor.kinetic.ranges\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('singer_sdk', 'pyarrow')"
        " or name in ('tap_epicor.settings', 'tap_epicor.connection', 'tap_epicor.python')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env={**os.environ}
    )
    assert done.stdout == "[]\n"


def test_a_program_can_name_the_errors_that_it_catches() -> None:
    from tap_epicor.kinetic import KineticError, NoSuchName, ValueMismatch, WrongSettings  # noqa: PLC0415

    assert all(issubclass(one, KineticError) for one in (NoSuchName, ValueMismatch, WrongSettings))
    with pytest.raises(WrongSettings) as caught:
        Kinetic(url="https://erp.example.com/Kinetic", user="reader")
    assert caught.value.problems[0].startswith("`password` is missing")


def test_a_name_that_the_room_of_kinetic_does_not_have_is_none() -> None:
    with pytest.raises(ImportError):
        exec("from tap_epicor.kinetic import Kinetik")  # noqa: S102
