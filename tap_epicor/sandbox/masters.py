"""Rows of the tables that others refer to: companies, plants, customers, parts, suppliers, accounts."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, TypeAlias

from tap_epicor.sandbox import words
from tap_epicor.sandbox.history import DAY_TIMES, PLANTS, History, mix

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

Value: TypeAlias = str | int | float | bytes | None
Row: TypeAlias = dict[str, Value]

WAREHOUSES = ("MAIN", "WIP", "FG", "SHIP")
ACCOUNTS = ("1000", "1200", "1400", "2000", "4000", "5000", "6100", "6200")
DEPARTMENTS = ("00", "10", "20", "30")
EXPENSE_ROLES = ("Operator", "Setup", "Inspector", "Supervisor")


def random_guid(rng: Random) -> str:
    """A guid as text."""
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def _moment(rng: Random) -> str:
    clock = f"{rng.randrange(24):02d}:05:{rng.randrange(60):02d}.{rng.randrange(1, 1000):03d}"
    return DAY_TIMES[rng.randrange(1600)][:11] + clock.rstrip("0")


def _address(number: int, zip_column: str = "Zip") -> Row:
    columns: Row = dict(words.address(number))
    columns[zip_column] = columns.pop("_zip")
    return columns


def companies(history: History, _rng: Random) -> Iterator[Row]:
    """Company: the one row of each company."""
    names = {"EPIC06": "Epicor Education", "EPIC07": "Epicor Training & Söhne"}
    yield {
        "Company1": history.company,
        "Name": names.get(history.company, f"{history.company} Company"),
        **_address(len(history.company)),
        "Country": "USA",
        "CurrentFiscalYear": 2025,
        "FiscalCalendarID": "MAIN",
        "BaseCurrCode": "USD",
        "StartDate": DAY_TIMES[0],
    }


def currencies(history: History, _rng: Random) -> Iterator[Row]:
    """Currency."""
    for currency, name, symbol in (("USD", "US dollar", "$"), ("EUR", "Euro", "€"), ("MXN", "Peso", "$")):
        yield {
            "Company": history.company,
            "CurrencyCode": currency,
            "CurrencyID": currency,
            "CurrName": name,
            "CurrDesc": name,
            "CurrSymbol": symbol,
            "BaseCurr": currency == "USD",
            "RoundMltpTotalAmt": 0.01,
        }


def plants(history: History, rng: Random) -> Iterator[Row]:
    """Plant: with a logo, which is binary."""
    for number, plant in enumerate(PLANTS.get(history.company, ("MfgSys",))):
        yield {
            "Company": history.company,
            "Plant1": plant,
            "Name": "Main Plant" if plant == "MfgSys" else f"Plant {plant}",
            **_address(number + 1),
            "ManagerName": words.person(number),
            "LogoImageContent": rng.randbytes(12) if number == 0 else None,
            "ACWPercentage": 1 / 3 + number,
        }


def warehouses(history: History, _rng: Random) -> Iterator[Row]:
    """Warehse."""
    for number, warehouse in enumerate(WAREHOUSES):
        yield {
            "Company": history.company,
            "WarehouseCode": warehouse,
            "Description": f"{warehouse.title()} Warehouse",
            "Name": f"{warehouse.title()} Warehouse",
            "Plant": history.plant(number // 3),
            **_address(number),
            "LastTagNum": 100 * number,
        }


def customers(history: History, rng: Random) -> Iterator[Row]:
    """Customer: CustID is kept padded, as an nchar column would be."""
    for number in range(1, history.customers + 1):
        yield {
            "Company": history.company,
            "CustNum": number,
            "CustID": words.code(number).ljust(10),
            "Name": words.business(number),
            **_address(number),
            "Country": "USA",
            "PhoneNum": f"763-555-{number % 10000:04d}",
            "EMailAddress": f"orders+{number}@example.com",
            "CustomerType": "CUS" if number % 9 else "SUS",
            "TerritoryID": ("NORTH", "SOUTH", "EAST")[number % 3],
            "TermsCode": ("N30", "2%10", "COD")[number % 3],
            "CreditLimit": rng.randrange(1, 200) * 1000,
            "CreditHold": number % 17 == 0,
            "GroupCode": ("AERO", "AUTO", "MED")[number % 3],
            "EstDate": DAY_TIMES[number % 900],
            "Comment": words.COMMENTS[number % len(words.COMMENTS)],
            "DiscountPercent": rng.randrange(0, 1500) / 100,
        }


def ship_tos(history: History, rng: Random) -> Iterator[Row]:
    """ShipTo: the customer's own address under an empty number, and others."""
    for customer in range(1, history.customers + 1):
        for number in range(1 + customer % 3):
            yield {
                "Company": history.company,
                "CustNum": customer,
                "ShipToNum": f"{number}" if number else "",
                "Name": words.business(customer + number),
                **_address(customer + number, "ZIP"),
                "Country": "USA",
                "ContactName": words.person(rng.randrange(900)),
                "TerritoryID": ("NORTH", "SOUTH", "EAST")[customer % 3],
            }


