"""The OAuth settings file: tokens that last from run to run, encrypted, and whole at every moment."""

from __future__ import annotations

import base64
import copy
import json
import os
import secrets
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import platformdirs
import portalocker
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from tap_epicor.auth.whole_file import check_writable, whole_lines, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMAT: Final = 1
FILE_NAME: Final = "OAuthSettings.txt"
MEMORY: Final = "memory://"
LONGEST_WAIT: Final = 60.0
"""Seconds to wait for another process that is renewing tokens."""

_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_KINDS: Final = ("passphrase", "file")


class VaultError(ValueError):
    """A settings file that can't be read or written, with what to do. The file is left as it is."""


class VaultBusy(VaultError):
    """Another process is renewing tokens, and takes long."""


class Vault(Protocol):
    """Where tokens are kept."""

    location: str

    def read(self) -> dict[str, Any]:
        """Return what is kept; empty where there is nothing yet."""

    def changing(self) -> Any:  # noqa: ANN401
        """Hand out what is kept, to nobody else meanwhile, and keep it as it is changed."""


def open_vault(location: str | None, passphrase: str | None) -> Vault:
    """Return the vault at a location.

    Args:
        location: a path, or `memory://name`; None for the file in the user's configuration folder.
        passphrase: what the file is encrypted with; None for a random key in a file beside it.
    """
    if location and location.startswith(MEMORY):
        return MemoryVault(location)
    path = Path(location).expanduser() if location else Path(platformdirs.user_config_dir("tap-epicor")) / FILE_NAME
    return FileVault(path, passphrase)


class MemoryVault:
    """Tokens that end with the process.

    Args:
        location: `memory://` and a name; equal names share their content.
    """

    _contents: dict[str, dict[str, Any]] = {}  # noqa: RUF012
    _lock = threading.RLock()

    def __init__(self, location: str) -> None:
        self.location = location

    def read(self) -> dict[str, Any]:
        """Return what is kept."""
        with self._lock:
            return copy.deepcopy(self._contents.get(self.location, {}))

    @contextmanager
    def changing(self) -> Iterator[dict[str, Any]]:
        """Hand out what is kept, to no other thread meanwhile, and keep it as it is changed."""
        with self._lock:
            content = self.read()
            yield content
            self._contents[self.location] = content


