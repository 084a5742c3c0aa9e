"""Whether the parameters of a BAQ that the settings give are those that it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_epicor.checks import nearest
from tap_epicor.kinetic.parameters import lacking, unknown
from tap_epicor.streams.definition import DefinitionError

if TYPE_CHECKING:
    from tap_epicor.stream_settings import StreamSettings
    from tap_epicor.streams.definition import Definition


def check_parameters(definition: Definition, settings: StreamSettings) -> None:
    """Check the parameters of a BAQ before it is asked for.

    Args:
        definition: the stream.
        settings: what the configuration says of it.

    Raises:
        DefinitionError: if one is missing that may not be left out, or one is given that there is not.
    """
    given = dict(settings.parameters)
    bound = settings.replication_parameter
    if (given or bound) and not definition.source.is_baq:
        setting = "parameters" if given else "replication_parameter"
        raise DefinitionError(f"{definition.name}: `{setting}` is for BAQs only; an entity set has `filter`.")
    if definition.parameters is None:
        return
    names = [*given, *([bound] if bound else [])]
    for name in unknown(definition.parameters, names):
        known = [parameter.name for parameter in definition.parameters]
        hint = nearest(name, known) or f"; it has {', '.join(known) or 'none'}."
        raise DefinitionError(f"{definition.name}: the BAQ has no parameter {name!r}{hint}")
    if bound and not definition.replication_key:
        raise DefinitionError(
            f"{definition.name}: `replication_parameter` {bound} without `replication_key`: name the column whose "
            "highest value it is to get.",
        )
    missing = lacking(definition.parameters, names)
    if missing:
        raise DefinitionError(
            f"{definition.name}: the BAQ wants a value for {', '.join(missing)}: give it in `streams`, as "
            f'{{"{definition.name}": {{"parameters": {{"{missing[0]}": …}}}}}}.',
        )


def replication_parameter(definition: Definition, settings: StreamSettings) -> tuple[str, str] | None:
    """Return the parameter of a BAQ that gets the bookmark, and its SQL type; None for none.

    Args:
        definition: the stream.
        settings: what the configuration says of it.
    """
    bound = settings.replication_parameter
    if bound is None:
        return None
    types = {parameter.name: parameter.type for parameter in definition.parameters or ()}
    return bound, types.get(bound, "")
