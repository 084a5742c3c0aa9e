"""Believable names of companies, people, places and things."""

from __future__ import annotations

_STEMS = [
    "Addison",
    "Dalton",
    "Northwind",
    "Bayview",
    "Cedar",
    "Delta",
    "Eagle",
    "Falcon",
    "Granite",
    "Harbor",
    "Ironwood",
    "Juniper",
    "Keystone",
    "Lakeside",
    "Müller",
    "Summit",
    "O'Neill",
    "Pioneer",
    "Quarry",
    "Redwood",
    "Société",
    "Tristar",
    "Union",
    "Vista",
    "Whitmore",
    "Yorkshire",
    "Zenith",
    "Åkerström",
    "Crown",
    "Atlas",
]
_TRADES = [
    "Manufacturing",
    "Machining",
    "Tool & Die",
    "Plastics",
    "Hydraulics",
    "Fabrication",
    "Electronics",
    "Industries",
    "Supply",
    "Castings",
]
_FORMS = ("Inc.", "LLC", "Co.", "GmbH", "Ltd", "S.A.", "& Sons", "Group")
FIRST_NAMES = [
    "Alice",
    "Brian",
    "Carla",
    "David",
    "Elena",
    "Frank",
    "Grace",
    "Hugo",
    "Irene",
    "João",
    "Karen",
    "Luis",
    "Mary",
    "Nils",
    "Olga",
    "Peter",
    "Quinn",
    "Rosa",
    "Sven",
    "Tina",
]
LAST_NAMES = [
    "Anderson",
    "Baker",
    "O'Connor",
    "Dubois",
    "Evans",
    "Fischer",
    "García",
    "Hansen",
    "Ito",
    "Jones",
    "Kowalski",
    "Lee",
    "Martin",
    "Nguyen",
    "Olsen",
    "Patel",
    "Quist",
    "Rossi",
    "Smith",
    "Turner",
]
CITIES = (
    ("Minneapolis", "MN", "55401"),
    ("Chicago", "IL", "60601"),
    ("St. Paul", "MN", "55101"),
    ("Milwaukee", "WI", "53202"),
    ("Dallas", "TX", "75201"),
    ("München", "BY", "80331"),
    ("Coeur d'Alene", "ID", "83814"),
    ("Querétaro", "QRO", "76000"),
)
STREETS = ("Main St.", "Oak Ave", "Industrial Blvd", "2nd Street #4", "Rue de l'Église", "Harbour Road")
NOUNS = ("Bracket", "Shaft", "Decal", "Housing", "Seal Kit", "Gear", "Base Plate", "Ball Valve", "Cable", "Casting")
QUALITIES = ("steel", '1/4" zinc', "anodized", "heavy-duty", "stainless", "50% recycled", "left & right", "Ø 12 mm")
COMMENTS = (
    "",
    "",
    "",
    "Call before delivery.",
    "First line\r\nsecond line",
    'Customer said "rush"',
    "Ship complete; don't split",
    "Prüfzeugnis 3.1 nötig — 100 %",
    "See drawing A&B <rev 2>",
    "emoji 🚚 in text",
)


def business(number: int) -> str:
    """The name of a business."""
    stem = _STEMS[number % len(_STEMS)]
    trade = _TRADES[number // 7 % len(_TRADES)]
    return f"{stem} {trade} {_FORMS[number // 3 % len(_FORMS)]}"


def person(number: int) -> str:
    """The name of a person."""
    return f"{FIRST_NAMES[number % len(FIRST_NAMES)]} {LAST_NAMES[number // 3 % len(LAST_NAMES)]}"


def code(number: int) -> str:
    """An upper-case code of a business, unique for each number."""
    stem = "".join(letter for letter in _STEMS[number % len(_STEMS)].upper() if letter.isascii() and letter.isalpha())
    return f"{stem[:6]}{number:03d}"


def thing(number: int) -> str:
    """The description of a part."""
    return f"{NOUNS[number % len(NOUNS)]}, {QUALITIES[number // 5 % len(QUALITIES)]}"


def address(number: int) -> dict[str, str]:
    """Columns of an address."""
    city, state, zip_code = CITIES[number % len(CITIES)]
    return {
        "Address1": f"{100 + number % 900} {STREETS[number % len(STREETS)]}",
        "Address2": "" if number % 3 else f"Suite {number % 40}",
        "City": city,
        "State": state,
        "_zip": zip_code,
    }
