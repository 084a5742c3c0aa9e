"""The key store: what is kept is what was given, or it is known to be lost."""

from __future__ import annotations

import gzip
import io
import logging
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_epicor.kinetic.plan import Part
from tap_epicor.streams.key_file import DamagedFile, Head, KeyFile, KeyWriter, keys_of
from tap_epicor.streams.key_store import KeyStore, KeyStoreError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tap_epicor.streams.key_file import Key

HEAD = Head("https://erp.example.com/Kinetic v2", "Erp.BO.PartSvc/Parts", "EPIC06", (("PartNum", "Edm.String"),))
LOGGER = logging.getLogger("tests")
VALUES = (
    st.text()
    | st.integers()
    | st.booleans()
    | st.decimals(allow_nan=False, allow_infinity=False).map(
        lambda number: keys_of([{"x": number}], [Part("x", "Edm.Decimal")])[0][0]
    )
)


@pytest.fixture(params=["folder", "memory"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "keys") if request.param == "folder" else f"memory://{uuid.uuid4()}/keys"


def store(address: str, head: Head = HEAD) -> KeyStore:
    return KeyStore(address, "erp_part_parts", head, LOGGER)


def written(keys: Sequence[Key], sent: Sequence[Key] = (), at: str | None = None) -> io.BytesIO:
    file = io.BytesIO()
    writer = KeyWriter(file, HEAD)
    writer.add(keys)
    writer.add(sent, "sent")
    writer.close(at)
    return file


def known(address: str, head: Head = HEAD) -> tuple[list[Key], list[Key]]:
    """Return the keys of the last sweep, and those that were noted since."""
    opened = store(address, head)
    last = opened.last()
    keys = [key for _, some in last.blocks() for key in some] if last else []
    return keys, sorted(key for some in opened.notes() for key in some)


@given(st.integers(1, 4).flatmap(lambda width: st.lists(st.tuples(*[VALUES] * width), max_size=20)))
def test_keys_come_back_as_they_were(keys: list[Key]) -> None:
    ((kind, got),) = list(KeyFile(written(keys)).blocks()) or [("keys", [])]
    assert kind == "keys"
    assert got == keys
    assert [list(map(type, key)) for key in got] == [list(map(type, key)) for key in keys]


def test_long_files_come_back_in_order() -> None:
    keys = [("EPIC06", number) for number in range(2500)]
    file = KeyFile(written(keys, sent=[("EPIC06", -1)], at="2026-01-01"))
    assert [key for kind, some in file.blocks() for key in some if kind == "keys"] == keys
    assert [key for kind, some in file.blocks() for key in some if kind == "sent"] == [("EPIC06", -1)]
    assert file.deleted_at == "2026-01-01"


@given(st.integers(0), st.integers(1, 255))
def test_a_changed_byte_is_noticed_or_changes_nothing(place: int, change: int) -> None:
    keys = [("A", 1), ("B", 2)]
    content = bytearray(written(keys).getvalue())
    content[place % len(content)] ^= change
    try:
        file = KeyFile(io.BytesIO(bytes(content)))
    except DamagedFile:
        return
    assert [key for _, some in file.blocks() for key in some] == keys


@given(st.integers(0))
def test_a_cut_file_is_noticed(length: int) -> None:
    content = written([("A", 1), ("B", 2)]).getvalue()
    with pytest.raises(DamagedFile):
        KeyFile(io.BytesIO(content[: length % len(content)]))


def test_lines_that_were_changed_and_packed_again_are_noticed() -> None:
    content = gzip.decompress(written([("A", 1)]).getvalue()).replace(b'"A"', b'"B"')
    with pytest.raises(DamagedFile, match="digest"):
        KeyFile(io.BytesIO(gzip.compress(content)))


def test_a_file_of_another_version_is_not_read() -> None:
    content = gzip.decompress(written([("A", 1)]).getvalue()).replace(b'"format":1', b'"format":2')
    with pytest.raises(DamagedFile, match="version"):
        KeyFile(io.BytesIO(gzip.compress(content)))


@pytest.mark.parametrize(
    "values",
    [
        (Decimal("1.50"), Decimal("1.5")),
        (Decimal("2.00"), 2),
        (Decimal("1E+3"), 1000),
        (Decimal("-0.0"), 0),
        (Decimal("123456789012345678901234567890.10"), Decimal("123456789012345678901234567890.1")),
    ],
)
def test_equal_numbers_are_equal_keys(values: tuple[Any, Any]) -> None:
    first, second = keys_of([{"x": value} for value in values], [Part("x", "Edm.Decimal")])
    assert first == second
    assert written([first]).getvalue() == written([second]).getvalue()


def test_nothing_is_known_at_first(address: str) -> None:
    assert known(address) == ([], [])


def test_what_was_noted_is_known_to_the_next_run(address: str) -> None:
    first, second = store(address), store(address)
    first.note([("A",), ("B",)])
    second.note([("C",)])
    first.note([("D",)])
    assert known(address) == ([], [("A",), ("B",), ("C",), ("D",)])


def test_new_keys_take_the_place_of_the_last_ones_and_of_the_notes_that_were_read(address: str) -> None:
    sweeping = store(address)
    sweeping.note([("A",)])
    assert [key for some in sweeping.notes() for key in some] == [("A",)]
    store(address).note([("B",)])
    sweeping.replace(written([("C",)]))
    assert known(address) == ([("C",)], [("B",)])
    sweeping.replace(written([("D",)]))
    assert known(address)[0] == [("D",)]


def test_streams_and_companies_keep_apart(tmp_path: Path) -> None:
    heads = [Head("s", "x", company, ()) for company in ("", "EPIC06", "EPIC07", "a/b", "..")]
    for head in heads:
        KeyStore(str(tmp_path), "erp_part_parts", head, LOGGER).note([(head.company,)])
        KeyStore(str(tmp_path), "baq_../x", head, LOGGER).note([("x",)])
    for head in heads:
        assert list(KeyStore(str(tmp_path), "erp_part_parts", head, LOGGER).notes()) == [[(head.company,)]]
    assert {path.name for path in tmp_path.iterdir()} == {"erp_part_parts", "baq_..%2Fx"}


@pytest.mark.parametrize(
    "other",
    [
        Head("https://test.example.com/Kinetic v2", HEAD.source, HEAD.company, HEAD.key),
        Head(HEAD.server, HEAD.source, HEAD.company, (("PartNum", "Edm.Int32"),)),
        Head(HEAD.server, HEAD.source, HEAD.company, HEAD.key, "Inactive eq false"),
    ],
)
def test_keys_of_other_rows_are_not_used(address: str, other: Head, caplog: pytest.LogCaptureFixture) -> None:
    store(address).replace(written([("A",)]))
    store(address).note([("B",)])
    assert known(address) == ([("A",)], [("B",)])
    assert known(address, other) == ([], [])
    assert [record.message for record in caplog.records] == [caplog.records[0].message]
    assert "another server, company, key or filter" in caplog.text


def test_damaged_keys_are_lost_and_said_to_be(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store(str(tmp_path)).replace(written([("A",)]))
    path = tmp_path / "erp_part_parts" / "EPIC06.keys"
    path.write_bytes(path.read_bytes()[:-1])
    assert known(str(tmp_path)) == ([], [])
    assert f"erp_part_parts (EPIC06): of {path} in the key store it is damaged" in caplog.text


def test_a_run_that_was_killed_while_it_wrote_leaves_what_was_there(tmp_path: Path) -> None:
    kept = store(str(tmp_path))
    kept.replace(written([("A",)]))
    kept.note([("B",)])
    folder = tmp_path / "erp_part_parts"
    (folder / "EPIC06.keys.tmp").write_bytes(b"half")
    (folder / "EPIC06.notes" / "1-000001.tmp").write_bytes(b"half")
    assert known(str(tmp_path)) == ([("A",)], [("B",)])
    again = store(str(tmp_path))
    assert list(again.notes()) == [[("B",)]]
    again.replace(written([("C",)]))
    assert sorted(path.name for path in folder.rglob("*")) == ["EPIC06.keys", "EPIC06.notes"]


def test_a_store_that_can_not_be_written_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(KeyStoreError, match=r"`key_store` .*file can't be written: .* run again"):
        store(str(tmp_path / "file")).note([("A",)])


def test_a_password_in_an_address_is_not_shown() -> None:
    with pytest.raises(KeyStoreError) as caught:
        store("nothing://me:hush-hush@host/keys")
    assert "hush-hush" not in str(caught.value)
