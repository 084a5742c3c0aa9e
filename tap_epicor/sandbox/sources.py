"""Which generator fills which table, and how many rows it gives in proportion to the biggest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_epicor.sandbox import custom, masters, production, purchasing, queries, sales

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

    from tap_epicor.sandbox.history import History
    from tap_epicor.sandbox.masters import Row


@dataclass(frozen=True)
class Source:
    """Where a table's rows come from.

    Args:
        rows: Their generator.
        share: About how many there are for each row of the biggest table.
    """

    rows: Callable[[History, Random], Iterator[Row]]
    share: float = 0.001


SOURCES = {
    "Company": Source(masters.companies),
    "Currency": Source(masters.currencies),
    "Plant": Source(masters.plants),
    "Warehse": Source(masters.warehouses),
    "Customer": Source(masters.customers, 0.02),
    "ShipTo": Source(masters.ship_tos, 0.04),
    "CustCnt": Source(masters.contacts, 0.03),
    "NAMember": Source(masters.national_members, 0.007),
    "ShipToSrch": Source(masters.ship_to_searches, 0.01),
    "EntityGLC": Source(masters.controls, 0.01),
    "Part": Source(masters.parts, 0.05),
    "PartPlant": Source(masters.part_plants, 0.05),
    "PartWhse": Source(masters.part_warehouses, 0.05),
    "PartBinInfo": Source(masters.part_bins, 0.05),
    "PartRev": Source(masters.part_revisions, 0.075),
    "PartAudit": Source(masters.part_audits, 0.05),
    "Vendor": Source(masters.vendors, 0.01),
    "EmpBasic": Source(masters.employees, 0.003),
    "GLAccount": Source(masters.accounts),
    "UDCodeType": Source(custom.code_types),
    "UDCodes": Source(custom.codes),
    "UD01": Source(custom.user_rows, 0.02),
    "UD100": Source(custom.user_parents, 0.01),
    "UD100A": Source(custom.user_children, 0.02),
    "QuoteHed": Source(sales.quotes, 0.03),
    "QuoteDtl": Source(sales.quote_lines, 0.06),
    "OrderHed": Source(sales.orders, 0.18),
    "OrderDtl": Source(sales.order_lines, 0.63),
    "OrderRel": Source(sales.releases, 0.65),
    "ShipHead": Source(sales.shipments, 0.11),
    "ShipDtl": Source(sales.shipment_lines, 0.38),
    "InvcHead": Source(sales.invoices, 0.11),
    "InvcDtl": Source(sales.invoice_lines, 0.38),
    "CashHead": Source(sales.receipts, 0.055),
    "CashDtl": Source(sales.receipt_lines, 0.055),
    "POHeader": Source(purchasing.orders, 0.05),
    "PODetail": Source(purchasing.order_lines, 0.125),
    "PORel": Source(purchasing.releases, 0.125),
    "RcvHead": Source(purchasing.receipts, 0.035),
    "RcvDtl": Source(purchasing.receipt_lines, 0.09),
    "APInvHed": Source(purchasing.invoices, 0.035),
    "APInvDtl": Source(purchasing.invoice_lines, 0.09),
    "JobHead": Source(production.jobs, 0.04),
    "JobAsmbl": Source(production.assemblies, 0.06),
    "JobMtl": Source(production.materials, 0.24),
    "JobOper": Source(production.operations, 0.18),
    "LaborHed": Source(production.labor, 0.05),
    "LaborDtl": Source(production.labor_lines, 0.1),
    "PartTran": Source(production.movements, 1.0),
    "GLJrnHed": Source(production.journals, 0.03),
    "GLJrnDtlMnl": Source(production.journal_lines, 0.06),
    "DynamicQuery": Source(queries.queries),
    "QueryParameter": Source(queries.parameters),
}
