"""What can't be known of a Kinetic server from outside, measured on this one; each with one request or two."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from tap_epicor.commands.doctor.check import Check, Examination, rows_in_words
from tap_epicor.kinetic.errors import KineticError
from tap_epicor.kinetic.found import rows_of
from tap_epicor.kinetic.limits import forms_of, rows_with_top, rows_without_top
from tap_epicor.kinetic.load import SLOWER
from tap_epicor.kinetic.query import Query
from tap_epicor.kinetic.source import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_epicor.commands.doctor.check import Seen

_LARGEST: Final = 5000
"""Rows asked for to find the server's limit: the most that public clients ask for."""
_TIME_OUT: Final = 30.0
"""Seconds that Kinetic lets a query run by default."""
_WHOLE: Final = (
    "They are copied whole in each run. Kinetic is known to filter child sets by their parent's columns; often a "
    "search service or a BAQ shows the same rows: docs/reading.md."
)
_MOST_COMPANIES: Final = 20


def measures(examination: Examination) -> Iterator[Check]:
    """Measure limits and times on the set that has the most rows of those that were counted."""
    seen = max(examination.seen, key=lambda one: one.rows_counted or 0, default=None)
    if seen is None:
        yield Check("limits", "measure on a set", "skipped", "no set could be read")
        return
    yield from _companies(examination, seen)
    yield _without_top(examination, seen)
    yield _largest_top(examination, seen)
    yield from _page(examination, seen)


def revisions(examination: Examination) -> Iterator[Check]:
    """Sum up what filters by SysRevID do here."""
    asked = [one for one in examination.seen if one.revisions is not None]
    if not asked:
        return
    works = [one for one in asked if not one.revisions]
    whole = [str(one.found.source) for one in asked if one.revisions]
    tried = "look for the newest row by its SysRevID"
    figures = {"works": [str(one.found.source) for one in works], "does_not": whole}
    if not whole:
        yield Check("SysRevID", tried, "ok", f"found, on {_sets(len(asked))}: changes can be read", figures=figures)
        return
    found = f"found on {len(works)} of {_sets(len(asked))}; not on {', '.join(whole)}"
    yield Check("SysRevID", tried, "note", found, _WHOLE, figures)


def licence(examination: Examination, quickest: float | None) -> Check:
    """Tell what can be seen of licences: how long the quickest answer took.

    Args:
        examination: the examination.
        quickest: seconds that it took; None where there was none.
    """
    kind = examination.config.get("license_type")
    tried = f"use a licence of the kind {kind}" if kind else "let the server choose the licence"
    if quickest is None:
        return Check("licence", tried, "skipped", "no answer tells")
    figures = {"quickest_seconds": round(quickest, 3)}
    found = f"none was refused; the quickest answer took {quickest:.2f} s"
    if quickest < SLOWER:
        return Check("licence", tried, "ok", found, figures=figures)
    cure = "Shared licences add some 20 s to every answer: free others, or choose another kind with `license_type`."
    return Check("licence", tried, "note", found, cure, figures)


def _companies(examination: Examination, seen: Seen) -> Iterator[Check]:
    """Check that each company's own rows come; the first one has been asked already, but for whose they are."""
    column = "Company" if "Company" in seen.found.type.columns else None
    for company in examination.companies[:_MOST_COMPANIES]:
        tried = f"read a row of {seen.found.source.name} in {company or 'the own company'}"
        rows = Rows(examination.kinetic, seen.found.source, company)
        try:
            found = rows.fetch(Query(top=1, select=[column] if column else seen.rows.select))
        except KineticError as exc:
            yield examination.failure("company", tried, exc)
            continue
        if company and found and column and str(found[0].get(column)).strip().lower() != company.lower():
            cure = "The server does not work in the company it is told to: check that the user may, in User Account."
            yield Check("company", tried, "failed", "another company's row came", cure)
        else:
            yield Check("company", tried, "ok", "it came" if found else "there is none")
    if len(examination.companies) > _MOST_COMPANIES:
        told = f"{len(examination.companies) - _MOST_COMPANIES} more were not asked for, to spare the server"
        yield Check("company", "look at the others", "skipped", told)


