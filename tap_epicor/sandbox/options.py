"""The query string: its options, and the parameters beside them."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

from tap_epicor.sandbox.errors import bad_request, unknown_property

_COMMON = frozenset(("$select", "$filter", "$orderby", "$top", "$skip", "$expand", "$apply", "$format"))
KNOWN = {1: _COMMON | {"$inlinecount"}, 2: _COMMON | {"$count", "$search"}}


@dataclass(frozen=True)
class Options:
    """What a query string asks for.

    Args:
        version: Of the API, 1 or 2.
        options: The `$` options by name.
        parameters: All other entries, each name with its values.
    """

    version: int
    options: dict[str, str]
    parameters: dict[str, list[str]]

    @classmethod
    def parse(cls, query: str, version: int) -> Options:
        """Reads a query string, in which a plus is a plus.

        Raises:
            ServerError: When it has an option that the version does not know.
        """
        options: dict[str, str] = {}
        parameters: dict[str, list[str]] = {}
        for entry in filter(None, query.split("&")):
            name, _, value = (unquote(part) for part in entry.partition("="))
            if not name.startswith("$"):
                parameters.setdefault(name, []).append(value)
            elif name not in KNOWN[version]:
                raise bad_request(f"The query parameter '{name}' is not supported.")
            elif name in options:
                raise bad_request(
                    f"Query option '{name}' was specified more than once, but it must be specified at most once."
                )
            else:
                options[name] = value
        return cls(version, options, parameters)

    @property
    def filter(self) -> str | None:
        """`$filter`."""
        return self.options.get("$filter")

    @property
    def top(self) -> int | None:
        """`$top`."""
        return self._number("$top")

    @property
    def skip(self) -> int:
        """`$skip`."""
        return self._number("$skip") or 0

    @property
    def wants_count(self) -> bool:
        """Whether the number of all rows is asked for."""
        if self.version == 1:
            return self._choice("$inlinecount", ("none", "allpages")) == "allpages"
        return self._choice("$count", ("false", "true")) == "true"

    @property
    def expand(self) -> list[str]:
        """The names in `$expand`."""
        return _listed(self.options.get("$expand", ""))

    def select(self, columns: list[str], type_name: str, others: list[str]) -> list[str]:
        """The columns that `$select` chooses: all of them when there is none.

        Args:
            columns: What there is to choose from.
            type_name: The full name of their type, for messages.
            others: Other names that may stand there.
        """
        chosen = _listed(self.options.get("$select", "*"))
        for name in chosen:
            if name not in (*columns, *others, "*"):
                raise unknown_property(name, type_name)
        return columns if "*" in chosen else [name for name in columns if name in chosen]

    def order(self, columns: list[str], type_name: str) -> list[tuple[str, bool]]:
        """The columns of `$orderby`, each with whether it descends."""
        ordered = []
        for entry in _listed(self.options.get("$orderby", "")):
            name, *direction = entry.split()
            if name not in columns:
                raise unknown_property(name, type_name)
            if direction not in ([], ["asc"], ["desc"]):
                raise bad_request(f"Syntax error in '{entry}'.")
            ordered.append((name, direction == ["desc"]))
        return ordered

    def _number(self, name: str) -> int | None:
        text = self.options.get(name)
        if text is None:
            return None
        if not (text.isascii() and text.isdigit()):
            raise bad_request(
                f"Invalid value '{text}' for {name} query option found. It must be a non-negative integer."
            )
        return int(text)

    def _choice(self, name: str, choices: tuple[str, ...]) -> str:
        value = self.options.get(name, choices[0])
        if value not in choices:
            raise bad_request(f"Invalid value '{value}' for {name} query option found.")
        return value


def _listed(text: str) -> list[str]:
    return [entry.strip() for entry in text.split(",") if entry.strip()]
