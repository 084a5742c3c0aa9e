"""Rows of quotes, sales orders, shipments, customers' invoices and payments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_epicor.sandbox import words
from tap_epicor.sandbox.history import DAY_TIMES, History, Order, mix

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from tap_epicor.sandbox.masters import Row


def _orders(history: History) -> Iterator[Order]:
    return map(history.order, range(history.orders))


def _shipped(history: History) -> Iterator[Order]:
    return (order for order in _orders(history) if order.shipped)


def _cents(history: History, order: Order) -> int:
    return sum(history.order_line(order.index, line).cents for line in range(1, order.lines + 1))


def orders(history: History, _rng: Random) -> Iterator[Row]:
    """OrderHed: the order's amount is the sum of its lines."""
    for order in _orders(history):
        total = _cents(history, order) / 100
        yield {
            "Company": history.company,
            "OrderNum": order.number,
            "CustNum": order.customer,
            "PONum": f"PO-{order.number}" if order.index % 5 else "p.o. #5 & co",
            "OpenOrder": not order.shipped,
            "VoidOrder": False,
            "OrderDate": DAY_TIMES[order.day],
            "RequestDate": DAY_TIMES[order.day + 14],
            "NeedByDate": DAY_TIMES[order.day + 21],
            "TermsCode": "N30",
            "ShipToNum": "",
            "EntryPerson": "manager",
            "CurrencyCode": "USD",
            "OrderAmt": total,
            "DocOrderAmt": total,
            "TotalLines": order.lines,
            "OrderComment": words.COMMENTS[order.index % len(words.COMMENTS)],
        }


def order_lines(history: History, _rng: Random) -> Iterator[Row]:
    """OrderDtl."""
    for order in _orders(history):
        for number in range(1, order.lines + 1):
            line = history.order_line(order.index, number)
            yield {
                "Company": history.company,
                "OrderNum": order.number,
                "OrderLine": number,
                "LineType": "PART",
                "PartNum": history.part_number(line.part),
                "LineDesc": words.thing(line.part),
                "CustNum": order.customer,
                "OpenLine": not order.shipped,
                "VoidLine": False,
                "OrderQty": line.quantity,
                "SellingQuantity": line.quantity,
                "SalesUM": "EA",
                "UnitPrice": line.price / 100000,
                "DocUnitPrice": line.price / 100000,
                "ExtPriceDtl": line.cents / 100,
                "DocExtPriceDtl": line.cents / 100,
                "RequestDate": DAY_TIMES[order.day + 14],
                "NeedByDate": DAY_TIMES[order.day + 21],
                "OrderComment": words.COMMENTS[(order.index + number) % len(words.COMMENTS)],
            }


def releases(history: History, _rng: Random) -> Iterator[Row]:
    """OrderRel: one release of most lines, two of some; they sum to the line's quantity."""
    for order in _orders(history):
        for number in range(1, order.lines + 1):
            line = history.order_line(order.index, number)
            first = line.quantity // 2 if line.quantity % 16 == 0 else line.quantity
            for release, quantity in enumerate((first, line.quantity - first), start=1):
                if not quantity:
                    continue
                yield {
                    "Company": history.company,
                    "OrderNum": order.number,
                    "OrderLine": number,
                    "OrderRelNum": release,
                    "LineType": "PART",
                    "PartNum": history.part_number(line.part),
                    "OurReqQty": quantity,
                    "SellingReqQty": quantity,
                    "OurStockShippedQty": quantity if order.shipped else 0,
                    "OpenRelease": not order.shipped,
                    "FirmRelease": True,
                    "ReqDate": DAY_TIMES[order.day + 14],
                    "NeedByDate": DAY_TIMES[order.day + 21],
                    "Plant": history.plant(order.index),
                    "WarehouseCode": "FG",
                }


def shipments(history: History, _rng: Random) -> Iterator[Row]:
    """ShipHead."""
    for order in _shipped(history):
        yield {
            "Company": history.company,
            "PackNum": 100 + order.index,
            "ShipDate": DAY_TIMES[order.day + 15],
            "ShipViaCode": ("UPS", "FEDX", "TRUCK")[order.index % 3],
            "ShipPerson": "manager",
            "CustNum": order.customer,
            "ShipStatus": "INVOICED",
            "Invoiced": True,
            "Plant": history.plant(order.index),
            "TrackingNumber": f"1Z{mix(history.salt, 31, order.index):018d}",
            "Weight": order.lines * 2.5,
        }


def shipment_lines(history: History, _rng: Random) -> Iterator[Row]:
    """ShipDtl."""
    for order in _shipped(history):
        for number in range(1, order.lines + 1):
            line = history.order_line(order.index, number)
            yield {
                "Company": history.company,
                "PackNum": 100 + order.index,
                "PackLine": number,
                "OrderNum": order.number,
                "OrderLine": number,
                "OrderRelNum": 1,
                "PartNum": history.part_number(line.part),
                "LineDesc": words.thing(line.part),
                "OurInventoryShipQty": line.quantity,
                "CustNum": order.customer,
                "WarehouseCode": "FG",
                "Plant": history.plant(order.index),
                "Invoiced": True,
            }


