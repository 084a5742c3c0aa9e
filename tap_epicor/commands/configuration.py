"""The `--config` option of commands that sign in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from singer_sdk.exceptions import ConfigValidationError

from tap_epicor.checks import sign_in_problems, tidy
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
        help="Configuration file; without it, TAP_EPICOR_… variables and the .env file of the working folder hold.",
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


def _read(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> dict[str, Any]:
    given: dict[str, Any] = {} if value else settings_in_environment(CONFIG_SCHEMA)
    for name in value:
        try:
            given.update(dict(json.loads(Path(name).read_text(encoding="utf-8"))))
        except (OSError, ValueError, TypeError) as exc:
            raise click.BadParameter(f"{name} can't be read: {exc}", context, parameter) from exc
    defaults = {name: schema["default"] for name, schema in CONFIG_SCHEMA["properties"].items() if "default" in schema}
    return {**defaults, **tidy(given)}
