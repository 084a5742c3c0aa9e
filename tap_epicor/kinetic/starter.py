"""The tables that most sync first, of the thousands that a tenant has: what the service name `starter` stands for.

The names are those of the vendor's own OpenAPI documents of 2024 (API v1, 1,754 services), in which each set here has a
key and `SysRevID`. Child sets are where Kinetic is known to apply `$filter` to the parent, so lines are read from the
search services, whose sets have the same key and no parent; ERP 10.2 may lack some of these, and then the child set
itself is read. Bins have no set with `SysRevID` of their own: they need a BAQ.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from tap_epicor.kinetic.source import Source

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

STARTER: Final = "starter"
"""Stands among names of services for those of the selection; no service of Kinetic's has a name without dots."""


@dataclass(frozen=True)
class Table:
    """A table of the selection.

    Attributes:
        what: what its rows are, in plain words.
        source: the entity set.
        instead: the child set with the same rows, for a tenant that lacks the service of `source`.
    """

    what: str
    source: Source
    instead: Source | None = None


def _table(what: str, name: str, instead: str = "") -> Table:
    return Table(what, Source(*name.split("/")), Source(*instead.split("/")) if instead else None)


AREAS: Final[Mapping[str, tuple[Table, ...]]] = {
    "Company": (
        _table("companies", "Erp.BO.CompanySvc/Companies"),
        _table("sites (plants)", "Erp.BO.PlantSvc/Plants"),
        _table("currencies", "Erp.BO.CurrencySvc/Currencies"),
        _table("exchange rates", "Erp.BO.CurrExRateSvc/CurrExRates"),
        _table("countries", "Erp.BO.CountrySvc/Countries"),
        _table("payment terms", "Erp.BO.TermsSvc/Terms"),
        _table("reason codes", "Erp.BO.ReasonSvc/Reasons"),
        _table("units of measure", "Erp.BO.UOMSvc/UOMs"),
    ),
    "Customers": (
        _table("customers", "Erp.BO.CustomerSvc/Customers"),
        _table("ship-to addresses", "Erp.BO.ShipToSvc/ShipToes", "Erp.BO.CustomerSvc/ShipToes"),
        _table("contacts", "Erp.BO.CustCntSvc/CustCnts"),
        _table("salespeople", "Erp.BO.SalesRepSvc/SalesReps"),
        _table("sales territories", "Erp.BO.SalesTerSvc/SalesTers"),
    ),
    "Sales": (
        _table("quotes", "Erp.BO.QuoteSvc/Quotes"),
        _table("lines of quotes", "Erp.BO.QuoteDtlSearchSvc/QuoteDtlSearches", "Erp.BO.QuoteSvc/QuoteDtls"),
        _table("sales orders", "Erp.BO.SalesOrderSvc/SalesOrders"),
        _table("lines of orders", "Erp.BO.OrderDtlSearchSvc/OrderDtlSearches", "Erp.BO.SalesOrderSvc/OrderDtls"),
        _table("releases of orders", "Erp.BO.OrderRelSearchSvc/OrderRelSearches", "Erp.BO.SalesOrderSvc/OrderRels"),
        _table("shipments (packs)", "Erp.BO.CustShipSvc/CustShips"),
        _table("lines of shipments", "Erp.BO.ShipDtlSearchSvc/ShipDtlSearches", "Erp.BO.CustShipSvc/ShipDtls"),
    ),
    "Receivables": (
        _table("invoices to customers", "Erp.BO.ARInvoiceSvc/ARInvoices"),
        _table(
            "lines of these invoices", "Erp.BO.ARInvcDtlSearchSvc/ARInvcDtlSearches", "Erp.BO.ARInvoiceSvc/InvcDtls"
        ),
        _table("cash receipts", "Erp.BO.CashRecSvc/CashRecs"),
        _table("what receipts pay", "Erp.BO.CashDtlSearchSvc/CashDtlSearches", "Erp.BO.CashRecSvc/CashDtls"),
    ),
    "Purchasing": (
        _table("suppliers (vendors)", "Erp.BO.VendorSvc/Vendors"),
        _table("purchase orders", "Erp.BO.POSvc/POes"),
        _table(
            "lines of purchase orders",
            "Erp.BO.PODetailTrackerSearchSvc/PODetailTrackerSearches",
            "Erp.BO.POSvc/PODetails",
        ),
        _table("releases of purchase orders", "Erp.BO.PORelSearchSvc/PORelSearches", "Erp.BO.POSvc/PORels"),
        _table("receipts of goods", "Erp.BO.ReceiptSvc/Receipts"),
        _table("lines of receipts", "Erp.BO.RcvDtlSearchSvc/RcvDtlSearches", "Erp.BO.ReceiptSvc/RcvDtls"),
        _table("suppliers' invoices", "Erp.BO.APInvoiceSvc/APInvoices"),
        _table("lines of these invoices", "Erp.BO.APInvDtlSearchSvc/APInvDtlSearches", "Erp.BO.APInvoiceSvc/APInvDtls"),
    ),
    "Parts and stock": (
        _table("parts", "Erp.BO.PartSvc/Parts"),
        _table("parts by site", "Erp.BO.PartPlantSearchSvc/PartPlantSearches", "Erp.BO.PartSvc/PartPlants"),
        _table("costs of parts", "Erp.BO.PartCostSearchSvc/PartCostSearches"),
        _table("part classes", "Erp.BO.PartClassSvc/PartClasses"),
        _table("product groups", "Erp.BO.ProdGrupSvc/ProdGrups"),
        _table("warehouses", "Erp.BO.WarehseSvc/Warehses"),
        _table("bins of warehouses", "Erp.BO.WhseBinSvc/WhseBins"),
        _table("stock by warehouse", "Erp.BO.PartSvc/PartWhses"),
        _table("part transactions", "Erp.BO.PartTranSvc/PartTrans"),
    ),
    "Production": (
        _table("jobs", "Erp.BO.JobEntrySvc/JobEntries"),
        _table("assemblies of jobs", "Erp.BO.JobAsmSearchSvc/JobAsmSearches", "Erp.BO.JobEntrySvc/JobAsmbls"),
        _table("materials of jobs", "Erp.BO.JobMtlSearchSvc/JobMtlSearches", "Erp.BO.JobEntrySvc/JobMtls"),
        _table("operations of jobs", "Erp.BO.JobOperSearchSvc/JobOperSearches", "Erp.BO.JobEntrySvc/JobOpers"),
        _table("labour: shifts", "Erp.BO.LaborSvc/Labors"),
        _table("labour: entries", "Erp.BO.LaborDtlSearchSvc/LaborDtlSearches", "Erp.BO.LaborSvc/LaborDtls"),
        _table("employees", "Erp.BO.EmpBasicSvc/EmpBasics"),
        _table("resource groups", "Erp.BO.ResourceGroupSvc/ResourceGroups"),
        _table("resources", "Erp.BO.ResourceSvc/Resources", "Erp.BO.ResourceGroupSvc/Resources"),
    ),
    "Ledger": (
        _table("accounts", "Erp.BO.GLAccountSvc/GLAccounts"),
        _table("journal lines", "Erp.BO.GLJrnDtlSvc/GLJrnDtls"),
        _table("fiscal periods", "Erp.BO.FiscalPerSearchSvc/FiscalPerSearches", "Erp.BO.FiscalCalSvc/FiscalPers"),
    ),
}
TABLES: Final = tuple(table for tables in AREAS.values() for table in tables)
SERVICES: Final = tuple(
    dict.fromkeys(source.service for table in TABLES for source in (table.source, table.instead) if source)
)
"""All services that are asked for what they have; that one is not there is no mistake of anybody's."""


def stand_ins(services: Collection[str]) -> dict[Source, Table]:
    """Return the tables of a tenant by the set that each is read from, where it has one.

    Args:
        services: the services that the tenant has.
    """
    sources = {table: table.source if table.source.service in services else table.instead for table in TABLES}
    return {source: table for table, source in sources.items() if source and source.service in services}


def passed_over(wanted: Sequence[str]) -> Collection[str]:
    """Return the services that need not be there, since nothing but the selection names them.

    Args:
        wanted: the services that the settings name.
    """
    return set(SERVICES) - set(wanted) if STARTER in wanted else ()


def left_out(sources: Collection[Source], wanted: Sequence[str]) -> Iterator[Source]:
    """Yield the sets that are not selected unless a catalog says so, since their service is there for another one.

    Args:
        sources: all sets and BAQs of the tenant that are known.
        wanted: the services that the settings name.
    """
    if STARTER not in wanted:
        return
    others = [name for name in wanted if name != STARTER]
    chosen = stand_ins({source.service for source in sources})
    for source in sources:
        named = source.is_baq or any(fnmatchcase(source.service, name) for name in others)
        if not named and source not in chosen:
            yield source