def invoices(history: History, _rng: Random) -> Iterator[Row]:
    """InvcHead: the invoice's amount is the sum of its lines."""
    for order in _shipped(history):
        total = _cents(history, order) / 100
        paid = mix(history.salt, 32, order.index) % 2 == 0
        yield {
            "Company": history.company,
            "InvoiceNum": 10001 + order.index,
            "InvoiceType": "SHP",
            "OpenInvoice": not paid,
            "Posted": True,
            "CreditMemo": False,
            "CustNum": order.customer,
            "OrderNum": order.number,
            "PONum": f"PO-{order.number}",
            "InvoiceDate": DAY_TIMES[order.day + 16],
            "DueDate": DAY_TIMES[order.day + 46],
            "FiscalYear": int(DAY_TIMES[order.day + 16][:4]),
            "FiscalPeriod": int(DAY_TIMES[order.day + 16][5:7]),
            "TermsCode": "N30",
            "CurrencyCode": "USD",
            "InvoiceAmt": total,
            "DocInvoiceAmt": total,
            "InvoiceBal": 0 if paid else total,
            "InvoiceComment": words.COMMENTS[order.index % len(words.COMMENTS)],
        }


def invoice_lines(history: History, _rng: Random) -> Iterator[Row]:
    """InvcDtl."""
    for order in _shipped(history):
        for number in range(1, order.lines + 1):
            line = history.order_line(order.index, number)
            yield {
                "Company": history.company,
                "InvoiceNum": 10001 + order.index,
                "InvoiceLine": number,
                "LineType": "PART",
                "PartNum": history.part_number(line.part),
                "LineDesc": words.thing(line.part),
                "PackNum": 100 + order.index,
                "PackLine": number,
                "OrderNum": order.number,
                "OrderLine": number,
                "OrderRelNum": 1,
                "CustNum": order.customer,
                "OurShipQty": line.quantity,
                "SellingShipQty": line.quantity,
                "UnitPrice": line.price / 100000,
                "ExtPrice": line.cents / 100,
                "DocExtPrice": line.cents / 100,
            }


def receipts(history: History, _rng: Random) -> Iterator[Row]:
    """CashHead: one payment of each paid invoice."""
    for order, cents in _payments(history):
        yield {
            "Company": history.company,
            "GroupID": f"CR{order.day:04d}",
            "HeadNum": 1 + order.index,
            "CustNum": order.customer,
            "CheckRef": f"{50000 + order.index}",
            "TranType": "PayInv",
            "TranDate": DAY_TIMES[order.day + 40],
            "TranAmt": cents / 100,
            "DocTranAmt": cents / 100,
            "CurrencyCode": "USD",
            "Posted": True,
        }


def receipt_lines(history: History, _rng: Random) -> Iterator[Row]:
    """CashDtl."""
    for order, cents in _payments(history):
        yield {
            "Company": history.company,
            "GroupID": f"CR{order.day:04d}",
            "HeadNum": 1 + order.index,
            "InvoiceNum": 10001 + order.index,
            "InvoiceRef": 0,
            "CustNum": order.customer,
            "TranType": "PayInv",
            "TranDate": DAY_TIMES[order.day + 40],
            "TranAmt": cents / 100,
            "DocTranAmt": cents / 100,
            "Posted": True,
        }


def _payments(history: History) -> Iterator[tuple[Order, int]]:
    for order in _shipped(history):
        if mix(history.salt, 32, order.index) % 2 == 0:
            yield order, _cents(history, order)


def quotes(history: History, rng: Random) -> Iterator[Row]:
    """QuoteHed."""
    for number in range(max(history.rows * 3 // 100, 5)):
        lines = [history.quote_line(number, line) for line in range(1, 2 + number % 3)]
        yield {
            "Company": history.company,
            "QuoteNum": 1001 + number,
            "CustNum": 1 + rng.randrange(history.customers),
            "EntryDate": DAY_TIMES[number % 1600],
            "DueDate": DAY_TIMES[number % 1600 + 10],
            "ExpirationDate": None if number % 4 else DAY_TIMES[number % 1600 + 90],
            "Quoted": number % 2 == 0,
            "QuoteClosed": number % 5 == 0,
            "TermsCode": "N30",
            "QuoteAmt": sum(line.cents for line in lines) / 100,
            "QuoteComment": words.COMMENTS[number % len(words.COMMENTS)],
        }


def quote_lines(history: History, _rng: Random) -> Iterator[Row]:
    """QuoteDtl."""
    for number in range(max(history.rows * 3 // 100, 5)):
        for position in range(1, 2 + number % 3):
            line = history.quote_line(number, position)
            yield {
                "Company": history.company,
                "QuoteNum": 1001 + number,
                "QuoteLine": position,
                "PartNum": history.part_number(line.part),
                "LineDesc": words.thing(line.part),
                "OrderQty": line.quantity,
                "SellingExpectedQty": line.quantity,
                "SellingExpectedUM": "EA",
                "ExtPriceDtl": line.cents / 100,
                "DocExpUnitPrice": line.price / 100000,
            }
