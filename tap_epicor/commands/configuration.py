"""The `--config` option of commands that sign in, and what is wrong with a configuration."""

from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from singer_sdk.exceptions import ConfigValidationError

from tap_epicor.checks import misfit, problems, sign_in_problems, tidy
from tap_epicor.environment import settings_in_environment
from tap_epicor.settings import CONFIG_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable


def config_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the option `--config`, and the configuration as its argument `config`."""
    option = click.option(
        "--config",
        multiple=True,
        metavar="FILE",
        callback=_read,
        help="Configuration file; ENV: TAP_EPICOR_… variables and the .env file of the working folder. These hold "
        "where no file is named.",
    )
    return option(command)


def checked(config: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration for signing in through an app registration.

    Args:
        config: the configuration.

    Raises:
        ConfigValidationError: if it is not right for that.
    """
    errors = sign_in_problems(config)
    if config.get("auth_scheme") != "AzureADOpenID":
        errors.append("`auth_scheme` is not AzureADOpenID: the others need no user's consent.")
    if errors:
        raise ConfigValidationError("The configuration is not right", errors=errors, schema={})
    return config


def faults(config: dict[str, Any]) -> list[str]:
    """Return what is wrong with a configuration, a sentence each, as the tap itself says it.

    Args:
        config: the configuration.
    """
    from singer_sdk.plugin_base import JSONSchemaValidator  # noqa: PLC0415 - heavy

    errors = JSONSchemaValidator(_schema()).iter_errors(config)
    misfits = [misfit(error) for error in errors if error.validator != "required" or error.path]
    return misfits or problems(config, _schema()["properties"])


def connectable(config: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration that a client can be made of, whatever it says of what is to be read.

    Args:
        config: the configuration.

    Raises:
        ConfigValidationError: if it is not right for that.
    """
    if errors := faults({**config, "service": config.get("service") or "*"}):
        raise ConfigValidationError("The configuration is not right", errors=errors, schema={})
    return config


def completed(given: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration with the defaults of what it does not say, and tidied up as the tap does it.

    Args:
        given: the configuration as it was given.
    """
    defaults = {name: schema["default"] for name, schema in CONFIG_SCHEMA["properties"].items() if "default" in schema}
    return {**defaults, **tidy(given)}


def in_environment() -> dict[str, Any]:
    """Return the settings in `TAP_EPICOR_…` variables and in the `.env` file of the working folder.

    Raises:
        ConfigValidationError: if one can't be what it says.
    """
    return settings_in_environment(_schema())


@cache
def _schema() -> dict[str, Any]:
    """Return the schema of all settings, those of every Singer tap included."""
    from tap_epicor.tap import EpicorTap  # noqa: PLC0415 - heavy

    schema = copy.deepcopy(CONFIG_SCHEMA)
    EpicorTap.append_builtin_config(schema)
    return schema


def _read(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for name in value:
        if name == "ENV":
            continue
        try:
            given.update(dict(json.loads(Path(name).read_text(encoding="utf-8"))))
        except (OSError, ValueError, TypeError) as exc:
            raise click.BadParameter(f"{name} can't be read: {exc}", context, parameter) from exc
    return completed(given | (in_environment() if not value or "ENV" in value else {}))
