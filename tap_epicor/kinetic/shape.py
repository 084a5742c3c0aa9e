"""What is declared of rows, and how they come: as declared, with numbers as strings, with columns that nobody wants.

Reading a row into Python's own objects and writing it out again costs more than all the rest. So of each row only the
columns that are compared are read, and the others go on as text: the whole row where it is as declared, column by
column where some are unwanted, and with its numbers read exactly where they came as strings.

That text is JSON in UTF-8 is certain, since each answer is read from its beginning to its end. That its values are of
the types that were declared, and that no column is missing or new, is checked of each row until `ALL_OF` were checked,
and then of one row in `ONE_IN` of each answer, each time of other ones. Where it does not hold, that answer is looked
at anew.
"""

from __future__ import annotations

import codecs
from decimal import Decimal
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Raw

from tap_epicor.kinetic.errors import redact
from tap_epicor.kinetic.found import Found, Row, read_json, rows_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

KINDS: Final[Mapping[str, Any]] = {"string": str, "integer": int, "number": float, "boolean": bool}
"""Types of JSON schema whose values can be checked while they are read, and what `msgspec` calls them."""

ALL_OF: Final = 1_000
ONE_IN: Final = 16
_LOOKED_AT: Final = 64
"""Rows from which it is learned how columns come; all are checked afterwards."""
_MOST_MISFITS: Final = 3
"""Answers in a row that can't be read so, after which no other is expected to be."""
_AT_ONCE: Final = 200
"""Rows that are read in all their columns at a time."""
_PART: Final = 1 << 14
"""Bytes that are decoded at a time: what is ASCII alone needs no decoding, and a short text stays in the cache."""
_LONGEST: Final = 40
"""Characters of a whole number in a string; those of an Edm.Int64 are 20."""


class Shape:
    """What is declared of rows.

    Args:
        columns: the columns that are wanted; of each the type in JSON schema, and whether it may be null. A type that
            is none of `KINDS` is not checked.
        compared: the columns among them whose values are looked at; where there are none, rows are dictionaries.
    """

    def __init__(self, columns: Mapping[str, tuple[str, bool]], compared: Collection[str] = ()) -> None:
        self._columns = columns
        self._compared = compared
        self._manner: _Manner | None = None
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
        news = ""
        if self._compared and self._misfits < _MOST_MISFITS and _is_one_line(body) and _is_utf8(body):
            try:
                texts = _TEXTS.decode(body).value
                if not texts:
                    return Found([])
                if self._manner:
                    try:
                        return self._read(self._manner, body, texts)
                    except _MISFIT as exc:
                        news = redact(str(exc)) if self._manner.answers else ""
                found = self._read(_Manner(self._columns, self._compared, texts), body, texts)
            except _MISFIT:
                self._misfits += 1
            else:
                found.news = news
                return found
        return Found(rows_of(read_json(body, path), path), news=news)

    def _read(self, manner: _Manner, body: bytes, texts: list[Raw]) -> Found:
        found = manner.read(body, texts)
        self._manner = manner
        self._misfits = 0
        return found


