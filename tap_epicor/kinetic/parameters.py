"""Whether what is given to a BAQ are the parameters that it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tap_epicor.kinetic.catalogue import Parameter


def unknown(parameters: Sequence[Parameter], given: Iterable[str]) -> list[str]:
    """Return the names that are given and are no parameter's: Kinetic ignores them without a word.

    Args:
        parameters: the parameters of the BAQ.
        given: names of parameters.
    """
    names = {parameter.name for parameter in parameters}
    return [name for name in given if name not in names]


def lacking(parameters: Sequence[Parameter], given: Iterable[str]) -> list[str]:
    """Return the names of the parameters that are not given and may not be left out.

    Args:
        parameters: the parameters of the BAQ.
        given: names of parameters.
    """
    names = set(given)
    return [parameter.name for parameter in parameters if not parameter.optional and parameter.name not in names]
