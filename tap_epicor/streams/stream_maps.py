"""Stream maps of the Singer SDK: their mistakes in a sentence, and what they make of the key of a row that is gone."""

from __future__ import annotations

import reprlib
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import MapExpressionError
from singer_sdk.mapper import (
    MAPPER_ALIAS_OPTION,
    MAPPER_KEY_PROPERTIES_OPTION,
    MAPPER_SOURCE_OPTION,
    PluginMapper,
    RemoveRecordTransform,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from logging import Logger

    from singer_sdk.mapper import StreamMap

_LONGEST = 300


class StreamMapError(Exception):
    """A stream map that can't be applied, with the stream, the row and what to do."""


def failed_map(stream: str, key: Mapping[str, Any], error: Exception, cure: str) -> StreamMapError:
    """Return what is to be said of an expression that failed.

    Args:
        stream: the stream, as the loader knows it.
        key: the key of the row.
        error: what was raised.
        cure: what to do.
    """
    cause = error.__cause__ if isinstance(error, MapExpressionError) and error.__cause__ else error
    where = ", ".join(f"{name} {reprlib.repr(value)}" for name, value in key.items()) or "no key"
    said = "".join(letter if letter.isprintable() else " " for letter in str(cause))[:_LONGEST]
    return StreamMapError(
        f"`stream_maps`: an expression for {stream} fails on the row with {where} ({type(cause).__name__}: {said}). "
        f"{cure}"
    )


class KeyMaps:
    """The maps of a stream, as far as they make the loader's key.

    Of a row that is gone only its key is known. Filters and the expressions of other columns, which are written for
    whole rows, are not asked: they could only fail, or keep the delete from the loader.

    Args:
        stream: the stream's name.
        maps: its maps as they are applied to rows.
        config: the configuration, whose `stream_maps` they were made of.
        logger: for what the maps log.
    """

    def __init__(self, stream: str, maps: Sequence[StreamMap], config: Mapping[str, Any], logger: Logger) -> None:
        schema = maps[0].raw_schema
        # A map that lets nothing through has no key.
        key = next((one.raw_key_properties for one in maps if one.raw_key_properties), ())
        said = {name: _of_key(one, key) for name, one in (config.get("stream_maps") or {}).items()}
        mapper = PluginMapper({**config, "stream_maps": said}, logger)
        mapper.register_raw_stream_schema(stream, schema, key)
        self._maps = [
            (own.stream_alias, tuple(own.transformed_key_properties), keyed)
            for own, keyed in zip(maps, mapper.stream_maps[stream], strict=True)
            if own.transformed_key_properties and not isinstance(own, RemoveRecordTransform)
        ]

    def __bool__(self) -> bool:
        """Whether the loader gets a key at all."""
        return bool(self._maps)

    def keys(self, key: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield a row's key as the loader knows it, and the stream's name there: one for each map.

        Args:
            key: the key as the server has it.

        Raises:
            StreamMapError: if the loader's key can't be made of that.
        """
        for stream, names, keyed in self._maps:
            try:
                made = keyed.transform(dict(key)) or {}
                mapped = {name: made[name] for name in names}
            except Exception as exc:
                cure = (
                    f"Of a row that is gone only {', '.join(key)} is known: make `__key_properties__` of that, or take "
                    "`deletes` away. The delete is not forgotten."
                )
                raise failed_map(stream, key, exc, cure) from exc
            yield stream, mapped


def _of_key(said: Any, key: Sequence[str]) -> Any:  # noqa: ANN401
    """Return what the configuration says of a stream, less what does not make its key."""
    if not isinstance(said, dict):
        return said
    kept = {MAPPER_ALIAS_OPTION, MAPPER_SOURCE_OPTION, MAPPER_KEY_PROPERTIES_OPTION}
    kept |= set(said.get(MAPPER_KEY_PROPERTIES_OPTION, key) or ())
    return {name: value for name, value in said.items() if name in kept}
