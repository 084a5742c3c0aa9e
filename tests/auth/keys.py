"""Keys and certificates for the tests, made anew."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from pathlib import Path

PASSWORD = "gräßlich hush"
NOW = datetime.now(UTC).replace(microsecond=0)


@cache
def rsa_key(number: int = 0) -> rsa.RSAPrivateKey:
    """A key for each number; making one takes a while."""
    del number
    return rsa.generate_private_key(65537, 2048)


@cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def certificate(
    name: str = "tap", *, key: Any = None, organisation: str = "ACME, Inc.", days: tuple[int, int] = (-1, 30)
) -> x509.Certificate:
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
            x509.NameAttribute(NameOID.EMAIL_ADDRESS, "it@example.com"),
        ]
    )
    key = key or rsa_key()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + timedelta(days=days[0]))
        .not_valid_after(NOW + timedelta(days=days[1]))
        .sign(key, hashes.SHA256())
    )


def key_pem(key: Any = None, password: str | None = None) -> str:
    encryption: KeySerializationEncryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    text: bytes = (key or rsa_key()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    return text.decode()


def pem(*certificates: x509.Certificate, key: str | None = None) -> str:
    return (key_pem() if key is None else key) + "".join(
        one.public_bytes(Encoding.PEM).decode() for one in certificates
    )


def pfx(*others: x509.Certificate, password: str = PASSWORD) -> bytes:
    return pkcs12.serialize_key_and_certificates(
        b"tap", rsa_key(), certificate(), others, BestAvailableEncryption(password.encode())
    )


def written(folder: Path, content: bytes | str, name: str = "certificate") -> str:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)
