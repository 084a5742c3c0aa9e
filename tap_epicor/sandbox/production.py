"""Rows of jobs, labor, the movements of parts and the general ledger's journals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_epicor.sandbox import words
from tap_epicor.sandbox.history import DAY_TIMES, DAYS, History, Job, mix
from tap_epicor.sandbox.masters import ACCOUNTS, DEPARTMENTS, WAREHOUSES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from tap_epicor.sandbox.masters import Row

OPERATIONS = ("SAW", "MILL", "TURN", "WELD", "INSP")
MOVEMENTS = ("STK-MTL", "PUR-STK", "MFG-STK", "STK-CUS", "ADJ-QTY")


def _jobs(history: History) -> Iterator[Job]:
    return map(history.job, range(history.jobs))


def _assemblies(history: History) -> Iterator[tuple[Job, int]]:
    return ((job, assembly) for job in _jobs(history) for assembly in range(job.assemblies))


def jobs(history: History, _rng: Random) -> Iterator[Row]:
    """JobHead."""
    for job in _jobs(history):
        closed = job.index % 3 > 0
        yield {
            "Company": history.company,
            "JobNum": job.number,
            "PartNum": history.part_number(job.part),
            "PartDescription": words.thing(job.part),
            "JobClosed": closed,
            "JobComplete": closed,
            "JobReleased": True,
            "JobFirm": True,
            "ProdQty": job.quantity,
            "QtyCompleted": job.quantity if closed else 0,
            "StartDate": DAY_TIMES[job.day],
            "DueDate": DAY_TIMES[job.day + 12],
            "ReqDueDate": DAY_TIMES[job.day + 14],
            "ClosedDate": DAY_TIMES[job.day + 13] if closed else None,
            "Plant": history.plant(job.index),
            "LastChangedOn": f"{DAY_TIMES[job.day][:11]}14:{job.index % 60:02d}:07.25",
            "LastChangedBy": "manager",
            "CommentText": words.COMMENTS[job.index % len(words.COMMENTS)],
        }


def assemblies(history: History, _rng: Random) -> Iterator[Row]:
    """JobAsmbl."""
    for job, assembly in _assemblies(history):
        part = (job.part + assembly) % history.parts
        yield {
            "Company": history.company,
            "JobNum": job.number,
            "AssemblySeq": assembly,
            "PartNum": history.part_number(part),
            "Description": words.thing(part),
            "BomSequence": assembly,
            "BomLevel": assembly,
            "QtyPer": 1,
            "RequiredQty": job.quantity,
            "IUM": "EA",
            "Plant": history.plant(job.index),
        }


def materials(history: History, rng: Random) -> Iterator[Row]:
    """JobMtl."""
    for job, assembly in _assemblies(history):
        for number in range(1, 5):
            part = mix(history.salt, 41, job.index, assembly, number) % history.parts
            yield {
                "Company": history.company,
                "JobNum": job.number,
                "AssemblySeq": assembly,
                "MtlSeq": number * 10,
                "PartNum": history.part_number(part),
                "Description": words.thing(part),
                "QtyPer": rng.randrange(1, 40) / 8,
                "RequiredQty": job.quantity * number,
                "IssuedQty": job.quantity * number if job.index % 3 else 0,
                "IUM": "EA",
                "EstUnitCost": history.part_price(part) / 100000,
                "WarehouseCode": "MAIN",
                "IssuedComplete": job.index % 3 > 0,
            }


def operations(history: History, rng: Random) -> Iterator[Row]:
    """JobOper."""
    for job, assembly in _assemblies(history):
        for number in range(1, 4):
            yield {
                "Company": history.company,
                "JobNum": job.number,
                "AssemblySeq": assembly,
                "OprSeq": number * 10,
                "OpCode": OPERATIONS[(job.index + number) % len(OPERATIONS)],
                "OpDesc": f"Operation {number}",
                "EstSetHours": rng.randrange(8) / 4,
                "EstProdHours": rng.randrange(1, 400) / 16,
                "ProdStandard": rng.randrange(100, 9000) / 100,
                "RunQty": job.quantity,
                "QtyCompleted": job.quantity if job.index % 3 else 0,
                "OpComplete": job.index % 3 > 0,
                "StartDate": DAY_TIMES[job.day + number],
            }


def labor(history: History, _rng: Random) -> Iterator[Row]:
    """LaborHed."""
    for number in range(max(history.rows * 5 // 100, 6)):
        day = _labor_day(history, number)
        yield {
            "Company": history.company,
            "LaborHedSeq": 1 + number,
            "EmployeeNum": f"{101 + number % history.employees}",
            "PayrollDate": DAY_TIMES[day][:10],
            "ClockInDate": DAY_TIMES[day],
            "ClockInTime": 7 + number % 3 / 4,
            "ClockOutTime": 15.5,
            "PayHours": 8 - number % 3 / 4,
            "Shift": 1,
            "TotLbrHrs": 8 - number % 3 / 4,
        }


def labor_lines(history: History, _rng: Random) -> Iterator[Row]:
    """LaborDtl: work of an employee upon an operation of a job."""
    for number in range(max(history.rows * 5 // 100, 6)):
        for line in range(1, 2 + number % 3):
            job = history.job(mix(history.salt, 42, number, line) % history.jobs)
            yield {
                "Company": history.company,
                "LaborHedSeq": 1 + number,
                "LaborDtlSeq": line,
                "EmployeeNum": f"{101 + number % history.employees}",
                "LaborType": "P",
                "JobNum": job.number,
                "AssemblySeq": 0,
                "OprSeq": 10 * (1 + line % 3),
                "JCDept": DEPARTMENTS[number % 4],
                "LaborHrs": (8 - number % 3 / 4) / (1 + number % 3),
                "BurdenHrs": (8 - number % 3 / 4) / (1 + number % 3),
                "LaborQty": 1 + number % 30,
                "ScrapQty": number % 2,
                "PayrollDate": DAY_TIMES[_labor_day(history, number)],
                "LaborNote": words.COMMENTS[number % len(words.COMMENTS)],
            }


def _labor_day(history: History, number: int) -> int:
    return number * DAYS // max(history.rows * 5 // 100, 6)


def movements(history: History, rng: Random) -> Iterator[Row]:
    """PartTran: the biggest table, keyed by a date, a time and a number."""
    span = max(history.rows, 1)
    for number in range(history.rows):
        part = rng.randrange(history.parts)
        quantity = rng.randrange(1, 100)
        price = history.part_price(part)
        movement = MOVEMENTS[number % len(MOVEMENTS)]
        yield {
            "Company": history.company,
            "SysDate": DAY_TIMES[number * DAYS // span],
            "SysTime": rng.randrange(21_600, 64_800),
            "TranNum": 1 + number,
            "PartNum": history.part_number(part),
            "WareHouseCode": WAREHOUSES[number % 4],
            "BinNum": f"{number % 30:02d}-{number % 7:02d}",
            "TranClass": "R" if number % 2 else "I",
            "TranType": movement,
            "TranDate": DAY_TIMES[number * DAYS // span],
            "TranQty": quantity,
            "UM": "EA",
            "MtlUnitCost": price / 100000,
            "ExtCost": (quantity * price + 500) // 1000 / 100,
            "JobNum": history.job(number % history.jobs).number if movement.endswith("MTL") else "",
            "EntryPerson": "manager",
            "Plant": history.plant(number),
            "TranReference": words.COMMENTS[number % len(words.COMMENTS)][:30],
        }


def journals(history: History, _rng: Random) -> Iterator[Row]:
    """GLJrnHed: debits equal credits."""
    for number, day, cents in _journals(history):
        yield {
            **_journal_key(history, number, day),
            "FiscalCalendarID": "MAIN",
            "FiscalPeriod": int(DAY_TIMES[day][5:7]),
            "JEDate": DAY_TIMES[day],
            "Description": f"Accrual {DAY_TIMES[day][:7]} — 50 %",
            "GroupID": f"J{day:04d}",
            "Posted": True,
            "PostedDate": DAY_TIMES[day + 1],
            "TotDebit": cents / 100,
            "TotCredit": cents / 100,
            "CurrencyCode": "USD",
            "EnteredBy": "manager",
        }


def journal_lines(history: History, _rng: Random) -> Iterator[Row]:
    """GLJrnDtlMnl: a debit and a credit."""
    for number, day, cents in _journals(history):
        for line in (1, 2):
            account = ACCOUNTS[(number + line) % len(ACCOUNTS)]
            department = DEPARTMENTS[number % 4]
            yield {
                **_journal_key(history, number, day),
                "JournalLine": line,
                "FiscalCalendarID": "MAIN",
                "FiscalPeriod": int(DAY_TIMES[day][5:7]),
                "JEDate": DAY_TIMES[day],
                "COACode": "MAIN",
                "GLAccount": f"{account}|{department}|00",
                "SegValue1": account,
                "SegValue2": department,
                "Description": f"Line {line}",
                "DebitAmount": cents / 100 if line == 1 else 0,
                "CreditAmount": cents / 100 if line == 2 else 0,  # noqa: PLR2004 - the second line is the credit
                "Posted": True,
            }


def _journals(history: History) -> Iterator[tuple[int, int, int]]:
    total = max(history.rows * 3 // 100, 5)
    for number in range(total):
        yield 1 + number, number * DAYS // total, mix(history.salt, 43, number) % 10_000_000 + 1


def _journal_key(history: History, number: int, day: int) -> Row:
    return {
        "Company": history.company,
        "BookID": "MAIN",
        "FiscalYear": int(DAY_TIMES[day][:4]),
        "FiscalYearSuffix": "",
        "JournalCode": "GJ",
        "JournalNum": number,
    }
