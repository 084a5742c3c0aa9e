"""An upgrade between two visits: one set whose columns or key are no longer what they were."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from tap_epicor.sandbox import model
from tap_epicor.sandbox.model import Column

if TYPE_CHECKING:
    from tap_epicor.sandbox.model import EntitySet, Model

SERVICE, SET = "Erp.BO.PartSvc", "Parts"
ADDED = Column("Finish_c", "String", 50, stored="SearchWord")
GONE = "MfgComment"
RETYPED = Column("InActive", "Int32")
LONGER_KEY = ("Company", "PartNum", "SysRowID")


@cache
def load(drift: str) -> Model:
    """The model as it is after a drift, in metadata and rows.

    Args:
        drift: As the switch of that name has it.
    """
    drifted = copy(model.load())
    drifted.services = dict(drifted.services)
    drifted.services[SERVICE] = dict(drifted.services[SERVICE])
    drifted.services[SERVICE][SET] = _drifted(drifted.services[SERVICE][SET], drift)
    return drifted


def _drifted(entity_set: EntitySet, drift: str) -> EntitySet:
    columns = dict(entity_set.columns)
    key = entity_set.key
    if drift == "column-added":
        columns[ADDED.name] = ADDED
    elif drift == "column-gone":
        del columns[GONE]
    elif drift == "column-retyped":
        columns[RETYPED.name] = RETYPED
    elif drift == "key-changed":
        key = LONGER_KEY
    return replace(entity_set, columns=columns, key=key)