def contacts(history: History, rng: Random) -> Iterator[Row]:
    """CustCnt."""
    for customer in range(1, history.customers + 1):
        for number in range(1, 2 + customer % 2):
            name = words.person(rng.randrange(900))
            yield {
                "Company": history.company,
                "CustNum": customer,
                "ShipToNum": "",
                "ConNum": number,
                "Name": name,
                "FirstName": name.split()[0],
                "LastName": name.split()[1],
                "EMailAddress": f"{name.split()[0].lower()}.{customer}@example.com",
                "PhoneNum": f"612-555-{customer % 10000:04d}",
                "Func": ("Buyer", "Owner", "AP & AR")[number % 3],
            }


def national_members(history: History, _rng: Random) -> Iterator[Row]:
    """NAMember: a set whose only key is SysRowID."""
    for customer in range(1, history.customers + 1, 3):
        top = 1 + customer // 4
        yield {
            "Company": history.company,
            "CustNum": customer,
            "RlsClassCode": "NATIONAL",
            "Tiered": customer % 2 == 0,
            "TopCustNum": top,
            "TopCustID": words.code(top),
            "TopCustName": words.business(top),
        }


def ship_to_searches(history: History, _rng: Random) -> Iterator[Row]:
    """ShipToSrch: keyed by SysRowID, without SysRevID."""
    for customer in range(1, history.customers + 1, 2):
        yield {"Company": history.company, "CustNum": customer, "ShipToID": f"{customer % 3}"}


def controls(history: History, _rng: Random) -> Iterator[Row]:
    """EntityGLC: the set with the longest key here."""
    for customer in range(1, history.customers + 1, 2):
        yield {
            "Company": history.company,
            "RelatedToFile": "Customer",
            "Key1": str(customer),
            **{f"Key{number}": "" for number in range(2, 7)},
            "GLControlType": "AR Account",
            "GLControlCode": "MAIN" if customer % 4 else "O'Alt",
            "CustNum": customer,
        }


def parts(history: History, rng: Random) -> Iterator[Row]:
    """Part."""
    for number in range(history.parts):
        made = mix(history.salt, 21, number) % 3 > 0
        price = history.part_price(number)
        yield {
            "Company": history.company,
            "PartNum": history.part_number(number),
            "PartDescription": words.thing(number),
            "SearchWord": words.NOUNS[number % len(words.NOUNS)][:8],
            "TypeCode": "M" if made else "P",
            "ClassID": ("RAW", "FG", "SUB")[number % 3],
            "ProdCode": ("AERO", "AUTO", "MED")[number % 3],
            "IUM": "EA",
            "PUM": "EA",
            "SalesUM": "EA",
            "UnitPrice": price / 100000,
            "InternalUnitPrice": round(price * 0.7) / 100000,
            "NetWeight": rng.randrange(1, 99_999_999) / 100000,
            "GrossWeight": rng.randrange(1, 10**17),
            "InActive": number % 23 == 0,
            "ChangedOn": _moment(rng),
            "MfgComment": words.COMMENTS[number % len(words.COMMENTS)],
        }


def part_plants(history: History, rng: Random) -> Iterator[Row]:
    """PartPlant."""
    for number in range(history.parts):
        yield {
            "Company": history.company,
            "PartNum": history.part_number(number),
            "Plant": history.plant(0),
            "PrimWhse": WAREHOUSES[number % 3],
            "MinimumQty": rng.randrange(100),
            "MaximumQty": rng.randrange(100, 1000),
            "SafetyQty": rng.randrange(50) / 4,
            "LeadTime": rng.randrange(30),
            "BuyerID": f"B{number % 5}",
        }


