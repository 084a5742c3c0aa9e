"""Where answers come from: options, the environment, or the person at the terminal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import click

from tap_epicor.commands.env_file import variable
from tap_epicor.settings import SECRETS
from tap_epicor.stream_settings import as_list

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


class NotAnswered(click.ClickException):
    """An answer is missing or wrong, and there is nobody to ask."""


@dataclass
class Answers:
    """The answers to the questions, each by the name of its setting.

    Attributes:
        given: what the options say, and secrets of the environment; each is used once, and asked for when it is wrong.
        usual: what is proposed: what the environment says.
        interactive: whether there is somebody to ask.
        written: the settings that were asked for, as they are now.
    """

    given: dict[str, str]
    usual: Mapping[str, Any]
    interactive: bool
    written: dict[str, Any] = field(default_factory=dict)

    def get(self, name: str, question: str, default: str | None = None, choices: Sequence[str] = ()) -> str:
        """Return the answer to a question.

        Args:
            name: the setting that it is about.
            question: the question; a secret's answer is not shown.
            default: what an empty answer means; None for asking again.
            choices: the answers that there are; any where left out.

        Raises:
            NotAnswered: if there is no answer, and nobody to ask.
        """
        proposed = str(self.written.get(name) or _as_text(self.usual.get(name)) or "") or default
        if name in self.given:
            answer = self.given.pop(name)
        elif self.interactive:
            kind = click.Choice(choices) if choices else str
            hidden = name in SECRETS
            answer = click.prompt(
                question,
                default=None if hidden else proposed,
                type=kind,
                hide_input=hidden,
                show_default=bool(proposed),
            )
        elif proposed is not None and name not in SECRETS:
            answer = proposed
        else:
            raise NotAnswered(f"`{name}` is missing: {how_to_give(name)}.")
        self.written[name] = answer.strip() if name not in SECRETS else answer
        return str(self.written[name])

    def again(self, names: Collection[str]) -> bool:
        """Return whether questions are to be asked again, since an answer is wrong; otherwise it stays as it is.

        Args:
            names: the settings that they are about.

        Raises:
            NotAnswered: if there is nobody to ask.
        """
        if not self.interactive:
            ways = " or ".join(how_to_give(name) for name in names)
            raise NotAnswered(
                f"Nothing is written. To mend it, {ways}; --untested writes without a look at the server."
            )
        if not click.confirm("Answer again? (n keeps it as it is)", default=True):
            return False
        for name in names:
            self.given.pop(name, None)
            if name in SECRETS:
                self.written.pop(name, None)
        return True


ASKED: Final = frozenset(
    {
        *("url", "erp_instance", "ssl_ca", "company", "api_version", "auth_scheme", "user", "password", "api_key"),
        *("azure_tenant", "oauth_client_id", "oauth_client_secret", "initiate_oauth", "service", "baqs"),
    }
)
"""Settings that come of the questions."""


def how_to_give(name: str) -> str:
    """Return how an answer is given without a terminal."""
    return f"set {variable(name)}" if name in SECRETS else f"give --{name.replace('_', '-')}"


def _as_text(value: object) -> str:
    return ",".join(as_list(value)) if isinstance(value, list | tuple) else "" if value is None else str(value)
