"""Child rows: what discovery makes of `expand` and `through`, and whether a catalog still fits them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tap_epicor.checks import nearest
from tap_epicor.kinetic.expanding import Kin
from tap_epicor.kinetic.metadata import Column
from tap_epicor.kinetic.plan import CURSORS, REVISION
from tap_epicor.streams.backfill import typed
from tap_epicor.streams.definition import Definition, DefinitionError, define, stream_name
from tap_epicor.streams.drift import adapted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_epicor.kinetic.catalogue import Found
    from tap_epicor.kinetic.metadata import EntityType
    from tap_epicor.stream_settings import StreamSettings


def define_with_kin(
    found: Found, settings: StreamSettings, *, has_company: bool, name: str | None = None
) -> Definition:
    """Return the stream of an entity set or BAQ, with its child rows, or read through its parents.

    Args:
        found: the source and the type of its rows.
        settings: what the configuration says of the stream.
        has_company: whether the configuration names companies.
        name: the stream's name; that of its source where left out.

    Raises:
        DefinitionError: if the settings do not fit it.
    """
    name = name or stream_name(found.source)
    found, children, parent = _with_kin(found, settings, name)
    if settings.select:
        settings = replace(settings, select=(*settings.select, *settings.expand))
    definition = define(found, settings, has_company=has_company, name=name)
    if children and not definition.key:
        raise DefinitionError(f"{name}: `expand` without a key: child rows are told apart by their parent's.")
    if parent and definition.replication_key != REVISION:
        raise DefinitionError(
            f"{name}: `through` wants {REVISION} as `replication_key`: changes are tracked by that of the parents."
        )
    return replace(typed(definition, found, settings.backfill), children=children, parent=parent)


def adapted_with_kin(definition: Definition, found: Found, settings: StreamSettings) -> Definition:
    """Return a stream as it must be read and loaded today, with its kin.

    Args:
        definition: the stream as the catalog has it.
        found: what the server says of its set today.
        settings: what the configuration says of the stream.
    """
    try:
        found, children, parent = _with_kin(found, settings, definition.name)
    except DefinitionError as exc:
        return replace(definition, unfit=f"{exc} Run --discover again.")
    definition = typed(adapted(definition, found), found, settings.backfill)
    return replace(definition, children=children, parent=parent)


def check_kin(definition: Definition, settings: StreamSettings) -> Definition:
    """Return a stream of the catalog, if it was made with the settings' `expand` and `through`.

    Args:
        definition: the stream.
        settings: what the configuration says of it.

    Raises:
        DefinitionError: if it was not.
    """
    made_with = tuple(child.name for child in definition.children), definition.parent and definition.parent.entity_set
    for setting, before, now in zip(("expand", "through"), made_with, (settings.expand, settings.through), strict=True):
        if before != now:
            raise DefinitionError(
                f"{definition.name}: the catalog was made with another `{setting}` than the settings': run --discover "
                "again."
            )
    return definition


def _with_kin(found: Found, settings: StreamSettings, name: str) -> tuple[Found, tuple[Kin, ...], Kin | None]:
    """Return a set with the columns that its kin add, its children and its parent.

    Raises:
        DefinitionError: if there is no such kin.
    """
    if not (settings.expand or settings.through):
        return found, (), None
    if found.source.is_baq:
        raise DefinitionError(f"{name}: `expand` and `through` are for entity sets: a BAQ has no child rows.")
    if settings.expand and settings.through:
        raise DefinitionError(f"{name}: `expand` and `through` can't be had together.")
    if settings.through:
        return _with_parent(found, settings, name)
    columns = dict(found.type.columns)
    children = []
    for navigation in settings.expand:
        entity_set = _target(found.type, navigation, found, name)
        child = found.service[entity_set]
        if navigation in columns:
            raise DefinitionError(f"{name}: `expand`: {navigation} is a column of its own.")
        columns[navigation] = Column(navigation, "Complex", collection=True, columns=tuple(child.columns.values()))
        children.append(_kin(navigation, entity_set, child, _link(found.type, child)))
    return replace(found, type=replace(found.type, columns=columns)), tuple(children), None


def _with_parent(found: Found, settings: StreamSettings, name: str) -> tuple[Found, tuple[Kin, ...], Kin]:
    if settings.filter:
        raise DefinitionError(
            f"{name}: `filter` and `through` can't be had together: the server applies the filter to the parents."
        )
    parent = found.service.get(settings.through or "")
    if parent is None or settings.through == found.source.name:
        raise DefinitionError(
            f"{name}: `through` names a set that its service does not have: {settings.through!r}"
            f"{nearest(str(settings.through), found.service) or '.'}"
        )
    leading = [one for one in parent.navigation if _leads_to(parent, one, found) == found.source.name]
    if parent.navigation and not leading:
        raise DefinitionError(f"{name}: `through`: the rows of {settings.through} have no child rows of this set.")
    if not parent.key or REVISION not in parent.columns:
        raise DefinitionError(f"{name}: `through`: {settings.through} has no key or no {REVISION}.")
    link = _link(parent, found.type)
    columns = dict(found.type.columns)
    for column in (parent.columns[one] for one in parent.key if one not in link):
        added = link[column.name] = f"{settings.through}_{column.name}"
        columns[added] = replace(column, name=added)
    kin = _kin((leading or [found.source.name])[0], str(settings.through), parent, link)
    return replace(found, type=replace(found.type, columns=columns)), (), kin


def _kin(navigation: str, entity_set: str, type_: EntityType, link: dict[str, str]) -> Kin:
    types = {column: type_.columns[column].type for column in type_.key}
    if REVISION in type_.columns and type_.columns[REVISION].type in CURSORS:
        types[REVISION] = type_.columns[REVISION].type
    return Kin(navigation, entity_set, type_.key, types, link)


def _target(parent: EntityType, navigation: str, found: Found, name: str) -> str:
    """Return the set that a navigation property leads to.

    Raises:
        DefinitionError: if there is none.
    """
    known = parent.navigation or found.service
    target = _leads_to(parent, navigation, found) if navigation in known else None
    if target is None or target == found.source.name:
        others = [one for one in known if one != found.source.name and _leads_to(parent, one, found)]
        hint = nearest(navigation, others) or f"; there are {', '.join(others) or 'none'}."
        raise DefinitionError(f"{name}: `expand` names child rows that there are not: {navigation!r}{hint}")
    if not found.service[target].key:
        raise DefinitionError(f"{name}: `expand`: the rows of {target} have no key.")
    return target


def _leads_to(parent: EntityType, navigation: str, found: Found) -> str | None:
    """Return the set of a navigation property: that of its name, or of its type."""
    type_name = parent.navigation.get(navigation, "").rpartition(".")[2]
    fitting = [one for one, type_ in found.service.items() if type_.name.rpartition(".")[2] == type_name]
    if navigation in found.service and (not type_name or navigation in fitting):
        return navigation
    return fitting[0] if fitting else None


def _link(parent: EntityType, child: EntityType) -> dict[str, str]:
    """Return the columns of a parent's key that its children have, too: in other letters, or without the 1 at its end.

    Epicor spells `PONum` and `PONUM`, and a key that is named like its type ends in a 1 (`Company1`).
    """
    spelled: Mapping[str, str] = {name.lower(): name for name in child.columns}
    found = {name: spelled.get(name.lower()) or spelled.get(name.lower().removesuffix("1")) for name in parent.key}
    return {name: other for name, other in found.items() if other}
