"""The OAuth settings file: secret, whole, and never overwritten by mistake."""

from __future__ import annotations

import base64
import contextlib
import errno
import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tap_epicor.auth.entra import UserConsent
from tap_epicor.auth.registration import Registration
from tap_epicor.auth.transport import Transport
from tap_epicor.auth.vault import FileVault, VaultError, open_vault
from tap_epicor.kinetic.errors import PassingError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TOKENS = {"cache": "refresh-token-of-secret", "accounts": {"a": 1}}


def filled(path: Path, passphrase: str | None = None) -> FileVault:
    vault = FileVault(path, passphrase)
    with vault.changing() as content:
        content.update(TOKENS)
    return vault


@pytest.mark.parametrize("passphrase", [None, "", "correct horse"])
def test_what_is_written_is_read_again(tmp_path: Path, passphrase: str | None) -> None:
    filled(tmp_path / "s.txt", passphrase)
    assert FileVault(tmp_path / "s.txt", passphrase).read() == TOKENS


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none()))
def test_any_content_comes_back(tmp_path: Path, content: dict[str, object]) -> None:
    vault = FileVault(tmp_path / "any.txt", None)
    with vault.changing() as kept:
        kept.clear()
        kept.update(content)
    assert vault.read() == content


def test_nothing_secret_stands_in_the_file(tmp_path: Path) -> None:
    filled(tmp_path / "s.txt", "correct horse")
    assert b"secret" not in (tmp_path / "s.txt").read_bytes()


def test_all_files_are_the_owners_alone(tmp_path: Path) -> None:
    filled(tmp_path / "folder" / "s.txt")
    files = [tmp_path / "folder" / name for name in ("s.txt", "s.txt.key")]
    assert [oct(file.stat().st_mode & 0o777) for file in files] == ["0o600", "0o600"]
    assert oct((tmp_path / "folder").stat().st_mode & 0o777) == "0o700"


def test_a_file_with_a_passphrase_travels_alone(tmp_path: Path) -> None:
    filled(tmp_path / "s.txt", "correct horse")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "t.txt").write_bytes((tmp_path / "s.txt").read_bytes())
    assert FileVault(tmp_path / "other" / "t.txt", "correct horse").read() == TOKENS