def part_warehouses(history: History, rng: Random) -> Iterator[Row]:
    """PartWhse."""
    for number in range(history.parts):
        yield {
            "Company": history.company,
            "PartNum": history.part_number(number),
            "Plant": history.plant(0),
            "WarehouseCode": WAREHOUSES[number % 3],
            "OnHandQty": rng.randrange(500),
            "DemandQty": rng.randrange(100),
            "AllocatedQty": rng.randrange(20),
            "PrimBinNum": f"{number % 30:02d}-{number % 7:02d}",
        }


def part_bins(history: History, rng: Random) -> Iterator[Row]:
    """PartBinInfo."""
    for number in range(history.parts):
        yield {
            "Company": history.company,
            "PartNum": history.part_number(number),
            "Plant": history.plant(0),
            "WarehouseCode": WAREHOUSES[number % 3],
            "BinNum": f"{number % 30:02d}-{number % 7:02d}",
            "OnhandQty": rng.randrange(50000) / 100,
        }


def part_revisions(history: History, rng: Random) -> Iterator[Row]:
    """PartRev."""
    for number in range(history.parts):
        for revision in "AB"[: 1 + number % 2]:
            day = DAY_TIMES[rng.randrange(1600)]
            yield {
                "Company": history.company,
                "PartNum": history.part_number(number),
                "RevisionNum": revision,
                "AltMethod": "",
                "ProcessMfgID": "",
                "RevShortDesc": f"Rev {revision}",
                "RevDescription": f"Revision {revision} of {words.thing(number)}",
                "Approved": number % 5 > 0,
                "ApprovedDate": day,
                "EffectiveDate": day,
                "ChangedOn": f"{day[:11]}{rng.randrange(24):02d}:{rng.randrange(60):02d}:00.5",
                "CreatedOn": day,
            }


def part_audits(history: History, rng: Random) -> Iterator[Row]:
    """PartAudit: a key with a date in it."""
    for number in range(history.parts):
        yield {
            "Company": history.company,
            "PartNum": history.part_number(number),
            "RevisionNum": "A",
            "AltMethod": "",
            "ProcessMfgID": "",
            "ChangeDate": DAY_TIMES[rng.randrange(1600)],
            "ChangeTime": rng.randrange(86_400),
            "ChangedBy": "manager",
            "ChangeDescription": "Approved → unapproved",
        }


def vendors(history: History, _rng: Random) -> Iterator[Row]:
    """Vendor."""
    for number in range(1, history.vendors + 1):
        yield {
            "Company": history.company,
            "VendorNum": number,
            "VendorID": words.code(number + 13),
            "Name": words.business(number + 13),
            **_address(number + 5, "ZIP"),
            "Country": "USA",
            "PhoneNum": f"952-555-{number % 10000:04d}",
            "EMailAddress": f"ap{number}@example.com",
            "TermsCode": "N30",
            "CurrencyCode": "USD",
            "Approved": number % 11 > 0,
            "Comment": words.COMMENTS[number % len(words.COMMENTS)],
        }


def employees(history: History, rng: Random) -> Iterator[Row]:
    """EmpBasic."""
    for number in range(1, history.employees + 1):
        name = words.person(number)
        yield {
            "Company": history.company,
            "EmpID": f"{100 + number}",
            "Name": name,
            "FirstName": name.split()[0],
            "LastName": name.split()[1],
            "EmpStatus": "A" if number % 8 else "T",
            "Shift": 1 + number % 2,
            "JCDept": DEPARTMENTS[number % 4],
            "LaborRate": rng.randrange(1500, 4500) / 100,
            "EMailAddress": f"{name.split()[0].lower()}@example.com",
        }


def accounts(history: History, _rng: Random) -> Iterator[Row]:
    """GLAccount."""
    for account in ACCOUNTS:
        for department in DEPARTMENTS:
            yield {
                "Company": history.company,
                "COACode": "MAIN",
                "GLAccount1": f"{account}|{department}|00",
                "AccountDesc": f"Account {account} & department {department}",
                "GLAcctDispGLAcctDisp": f"{account}-{department}-00",
                "SegValue1": account,
                "SegValue2": department,
                "SegValue3": "00",
                "Active": True,
                "EffFrom": None,
            }
