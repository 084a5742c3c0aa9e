"""Whether a sync would work, as far as a few requests tell."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from tap_epicor.kinetic.catalogue import describe_baqs, describe_services, find_baqs, find_services, is_many
from tap_epicor.kinetic.dialect import BAQ_SERVICE
from tap_epicor.kinetic.errors import NotFound
from tap_epicor.stream_settings import as_list, stream_settings
from tap_epicor.streams.definition import stream_name
from tap_epicor.streams.kin import define_with_kin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_epicor.kinetic.client import Kinetic

_EVERY_QUERY = ("*",)


def look(config: Mapping[str, Any], kinetic: Kinetic) -> None:
    """Look, in each company, for what the settings name; of what a pattern stands for, the first is enough.

    Args:
        config: the configuration.
        kinetic: the client.

    Raises:
        KineticError: if the server can't be reached, refuses the sign-in, or does not have what the settings name.
        DefinitionError: if the settings of a stream do not fit it.
    """
    wanted = as_list(config.get("service"))
    queries = as_list(config.get("baqs")) or (_EVERY_QUERY if BAQ_SERVICE in wanted else ())
    companies = as_list(config.get("company"))
    for company in companies or ("",):
        services = find_services(kinetic, wanted, company)
        found = find_baqs(kinetic, queries, company)
        if not services and not found:
            raise NotFound(
                f"nothing matches {', '.join([*wanted, *queries])}",
                cure="Name services in `service`, or BAQs in `baqs`; both are case-sensitive.",
            )
        described = [
            *(describe_services(kinetic, [name], company) for name in _to_look_at(services, wanted)),
            *(describe_baqs(kinetic, [name], company) for name in _to_look_at(found, queries)),
        ]
        for one in chain.from_iterable(described):
            define_with_kin(one, stream_settings(config, stream_name(one.source)), has_company=bool(companies))


def _to_look_at(found: Sequence[str], wanted: Sequence[str]) -> Sequence[str]:
    named = [name for name in found if name in wanted]
    return named if not any(map(is_many, wanted)) else [*named, *[one for one in found if one not in wanted][:1]]