class _Manner:
    """How the columns of rows come.

    Args:
        columns: what is declared, as for `Shape`.
        compared: the columns whose values are looked at.
        texts: the text of the rows of one answer, at least one.

    Attributes:
        answers: of how many answers not every row was checked.

    Raises:
        ValueError: if rows have not all the columns that are wanted.
    """

    def __init__(
        self, columns: Mapping[str, tuple[str, bool]], compared: Collection[str], texts: Sequence[Raw]
    ) -> None:
        rows = [_ROW.decode(text) for text in texts[:: len(texts) // _LOOKED_AT + 1]]
        # Another order costs time, column by column.
        came = list(rows[0])
        if not columns.keys() <= set(came):
            raise ValueError("columns are missing")
        # Python has an opinion about names, and Epicor's are not asked for it.
        self._fields = {name: f"column{number}" for number, name in enumerate(came)}
        mended = {
            name
            for name, (kind, _) in columns.items()
            if kind in {"integer", "number"} and any(type(row.get(name)) is str for row in rows)
        }
        self._unwanted = [name for name in came if name not in columns]
        self._whole = not mended and not self._unwanted
        self._integers = [self._fields[name] for name in mended if columns[name][0] == "integer"]
        self._numbers = [self._fields[name] for name in mended if columns[name][0] == "number"]
        kinds = {name: _mended(*columns[name]) if name in mended else _kind(*columns[name]) for name in columns}
        read = {name: kinds[name] for name in came if name in kinds.keys() & compared}
        self._checker = _reader(self._row({name: kinds.get(name, Raw) for name in came}, forbid_unknown_fields=True))
        self._row_read = self._row(read)
        answer = msgspec.defstruct("Answer", [("value", list[self._row_read])])  # type: ignore[name-defined]
        self._reader: msgspec.json.Decoder[Any] = msgspec.json.Decoder(answer)
        self._read = [self._fields[name] for name in read]
        typed = read.keys() | mended
        wanted = [name for name in came if name in columns]
        self._mender = _reader(self._row({name: kinds[name] if name in typed else Raw for name in wanted}))
        self._certain = 0
        self.answers = 0

    def _row(self, kinds: Mapping[str, Any], **options: Any) -> type[Row]:  # noqa: ANN401
        row: type[Row] = msgspec.defstruct(  # type: ignore[assignment]
            "Row",
            [(self._fields[name], kind) for name, kind in kinds.items()],
            bases=(Row,),
            namespace={"fields": {name: self._fields[name] for name in kinds}},
            rename={self._fields[name]: name for name in kinds},
            gc=False,
            **options,
        )
        return row

    def read(self, body: bytes, texts: list[Raw]) -> Found:
        """Return the rows of an answer.

        Args:
            body: its text.
            texts: the text of each row.

        Raises:
            ValueError: if they come otherwise.
        """
        looked_at: Sequence[Raw] = texts
        if self._certain >= ALL_OF:
            looked_at = texts[self.answers % min(ONE_IN, len(texts)) :: ONE_IN]
        for some in _parts(looked_at):
            self._checker.decode(some)
        found = Found(self._reader.decode(body).value, texts) if self._whole else self._made(texts)
        if self._certain >= ALL_OF:
            self.answers += 1
        self._certain += len(looked_at)
        found.unwanted = self._unwanted
        return found

    def _made(self, texts: Sequence[Raw]) -> Found:
        """Return rows with their text as it is to go out."""
        rows: list[Row] = []
        made: list[bytes] = []
        for some in _parts(texts):
            wide = self._mender.decode(some)
            self._mend(wide)
            rows += map(self._row_read, *(map(attrgetter(field), wide) for field in self._read))
            # A line break is the end of a line, and stands nowhere else in JSON that is written so.
            made += _ENCODER.encode_lines(wide).split(b"\n")[:-1]
        return Found(rows, made)

    def _mend(self, rows: list[Row]) -> None:
        for field in self._integers:
            for row in rows:
                value = getattr(row, field)
                if type(value) is str:
                    if len(value) > _LONGEST:
                        raise ValueError("too long for a whole number")
                    setattr(row, field, int(value))
        for field in self._numbers:
            if not all(map(Decimal.is_finite, filter(None, map(attrgetter(field), rows)))):
                raise ValueError("no finite number")


def _parts(texts: Sequence[Raw]) -> Iterator[bytes]:
    """Yield lists of rows, as JSON: few at a time, so that what is made of them stays near the processor."""
    for at in range(0, len(texts), _AT_ONCE):
        yield b"[" + b",".join(texts[at : at + _AT_ONCE]) + b"]"


def _reader(row: type[Row]) -> msgspec.json.Decoder[list[Row]]:
    return msgspec.json.Decoder(list[row])  # type: ignore[valid-type]


def _is_utf8(body: bytes) -> bool:
    """Return whether a text is UTF-8, which `msgspec` does not look at in what it leaves out."""
    if body.isascii():
        return True
    decoder = codecs.getincrementaldecoder("utf-8")()
    begun = False
    try:
        for at in range(0, len(body), _PART):
            part = body[at : at + _PART]
            if begun or not part.isascii():
                decoder.decode(part)
                begun = bool(decoder.getstate()[0])
    except UnicodeDecodeError:
        return False
    return not begun


def _is_one_line(body: bytes) -> bool:
    """Return whether a document has no line breaks, which stand only between values, and would break a message."""
    text = body.rstrip()
    return b"\n" not in text and b"\r" not in text


def _kind(name: str, nullable: bool) -> Any:  # noqa: ANN401, FBT001
    if name not in KINDS:
        return Raw
    return KINDS[name] | None if nullable else KINDS[name]


def _mended(name: str, nullable: bool) -> Any:  # noqa: ANN401, FBT001
    kind = Decimal if name == "number" else int | str
    return kind | None if nullable else kind


class _Texts(msgspec.Struct):
    value: list[Raw]


_TEXTS = msgspec.json.Decoder(_Texts)
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_ROW = msgspec.json.Decoder(dict[str, Any])
_MISFIT = (ValueError, ArithmeticError, RecursionError)

UNDECLARED: Final = Shape({})
"""Nothing is declared: rows are dictionaries."""