class FileVault:
    """An encrypted file, for several instances and accounts at once.

    AES-GCM; the key comes from a passphrase by scrypt, so that the file can travel, or from a key file beside it.
    Whole whenever the power fails; locked by the operating system, which frees the lock of a process that dies.

    Args:
        path: the file.
        passphrase: what it is encrypted with; None for a random key in a file beside it.
    """

    def __init__(self, path: Path, passphrase: str | None) -> None:
        self.location = str(path)
        # Whoever comes through a link shares the lock and the key of who does not.
        path = self._path = Path(os.path.realpath(path))
        self._passphrase = passphrase
        self._key_path = path.with_name(f"{path.name}.key")
        self._lock_path = path.with_name(f"{path.name}.lock")

    def read(self) -> dict[str, Any]:
        """Return what is kept.

        Raises:
            VaultError: if the file can't be read or decrypted.
        """
        try:
            text = self._path.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as exc:
            raise VaultError(f"The OAuth settings file {self._path} can't be read: {exc.strerror}.") from exc
        return self._open(_parse(text, self._path))

    @contextmanager
    def changing(self) -> Iterator[dict[str, Any]]:
        """Hand out what is kept, to no other process meanwhile, and write it if it was changed.

        That it can be written is made sure of before: a refresh token may be good for one use only.

        Raises:
            VaultBusy: if another process holds it for too long.
            VaultError: if the file can't be read, decrypted, locked or written.
        """
        with self._locked():
            content = self.read()
            before = copy.deepcopy(content)
            with self._writing():
                check_writable(self._path)
            yield content
            if content != before:
                sealed = self._seal(content)
                with self._writing():
                    write_whole(self._path, sealed)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = portalocker.Lock(str(self._lock_path), mode="a", timeout=LONGEST_WAIT, check_interval=0.05)
            lock.acquire()
        except portalocker.exceptions.LockException as exc:
            raise VaultBusy(
                f"Another process has held {self._lock_path} for {LONGEST_WAIT:.0f} seconds: end it, or try again.",
            ) from exc
        except OSError as exc:
            raise self._not_writable(exc) from exc
        try:
            yield
        finally:
            lock.release()

    def _open(self, sealed: dict[str, str]) -> dict[str, Any]:
        kind = sealed["key"]
        key = self._key(kind, base64.b64decode(sealed["salt"]))
        try:
            plain = AESGCM(key).decrypt(
                base64.b64decode(sealed["nonce"]),
                base64.b64decode(sealed["content"]),
                _label(kind),
            )
        except ValueError as exc:
            raise _damaged(self._path) from exc
        except InvalidTag as exc:
            with_what = "`oauth_settings_key`" if kind == "passphrase" else f"the key file {self._key_path}"
            raise VaultError(
                f"The OAuth settings file {self._path} can't be decrypted: {with_what} is not the one that it was "
                "written with, or the file was changed. Give the right one, or delete the file and sign in again.",
            ) from exc
        content: dict[str, Any] = json.loads(plain)
        return content

    def _seal(self, content: dict[str, Any]) -> bytes:
        kind = "file" if self._passphrase is None else "passphrase"
        salt, nonce = secrets.token_bytes(16), secrets.token_bytes(_NONCE_BYTES)
        if kind == "file" and not self._key_path.exists():
            with self._writing():
                write_whole(self._key_path, base64.b64encode(secrets.token_bytes(_KEY_BYTES)))
        sealed = AESGCM(self._key(kind, salt)).encrypt(nonce, json.dumps(content).encode(), _label(kind))
        parts = {"salt": salt, "nonce": nonce, "content": sealed}
        encoded = {name: base64.b64encode(value).decode() for name, value in parts.items()}
        return json.dumps({"tap-epicor": FORMAT, "key": kind, **encoded}).encode()

    def _key(self, kind: str, salt: bytes) -> bytes:
        if kind == "passphrase":
            if self._passphrase is None:
                raise VaultError(
                    f"The OAuth settings file {self._path} has a passphrase: give it in `oauth_settings_key`.",
                )
            return Scrypt(salt=salt, length=_KEY_BYTES, n=2**15, r=8, p=1).derive(
                self._passphrase.encode("utf-8", "surrogatepass")
            )
        if self._passphrase is not None and self._path.exists():
            raise VaultError(
                f"The OAuth settings file {self._path} is encrypted with a key file, not with `oauth_settings_key`: "
                "leave that setting out, or delete the file and sign in again.",
            )
        try:
            key = base64.b64decode(self._key_path.read_bytes().strip(), validate=True)
        except FileNotFoundError as exc:
            raise VaultError(
                f"The key of the OAuth settings file is missing: {self._key_path}. Whoever copies the file must copy "
                "both, or use `oauth_settings_key`.",
            ) from exc
        except OSError as exc:
            raise VaultError(f"The key file {self._key_path} can't be read: {exc.strerror}.") from exc
        except ValueError:
            key = b""
        if len(key) != _KEY_BYTES:
            raise VaultError(f"The key file {self._key_path} is damaged: put back a copy, or delete it and the file.")
        return key

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            raise self._not_writable(exc) from exc

    def _not_writable(self, exc: OSError) -> VaultError:
        return VaultError(
            f"The OAuth settings file {self._path} can't be written ({exc.strerror}), and must be, since tokens are "
            "to be renewed: make it writable, or name another in `oauth_settings_location`.",
        )


def _parse(text: bytes, path: Path) -> dict[str, str]:
    for line in whole_lines(text):
        sealed = _sealed(line)
        if sealed is None:
            continue
        if sealed["tap-epicor"] > FORMAT:
            raise VaultError(
                f"The OAuth settings file {path} was written by a newer version of tap-epicor: update this one."
            )
        try:
            for name in ("salt", "nonce", "content"):
                base64.b64decode(sealed[name], validate=True)
        except (KeyError, ValueError, TypeError) as exc:
            raise _damaged(path) from exc
        if sealed["tap-epicor"] == FORMAT and sealed.get("key") in _KINDS:
            return sealed
    raise _damaged(path)


def _sealed(line: bytes) -> dict[str, Any] | None:
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) and isinstance(content.get("tap-epicor"), int) else None


def _damaged(path: Path) -> VaultError:
    return VaultError(
        f"The OAuth settings file {path} is damaged, or not one of this tap's. It is left as it is: put back a copy, "
        "or delete it and sign in again.",
    )


def _label(kind: str) -> bytes:
    return f"tap-epicor {FORMAT} {kind}".encode()
