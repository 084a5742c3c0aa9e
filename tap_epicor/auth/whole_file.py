"""A small file that is whole whenever the power fails, and its owner's alone."""

from __future__ import annotations

import errno
import glob
import os
import secrets
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

PRIVATE: Final = 0o600

_NOT_TO_RENAME: Final = frozenset({errno.EBUSY, errno.EXDEV})
"""What renaming says where the file alone is mounted, as into a container."""


def write_whole(path: Path, line: bytes) -> None:
    """Write a file of one line whole or not at all, readable by its owner alone from the first byte.

    It is written beside, synced and renamed; in place only where it can't be renamed. A file that its owner may not
    write is not replaced either.

    Args:
        path: the file, or where it is to be.
        line: its content, without line breaks.

    Raises:
        OSError: if it can't be written; it is as it was.
    """
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    temporary = _written_beside(path, line)
    try:
        temporary.replace(path)
    except OSError as exc:
        if exc.errno not in _NOT_TO_RENAME:
            raise
        _write_in_place(path, line)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)


def check_writable(path: Path) -> None:
    """Write a file anew with what it holds, or try a first one beside it, to know that it can be written.

    Args:
        path: the file, or where it is to be.

    Raises:
        OSError: if it can't be written.
    """
    if path.exists():
        write_whole(path, path.read_bytes())
    else:
        _written_beside(path, bytes(8192)).unlink()


def whole_lines(content: bytes) -> list[bytes]:
    """Return the lines of a file that `write_whole` may have been stopped at, the one that counts first."""
    return content.splitlines()[::-1] or [content]


def _written_beside(path: Path, content: bytes) -> Path:
    name = glob.escape(path.name)
    for left in path.parent.glob(f".{name}.{'[0-9a-f]' * 8}.tmp"):
        left.unlink(missing_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _write_in_place(path: Path, line: bytes) -> None:
    """Write a file over, a whole line in it at each moment: the new one is added behind before the old one goes."""
    with path.open("r+b", buffering=0) as file:
        handle = file.fileno()
        length = len(file.read())
        _write(handle, b"\n" * (max(length, len(line)) + 1 - length) + line)
        os.fsync(handle)
        os.lseek(handle, 0, os.SEEK_SET)
        _write(handle, line + b"\n")
        os.fsync(handle)
        os.ftruncate(handle, len(line))
        os.fsync(handle)


def _write(handle: int, content: bytes) -> None:
    while content:
        content = content[os.write(handle, content) :]


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
