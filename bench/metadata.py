"""What the bench's server says of itself: its services, and the CSDL of one."""

from __future__ import annotations

from typing import Final

from bench.rows import COLUMNS, KEY

SERVICE: Final = "Erp.BO.OrderDtlSearchSvc"
"""Service whose set keeps to `$select`."""
DEAF_SERVICE: Final = "Erp.BO.DeafSvc"
"""The same rows from a set that does not: what a tap sees where a `$select` is too long to be sent."""
SET: Final = "OrderDtls"
TENANT: Final = tuple(f"Erp.BO.Tenant{number:03}Svc" for number in range(923))
"""As many services as a tenant has."""
SETS_EACH: Final = 4
"""Sets of each: some 3,700 in all, where the dump of a tenant has 3,349."""


def service_list() -> list[dict[str, str]]:
    """Return the list of services."""
    return [{"name": name} for name in (SERVICE, DEAF_SERVICE, *TENANT)]


def csdl(service: str, version: str) -> bytes:
    """Return the CSDL of a service.

    Args:
        service: its name.
        version: `v1` or `v2`.
    """
    number, edmx, edm = {
        "v1": ("1.0", "http://schemas.microsoft.com/ado/2007/06/edmx", "http://schemas.microsoft.com/ado/2009/11/edm"),
        "v2": ("4.0", "http://docs.oasis-open.org/odata/ns/edmx", "http://docs.oasis-open.org/odata/ns/edm"),
    }[version]
    names = [SET, *(f"Set{each}" for each in range(1, SETS_EACH))] if service in TENANT else [SET]
    key = "".join(f'<PropertyRef Name="{name}"/>' for name in KEY)
    columns = "".join(_property(name, kind) for name, kind in COLUMNS.items())
    types = "".join(f'<EntityType Name="{name}Row"><Key>{key}</Key>{columns}</EntityType>' for name in names)
    sets = "".join(f'<EntitySet Name="{name}" EntityType="{service}.{name}Row"/>' for name in names)
    return (
        f'<edmx:Edmx Version="{number}" xmlns:edmx="{edmx}"><edmx:DataServices>'
        f'<Schema Namespace="{service}" xmlns="{edm}">{types}'
        f'<EntityContainer Name="Container">{sets}</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>'
    ).encode()


def _property(name: str, kind: str) -> str:
    facets = ' Precision="20" Scale="5"' if kind == "Edm.Decimal" else ""
    facets += ' Nullable="false"' if name in KEY else ""
    return f'<Property Name="{name}" Type="{kind}"{facets}/>'