def _without_top(examination: Examination, seen: Seen) -> Check:
    tried = f"read {seen.found.source} without $top"
    try:
        came = rows_without_top(seen.rows)
    except KineticError as exc:
        return _noted(examination, "row cap", tried, exc)
    figures = {"rows": came, "counted": seen.rows_counted}
    if seen.rows_counted is None or came < seen.rows_counted:
        return Check("row cap", tried, "ok", f"{rows_in_words(came)} came; the tap always sends $top", figures=figures)
    return Check(
        "row cap", tried, "ok", f"all {rows_in_words(came)} came: the set is too small to tell", figures=figures
    )


def _largest_top(examination: Examination, seen: Seen) -> Check:
    size = int(examination.config["page_size"])
    asked = max(_LARGEST, size)
    tried = f"read {asked:,} rows of {seen.found.source} at once, keys alone"
    try:
        came = rows_with_top(seen.rows, asked)
    except KineticError as exc:
        return _noted(examination, "largest $top", tried, exc)
    figures = {"asked": asked, "rows": came, "counted": seen.rows_counted}
    if came >= asked:
        return Check(
            "largest $top", tried, "ok", "all came: the server's limit, if it has one, is higher", figures=figures
        )
    if seen.rows_counted is None or came >= seen.rows_counted:
        found = f"{rows_in_words(came)} came, which may be all: the set is too small to tell"
        return Check("largest $top", tried, "ok", found, figures=figures)
    found = f"{rows_in_words(came)} came: the server gives no more at a time"
    if came >= size:
        return Check("largest $top", tried, "ok", found, figures=figures)
    return Check("largest $top", tried, "note", found, f"Set `page_size` to {came}.", figures)


def _page(examination: Examination, seen: Seen) -> Iterator[Check]:
    """Read a page as a sync does, and tell its time, the form of its values, and what it leads to next."""
    size = int(examination.config["page_size"])
    tried = f"read a page of {seen.found.source}: {size:,} rows, all columns"
    rows = Rows(examination.kinetic, seen.found.source, seen.rows.company, seen.rows.filter)
    started = time.monotonic()
    try:
        answer = rows.ask(Query(rows.filter, orderby=seen.rows.select, top=size), patient=False)
        found = rows_of(answer, rows.path)
    except KineticError as exc:
        yield _noted(examination, "page", tried, exc)
        return
    yield _time(seen, tried, len(found), time.monotonic() - started)
    yield _forms(examination, seen, answer, found)


def _time(seen: Seen, tried: str, came: int, seconds: float) -> Check:
    columns = len(seen.found.type.columns)
    rate = came / seconds if seconds else 0.0
    words = f"{rows_in_words(came)} of {columns} columns in {seconds:.1f} s, {rate:,.0f} rows/s"
    figures: dict[str, Any] = {"rows": came, "columns": columns, "seconds": round(seconds, 3)}
    if seen.rows_counted and rate and came < seen.rows_counted:
        words += f": all {seen.rows_counted:,} take about {_duration(seen.rows_counted / rate)}"
    if seconds < _TIME_OUT / 2:
        return Check("page", tried, "ok", words, figures=figures)
    cure = f"Kinetic ends queries after {_TIME_OUT:g} s by default: lower `page_size`, and leave out wide columns."
    return Check("page", tried, "note", words, cure, figures)


def _forms(examination: Examination, seen: Seen, answer: dict[str, Any], found: list[dict[str, Any]]) -> Check:
    forms = forms_of(found, seen.found.type)
    link = bool(answer.get(examination.kinetic.dialect.next_link))
    figures = {"int64": forms.int64, "decimals": forms.decimals, "zones": forms.zones, "next_link": link}
    words = [
        f"{what} {how}"
        for what, how in (
            ("64-bit numbers as", forms.int64),
            ("decimals as", forms.decimals),
            ("zones of times:", forms.zones),
        )
        if how
    ]
    words.append("a next link" if link else "no next link")
    return Check("values", "look at how they are written", "ok", "; ".join(words), figures=figures)


def _noted(examination: Examination, name: str, tried: str, exc: KineticError) -> Check:
    """Return what failed, where a sync finds a way round: it asks for fewer rows."""
    check = examination.failure(name, tried, exc)
    check.outcome = "note"
    return check


def _duration(seconds: float) -> str:
    minutes = seconds / 60
    return f"{seconds:.0f} s" if minutes < 2 else f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.0f} h"  # noqa: PLR2004


def _sets(number: int) -> str:
    return "1 set" if number == 1 else f"{number} sets"
