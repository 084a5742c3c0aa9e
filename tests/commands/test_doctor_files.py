"""The doctor looks at the files and folders that the settings name on this machine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tap_epicor.commands.doctor.check import Check, Examination
from tap_epicor.commands.doctor.files import files

if TYPE_CHECKING:
    from pathlib import Path

SWEEPS = {"streams": {"*": {"deletes": "sweep"}}}


def looked_at(**settings: Any) -> list[Check]:
    return list(files(Examination(settings, None, 25)))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"summary_path": "FILE/summary.json"}, "`summary_path` can't be written"),
        ({"summary_path": "FILE-new/summary.json"}, "`summary_path` can't be written: it is not there"),
        ({"shard": "FILE/shard-1.json"}, "The file of `shard`"),
        ({"key_store": "FILE/keys", **SWEEPS}, "`key_store` can't be written"),
        ({"batch_config": {"storage": {"root": "file://FILE/batches"}}}, "`batch_config` can't be written"),
    ],
)
def test_what_can_not_be_used_is_told(tmp_path: Path, settings: dict[str, Any], said: str) -> None:
    (tmp_path / "file").write_text("no folder")
    (check,) = looked_at(**json.loads(json.dumps(settings).replace("FILE", str(tmp_path / "file"))))
    assert check.outcome == "failed"
    assert said in check.found


@pytest.mark.parametrize("address", ["FOLDER/new/keys", "file://FOLDER/new", "memory://keys", "s3://bucket/keys"])
def test_folders_that_a_sync_makes_and_object_stores_are_left_alone(tmp_path: Path, address: str) -> None:
    assert looked_at(key_store=address.replace("FOLDER", str(tmp_path)), **SWEEPS) == []


def test_a_key_store_that_no_stream_uses_need_not_be_there(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    assert looked_at(key_store=str(tmp_path / "file" / "keys")) == []