WRONG: dict[str, tuple[Callable[[Path], FileVault], str]] = {
    "another passphrase": (lambda path: FileVault(path, "wrong"), "`oauth_settings_key` is not the one"),
    "no passphrase": (lambda path: FileVault(path, None), "has a passphrase: give it in `oauth_settings_key`"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_passphrase_is_told_and_nothing_overwritten(tmp_path: Path, case: str) -> None:
    filled(tmp_path / "s.txt", "correct horse")
    before = (tmp_path / "s.txt").read_bytes()
    vault, said = WRONG[case]
    with pytest.raises(VaultError, match=said):
        set_cache(vault(tmp_path / "s.txt"))
    assert (tmp_path / "s.txt").read_bytes() == before


def test_a_missing_key_file_is_told(tmp_path: Path) -> None:
    vault = filled(tmp_path / "s.txt")
    (tmp_path / "s.txt.key").unlink()
    with pytest.raises(VaultError, match="must copy both"):
        vault.read()


def test_a_key_file_of_another_is_told(tmp_path: Path) -> None:
    vault = filled(tmp_path / "s.txt")
    filled(tmp_path / "t.txt")
    (tmp_path / "s.txt.key").write_bytes((tmp_path / "t.txt.key").read_bytes())
    with pytest.raises(VaultError, match="is not the one"):
        vault.read()


@pytest.mark.parametrize("key", [b"", b"short", base64.b64encode(b"x" * 10), b"\xff\xfe"])
def test_a_damaged_key_file_is_told(tmp_path: Path, key: bytes) -> None:
    vault = filled(tmp_path / "s.txt")
    (tmp_path / "s.txt.key").write_bytes(key)
    with pytest.raises(VaultError, match=r"key file .* is damaged"):
        vault.read()


def test_a_line_break_after_the_key_does_no_harm(tmp_path: Path) -> None:
    vault = filled(tmp_path / "s.txt")
    (tmp_path / "s.txt.key").write_bytes((tmp_path / "s.txt.key").read_bytes() + b"\n")
    assert vault.read() == TOKENS


@pytest.mark.parametrize("passphrase", ["pässword", "\udc80"])
def test_any_passphrase_will_do(tmp_path: Path, passphrase: str) -> None:
    assert filled(tmp_path / "s.txt", passphrase).read() == TOKENS


@pytest.mark.parametrize(
    "part", [{"nonce": "YWJj"}, {"nonce": ""}, {"content": 7}, {"key": []}, {"key": "x"}, {"tap-epicor": 0}]
)
def test_a_file_with_a_damaged_part_is_told(tmp_path: Path, part: dict[str, object]) -> None:
    filled(tmp_path / "s.txt")
    content = json.loads((tmp_path / "s.txt").read_bytes())
    (tmp_path / "s.txt").write_text(json.dumps({**content, **part}))
    with pytest.raises(VaultError, match="damaged"):
        FileVault(tmp_path / "s.txt", None).read()


@pytest.mark.parametrize(
    "text", [b"[" * 200_000, b"", b"{}", b"[]", b"null", b'{"tap-epicor": 1}', b"OAuthAccessToken=x", b"\xff\x00"]
)
def test_a_damaged_file_is_told_and_left_alone(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "s.txt").write_bytes(text)
    with pytest.raises(VaultError, match="damaged"), FileVault(tmp_path / "s.txt", None).changing():
        pass
    assert (tmp_path / "s.txt").read_bytes() == text


def test_a_newer_format_is_told(tmp_path: Path) -> None:
    filled(tmp_path / "s.txt")
    content = json.loads((tmp_path / "s.txt").read_bytes())
    (tmp_path / "s.txt").write_text(json.dumps({**content, "tap-epicor": 2}))
    with pytest.raises(VaultError, match="newer version"):
        FileVault(tmp_path / "s.txt", None).read()


def test_a_changed_file_is_noticed(tmp_path: Path) -> None:
    filled(tmp_path / "s.txt")
    content = json.loads((tmp_path / "s.txt").read_bytes())
    first = content["content"][0]
    content["content"] = ("A" if first != "A" else "B") + content["content"][1:]
    (tmp_path / "s.txt").write_text(json.dumps(content))
    with pytest.raises(VaultError, match="the file was changed"):
        FileVault(tmp_path / "s.txt", None).read()


def test_an_error_while_changing_keeps_what_was(tmp_path: Path) -> None:
    vault = filled(tmp_path / "s.txt")
    with contextlib.suppress(RuntimeError), vault.changing() as content:
        content["cache"] = "half"
        raise RuntimeError
    assert vault.read() == TOKENS


def test_nothing_changes_where_nothing_was_changed(tmp_path: Path) -> None:
    vault = filled(tmp_path / "s.txt")
    before = (tmp_path / "s.txt").read_bytes()
    with vault.changing():
        pass
    assert (tmp_path / "s.txt").read_bytes() == before


@pytest.mark.parametrize("exists", [True, False])
def test_what_can_not_be_written_is_told_before_anything_is_renewed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    exists: bool,  # noqa: FBT001
) -> None:
    vault = filled(tmp_path / "s.txt") if exists else FileVault(tmp_path / "s.txt", None)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tap_epicor.auth.whole_file.os.fsync", full)
    renewed = False
    with pytest.raises(VaultError, match=r"can't be written \(No space left on device\)"), vault.changing():
        renewed = True
    assert not renewed
    assert vault.read() == (TOKENS if exists else {})
    assert list(tmp_path.glob(".*")) == []


def refuse_to_rename(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Let no file be renamed, as where a file alone is mounted into a container."""

    def busy(*_: object) -> None:
        raise OSError(number, "Device or resource busy")

    monkeypatch.setattr("pathlib.Path.replace", busy)


@pytest.mark.parametrize("number", [errno.EBUSY, errno.EXDEV])
def test_a_file_that_can_not_be_renamed_is_written_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    vault = filled(tmp_path / "s.txt")
    refuse_to_rename(monkeypatch, number)
    for cache in ("a" * 3000, "b" * 1000, "c" * 5000):
        with vault.changing() as content:
            content["cache"] = cache
        assert vault.read()["cache"] == cache
        assert (tmp_path / "s.txt").read_bytes().count(b"tap-epicor") == 1
    assert oct((tmp_path / "s.txt").stat().st_mode & 0o777) == "0o600"
    assert list(tmp_path.glob(".*")) == []


def test_a_link_leads_to_the_file_that_is_written(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    filled(tmp_path / "real" / "s.txt")
    (tmp_path / "link.txt").symlink_to(tmp_path / "real" / "s.txt")
    set_cache(FileVault(tmp_path / "link.txt", None))
    assert (tmp_path / "link.txt").is_symlink()
    assert FileVault(tmp_path / "real" / "s.txt", None).read()["cache"] == "new"


def test_a_file_that_is_made_read_only_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vault = filled(tmp_path / "s.txt")
    (tmp_path / "s.txt").chmod(0o400)
    # Who runs the tests may be one who may write all the same.
    monkeypatch.setattr("tap_epicor.auth.whole_file.os.access", lambda path, _: path.stat().st_mode & 0o200)
    with pytest.raises(VaultError, match=r"can't be written \(Permission denied\)"):
        set_cache(vault)
    assert vault.read() == TOKENS
    assert oct((tmp_path / "s.txt").stat().st_mode & 0o777) == "0o400"


def test_what_another_file_is_being_written_by_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".s.txt.b.deadbeef.tmp").write_text("of s.txt.b")
    (tmp_path / ".s.txt.deadbeef.tmp").write_text("of s.txt")
    filled(tmp_path / "s.txt")
    assert [path.name for path in tmp_path.glob(".*")] == [".s.txt.b.deadbeef.tmp"]


def test_a_file_that_can_not_be_written_is_used_until_it_must_be(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vault = filled(tmp_path / "s.txt")

    def refuse(*_: object) -> int:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("tap_epicor.auth.whole_file.os.open", refuse)
    assert vault.read() == TOKENS
    with pytest.raises(VaultError, match=r"can't be written \(Read-only file system\)"):
        set_cache(vault)


def set_cache(vault: FileVault) -> None:
    with vault.changing() as content:
        content["cache"] = "new"


def test_a_lock_file_left_behind_does_not_block(tmp_path: Path) -> None:
    (tmp_path / "s.txt.lock").write_text("4711")
    assert filled(tmp_path / "s.txt").read() == TOKENS


def test_memory_is_shared_by_name() -> None:
    with open_vault("memory://one", None).changing() as content:
        content["cache"] = "x"
    assert open_vault("memory://one", None).read() == {"cache": "x"}
    assert open_vault("memory://two", None).read() == {}


ADD = """
import sys
from pathlib import Path
from tap_epicor.auth.vault import FileVault
vault = FileVault(Path(sys.argv[1]), None)
for turn in range(5):
    with vault.changing() as content:
        content[f"{sys.argv[2]}-{turn}"] = turn
"""


def test_eight_processes_lose_nothing_of_each_other(tmp_path: Path) -> None:
    path = tmp_path / "s.txt"
    processes = [subprocess.Popen([sys.executable, "-c", ADD, str(path), str(number)]) for number in range(8)]
    assert [process.wait(60) for process in processes] == [0] * 8
    assert len(FileVault(path, None).read()) == 40


def test_a_file_that_another_process_holds_for_long_is_tried_again(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tap_epicor.auth.vault.LONGEST_WAIT", 0.2)
    path = tmp_path / "OAuthSettings.txt"
    user = UserConsent(Registration("app", "https://localhost/x", ("scope",)), Transport(), FileVault(path, None), {})
    with FileVault(path, None).changing(), pytest.raises(PassingError, match="Another process has held"):
        user.fetch(refused=None)


DIE = """
import errno, os, signal, sys
from pathlib import Path
from tap_epicor.auth import vault, whole_file as module
steps = iter(range(100))
def dying(function):
    def call(*args, **options):
        if next(steps) == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **options)
    return call
def busy(*_):
    raise OSError(errno.EBUSY, "busy")
for name in ("open", "write", "fsync", "fdopen", "close", "ftruncate"):
    setattr(module.os, name, dying(getattr(os, name)))
Path.replace = dying(busy if sys.argv[3] == "in place" else Path.replace)
with vault.FileVault(Path(sys.argv[1]), None).changing() as content:
    content["cache"] = "new"
"""


@pytest.mark.parametrize("way", ["renamed", "in place"])
def test_a_kill_at_every_step_of_the_write_leaves_a_whole_file(tmp_path: Path, way: str) -> None:
    path = tmp_path / "s.txt"
    filled(path)
    ends: list[int] = []
    while len(ends) < 50 and (not ends or ends[-1]):
        done = subprocess.run([sys.executable, "-c", DIE, str(path), str(len(ends)), way], check=False)
        ends.append(done.returncode)
        assert FileVault(path, None).read()["cache"] in {TOKENS["cache"], "new"}
    assert ends.count(-signal.SIGKILL) == len(ends) - 1 >= 8
    assert FileVault(path, None).read()["cache"] == "new"
    assert [file.name for file in tmp_path.glob(".*.tmp")] == []
