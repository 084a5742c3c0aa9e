"""Settings from `TAP_EPICOR_…` variables and the `.env` file of the working folder."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

from dotenv import find_dotenv
from singer_sdk.configuration._dict_config import parse_environment_config

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX: Final = "TAP_EPICOR_"


def settings_in_environment(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that environment variables and `.env` hold.

    Args:
        schema: JSON schema of all settings. What may be text stays text: a company may consist of digits.
    """
    adapted = copy.deepcopy(dict(schema))
    for value in adapted["properties"].values():
        if "string" in value["type"]:
            value["type"] = "string"
    return parse_environment_config(adapted, PREFIX, find_dotenv(usecwd=True) or None)
