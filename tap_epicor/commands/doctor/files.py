"""The files and folders of the settings, on this machine: a sync that can't use them fails when it has begun."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tap_epicor.commands.doctor.check import Check, Examination
from tap_epicor.streams.shards import ShardError, shard_in

if TYPE_CHECKING:
    from collections.abc import Iterator

_CURE = "Make the folder, or let the user of this command write there; or name another."


def files(examination: Examination) -> Iterator[Check]:
    """Check that what the settings name here can be read and written; an object store is left alone."""
    config = examination.config
    if config.get("shard"):
        try:
            shard_in(config["shard"])
        except ShardError as exc:
            yield Check("files", "read `shard`", "failed", str(exc))
    if path := config.get("summary_path"):
        yield from _written("summary_path", Path(path).expanduser().parent)
    sweeps = any(one.get("deletes") == "sweep" for one in (config.get("streams") or {}).values())
    root = ((config.get("batch_config") or {}).get("storage") or {}).get("root")
    for setting, address in (("key_store", config.get("key_store") if sweeps else None), ("batch_config", root)):
        local = str(address or "").removeprefix("file://")
        if local and "://" not in local:
            yield from _written(setting, _first_there(Path(local).absolute()))


def _written(setting: str, folder: Path) -> Iterator[Check]:
    if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
        why = (
            "it may not be written to"
            if folder.is_dir()
            else "it is no folder"
            if folder.exists()
            else "it is not there"
        )
        yield Check("files", f"look at {folder}", "failed", f"`{setting}` can't be written: {why}", _CURE)


def _first_there(folder: Path) -> Path:
    """Return the folder that others would be made in."""
    return next(one for one in (folder, *folder.parents) if one.exists() or one.is_symlink())
