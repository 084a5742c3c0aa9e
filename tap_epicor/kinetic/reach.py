"""Whether a server can be reached at all, below HTTP: its name, its port, its certificate."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509

from tap_epicor.kinetic.errors import Unreachable, redact

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True)
class Certificate:
    """What a server shows of itself.

    Attributes:
        protocol: version of TLS, such as `TLSv1.3`.
        subject: whom it was issued for.
        issuer: who issued it.
        ends: when it ends.
    """

    protocol: str
    subject: str
    issuer: str
    ends: datetime


def look_up(host: str, port: int) -> list[str]:
    """Return the addresses that a name stands for.

    Args:
        host: the name.
        port: the port that will be asked.

    Raises:
        Unreachable: if the name is not known.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        cure = "Check the server's name in `url`; inside of a company's network it may need its VPN or name server."
        raise Unreachable(f"the name {host} is not known here ({_said(exc)})", cure=cure) from exc
    return list(dict.fromkeys(str(address[4][0]) for address in found))


def open_port(host: str, port: int, seconds: float) -> None:
    """Open a connection, and close it.

    Args:
        host: the server.
        port: its port.
        seconds: how long to wait.

    Raises:
        Unreachable: if nothing listens there, or something in between lets nothing through.
    """
    try:
        socket.create_connection((host, port), seconds).close()
    except TimeoutError as exc:
        cure = "A firewall may let nothing through: ask for this machine to be let in, or set `proxy_url`."
        raise Unreachable(f"port {port} of {host} does not answer within {seconds:g} s", cure=cure) from exc
    except OSError as exc:
        cure = "Check the port in `url` (without one it is 443 for https:// and 80 for http://), and that IIS runs."
        raise Unreachable(f"port {port} of {host} can't be connected to ({_said(exc)})", cure=cure) from exc


def certificate(host: str, port: int, seconds: float) -> Certificate | None:
    """Return the certificate that a server shows, be it trusted or not; None where it can't be had.

    Args:
        host: the server.
        port: its port.
        seconds: how long to wait.
    """
    # Only looked at: requests are made by a client that checks it.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), seconds) as plain,
            context.wrap_socket(plain, server_hostname=host) as secure,
        ):
            shown = x509.load_der_x509_certificate(secure.getpeercert(binary_form=True) or b"")
            protocol = secure.version() or "TLS"
    except (OSError, ValueError):
        return None
    subject, issuer = (redact(name.rfc4514_string()) for name in (shown.subject, shown.issuer))
    return Certificate(protocol, subject, issuer, shown.not_valid_after_utc)


def _said(exc: Exception) -> str:
    return redact(getattr(exc, "strerror", None) or str(exc))
