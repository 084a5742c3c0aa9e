"""The made-up past of one company: how much of everything, and the facts several tables share."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property

FIRST_DAY = dt.date(2021, 1, 4)
DAYS = 1600
DATES = tuple((FIRST_DAY + dt.timedelta(days=n)).isoformat() for n in range(DAYS + 400))
DAY_TIMES = tuple(f"{date}T00:00:00" for date in DATES)
ODD_PART_NUMBERS = (
    "A/B+C 1'4\"",
    "50% OFF & MORE",
    "Ünïcode-Größe",
    "LINE\nBREAK",
    "HASH#QUESTION?",
    "(PAREN),COMMA;",
    "O''BRIEN",
    "日本-部品",
    " LEADING",
    "A B+C%20D",
)
FAMILIES = ("BRKT", "SHAFT", "DCD", "HSG", "SEAL", "GEAR", "PLATE", "VALVE", "CBL", "00C")
PLANTS = {"EPIC06": ("MfgSys", "WI"), "EPIC07": ("MfgSys", "CHI")}
_MASK = (1 << 64) - 1
_SHIPPED = 6
_RECEIVED = 7
"""Of ten orders."""


def mix(*numbers: int) -> int:
    """A 62-bit hash of the numbers: the same everywhere, for ever."""
    state = 0x9E3779B97F4A7C15
    for number in numbers:
        state = (state ^ number) * 0xBF58476D1CE4E5B9 & _MASK
        state ^= state >> 29
    state = state * 0x94D049BB133111EB & _MASK
    return (state ^ (state >> 32)) >> 2


@dataclass(frozen=True, slots=True)
class Order:
    """A sales order as its lines, releases, shipment and invoice know it."""

    index: int
    number: int
    customer: int
    day: int
    lines: int
    shipped: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a document: a part, a quantity and its price."""

    part: int
    quantity: int
    price: int
    """In hundred-thousandths."""

    @property
    def cents(self) -> int:
        """The extended price."""
        return (self.quantity * self.price + 500) // 1000


@dataclass(frozen=True, slots=True)
class Purchase:
    """A purchase order as its lines, receipt and invoice know it."""

    index: int
    number: int
    vendor: int
    day: int
    lines: int
    received: bool


@dataclass(frozen=True, slots=True)
class Job:
    """A job as its assemblies, materials and operations know it."""

    index: int
    number: str
    part: int
    day: int
    quantity: int
    assemblies: int


@dataclass(frozen=True)
class History:
    """The past of one company.

    Args:
        company: Its id.
        seed: Another seed, another past.
        rows: Rows of its biggest table.
    """

    company: str
    seed: int
    rows: int

    @cached_property
    def salt(self) -> int:
        """What makes this company's facts its own."""
        return mix(self.seed, sum(map(ord, self.company)))

    @property
    def parts(self) -> int:
        """How many parts there are."""
        return max(self.rows // 20, 24)

    @property
    def customers(self) -> int:
        """How many customers there are."""
        return max(self.rows // 50, 12)

    @property
    def vendors(self) -> int:
        """How many suppliers there are."""
        return max(self.rows // 100, 8)

    @property
    def employees(self) -> int:
        """How many employees there are."""
        return min(max(self.rows // 400, 6), 2000)

    @property
    def orders(self) -> int:
        """How many sales orders there are."""
        return max(self.rows * 18 // 100, 6)

    @property
    def purchases(self) -> int:
        """How many purchase orders there are."""
        return max(self.rows * 5 // 100, 5)

    @property
    def jobs(self) -> int:
        """How many jobs there are."""
        return max(self.rows * 4 // 100, 5)

    def plant(self, number: int) -> str:
        """One of the company's plants."""
        plants = PLANTS.get(self.company, ("MfgSys",))
        return plants[number % len(plants)]

    def part_number(self, part: int) -> str:
        """The number of a part, from 0."""
        if part < len(ODD_PART_NUMBERS):
            return ODD_PART_NUMBERS[part]
        return f"{FAMILIES[part % len(FAMILIES)]}-{part:06d}"

    def part_price(self, part: int) -> int:
        """A part's price in hundred-thousandths."""
        drawn = mix(self.salt, 11, part)
        return (drawn % 90_000 + 100) * (1000 if drawn & 0x700000 else 10)

    def order(self, index: int) -> Order:
        """The sales order of that index, from 0."""
        drawn = mix(self.salt, 1, index)
        return Order(
            index=index,
            number=5001 + index,
            customer=1 + drawn % self.customers,
            day=index * DAYS // self.orders,
            lines=1 + (drawn >> 40) % 6,
            shipped=(drawn >> 50) % 10 < _SHIPPED,
        )

    def order_line(self, index: int, line: int) -> Line:
        """A line, from 1, of a sales order."""
        return self._line(2, index, line)

    def quote_line(self, index: int, line: int) -> Line:
        """A line, from 1, of a quote."""
        return self._line(3, index, line)

    def purchase(self, index: int) -> Purchase:
        """The purchase order of that index, from 0."""
        drawn = mix(self.salt, 4, index)
        return Purchase(
            index=index,
            number=4001 + index,
            vendor=1 + drawn % self.vendors,
            day=index * DAYS // self.purchases,
            lines=1 + (drawn >> 40) % 4,
            received=(drawn >> 50) % 10 < _RECEIVED,
        )

    def purchase_line(self, index: int, line: int) -> Line:
        """A line, from 1, of a purchase order."""
        return self._line(5, index, line)

    def job(self, index: int) -> Job:
        """The job of that index, from 0."""
        drawn = mix(self.salt, 6, index)
        return Job(
            index=index,
            number=f"{2000 + index:06d}",
            part=drawn % self.parts,
            day=index * DAYS // self.jobs,
            quantity=1 + (drawn >> 30) % 200,
            assemblies=1 + (drawn >> 50) % 2,
        )

    def _line(self, kind: int, index: int, line: int) -> Line:
        drawn = mix(self.salt, kind, index, line)
        part = drawn % self.parts
        return Line(part=part, quantity=1 + (drawn >> 44) % 40, price=self.part_price(part))
