"""The catalog that the sandbox's tenant gives by default, a file a stream, so that each change of it shows in a diff.

Where a change is meant, rewrite the files and look at the difference:

    UPDATE_SNAPSHOTS=1 python -m pytest tests/test_snapshots.py
    git diff tests/snapshots
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tap_epicor.tap import EpicorTap

if TYPE_CHECKING:
    from tests.sandboxes import Sandbox

FOLDER = Path(__file__).parent / "snapshots" / "catalog"


def compact(entry: dict[str, Any]) -> str:
    """Return a catalog entry with a line for each column: its schema and its metadata together."""
    metadata = {tuple(item["breadcrumb"]): item["metadata"] for item in entry["metadata"]}
    root = metadata.pop((), {})
    columns = {
        name: {**schema, **metadata.pop(("properties", name), {})}
        for name, schema in entry["schema"]["properties"].items()
    }
    assert not metadata, "metadata of something that is no column"
    epicor = root.pop("epicor")
    rest = {name: value for name, value in entry.items() if name not in {"schema", "metadata"}}
    rest["schema"] = {name: value for name, value in entry["schema"].items() if name != "properties"}
    blocks = {"entry": rest, "metadata": root, "epicor": epicor, "columns": columns}
    return "{\n" + ",\n".join(f'"{name}": {{\n{lines(block)}\n}}' for name, block in blocks.items()) + "\n}\n"


def lines(block: dict[str, Any]) -> str:
    return ",\n".join(f"  {json.dumps(name)}: {json.dumps(value, sort_keys=True)}" for name, value in block.items())


@pytest.fixture(scope="module")
def snapshots(kinetic: Sandbox) -> dict[str, str]:
    """The default catalog, compact, by file name; written where that is asked for."""
    catalog = EpicorTap(config=kinetic.config(service="*,BaqSvc")).catalog_json_text
    made = {f"{entry['tap_stream_id']}.json": compact(entry) for entry in json.loads(catalog)["streams"]}
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        FOLDER.mkdir(parents=True, exist_ok=True)
        for left_over in FOLDER.glob("*.json"):
            left_over.unlink()
        for name, text in made.items():
            (FOLDER / name).write_text(text, encoding="utf-8")
    return made


def test_every_stream_has_a_snapshot_and_every_snapshot_a_stream(snapshots: dict[str, str]) -> None:
    assert {path.name for path in FOLDER.iterdir()} == snapshots.keys()


def test_every_entry_is_as_its_snapshot(snapshots: dict[str, str]) -> None:
    for name, text in snapshots.items():
        if (FOLDER / name).exists():
            assert text.splitlines() == (FOLDER / name).read_text(encoding="utf-8").splitlines(), name


def test_a_snapshot_holds_all_that_the_entry_does(snapshots: dict[str, str]) -> None:
    read = json.loads(snapshots["erp_customer_customers.json"])
    assert read["entry"]["key_properties"] == ["Company", "CustNum"]
    assert read["columns"]["CustNum"] == {"type": "integer", "inclusion": "automatic"}
    assert read["epicor"]["service"] == "Erp.BO.CustomerSvc"
