"""Rows of purchase orders, receipts and suppliers' invoices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_epicor.sandbox import words
from tap_epicor.sandbox.history import DAY_TIMES, History, Line, Purchase

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from tap_epicor.sandbox.masters import Row


def _purchases(history: History) -> Iterator[Purchase]:
    return map(history.purchase, range(history.purchases))


def _received(history: History) -> Iterator[Purchase]:
    return (purchase for purchase in _purchases(history) if purchase.received)


def _lines(history: History, purchase: Purchase) -> Iterator[tuple[int, Line]]:
    for number in range(1, purchase.lines + 1):
        yield number, history.purchase_line(purchase.index, number)


def orders(history: History, _rng: Random) -> Iterator[Row]:
    """POHeader."""
    for purchase in _purchases(history):
        total = sum(line.cents for _, line in _lines(history, purchase)) / 100
        yield {
            "Company": history.company,
            "PONum": purchase.number,
            "VendorNum": purchase.vendor,
            "OpenOrder": not purchase.received,
            "VoidOrder": False,
            "OrderDate": DAY_TIMES[purchase.day],
            "BuyerID": f"B{purchase.index % 5}",
            "TermsCode": "N30",
            "Approve": True,
            "CurrencyCode": "USD",
            "TotalOrder": total,
            "DocTotalOrder": total,
            "CommentText": words.COMMENTS[purchase.index % len(words.COMMENTS)],
        }


def order_lines(history: History, _rng: Random) -> Iterator[Row]:
    """PODetail: its key spells PONUM."""
    for purchase in _purchases(history):
        for number, line in _lines(history, purchase):
            yield {
                "Company": history.company,
                "PONUM": purchase.number,
                "POLine": number,
                "VendorNum": purchase.vendor,
                "PartNum": history.part_number(line.part),
                "LineDesc": words.thing(line.part),
                "OpenLine": not purchase.received,
                "OrderQty": line.quantity,
                "XOrderQty": line.quantity,
                "IUM": "EA",
                "PUM": "EA",
                "UnitCost": line.price / 100000,
                "DocUnitCost": line.price / 100000,
                "ExtCost": line.cents / 100,
                "DueDate": DAY_TIMES[purchase.day + 20],
            }


def releases(history: History, _rng: Random) -> Iterator[Row]:
    """PORel."""
    for purchase in _purchases(history):
        for number, line in _lines(history, purchase):
            yield {
                "Company": history.company,
                "PONum": purchase.number,
                "POLine": number,
                "PORelNum": 1,
                "OpenRelease": not purchase.received,
                "DueDate": DAY_TIMES[purchase.day + 20],
                "XRelQty": line.quantity,
                "RelQty": line.quantity,
                "ReceivedQty": line.quantity if purchase.received else 0,
                "Plant": history.plant(purchase.index),
                "WarehouseCode": "MAIN",
                "TranType": "PUR-STK",
            }


def receipts(history: History, _rng: Random) -> Iterator[Row]:
    """RcvHead: slashes and pluses in the keys."""
    for purchase in _received(history):
        yield {
            "Company": history.company,
            "VendorNum": purchase.vendor,
            "PurPoint": "",
            "PackSlip": _slip(purchase),
            "PONum": purchase.number,
            "ReceiptDate": DAY_TIMES[purchase.day + 21],
            "EntryDate": DAY_TIMES[purchase.day + 21],
            "ReceivePerson": "manager",
            "Plant": history.plant(purchase.index),
            "Received": True,
        }


def receipt_lines(history: History, _rng: Random) -> Iterator[Row]:
    """RcvDtl."""
    for purchase in _received(history):
        for number, line in _lines(history, purchase):
            yield {
                "Company": history.company,
                "VendorNum": purchase.vendor,
                "PurPoint": "",
                "PackSlip": _slip(purchase),
                "PackLine": number,
                "PONum": purchase.number,
                "POLine": number,
                "PORelNum": 1,
                "PartNum": history.part_number(line.part),
                "PartDescription": words.thing(line.part),
                "OurQty": line.quantity,
                "VendorQty": line.quantity,
                "OurUnitCost": line.price / 100000,
                "ReceiptDate": DAY_TIMES[purchase.day + 21],
                "WareHouseCode": "MAIN",
                "Received": True,
            }


def invoices(history: History, _rng: Random) -> Iterator[Row]:
    """APInvHed."""
    for purchase in _received(history):
        total = sum(line.cents for _, line in _lines(history, purchase)) / 100
        yield {
            "Company": history.company,
            "VendorNum": purchase.vendor,
            "InvoiceNum": _invoice(purchase),
            "InvoiceDate": DAY_TIMES[purchase.day + 25],
            "DueDate": DAY_TIMES[purchase.day + 55],
            "FiscalYear": int(DAY_TIMES[purchase.day + 25][:4]),
            "FiscalPeriod": int(DAY_TIMES[purchase.day + 25][5:7]),
            "OpenPayable": purchase.index % 2 == 0,
            "Posted": True,
            "CurrencyCode": "USD",
            "InvoiceAmt": total,
            "DocInvoiceAmt": total,
            "InvoiceBal": total if purchase.index % 2 == 0 else 0,
            "REFPONum": purchase.number,
        }


def invoice_lines(history: History, _rng: Random) -> Iterator[Row]:
    """APInvDtl."""
    for purchase in _received(history):
        for number, line in _lines(history, purchase):
            yield {
                "Company": history.company,
                "VendorNum": purchase.vendor,
                "InvoiceNum": _invoice(purchase),
                "InvoiceLine": number,
                "PONum": purchase.number,
                "POLine": number,
                "PartNum": history.part_number(line.part),
                "Description": words.thing(line.part),
                "OurQty": line.quantity,
                "VendorQty": line.quantity,
                "UnitCost": line.price / 100000,
                "ExtCost": line.cents / 100,
                "DocExtCost": line.cents / 100,
            }


def _slip(purchase: Purchase) -> str:
    return f"PS/{purchase.number}+{purchase.index % 7}"


def _invoice(purchase: Purchase) -> str:
    return f"INV {purchase.number}" if purchase.index % 3 else f"O'INV/{purchase.number}&1"
