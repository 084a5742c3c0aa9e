"""From what a tenant has, and what the settings want of it, to the definitions of streams."""

from __future__ import annotations

import logging
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from tap_epicor.checks import nearest
from tap_epicor.kinetic.catalogue import describe_baqs, describe_services, find_baqs, find_services, is_many, is_pattern
from tap_epicor.kinetic.dialect import BAQ_SERVICE
from tap_epicor.kinetic.starter import left_out, passed_over
from tap_epicor.stream_settings import as_list, stream_settings
from tap_epicor.streams.definition import Definition, from_catalog, unique_name
from tap_epicor.streams.kin import check_kin, define_with_kin

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from tap_epicor.kinetic.catalogue import Found
    from tap_epicor.kinetic.client import Kinetic
    from tap_epicor.kinetic.source import Source

logger = logging.getLogger(__name__)


def discover(config: Mapping[str, Any], kinetic: Kinetic) -> list[Definition]:
    """Return the streams of a tenant.

    Args:
        config: the configuration.
        kinetic: the client.

    Raises:
        KineticError: if nothing can be read.
        DefinitionError: if the settings of a stream do not fit it.
    """
    companies = as_list(config.get("company"))
    named: dict[str, Definition] = {}
    for one in _find(config, kinetic, companies[0] if companies else ""):
        name = unique_name(one.source, named)
        named[name] = define_with_kin(one, stream_settings(config, name), has_company=bool(companies), name=name)
    unchosen = set(left_out({definition.source for definition in named.values()}, as_list(config.get("service"))))
    named = {name: replace(one, selected=one.selected and one.source not in unchosen) for name, one in named.items()}
    _check_names(config, named)
    return list(named.values())


def from_entries(config: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> list[Definition]:
    """Return the streams of catalog entries, without a request.

    Args:
        config: the configuration.
        entries: the entries of the streams to read.

    Raises:
        DefinitionError: if an entry was not made by this tap, or no longer fits the settings.
    """
    named = [(entry, stream_settings(config, str(entry.get("tap_stream_id")))) for entry in entries]
    return [check_kin(from_catalog(entry, settings), settings) for entry, settings in named]


def without_streams(config: Mapping[str, Any], known: Collection[Source]) -> list[str]:
    """Return the services and BAQs that the configuration names, and that no stream is of.

    Args:
        config: the configuration.
        known: the sources of all streams, selected or not.
    """
    services = {source.service for source in known}
    queries = {source.name for source in known if source.is_baq}
    named = [(name, services) for name in as_list(config.get("service")) if name != BAQ_SERVICE and not is_many(name)]
    named += [(name, queries) for name in as_list(config.get("baqs")) if not is_pattern(name)]
    return [name for name, found in named if name not in found]


def _find(config: Mapping[str, Any], kinetic: Kinetic, company: str) -> Iterator[Found]:
    wanted = as_list(config.get("service"))
    services = find_services(kinetic, wanted, company)
    optional = passed_over(wanted)
    if config.get("descriptions"):
        from tap_epicor.streams.descriptions import Descriptions  # noqa: PLC0415 - of no use to most runs

        descriptions = Descriptions(kinetic, company)
        yield from describe_services(kinetic, services, company, descriptions.complete, optional)
        descriptions.tell()
    else:
        yield from describe_services(kinetic, services, company, optional=optional)
    queries = as_list(config.get("baqs")) or (("*",) if BAQ_SERVICE in wanted else ())
    yield from describe_baqs(kinetic, find_baqs(kinetic, queries, company), company)


def _check_names(config: Mapping[str, Any], known: Collection[str]) -> None:
    for name in config.get("streams") or {}:
        if not any(fnmatchcase(stream, name) for stream in known):
            logger.warning("`streams` has settings for %r, which is no stream%s", name, nearest(name, known) or ".")
