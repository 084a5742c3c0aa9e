"""The rows that all contenders read: like order lines, rendered once, each told from the next by its key alone.

A set of any length consists of blocks. All have the same text but for the leading digits of `OrderNum` and `SysRevID`,
so that a block is a copy with some digits changed, and the place of a row follows from its key by arithmetic.
"""

from __future__ import annotations

import json
import random
import threading
import uuid
from collections import OrderedDict
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

COMPANY: Final = "EPIC06"
KEY: Final = ("Company", "OrderNum", "OrderLine")
BLOCK: Final = 5_000
LINES: Final = 5
FIRST_ORDER: Final = 1_000_000
ORDERS: Final = BLOCK // LINES
FIRST_REVISION: Final = 2_400_000_000
REVISIONS: Final = 2 * BLOCK
"""Revisions that a block spans: every other one is another table's."""

_ORDER_DIGITS = len(str(FIRST_ORDER)) - len(str(ORDERS - 1))
_REVISION_DIGITS = len(str(FIRST_REVISION)) - len(str(REVISIONS - 1))
_KEPT = 50

_NAMES: Final = {
    "Edm.String": "PartNum LineDesc IUM SalesUM RevisionNum POLine ProdCode XPartNum XRevisionNum Reference "
    "OrderComment ShipComment InvoiceComment PickListComment PriceListCode TaxCatID ProjectID BasePartNum WarrantyCode "
    "CurrencyCode",
    "Edm.Decimal": "UnitPrice DocUnitPrice OrderQty SellingQuantity SellingFactor Discount DocDiscount DiscountPercent "
    "ListPrice DocListPrice OrdBasedPrice ExtPriceDtl DocExtPriceDtl AdvanceBillBal CommissionablePct",
    "Edm.Int32": "CustNum QuoteNum QuoteLine KitParentLine ChangeTime TotalReleases",
    "Edm.DateTimeOffset": "RequestDate NeedByDate ChangeDate WarrantyExpires",
    "Edm.Boolean": "VoidLine OpenLine LockPrice LockQty Configured WarrantyMatl InUse PlanLocked RateLocked Rework",
}
COLUMNS: Final[dict[str, str]] = {
    "Company": "Edm.String",
    "OrderNum": "Edm.Int32",
    "OrderLine": "Edm.Int32",
    **{name: kind for kind, names in _NAMES.items() for name in names.split()},
    "SysRevID": "Edm.Int64",
    "SysRowID": "Edm.Guid",
}
"""Name and Edm type of each column."""

_WORDS = ("Flansch", "Ø40", "bolt,", "hex", "— oil-proof", "Bürste", "不锈钢螺栓", "mm²", "≤", "16", '"B"', "roller")
_TEXTS = {"LineDesc": 7, "OrderComment": 9, "ShipComment": 5, "InvoiceComment": 4, "PickListComment": 0, "Reference": 2}
_SELDOM, _OFTEN = 0.1, 0.6
_FIVE_PLACES = Decimal("1.00000")
_MOSTLY_NULL = frozenset({"WarrantyExpires", "ProjectID", "WarrantyCode"})


@dataclass(frozen=True)
class Shape:
    """How rows are written.

    Attributes:
        columns: the columns of each row.
        quotes_numbers: whether decimals and 64-bit integers are strings, as version 1 may have them.
    """

    columns: tuple[str, ...]
    quotes_numbers: bool = False


