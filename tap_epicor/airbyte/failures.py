"""What went wrong, as Airbyte sorts it: what the user must mend, what passes by itself, and the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airbyte_protocol_dataclasses.models import FailureType
from singer_sdk.exceptions import ConfigValidationError

from tap_epicor.auth.certificates import CertificateError
from tap_epicor.auth.sign_in import SignInFailed
from tap_epicor.auth.vault import VaultError
from tap_epicor.inputs import InputError
from tap_epicor.kinetic.catalogue import ListRefused
from tap_epicor.kinetic.errors import BadRequest, Denied, NotFound, PassingError, SignInRefused, Unreachable
from tap_epicor.streams.bookmark import BookmarkError
from tap_epicor.streams.definition import DefinitionError
from tap_epicor.streams.key_store import KeyStoreError

if TYPE_CHECKING:
    from collections.abc import Iterable

_PASSING = (PassingError, Unreachable)
_USERS = (
    BadRequest,
    BookmarkError,
    CertificateError,
    ConfigValidationError,
    DefinitionError,
    Denied,
    InputError,
    KeyStoreError,
    ListRefused,
    NotFound,
    SignInFailed,
    SignInRefused,
    VaultError,
)


def failure_type(error: Exception) -> FailureType:
    """Return whose it is to mend.

    Args:
        error: what went wrong.
    """
    if isinstance(error, _PASSING):
        return FailureType.transient_error
    return FailureType.config_error if isinstance(error, _USERS) else FailureType.system_error


def of_all(kinds: Iterable[FailureType]) -> FailureType:
    """Return what several failures are together: what may pass, or nobody can say of, is worth another try.

    Args:
        kinds: what each of them is.
    """
    known = set(kinds)
    return known.pop() if len(known) == 1 else FailureType.system_error


def told(error: Exception) -> str:
    """Return what a user needs to know, in sentences.

    Args:
        error: what went wrong.
    """
    return " ".join(error.errors) if isinstance(error, ConfigValidationError) else str(error)
