"""Settings from `TAP_EPICOR_…` variables and the `.env` file of the working folder."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dotenv import dotenv_values
from singer_sdk.exceptions import ConfigValidationError

from tap_epicor.checks import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger(__name__)

PREFIX: Final = "TAP_EPICOR_"

_OTHERS: Final = ("_", "LOGLEVEL")
"""What follows the prefix in variables that are no settings: Meltano's own, and the SDK's."""
_TRUE: Final = ("true", "1", "yes", "on")
_FALSE: Final = ("false", "0", "no", "off")


def settings_in_environment(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that environment variables hold, and `.env` where there is no such variable.

    Args:
        schema: JSON schema of all settings. What may be text stays text: a company may consist of digits.

    Raises:
        ConfigValidationError: if a variable holds what its setting can't be, or `.env` can't be read.
    """
    settings: dict[str, Any] = {}
    errors: list[str] = []
    known = {PREFIX + name.upper().replace("-", "_"): name for name in schema["properties"]}
    for variable, text in _variables().items():
        if variable not in known:
            hint = nearest(variable, known) or ": remove it."
            logger.warning("The environment holds %s, which is no setting%s", variable, hint)
        elif text.strip():
            name = known[variable]
            try:
                settings[name] = _value(text, schema["properties"][name]["type"])
            except ValueError as exc:
                errors.append(f"{variable} (`{name}`) {exc}.")
    if errors:
        raise ConfigValidationError("The configuration is not right", errors=errors, schema={})
    return settings


def _variables() -> dict[str, str]:
    """Return the variables of this tap; those of the environment go before those of the file."""
    path = Path(".env")
    try:
        in_file = dotenv_values(path, encoding="utf-8-sig") if path.is_file() else {}
    except (OSError, ValueError) as exc:
        error = f"The file .env of the working folder can't be read: {type(exc).__name__}. Write it in UTF-8."
        raise ConfigValidationError("The configuration is not right", errors=[error], schema={}) from exc
    found = {name: text for name, text in {**in_file, **os.environ}.items() if text is not None}
    return {
        name: text
        for name, text in found.items()
        if name.startswith(PREFIX) and not name.removeprefix(PREFIX).startswith(_OTHERS)
    }


def _value(text: str, types: str | list[str]) -> Any:  # noqa: ANN401
    """Return what a text stands for; the message of a ValueError says what it should be, without the text."""
    if "string" in types:
        return text
    text = text.strip()
    if "integer" in types:
        return _number(text, int, "a whole number, such as 500")
    if "number" in types:
        return _number(text, float, "a number, such as 2.5")
    if "boolean" in types:
        if text.lower() not in (*_TRUE, *_FALSE):
            raise ValueError("is neither true nor false: write one of these")
        return text.lower() in _TRUE
    try:
        return json.loads(text)
    except ValueError as exc:
        raise ValueError(f"is not JSON ({exc}): write it as the configuration file would hold it") from None


def _number(text: str, kind: type[int | float], wanted: str) -> float:
    try:
        return kind(text)
    except ValueError:
        raise ValueError(f"is not {wanted}") from None
