"""The rows of an answer, and what is to become of them: they go out as they are, or are dictionaries to be repaired."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - msgspec looks at annotations
from decimal import Decimal
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, Final, SupportsIndex, overload

import msgspec

from tap_epicor.kinetic.dialect import MOST_DIGITS
from tap_epicor.kinetic.errors import PassingError, UnreadableAnswer, redact

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


class Row(msgspec.Struct, gc=False):
    """A row of which only the columns that are compared have been read: asking for another one is an error."""

    fields: ClassVar[Mapping[str, str]] = {}
    """The attribute that each column is found under."""

    def get(self, name: str) -> Any:  # noqa: ANN401
        """Return the value of a column.

        Raises:
            KeyError: if it has not been read.
        """
        return getattr(self, self.fields[name])

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self, self.fields[name])

    def keys(self) -> Collection[str]:
        """Return the names of the columns that have been read."""
        return self.fields.keys()


class Found(list[Any]):
    """The rows of an answer, or some of them that follow each other.

    Args:
        rows: the rows, `Row` or dictionaries.
        texts: the text of each row, as it is to go out; only of `Row`.
        unwanted: columns that came and do not go out; only of `Row`.
        news: what is said of rows that come otherwise than those before them.
    """

    def __init__(
        self,
        rows: Sequence[Any],
        texts: Sequence[msgspec.Raw | bytes] | None = None,
        unwanted: Collection[str] = (),
        news: str = "",
    ) -> None:
        super().__init__(rows)
        self.texts = texts
        self.unwanted = unwanted
        self.news = news

    @property
    def ready(self) -> bool:
        """Whether the rows are ready to go out by their text."""
        return self.texts is not None

    @overload
    def __getitem__(self, at: SupportsIndex) -> Any: ...  # noqa: ANN401

    @overload
    def __getitem__(self, at: slice) -> Found: ...

    def __getitem__(self, at: SupportsIndex | slice) -> Any:
        found = super().__getitem__(at)
        if not isinstance(at, slice):
            return found
        return Found(found, None if self.texts is None else self.texts[at], self.unwanted, self.news)

    def chosen(self, wanted: Sequence[bool]) -> Found:
        """Return some of the rows.

        Args:
            wanted: for each row, whether it is one of them.
        """
        texts = None if self.texts is None else _chosen(self.texts, wanted)
        return Found(_chosen(self, wanted), texts, self.unwanted, self.news)

    def let_go(self) -> None:
        """Forget the rows, which have been written: there is room for one page, not for it and the next."""
        self.clear()
        self.texts = None


def _chosen(items: Sequence[Any], wanted: Sequence[bool]) -> list[Any]:
    return [item for item, want in zip(items, wanted, strict=True) if want]


def values_of(rows: Sequence[Any], name: str) -> list[Any]:
    """Return what rows have in a column, None where a dictionary has no such column.

    Args:
        rows: the rows, either all `Row` or all dictionaries.
        name: the column.

    Raises:
        KeyError: if it has not been read.
    """
    if rows and isinstance(rows[0], Row):
        return list(map(attrgetter(rows[0].fields[name]), rows))
    return [row.get(name) for row in rows]


def read_json(body: bytes, path: str) -> dict[str, Any]:
    """Return the JSON object in a body, its fractions as exact decimals.

    Args:
        body: the text.
        path: path of the request, for the message.

    Raises:
        PassingError: if it is not a whole JSON document.
    """
    try:
        return _DECODER.decode(body)
    except (ValueError, ArithmeticError, RecursionError) as exc:
        start = redact(body[:80].decode("utf-8", "replace"))
        raise PassingError(
            f"the answer is not a whole JSON object ({len(body)} bytes, beginning with {start!r}): {redact(str(exc))}",
            path=path,
            cure=UnreadableAnswer.cure,
        ) from exc


def rows_of(answer: dict[str, Any], path: str) -> list[dict[str, Any]]:
    """Return the rows in an answer.

    Args:
        answer: the JSON object.
        path: path of the request, for the message.

    Raises:
        UnreadableAnswer: if there is no list of rows in it.
    """
    rows = answer.get("value")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        found = redact(", ".join(sorted(answer)[:8])) or "nothing"
        raise UnreadableAnswer(f"the answer holds no list of rows named 'value', but {found}", path=path)
    return rows


def _exact(text: str) -> Decimal:
    number = Decimal(text)
    if abs(number.adjusted()) > MOST_DIGITS:
        raise ValueError("a number with an exponent that no Edm type has")
    return number


_DECODER: Final = msgspec.json.Decoder(dict[str, Any], float_hook=_exact)
