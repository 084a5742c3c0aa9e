"""How a server is started: the options beside its switches."""

from __future__ import annotations

from dataclasses import dataclass, field

from tap_epicor.sandbox.switches import Switches, switch

COMPANIES = ("EPIC06", "EPIC07")
FIRST_REVISION = 2_400_000_000


@dataclass(frozen=True, kw_only=True)
class Launch:
    """How a server is started."""

    host: str = switch("127.0.0.1", "The address to listen on.")
    port: int = switch(0, "The port to listen on; 0 for a free one.")
    instance: str = switch("kinetic", "The first segment of every path.")
    database: str = switch("", "The file of rows, made unless it is there; a temporary one when empty.")
    scale: int = switch(2000, "Rows of the biggest table of a new database.")
    seed: int = switch(1, "Another seed, another past.")
    company: tuple[str, ...] = switch(COMPANIES, "A company; may be repeated. The first is the account's own.")
    user: str = switch("manager", "The account's name.")
    password: str = switch("manager", "The account's password.")
    api_key: str = switch("sandbox-key", "The API key that v2 wants.")
    issuer: str = switch("", "An OpenID issuer, such as Entra ID's, whose access tokens are taken; none when empty.")
    audience: str = switch("", "What the issuer's access tokens must be for.")
    issuer_ca: str = switch("", "The file of authorities that vouch for the issuer's certificate.")
    first_revision: int = switch(FIRST_REVISION, "The least SysRevID of a new database.")
    switches: Switches = field(default_factory=Switches)
