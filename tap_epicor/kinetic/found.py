"""The rows of an answer: each value checked against what is declared, and the text of each row kept.

Reading a row into Python's own objects and writing it out again costs more than all the rest. Where each value is of
the type that was declared and no column is missing or unknown, a row's text can go on as it came; `msgspec` says so
while it reads. Where that does not hold, rows are dictionaries, for whoever repairs them.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, SupportsIndex, overload

import msgspec

from tap_epicor.kinetic.dialect import MOST_DIGITS
from tap_epicor.kinetic.errors import PassingError, UnreadableAnswer, redact

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KINDS: Final[Mapping[str, Any]] = {"string": str, "integer": int, "number": float, "boolean": bool}
"""Types of JSON schema whose values can be checked while they are read, and what `msgspec` calls them."""

_MOST_MISFITS: Final = 3
"""Answers in a row that are not as declared, after which no other is expected to be."""


class Row(msgspec.Struct, gc=False):
    """A row that is as declared; `fields` are its columns, and their order is the server's."""

    def get(self, name: str) -> Any:  # noqa: ANN401
        """Return the value of a column, None where there is no such column."""
        return getattr(self, name, None)

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self, name)

    def keys(self) -> Sequence[str]:
        """Return the names of the columns."""
        return self.__struct_fields__


class Found(list[Any]):
    """The rows of an answer, or some of them that follow each other.

    Args:
        rows: the rows, `Row` or dictionaries.
        body: the answer's text; None where the rows are not as declared.
        skipped: rows at the beginning of that text which are not among these.
    """

    def __init__(self, rows: Sequence[Any], body: bytes | None = None, skipped: int = 0) -> None:
        super().__init__(rows)
        self.body = body
        self._skipped = skipped

    @overload
    def __getitem__(self, at: SupportsIndex) -> Any: ...  # noqa: ANN401

    @overload
    def __getitem__(self, at: slice) -> Found: ...

    def __getitem__(self, at: SupportsIndex | slice) -> Any:
        if not isinstance(at, slice):
            return super().__getitem__(at)
        first, _, step = at.indices(len(self))
        if step != 1:
            return Found(self._decoded()[at])
        return Found(super().__getitem__(at), self.body, self._skipped + first)

    def chosen(self, wanted: Sequence[bool]) -> Found:
        """Return some of the rows.

        Args:
            wanted: for each row, whether it is one of them.
        """
        return Found([row for row, want in zip(self._decoded(), wanted, strict=True) if want])

    def texts(self) -> list[msgspec.Raw]:
        """Return the text of each row; only where there is a body."""
        return _TEXTS.decode(self.body or b"").value[self._skipped : self._skipped + len(self)]

    def dictionaries(self) -> list[dict[str, Any]]:
        """Return the rows as dictionaries with exact decimals."""
        return self._decoded()

    def _decoded(self) -> list[dict[str, Any]]:
        if self.body is None:
            return list(self)
        return rows_of(read_json(self.body, ""), "")[self._skipped : self._skipped + len(self)]


class Shape:
    """What is declared of rows.

    Args:
        columns: the columns that are wanted; of each the type in JSON schema, and whether it may be null.
    """

    def __init__(self, columns: Mapping[str, tuple[str, bool]]) -> None:
        self._columns = columns
        self._checked = bool(columns) and all(kind in KINDS for kind, _ in columns.values())
        self._checked &= not any(hasattr(Row, name) for name in columns)
        self._reader: msgspec.json.Decoder[Any] | None = None
        self._misfits = 0

    def read(self, body: bytes, path: str) -> Found:
        """Return the rows of an answer.

        Args:
            body: its text.
            path: path of the request, for the message.

        Raises:
            UnreadableAnswer: if there is no list of rows in it.
            PassingError: if it is not a whole JSON document.
        """
        if self._checked and self._misfits < _MOST_MISFITS and _is_one_line(body):
            rows = self._as_declared(body)
            self._misfits = 0 if rows is not None else self._misfits + 1
            if rows is not None:
                return Found(rows, body)
        return Found(rows_of(read_json(body, path), path))

    def _as_declared(self, body: bytes) -> list[Any] | None:
        for reader in (self._reader, None):
            try:
                if reader is None:
                    reader = self._reader = self._ordered(body)  # noqa: PLW2901
                rows: list[Any] = reader.decode(body).value
            except (ValueError, RecursionError):
                continue
            return rows
        return None

    def _ordered(self, body: bytes) -> msgspec.json.Decoder[Any]:
        """Return a reader of rows whose columns stand as in an answer: another order costs time, column by column.

        Raises:
            ValueError: if the first row is not as declared.
        """
        texts = _TEXTS.decode(body).value
        came = list(msgspec.json.decode(texts[0])) if texts else list(self._columns)
        if set(came) != set(self._columns):
            raise ValueError("columns are missing or unknown")
        fields = [(name, _kind(*self._columns[name])) for name in came]
        row = msgspec.defstruct("Row", fields, bases=(Row,), forbid_unknown_fields=True, gc=False)
        return msgspec.json.Decoder(msgspec.defstruct("Answer", [("value", list[row])]))  # type: ignore[valid-type]


def _is_one_line(body: bytes) -> bool:
    """Return whether a document has no line breaks, which stand only between values, and would break a message."""
    text = body.rstrip()
    return b"\n" not in text and b"\r" not in text


def _kind(name: str, nullable: bool) -> Any:  # noqa: ANN401, FBT001
    return KINDS[name] | None if nullable else KINDS[name]


class _Texts(msgspec.Struct):
    value: list[msgspec.Raw]


_TEXTS = msgspec.json.Decoder(_Texts)


UNDECLARED: Final = Shape({})
"""Nothing is declared: rows are dictionaries."""


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
            f"the answer is not a whole JSON object ({len(body)} bytes, beginning with {start!r})",
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


_DECODER = msgspec.json.Decoder(dict[str, Any], float_hook=_exact)
