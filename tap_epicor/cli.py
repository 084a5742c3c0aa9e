"""The `tap-epicor` command: the Singer options, and commands for people."""

from __future__ import annotations

import atexit
import errno
import gc
import logging
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import click
from singer_sdk.exceptions import ConfigValidationError, MappingError

from tap_epicor.auth.certificates import CertificateError
from tap_epicor.auth.vault import VaultError
from tap_epicor.commands.baqs import baqs
from tap_epicor.commands.comments import comments
from tap_epicor.commands.doctor import doctor
from tap_epicor.commands.from_cdata import from_cdata
from tap_epicor.commands.init import init
from tap_epicor.commands.oauth import login, oauth
from tap_epicor.commands.plan import merge_states, plan
from tap_epicor.commands.sandbox import sandbox
from tap_epicor.commands.services import services
from tap_epicor.inputs import InputError
from tap_epicor.streams.failures import FAILURES
from tap_epicor.streams.reckoning import RunIncomplete, RunStopped
from tap_epicor.streams.shards import ShardError
from tap_epicor.streams.summary import SummaryNotWritten
from tap_epicor.tap import EpicorTap

if TYPE_CHECKING:
    from collections.abc import Iterator

EXPLAINED = (
    *FAILURES,
    VaultError,
    CertificateError,
    InputError,
    RunIncomplete,
    ShardError,
    SummaryNotWritten,
)
"""Exceptions whose message says all that a user needs."""

_OUTPUT_FAILURES = frozenset({errno.EPIPE, errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EIO})
"""What writing says when the reader is gone, or the disk is full."""

_HELP: Final = """Copy Epicor Kinetic, or ERP 10.2, into a warehouse, and keep the copy up to date.

It reads entity sets and BAQs over Kinetic's REST services and writes them to standard output as lines of JSON, which a
Singer loader (target-postgres, target-csv, …) puts into its database. The first run reads everything, the next ones
what has changed since.

Settings come from --config, or from TAP_EPICOR_… variables and the .env file of the working folder.
`tap-epicor --about --format=markdown` explains each.

First see what there is, then whether it can be read, then copy it:

\b
Example: tap-epicor --config config.json --discover > catalog.json
Example: tap-epicor --config config.json --catalog catalog.json --test
Example: tap-epicor --config config.json --catalog catalog.json --state state.json | target-postgres

No Kinetic at hand? With  pip install 'tap-epicor[sandbox]'  there is a stand-in server:

\b
Example: tap-epicor sandbox --port 8080
"""
STOPPED = 75
"""Exit code of a run that had too little time: `EX_TEMPFAIL` of sysexits.h, "try again later"."""

logger = logging.getLogger(EpicorTap.name)


class OutputFailed(Exception):
    """Standard output can't be written."""


@contextmanager
def writing() -> Iterator[None]:
    """Turn a failure to write standard output into one that click does not end the program for, without a word."""
    try:
        yield
    except OSError as exc:
        if exc.errno not in _OUTPUT_FAILURES or exc.filename:
            raise
        raise OutputFailed(
            f"Standard output can't be written ({exc.strerror}): look at what reads it, or at its disk."
        ) from exc


class Command(click.Group):
    """The command, which tells when nobody reads it."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:  # noqa: ANN401
        """Read the command line; discovery happens here."""
        with writing():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401
        """Run what the command line says."""
        with writing():
            return super().invoke(ctx)


def make_command() -> click.Group:
    """Return the command with its options and subcommands."""
    singer = EpicorTap.cli

    @click.pass_context
    def run(context: click.Context, /, shard: str | None, **options: Any) -> Any:  # noqa: ANN401
        if shard:
            options["config"].config["shard"] = shard
        if context.invoked_subcommand is None:
            return context.invoke(singer.callback, **options)  # type: ignore[arg-type]
        return None

    group = Command(
        EpicorTap.name,
        help=_HELP,
        params=[*singer.params, click.Option(["--shard"], metavar="FILE", help="Read only this share of a plan.")],
        callback=run,
        invoke_without_command=True,
        context_settings={"max_content_width": 100},
    )
    for command in (baqs, comments, doctor, from_cdata, init, login, merge_states, oauth, plan, sandbox, services):
        group.add_command(command)
    return group


def main() -> None:
    """Run the command; what a user can mend ends with a sentence, not with a traceback."""
    if sys.stdout is None:
        sys.exit(_told("Standard output is closed: lead it to a target or into a file."))
    # What is there at the end need not be looked over for what could be freed, which takes a tenth of a second.
    atexit.register(gc.freeze)
    try:
        code = _run()
        with writing():
            sys.stdout.flush()
    except OutputFailed as exc:
        code = _told(str(exc))
        # What is left in the buffer goes nowhere, so that Python does not fail at it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def _run() -> int | str | None:
    """Run the command, and return what to exit with."""
    try:
        make_command()()
    except SystemExit as exc:
        return exc.code
    except RunStopped as exc:
        logger.warning("%s", exc)
        return STOPPED
    except ConfigValidationError as exc:
        for error in exc.errors:
            _told(error)
        return _told(f"The configuration is not right: {len(exc.errors)} to mend.")
    except MappingError as exc:
        return _told(f"`stream_maps` is not right: {exc}")
    except EXPLAINED as exc:
        return _told(str(exc))
    return 0


def _told(sentence: str) -> int:
    logger.error("%s", sentence)
    return 1
