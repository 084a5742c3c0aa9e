"""The services that a sync would read: whether each is there, may be read, and how its changes are found."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Final

from tap_epicor.commands.doctor.check import Check, Examination, Seen, rows_in_words
from tap_epicor.commands.doctor.queries import query
from tap_epicor.kinetic.catalogue import describe_service, find_baqs, find_services
from tap_epicor.kinetic.dialect import BAQ_SERVICE
from tap_epicor.kinetic.errors import KineticError, NotFound, PassingError, SignInRefused, Unreachable
from tap_epicor.kinetic.expanding import Expanding
from tap_epicor.kinetic.plan import Part, parts
from tap_epicor.kinetic.probes import count, highest_to_track
from tap_epicor.kinetic.query import Query
from tap_epicor.kinetic.source import Rows
from tap_epicor.kinetic.starter import TABLES, left_out, passed_over, stand_ins
from tap_epicor.stream_settings import as_list, stream_settings
from tap_epicor.streams.definition import DefinitionError, from_catalog, stream_name
from tap_epicor.streams.kin import adapted_with_kin, check_kin, define_with_kin
from tap_epicor.streams.wanted import servers_own

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_epicor.kinetic.catalogue import Found
    from tap_epicor.streams.definition import Definition

MOST_SETS: Final = 2
"""Sets of a service that are looked at, unless more have a filter or child rows in the settings."""
_TRIES: Final = 2
"""Times that the newest row is looked for again, since another may be written meanwhile."""

_ENDS: Final = (SignInRefused, Unreachable, PassingError)
"""What will be no better at the next service."""


def sources(examination: Examination) -> Iterator[Check]:
    """Check the services and BAQs of the catalog, or, where there is none, of the settings."""
    if examination.entries is not None:
        yield from _of_catalog(examination)
        return
    wanted = as_list(examination.config.get("service"))
    queries = as_list(examination.config.get("baqs")) or (("*",) if BAQ_SERVICE in wanted else ())
    if not wanted and not queries:
        cure = "Find names with `tap-epicor services` and `tap-epicor baqs`, and give them in `service` and `baqs`."
        yield Check("services", "read the settings", "failed", "nothing is named that could be read", cure)
        return
    company = examination.companies[0]
    for name, names, find in (("services", wanted, find_services), ("BAQs", queries, find_baqs)):
        tried = f"find {', '.join(names)}"
        try:
            found = find(examination.kinetic, names, company)
        except KineticError as exc:
            yield examination.failure(name, tried, exc, stops=isinstance(exc, _ENDS))
            continue
        if not found and set(names) - {BAQ_SERVICE}:
            cure = f"Look at what there is with `tap-epicor {name.lower()}`; upper and lower case count."
            yield Check(name, tried, "failed", "nothing has such a name", cure)
        if optional := [one for one in found if name == "services" and one in passed_over(wanted)]:
            check, absent = _starter(examination, optional)
            yield check
            found = [one for one in found if one not in absent]
            if check.stops:
                continue
        for one in found[: examination.most]:
            yield service(examination, one) if name == "services" else query(examination, one)
        yield from _others(name, len(found), examination.most)


def service(examination: Examination, name: str, definitions: Sequence[Definition] | None = None) -> Check:
    """Check a service by a request for its description, and up to six for each of up to two of its sets.

    Args:
        examination: the examination.
        name: the service.
        definitions: the streams of a catalog that read it; None where there is no catalog.
    """
    tried = f"read {name}"
    try:
        found = examination.described.get(name)
        if found is None:
            found = describe_service(examination.kinetic, name, examination.companies[0])
        streams, changed = _streams(examination, found, definitions)
        looked_at = _most_telling(examination, streams)
        seen = [_look(examination, *stream, counts=not place) for place, stream in enumerate(looked_at)]
    except KineticError as exc:
        return examination.failure("service", tried, exc, stops=isinstance(exc, _ENDS))
    except DefinitionError as exc:
        return examination.failure("service", tried, exc)
    examination.seen += seen
    if not streams:
        told = "it has no set with a key, and none is selected unless a catalog says so"
        return Check("service", tried, "note", told, "Leave it out, or select its `List` in a catalog.")
    more = len(streams) - len(seen)
    words = [_in_words(one) for one in seen] + (
        [f"{more} more set{'' if more == 1 else 's'} not looked at"] if more else []
    )
    words += [f"columns changed since discovery: {', '.join(changed)}"] if changed else []
    whole = any(one.revisions for one in seen)
    cure = "Run --discover again." if changed else ""
    figures = {
        "sets": len(found),
        "left_alone": more,
        "looked_at": {
            one.found.source.name: {"rows": one.rows_counted, "revisions": _revisions(one), "way": _in_words(one)}
            for one in seen
        },
    }
    return Check("service", tried, "note" if whole or changed else "ok", "; ".join(words), cure, figures)


def _starter(examination: Examination, names: Sequence[str]) -> tuple[Check, set[str]]:
    """Return a check of the starter selection, by a request for each service, and those that nothing is read from."""
    tried, missing = "look for the tables of the starter selection", set()
    for name in names:
        try:
            examination.described[name] = describe_service(examination.kinetic, name, examination.companies[0])
        except NotFound:
            missing.add(name)
        except _ENDS as exc:
            return examination.failure("services", tried, exc, stops=True), set(names)
        except KineticError:
            pass  # told when the service is looked at
    tables = stand_ins(set(names) - missing)
    absent = [table.what for table in TABLES if table not in tables.values()]
    found = f"{len(tables)} of {len(TABLES)} are there" + (f", without {', '.join(absent)}" if absent else "")
    figures = {"tables": len(tables), "absent": absent}
    return Check("services", tried, "note" if absent else "ok", found, figures=figures), set(names) - {
        source.service for source in tables
    }


def _of_catalog(examination: Examination) -> Iterator[Check]:
    definitions: list[Definition] = []
    for entry in examination.entries or ():
        name = str(entry.get("tap_stream_id"))
        try:
            settings = stream_settings(examination.config, name)
            definitions.append(check_kin(from_catalog(entry, settings), settings))
        except DefinitionError as exc:
            yield examination.failure("catalog", f"read the stream {name}", exc)
    if not definitions:
        cure = 'Set `"selected": true` in the metadata of the streams that are wanted.'
        yield Check("catalog", "read the catalog", "failed", "no stream is selected in it", cure)
    services = sorted((one for one in definitions if not one.source.is_baq), key=lambda one: one.source.service)
    grouped = [(name, list(group)) for name, group in groupby(services, lambda one: one.source.service)]
    for name, group in grouped[: examination.most]:
        yield service(examination, name, group)
    yield from _others("services", len(grouped), examination.most)
    queries = [one for one in definitions if one.source.is_baq]
    for one in queries[: examination.most]:
        yield query(examination, one.source.name, one)
    yield from _others("BAQs", len(queries), examination.most)


def _streams(
    examination: Examination, found: Sequence[Found], definitions: Sequence[Definition] | None
) -> tuple[list[tuple[Definition, Found]], list[str]]:
    """Return the streams of a service with what the server says of them, and the names of those that changed.

    Raises:
        DefinitionError: if one can't be read as it is configured.
    """
    config = examination.config
    if definitions is None:
        has_company = bool(as_list(config.get("company")))
        defined = [
            (define_with_kin(one, stream_settings(config, stream_name(one.source)), has_company=has_company), one)
            for one in found
        ]
        known = {one.source for those in (*examination.described.values(), found) for one in those}
        unchosen = set(left_out(known, as_list(config.get("service"))))
        return [one for one in defined if one[0].selected and one[1].source not in unchosen], []
    today = {one.source: one for one in found}
    if gone := [one.name for one in definitions if one.source not in today]:
        raise DefinitionError(f"{', '.join(gone)}: the service has no such set any more: run --discover again.")
    streams = [
        (adapted_with_kin(one, today[one.source], stream_settings(config, one.name)), today[one.source])
        for one in definitions
    ]
    if unfit := [one.unfit for one, _ in streams if one.unfit]:
        raise DefinitionError(" ".join(unfit))
    return streams, [one.name for one, _ in streams if one.drift]


def _most_telling(
    examination: Examination, streams: Sequence[tuple[Definition, Found]]
) -> list[tuple[Definition, Found]]:
    """Return the streams to look at: the first ones, and all with settings that only the server can judge."""
    own = [
        one for one in streams[MOST_SETS:] if one[0].children or stream_settings(examination.config, one[0].name).filter
    ]
    return [*streams[:MOST_SETS], *own]


def _look(examination: Examination, definition: Definition, found: Found, *, counts: bool) -> Seen:
    """Look at a set.

    Raises:
        KineticError: if its rows can't be read.
    """
    settings = stream_settings(examination.config, definition.name)
    company = examination.companies[0]
    key = servers_own(definition, definition.key)
    rows = Rows(examination.kinetic, found.source, company, settings.filter, select=key)
    cursor = definition.replication_key
    if settings.filter or not cursor:
        rows.fetch(Query(rows.filter, top=1, select=key))
    if definition.children:
        expanded = replace(rows, expand=[child.name for child in definition.children])
        Expanding(expanded, parts(key, definition.types), definition.children, int(examination.config["page_size"]))
    why = highest_to_track(rows, Part(cursor, definition.types[cursor]), _TRIES)[1] if cursor else None
    return Seen(rows, found, count(rows, top=2) if counts else None, (why or "") if cursor else None, cursor)


def _in_words(seen: Seen) -> str:
    rows = f"{rows_in_words(seen.rows_counted)}, " if seen.rows_counted is not None else ""
    name = seen.found.source.name
    if seen.revisions is None:
        return f"{name}: {rows}read whole each time, since nothing tells what changed"
    if seen.revisions:
        return f"{name}: {rows}read whole each time, since {seen.revisions}"
    return f"{name}: {rows}changes by {seen.cursor}"


def _revisions(seen: Seen) -> str | None:
    return None if seen.revisions is None else "not to be filtered by" if seen.revisions else "filtered by"


def _others(name: str, found: int, most: int) -> Iterator[Check]:
    if found > most:
        told = f"{found - most} more were not asked for, to spare the server"
        yield Check(name, "look at the others", "skipped", told, "Raise --most to look at more.")
