"""The `tap-epicor` command: the Singer options, and commands for people."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import click
from singer_sdk.exceptions import ConfigValidationError

from tap_epicor.auth.certificates import CertificateError
from tap_epicor.auth.vault import VaultError
from tap_epicor.commands.from_cdata import from_cdata
from tap_epicor.commands.oauth import login, oauth
from tap_epicor.commands.sandbox import sandbox
from tap_epicor.kinetic.errors import KineticError
from tap_epicor.streams.bookmark import BookmarkError
from tap_epicor.streams.definition import DefinitionError
from tap_epicor.streams.values import ValueMismatch
from tap_epicor.tap import EpicorTap

EXPLAINED = (KineticError, DefinitionError, BookmarkError, ValueMismatch, VaultError, CertificateError)
"""Exceptions whose message says all that a user needs."""


def make_command() -> click.Group:
    """Return the command with its options and subcommands."""
    singer = EpicorTap.cli

    @click.pass_context
    def run(context: click.Context, /, **options: Any) -> Any:  # noqa: ANN401
        if context.invoked_subcommand is None:
            return context.invoke(singer.callback, **options)  # type: ignore[arg-type]
        return None

    group = click.Group(
        EpicorTap.name,
        help="Copy Epicor Kinetic into a warehouse, as a Singer tap.\n\n"
        "Example: tap-epicor --config config.json --discover > catalog.json",
        params=singer.params,
        callback=run,
        invoke_without_command=True,
    )
    for command in (from_cdata, login, oauth, sandbox):
        group.add_command(command)
    return group


def main() -> None:
    """Run the command; what a user can mend ends with a sentence, not with a traceback."""
    logger = logging.getLogger(EpicorTap.name)
    try:
        make_command()()
    except ConfigValidationError as exc:
        for error in exc.errors:
            logger.error("%s", error)  # noqa: TRY400
        logger.error("The configuration is not right: %d to mend.", len(exc.errors))  # noqa: TRY400
        sys.exit(1)
    except json.JSONDecodeError as exc:
        logger.error("The file of `--catalog` or `--state` is not JSON: %s", exc)  # noqa: TRY400
        sys.exit(1)
    except EXPLAINED as exc:
        logger.error("%s", exc)  # noqa: TRY400
        sys.exit(1)
