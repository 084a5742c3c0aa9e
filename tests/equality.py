"""Whether a copy equals the sandbox's own database, row by row and column by column."""

from __future__ import annotations

import base64
import datetime as dt
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tap_epicor.sandbox import truth

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

COMPANIES = ("EPIC06", "EPIC07")


def canonical(value: Any, edm_type: str, zone: dt.tzinfo = dt.UTC) -> Any:
    """Return a value in a form in which JSON's, PostgreSQL's and the sandbox's can be compared.

    Args:
        value: the value.
        edm_type: the column's type; a date may come as midnight, since OData 3 has no dates.
        zone: what a moment without a zone is in.
    """
    if value is None:
        return None
    if edm_type == "Edm.Date":
        return str(value)[:10]
    if edm_type == "Edm.DateTimeOffset":
        moment = dt.datetime.fromisoformat(value) if isinstance(value, str) else value
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(dt.UTC)
    if edm_type == "Edm.Guid":
        return uuid.UUID(str(value))
    if edm_type == "Edm.Binary":
        return base64.b64decode(value) if isinstance(value, str) else bytes(value)
    if edm_type in {"Edm.Decimal", "Edm.Double"}:
        return Decimal(repr(value)) if isinstance(value, float) else Decimal(str(value))
    return value


def stream_of(service: str, entity_set: str) -> str:
    """Return the name that the design gives to a set's stream."""
    module, *_, name = service.split(".")
    return f"{module}_{name.removesuffix('Svc')}_{entity_set}".lower()


def keyed_sets() -> list[tuple[str, str, tuple[str, ...]]]:
    """Return the sets that have a key: service, set, key."""
    return [(service, name, tuple(key)) for service, name, key in truth.entity_sets() if key]


def differences(
    database: str,
    copies: Mapping[str, Iterable[Mapping[str, Any]]],
    companies: Sequence[str] = COMPANIES,
    zone: dt.tzinfo = dt.UTC,
) -> list[str]:
    """Return what is missing, too much, or different in copies of sets.

    Args:
        database: the sandbox's database file.
        copies: rows by stream; later rows replace earlier ones with the same key.
        companies: the companies that were copied.
        zone: what a moment without a zone is in.
    """
    found: list[str] = []
    for service, name, key in keyed_sets():
        stream = stream_of(service, name)
        if stream not in copies:
            continue
        types = truth.columns(service, name)
        copy = {_key(row, key, types, zone): row for row in copies[stream]}
        for company in companies:
            for row in truth.rows(database, service, name, company):
                found += _compare(stream, row, copy.pop(_key(row, key, types), None), types, zone)
        found += [f"{stream}: {gone} is not in the database" for gone in copy]
    return found


def _key(
    row: Mapping[str, Any],
    key: Sequence[str],
    types: Mapping[str, str],
    zone: dt.tzinfo = dt.UTC,
) -> tuple[Any, ...]:
    return tuple(canonical(row[column], types[column], zone) for column in key)


def _compare(
    stream: str,
    row: Mapping[str, Any],
    copy: Mapping[str, Any] | None,
    types: Mapping[str, str],
    zone: dt.tzinfo,
) -> list[str]:
    if copy is None:
        return [f"{stream}: {dict(list(row.items())[:4])} is missing"]
    return [
        f"{stream}.{column}: {copy.get(column)!r} instead of {value!r}"
        for column, value in row.items()
        if column not in copy or canonical(copy[column], types[column], zone) != canonical(value, types[column])
    ]
