"""The BAQs that a sync would read: whether each is there, runs, and can be read page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_epicor.commands.doctor.check import Check, Examination
from tap_epicor.kinetic.catalogue import describe_baq
from tap_epicor.kinetic.errors import BadRequest, KineticError, PassingError, SignInRefused, Unreachable
from tap_epicor.kinetic.limits import honours_skip
from tap_epicor.kinetic.query import Query
from tap_epicor.kinetic.source import Rows
from tap_epicor.stream_settings import as_list, stream_settings
from tap_epicor.streams.definition import DefinitionError, available_columns, define, stream_name
from tap_epicor.streams.drift import adapted
from tap_epicor.streams.parameters import check_parameters

if TYPE_CHECKING:
    from tap_epicor.streams.definition import Definition


def query(examination: Examination, name: str, definition: Definition | None = None) -> Check:
    """Check a BAQ by two requests for its description and one or two for rows: each of those runs it.

    Args:
        examination: the examination.
        name: its id.
        definition: the stream of a catalog that reads it; None where there is no catalog.
    """
    tried = f"run {name}"
    config, company = examination.config, examination.companies[0]
    try:
        found = describe_baq(examination.kinetic, name, company)
        stream = definition.name if definition else stream_name(found.source)
        settings = stream_settings(config, stream)
        today = (
            adapted(definition, found)
            if definition
            else define(found, settings, has_company=bool(as_list(config.get("company"))))
        )
        if today.unfit:
            return Check("BAQ", tried, "failed", today.unfit)
        check_parameters(today, settings)
        rows = Rows(examination.kinetic, found.source, company, settings.filter, settings.parameters)
        first = rows.fetch(Query(rows.filter, top=2))
        if not today.key and examination.skips is None:
            examination.skips = honours_skip(rows, first)
    except KineticError as exc:
        cure = _cure(exc, name)
        ends = isinstance(exc, SignInRefused | Unreachable | PassingError)
        return examination.failure("BAQ", tried, exc, cure=cure, stops=ends)
    except DefinitionError as exc:
        return examination.failure("BAQ", tried, exc)
    columns = len(available_columns(found))
    words = [f"{columns} columns, {'rows came' if first else 'no rows'}"]
    if found.parameters is None:
        words.append("its parameters can't be read")
    figures = {"columns": columns, "skip": examination.skips, "parameters_told": found.parameters is not None}
    if today.key:
        return Check("BAQ", tried, "ok", "; ".join([*words, f"read by {', '.join(today.key)}"]), figures=figures)
    if examination.skips is False:
        words.append("it has no `key`, and the server ignores $skip on BAQs, so that one page is all that can be read")
        cure = f"Name the columns that tell its rows apart in `streams`, `{stream}`, `key`."
        return Check("BAQ", tried, "failed", "; ".join(words), cure, figures)
    words.append("no `key`: read whole, by $skip")
    cure = f"A `key` in `streams`, `{stream}`, lets loaders replace its rows instead of adding them each time."
    return Check("BAQ", tried, "note", "; ".join(words), cure, figures)


def _cure(exc: KineticError, name: str) -> str:
    if isinstance(exc, BadRequest) and "mandatory" in exc.message:
        return f'Give it in `streams`: {{"baq_{name}": {{"parameters": {{"NAME": "VALUE"}}}}}}.'
    if isinstance(exc, BadRequest) and not exc.cure:
        return "Run it in Kinetic's BAQ Designer; what is wrong with it is told there. Or leave it out of `baqs`."
    return ""
