"""The files that the answers go into: each is written whole, and none before all of them are known."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from tap_epicor.auth.whole_file import PRIVATE, write_whole
from tap_epicor.commands.env_file import settings_changed, variable, with_settings
from tap_epicor.commands.from_cdata import secret_names
from tap_epicor.commands.init.meltano_yml import NoProject, has_plugin, lock, new_project, selection, with_plugin

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

ENV: Final = Path(".env")
MELTANO: Final = Path("meltano.yml")
CONFIG: Final = Path("config.json")
_IGNORED: Final = Path(".gitignore")
_LOCK: Final = Path("plugins/extractors/tap-epicor--tap-epicor.lock")
_PUBLIC: Final = 0o644


@dataclass(frozen=True)
class Change:
    """A file as it will be.

    Attributes:
        path: where.
        text: its content.
        what: what it will hold, in words.
    """

    path: Path
    text: str
    what: str

    def write(self) -> None:
        """Write it: `.env` for its owner alone, any other with the rights that it has.

        Raises:
            ClickException: if it can't be written.
        """
        # What a link leads to is written, not the link.
        path = self.path.resolve()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            mode = PRIVATE if self.path == ENV else path.stat().st_mode & 0o777 if path.exists() else _PUBLIC
            write_whole(path, self.text.encode())
            path.chmod(mode)
        except OSError as exc:
            raise click.ClickException(f"{self.path} can't be written: {exc.strerror}") from exc


def changes(
    config: Mapping[str, Any], there: Collection[str], *, meltano: bool, agreed: Callable[[str], bool]
) -> list[Change]:
    """Return the files to write.

    Args:
        config: the settings, secrets included.
        there: the services that the tenant was seen to have.
        meltano: whether the settings go into a Meltano project, otherwise into config.json.
        agreed: asks whether what is there already may be replaced.

    Raises:
        ClickException: if a file that is there can't be read.
        Abort: if one that is in the way may not be replaced.
    """
    # Meltano puts a variable's value where it finds $NAME in meltano.yml.
    hidden = {*secret_names(config), *(name for name, value in config.items() if meltano and "$" in str(value))}
    shown = {name: value for name, value in config.items() if name not in hidden}
    secrets = {name: str(config[name]) for name in config if name in hidden}
    planned = [_of_meltano(shown, there, agreed), _lock()] if meltano else [_of_config(shown, agreed)]
    planned += _of_env(shown, secrets, agreed)
    return [*planned, *_of_git()]


def _of_meltano(shown: Mapping[str, Any], there: Collection[str], agreed: Callable[[str], bool]) -> Change:
    text = _read(MELTANO) or new_project()
    try:
        if has_plugin(text) and not agreed(f"{MELTANO} has tap-epicor already: replace its connection and selection?"):
            raise click.Abort
        changed = with_plugin(text, shown, selection(shown, there))
    except NoProject as exc:
        raise click.ClickException(f"{MELTANO} can't be added to: {exc}. Write to config.json: --to file.") from exc
    return Change(MELTANO, changed, "the plugin tap-epicor, with its settings")


def _lock() -> Change:
    return Change(
        _LOCK, f"{json.dumps(lock(), indent=2, ensure_ascii=False)}\n", "what Meltano must know of the plugin"
    )


def _of_config(shown: Mapping[str, Any], agreed: Callable[[str], bool]) -> Change:
    if CONFIG.exists() and not agreed(f"{CONFIG} is there already: replace it?"):
        raise click.Abort
    return Change(CONFIG, f"{json.dumps(shown, indent=2, ensure_ascii=False)}\n", "the settings, without secrets")


def _of_env(shown: Mapping[str, Any], secrets: Mapping[str, str], agreed: Callable[[str], bool]) -> list[Change]:
    """Return what becomes of `.env`: a line that is left in it would go before what was answered."""
    text = _read(ENV)
    values: dict[str, str | None] = {**dict.fromkeys(shown), "erp_instance": None, **secrets}
    if there := settings_changed(text, values):
        names = ", ".join(map(variable, there))
        if not agreed(f"{ENV} has {names} already: replace {'it' if len(there) == 1 else 'them'}?"):
            values = {name: value for name, value in values.items() if name not in there}
    changed = with_settings(text, values)
    if changed == text:
        return []
    return [Change(ENV, changed, ", ".join(variable(name) for name, value in values.items() if value) or "less")]


def _of_git() -> list[Change]:
    here = Path.cwd()
    if not any((folder / ".git").exists() for folder in (here, *here.parents)):
        return []
    text = _read(_IGNORED)
    if {line.strip() for line in text.splitlines()} & {".env", "/.env", "**/.env", ".env*"}:
        return []
    return [Change(_IGNORED, f"{text}{'' if text.endswith(chr(10)) or not text else chr(10)}.env\n", ".env")]


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else "it is not in UTF-8"
        raise click.ClickException(f"{path} can't be read: {why}") from exc
