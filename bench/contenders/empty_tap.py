"""The least that a tap can be: what starting Python and the SDK costs."""

from __future__ import annotations

from typing import Any, ClassVar

from singer_sdk import Stream, Tap
from singer_sdk import typing as th


class EmptyTap(Tap):
    """A tap without streams."""

    name = "tap-empty"
    config_jsonschema: ClassVar[dict[str, Any]] = th.PropertiesList().to_dict()

    def discover_streams(self) -> list[Stream]:
        """Return no streams."""
        return []


if __name__ == "__main__":
    EmptyTap.cli()
