"""A sign-in service that answers as a test says: for what a real provider does only on its bad days."""

from __future__ import annotations

import ssl
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import trustme

from tap_epicor.auth.transport import Transport
from tests.scripted import Reply, Request, Server, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HTML = b"<html><title>Bad Gateway</title></html>"


@dataclass(frozen=True)
class Service:
    """A running service.

    Attributes:
        authority: address of its tenant.
        ca_file: what to check its certificate with.
        server: what it was asked.
    """

    authority: str
    ca_file: str
    server: Server

    @property
    def transport(self) -> Transport:
        """What speaks with it."""
        return Transport(verify=self.ca_file, timeout=(2, 2))

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of an app that signs in here as itself."""
        host, _, tenant = self.authority.rpartition("/")
        return {
            "auth_scheme": "AzureServicePrincipal",
            "azure_authority": host,
            "azure_tenant": tenant,
            "oauth_client_id": "app",
            "oauth_client_secret": "hush-hush",
            "ssl_ca": self.ca_file,
        }

    def asked(self) -> int:
        """How often a token was asked for."""
        return sum(request.path.endswith("/token") for request in self.server.requests)


@contextmanager
def service(
    folder: Path,
    token: Callable[[Request], Reply],
    describe: Callable[[Reply], Reply] = lambda reply: reply,
) -> Iterator[Service]:
    """Run a service until the block ends.

    Args:
        folder: for the file of its certificate authority.
        token: answers who asks for a token.
        describe: changes the description of the tenant.
    """
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "service.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    where = ""

    def answer(request: Request) -> Reply:
        if request.path.endswith("openid-configuration"):
            ways = {"token_endpoint": f"{where}/token", "authorization_endpoint": f"{where}/authorize"}
            return describe(Reply({"issuer": f"{where}/v2.0", **ways}))
        return token(request)

    with serving(answer, context) as server:
        where = server.url.replace("127.0.0.1", "localhost").replace("/kinetic", "/tenant")
        yield Service(where, str(folder / "service.pem"), server)