class Blocks:
    """The text of the rows of one shape.

    Args:
        shape: how they are written.
    """

    def __init__(self, shape: Shape) -> None:
        self._first = bytearray()
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._orders: list[int] = []
        self._revisions: list[int] = []
        self._kept: OrderedDict[int, memoryview] = OrderedDict()
        self._lock = threading.Lock()
        for row in _values(shape):
            self._add(row)

    def text(self, start: int, stop: int) -> Iterator[memoryview]:
        """Yield the text of rows, commas between them.

        Args:
            start: number of the first row, counted from 0.
            stop: number of the row after the last.
        """
        while start < stop:
            number, first = divmod(start, BLOCK)
            last = min(BLOCK, stop - number * BLOCK)
            yield self.block(number)[self._starts[first] : self._ends[last - 1]]
            start = number * BLOCK + last
            if start < stop:
                yield memoryview(b",")

    def block(self, number: int) -> memoryview:
        """Return a block's text, made where it is not kept."""
        with self._lock:
            if number in self._kept:
                self._kept.move_to_end(number)
                return self._kept[number]
            made = self._kept[number] = memoryview(self._make(number))
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            return made

    def _make(self, number: int) -> bytearray:
        text = self._first[:]
        leading = str(FIRST_ORDER + number * ORDERS)[:_ORDER_DIGITS].encode()
        for place in self._orders:
            text[place : place + _ORDER_DIGITS] = leading
        leading = str(FIRST_REVISION + number * REVISIONS)[:_REVISION_DIGITS].encode()
        for place in self._revisions:
            text[place : place + _REVISION_DIGITS] = leading
        return text

    def _add(self, row: dict[str, Any]) -> None:
        if self._first:
            self._first += b","
        start = len(self._first)
        members = (f'"{name}":{_text(value)}' for name, value in row.items())
        self._first += f"{{{','.join(members)}}}".encode()
        self._starts.append(start)
        self._ends.append(len(self._first))
        for name, places in (("OrderNum", self._orders), ("SysRevID", self._revisions)):
            if name in row:
                quoted = isinstance(row[name], str)
                places.append(self._first.index(f'"{name}":'.encode(), start) + len(name) + 3 + quoted)


def key_of(number: int) -> tuple[str, int, int]:
    """Return the key of a row."""
    return COMPANY, FIRST_ORDER + number // LINES, number % LINES + 1


def revision_of(number: int) -> int:
    """Return the `SysRevID` of a row."""
    block, place = divmod(number, BLOCK)
    return FIRST_REVISION + block * REVISIONS + 2 * place


def digest(keys: Iterable[Sequence[object]]) -> tuple[int, str]:
    """Return how many keys there are, and a digest of them, in the order given."""
    count, total = 0, sha256()
    for key in keys:
        count += 1
        total.update(json.dumps([*key]).encode())
    return count, total.hexdigest()[:16]


def _values(shape: Shape) -> Iterator[dict[str, Any]]:
    chance = random.Random(10)
    for number in range(BLOCK):
        company, order, line = key_of(number)
        row: dict[str, Any] = {name: _value(name, kind, chance) for name, kind in COLUMNS.items()}
        row |= {"Company": company, "OrderNum": order, "OrderLine": line, "SysRevID": revision_of(number)}
        yield {name: _written(row[name], COLUMNS[name], shape) for name in shape.columns}


def _written(value: Any, kind: str, shape: Shape) -> Any:  # noqa: ANN401
    return str(value) if shape.quotes_numbers and kind in {"Edm.Decimal", "Edm.Int64"} else value


def _text(value: Any) -> str:  # noqa: ANN401
    return str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)


def _value(name: str, kind: str, chance: random.Random) -> Any:  # noqa: ANN401, PLR0911
    if name in _MOSTLY_NULL and chance.random() > _SELDOM:
        return None
    if kind == "Edm.String":
        if name in _TEXTS:
            return " ".join(chance.choices(_WORDS, k=_TEXTS[name]))
        return chance.choice(("", "EA", "EUR", f"P-{chance.randrange(10**6)}"))
    if kind == "Edm.Decimal":
        return Decimal(chance.randrange(10**9) if chance.random() < _OFTEN else 0).scaleb(-5).quantize(_FIVE_PLACES)
    if kind == "Edm.DateTimeOffset":
        return f"{date(2024, 1, 1) + timedelta(chance.randrange(900))}T00:00:00Z"
    if kind == "Edm.Boolean":
        return chance.random() > _OFTEN
    if kind == "Edm.Guid":
        return str(uuid.UUID(int=chance.getrandbits(128)))
    return chance.randrange(10**5)
