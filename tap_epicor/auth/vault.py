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

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMAT: Final = 1
FILE_NAME: Final = "OAuthSettings.txt"
MEMORY: Final = "memory://"
LONGEST_WAIT: Final = 60.0
"""Seconds to wait for another process that is renewing tokens."""

_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_PRIVATE: Final = 0o600


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
    Written to a temporary file, synced and renamed, so that it is whole whenever the power fails; locked by the
    operating system, which frees the lock of a process that dies.

    Args:
        path: the file.
        passphrase: what it is encrypted with; None for a random key in a file beside it.
    """

    def __init__(self, path: Path, passphrase: str | None) -> None:
        self.location = str(path)
        self._path = path
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

        Raises:
            VaultBusy: if another process holds it for too long.
            VaultError: if the file can't be read, decrypted, locked or written.
        """
        with self._locked():
            content = self.read()
            before = copy.deepcopy(content)
            yield content
            if content != before:
                self._write(self._seal(content))

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
        try:
            key = self._key(kind, base64.b64decode(sealed["salt"]))
            plain = AESGCM(key).decrypt(
                base64.b64decode(sealed["nonce"]),
                base64.b64decode(sealed["content"]),
                _label(kind),
            )
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
            self._put(self._key_path, base64.b64encode(secrets.token_bytes(_KEY_BYTES)))
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
            return Scrypt(salt=salt, length=_KEY_BYTES, n=2**15, r=8, p=1).derive(self._passphrase.encode())
        if self._passphrase is not None and self._path.exists():
            raise VaultError(
                f"The OAuth settings file {self._path} is encrypted with a key file, not with `oauth_settings_key`: "
                "leave that setting out, or delete the file and sign in again.",
            )
        try:
            return base64.b64decode(self._key_path.read_bytes(), validate=True)[:_KEY_BYTES]
        except FileNotFoundError as exc:
            raise VaultError(
                f"The key of the OAuth settings file is missing: {self._key_path}. Whoever copies the file must copy "
                "both, or use `oauth_settings_key`.",
            ) from exc
        except (OSError, ValueError) as exc:
            raise VaultError(f"The key file {self._key_path} can't be read: {exc}.") from exc

    def _write(self, content: bytes) -> None:
        try:
            self._put(self._path, content)
        except OSError as exc:
            raise self._not_writable(exc) from exc

    def _put(self, path: Path, content: bytes) -> None:
        """Write a file whole or not at all, readable by its owner alone from the first byte."""
        for left in path.parent.glob(f".{path.name}.*.tmp"):
            left.unlink(missing_ok=True)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)

    def _not_writable(self, exc: OSError) -> VaultError:
        return VaultError(
            f"The OAuth settings file {self._path} can't be written ({exc.strerror}), and must be, since tokens are "
            "to be renewed: make it writable, or name another in `oauth_settings_location`.",
        )


def _parse(text: bytes, path: Path) -> dict[str, str]:
    damaged = VaultError(
        f"The OAuth settings file {path} is damaged, or not one of this tap's. It is left as it is: put back a copy, "
        "or delete it and sign in again.",
    )
    try:
        sealed = json.loads(text)
    except ValueError as exc:
        raise damaged from exc
    if not isinstance(sealed, dict) or not isinstance(sealed.get("tap-epicor"), int):
        raise damaged
    if sealed["tap-epicor"] > FORMAT:
        raise VaultError(
            f"The OAuth settings file {path} was written by a newer version of tap-epicor: update this one."
        )
    try:
        for name in ("salt", "nonce", "content"):
            base64.b64decode(sealed[name], validate=True)
    except (KeyError, ValueError, TypeError) as exc:
        raise damaged from exc
    if sealed.get("key") not in {"passphrase", "file"}:
        raise damaged
    return sealed


def _label(kind: str) -> bytes:
    return f"tap-epicor {FORMAT} {kind}".encode()


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
