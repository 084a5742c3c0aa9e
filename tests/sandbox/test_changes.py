from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_epicor.sandbox import truth

if TYPE_CHECKING:
    from tests.sandbox.conftest import Server

ORDERS = ("Erp.BO.SalesOrderSvc", "SalesOrders")
CUSTOMERS = ("Erp.BO.CustomerSvc", "Customers")
PARTS = ("Erp.BO.PartSvc", "Parts")


def revisions(server: Server, service: str, name: str) -> dict[Any, int]:
    rows = truth.rows(server.database, service, name, "EPIC06")
    return {row["SysRowID"]: row["SysRevID"] for row in rows}  # type: ignore[misc]


def test_new_rows_come_with_new_higher_revisions(own: Server) -> None:
    before = revisions(own, *ORDERS)
    own.change(inserts=10, sets=["SalesOrders"])
    came = {row: revision for row, revision in revisions(own, *ORDERS).items() if row not in before}
    assert came
    assert min(came.values()) > max(before.values())


def test_changed_rows_get_new_higher_revisions(own: Server) -> None:
    before = revisions(own, *CUSTOMERS)
    own.change(updates=5, sets=["CustomerSvc/Customers"])
    after = revisions(own, *CUSTOMERS)
    moved = [after[row] for row in before if after[row] != before[row]]
    assert moved
    assert min(moved) > max(before.values())


def test_deleted_rows_are_gone(own: Server) -> None:
    service, name = "Erp.BO.PartTranSvc", "PartTrans"
    before = len(revisions(own, service, name)) + len(list(truth.rows(own.database, service, name, "EPIC07")))
    own.change(deletes=7, sets=[name])
    after = len(revisions(own, service, name)) + len(list(truth.rows(own.database, service, name, "EPIC07")))
    assert before - after == 7


def test_the_answer_tells_what_changed_in_which_table(own: Server) -> None:
    changed = own.change(inserts=20, updates=20, deletes=6)
    totals = [sum(changed[kind].values()) for kind in ("inserted", "updated", "deleted")]
    assert totals == [20, 20, 6]
    assert len(changed["updated"]) > 5


def test_a_late_change_takes_a_revision_below_ones_already_given(own: Server) -> None:
    highest = own.change(updates=1)["revision"]
    before = revisions(own, *CUSTOMERS)
    own.change(late=4, sets=["Customers"])
    moved = [rev for row, rev in revisions(own, *CUSTOMERS).items() if rev != before[row]]
    assert moved
    assert min(moved) < highest


def test_an_edit_of_user_columns_moves_the_revision(own: Server) -> None:
    before = revisions(own, *PARTS)
    own.change(user_updates=10, sets=["Parts"])
    assert revisions(own, *PARTS) != before


def test_an_edit_of_user_columns_may_leave_the_revision(own: Server) -> None:
    own.switch(ud_revision="stays")
    before = revisions(own, *PARTS)
    changed = own.change(user_updates=10, sets=["Parts"])
    assert changed["user_updated"] == {"Part": 10}
    assert revisions(own, *PARTS) == before


def test_references_stay_right(own: Server) -> None:
    own.change(inserts=60, updates=30, deletes=60, seed=5)
    for company in ("EPIC06", "EPIC07"):
        lines = {
            (row["OrderNum"], row["OrderLine"])
            for row in truth.rows(own.database, "Erp.BO.SalesOrderSvc", "OrderDtls", company)
        }
        for service, name in (("Erp.BO.SalesOrderSvc", "OrderRels"), ("Erp.BO.CustShipSvc", "ShipDtls")):
            found = truth.rows(own.database, service, name, company)
            assert {(row["OrderNum"], row["OrderLine"]) for row in found} <= lines
