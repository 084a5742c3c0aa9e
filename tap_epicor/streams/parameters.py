"""Whether the parameters of a BAQ that the settings give are those that it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_epicor.checks import nearest
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
    if given and not definition.source.is_baq:
        raise DefinitionError(f"{definition.name}: `parameters` are for BAQs only; an entity set has `filter`.")
    if definition.parameters is None:
        return
    known = {parameter.name: parameter for parameter in definition.parameters}
    for name in given:
        if name not in known:
            hint = nearest(name, known) or f"; it has {', '.join(known) or 'none'}."
            raise DefinitionError(f"{definition.name}: the BAQ has no parameter {name!r}{hint}")
    missing = [name for name, parameter in known.items() if not parameter.optional and name not in given]
    if missing:
        raise DefinitionError(
            f"{definition.name}: the BAQ wants a value for {', '.join(missing)}: give it in `streams`, as "
            f'{{"{definition.name}": {{"parameters": {{"{missing[0]}": …}}}}}}.',
        )
