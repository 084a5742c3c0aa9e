"""Certificates with their private keys, for signing in without a client secret."""

from __future__ import annotations

import base64
import binascii
import re
import shlex
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes

_READ = ("PEMKEY_FILE", "PEMKEY_BLOB", "PFXFILE", "PFXBLOB", "JKSFILE", "JKSBLOB")
_JOIN = "openssl pkcs12 -export -inkey key.pem -in certificate.pem -out certificate.pfx"
_REFUSED: Final[Mapping[str, str]] = {
    "JKS": "it is a key store in Java's own format, which no maintained library reads. Convert it to PFX:  "
    "keytool -importkeystore -srckeystore {file} -destkeystore certificate.pfx -deststoretype PKCS12",
    "BCFKS": "no library reads Bouncy Castle's FIPS key stores. Convert it to PFX:  "
    "keytool -importkeystore -srckeystore {file} -srcstoretype BCFKS -providerpath bc-fips.jar "
    "-providerclass org.bouncycastle.jcajce.provider.BouncyCastleFipsProvider "
    "-destkeystore certificate.pfx -deststoretype PKCS12",
    "PPK": "a PuTTY key comes without a certificate. Make PEM of it:  puttygen {file} -O private-openssh -o key.pem"
    f"  and join it with its certificate:  {_JOIN}",
    "OPENSSH": "an OpenSSH key comes without a certificate. Make PEM of it:  ssh-keygen -p -m PEM -f {file}"
    f"  and join it with its certificate:  {_JOIN}",
    "XML": "an XML key comes without a certificate. Make PEM of it in PowerShell 7:  "
    "$key = [Security.Cryptography.RSA]::Create(); $key.FromXmlString((Get-Content -Raw {file})); "
    f"$key.ExportPkcs8PrivateKeyPem() > key.pem  and join it with its certificate:  {_JOIN}",
    "P7B": "PKCS#7 holds certificates only, and signing needs the private key. Take the certificate out:  "
    "openssl pkcs7 -in {file} -print_certs -out certificate.pem  (with -inform DER where it is binary)  "
    f"and join it with its key:  {_JOIN}",
    "PUBLIC_KEY": f"a public key cannot sign. Join the private key with its certificate:  {_JOIN}",
    "SSHPUBLIC_KEY": f"a public key cannot sign. Join the private key with its certificate:  {_JOIN}",
    "USER": "the user's Windows certificate store is not read, on Windows neither. Export it to PFX:  "
    "certutil -user -p PASSWORD -exportPFX My SUBJECT certificate.pfx",
    "MACHINE": "the machine's Windows certificate store is not read, on Windows neither. Export it to PFX:  "
    "certutil -p PASSWORD -exportPFX My SUBJECT certificate.pfx",
    "GOOGLEJSON": "it is a key of a Google service account, which Microsoft Entra ID does not know. Make a "
    "certificate and upload it to the app registration:  openssl req -x509 -newkey rsa:2048 -nodes -days 365 "
    f"-subj /CN=tap-epicor -keyout key.pem -out certificate.pem  and join the two:  {_JOIN}",
}
_KINDS: Final = {
    **dict.fromkeys(_READ, ""),
    "BCFKSFILE": "BCFKS",
    "BCFKSBLOB": "BCFKS",
    "PPKFILE": "PPK",
    "PPKBLOB": "PPK",
    "XMLFILE": "XML",
    "XMLBLOB": "XML",
    "P7BFILE": "P7B",
    "P7BBLOB": "P7B",
    "PUBLIC_KEY_FILE": "PUBLIC_KEY",
    "PUBLIC_KEY_BLOB": "PUBLIC_KEY",
    "SSHPUBLIC_KEY_FILE": "SSHPUBLIC_KEY",
    "SSHPUBLIC_KEY_BLOB": "SSHPUBLIC_KEY",
    "USER": "USER",
    "MACHINE": "MACHINE",
    "GOOGLEJSON": "GOOGLEJSON",
    "GOOGLEJSONBLOB": "GOOGLEJSON",
}
"""The provider's kinds, and why each is refused; the empty ones are read."""

_MARKS: Final = (
    (re.compile(rb"\xfe\xed\xfe\xed|\xce\xce\xce\xce"), "JKS"),
    (re.compile(rb"PuTTY-User-Key-File"), "PPK"),
    (re.compile(rb"\s*(<\?xml[^>]*>)?\s*<RSAKeyValue"), "XML"),
    (re.compile(rb"(ssh-rsa|ssh-ed25519|ecdsa-sha2-\S+) "), "SSHPUBLIC_KEY"),
    (re.compile(rb"\s*\{.*\"private_key\"", re.DOTALL), "GOOGLEJSON"),
    (re.compile(rb".*-----BEGIN PKCS7-----", re.DOTALL), "P7B"),
    (re.compile(rb".*-----BEGIN OPENSSH PRIVATE KEY-----", re.DOTALL), "OPENSSH"),
    (re.compile(rb"(?!.*(PRIVATE KEY|CERTIFICATE)-----).*-----BEGIN (RSA )?PUBLIC KEY-----", re.DOTALL), "PUBLIC_KEY"),
)
"""What the content of a refused kind begins with."""

_PFX = re.compile(rb"\x30(?:[\x81-\x84].{1,4}?|.)\x02\x01\x03", re.DOTALL)
"""How PKCS#12 begins: a sequence, of which the first member is the version 3."""

_PEM = b"-----BEGIN "
_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)
_LONGEST_PATH = 260
_SHORTEST_STORE = 64
_NAMES: Final = {NameOID.EMAIL_ADDRESS: "E"}
_OIDS: Final = {"E": NameOID.EMAIL_ADDRESS, "S": NameOID.STATE_OR_PROVINCE_NAME}


class CertificateError(ValueError):
    """The certificate can't be used; the message says why, and what to do."""


@dataclass(frozen=True)
class Certificate:
    """A certificate that can sign.

    Attributes:
        private_key: its private key, in PEM, not encrypted.
        certificate: the certificate, in PEM.
        subject: whom it stands for, as RFC 4514 writes it.
        not_before: when it begins to be valid.
        not_after: when it ends.
    """

    private_key: str = field(repr=False)
    certificate: str
    subject: str
    not_before: datetime
    not_after: datetime


def load_certificate(
    content: str, kind: str | None, password: str | None = None, subject: str | None = None
) -> Certificate:
    """Return the certificate to sign with.

    Args:
        content: path of a file, or the content itself: base64, or PEM as it is.
        kind: the provider's name of what `content` is; told from the content where left out. It only tells files from
            contents, and what is refused anyway: PEM and PFX are told apart by looking.
        password: password of the store or of the key.
        subject: which certificate, by its whole subject, its common name or a part of them; None or `*` for the first
            that has its private key.

    Raises:
        CertificateError: if there is none that can be used.
    """
    kind = (kind or "").strip().upper()
    _refuse_kind(kind, content)
    data = _data(content, kind)
    for mark, refused in _MARKS:
        if mark.match(data):
            raise _refusal(refused, content)
    keys, certificates = _from_pem(data, password) if _PEM in data else _from_pfx(data, password, content)
    chosen = _choose(_with_key(keys, certificates), certificates, (subject or "*").strip())
    key = next(key for key in keys if _belongs(key, chosen))
    _check_key(key)
    _check_dates(chosen)
    return Certificate(
        private_key=key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
        certificate=chosen.public_bytes(serialization.Encoding.PEM).decode(),
        subject=_subject(chosen),
        not_before=chosen.not_valid_before_utc,
        not_after=chosen.not_valid_after_utc,
    )


def _refuse_kind(kind: str, content: str) -> None:
    if kind and kind not in _KINDS:
        near = get_close_matches(kind, _KINDS, n=1)
        hint = f"; did you mean {near[0]}?" if near else "."
        raise CertificateError(f"`oauth_jwt_cert_type` {kind} is not known: it can be {', '.join(_READ)}{hint}")
    if _KINDS.get(kind):
        raise _refusal(_KINDS[kind], content)


def _refusal(refused: str, content: str) -> CertificateError:
    file = shlex.quote(content) if _may_be_shown(content) else "FILE"
    cure = _REFUSED[refused].format(file=file)
    return CertificateError(
        f"The certificate in `oauth_jwt_cert` can't be used: {cure}  Then name that file in `oauth_jwt_cert`, "
        "with the `oauth_jwt_cert_type` PFXFILE."
    )


def _may_be_shown(content: str) -> bool:
    """Whether it can only be a path: contents are secret, and always longer."""
    return len(content) <= _LONGEST_PATH and content.isprintable() and "-----" not in content


def _data(content: str, kind: str) -> bytes:
    if kind.endswith("BLOB") or ("-----BEGIN " in content and not kind):
        return _blob(content)
    if kind:
        return _file(content)
    try:
        data = _blob(content)
    except CertificateError:
        return _file(content)
    certain = len(data) >= _SHORTEST_STORE and (_PFX.match(data) or _PEM in data)
    return data if certain else _file(content)


def _blob(content: str) -> bytes:
    if "-----BEGIN " in content:
        return content.replace("\\n", "\n").encode()
    try:
        return base64.b64decode("".join(content.split()), validate=True)
    except (binascii.Error, ValueError) as exc:
        raise CertificateError(
            "`oauth_jwt_cert` is to be the certificate itself, but is neither PEM nor base64. Make base64 of a file:  "
            "base64 -w0 certificate.pfx  For a file's path, set `oauth_jwt_cert_type` to PFXFILE or PEMKEY_FILE."
        ) from exc


def _file(content: str) -> bytes:
    if not _may_be_shown(content):
        raise CertificateError(
            "`oauth_jwt_cert` is to be a file's path, but looks like the certificate itself: for that, set "
            "`oauth_jwt_cert_type` to PFXBLOB or PEMKEY_BLOB."
        )
    try:
        return Path(content).expanduser().read_bytes()
    except FileNotFoundError as exc:
        raise CertificateError(f"`oauth_jwt_cert` names a file that is not there: {content}") from exc
    except (OSError, RuntimeError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else exc
        raise CertificateError(f"`oauth_jwt_cert` names a file that can't be read: {content} ({why})") from exc


def _from_pem(data: bytes, password: str | None) -> tuple[list[PrivateKeyTypes], list[x509.Certificate]]:
    keys: list[PrivateKeyTypes] = []
    certificates: list[x509.Certificate] = []
    for block in _BLOCK.finditer(data):
        if block[1].endswith(b"PRIVATE KEY"):
            keys.append(_pem_key(block[0], password))
        elif block[1] in {b"CERTIFICATE", b"X509 CERTIFICATE"}:
            certificates.append(_pem_certificate(block[0]))
    return keys, certificates


def _pem_key(block: bytes, password: str | None) -> PrivateKeyTypes:
    encrypted = b"ENCRYPTED" in block
    if encrypted and not password:
        raise CertificateError("The private key is encrypted: give its password in `oauth_jwt_cert_password`.")
    try:
        return serialization.load_pem_private_key(block, password.encode() if encrypted and password else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
        if not encrypted:
            raise CertificateError("The private key is damaged or of an unknown kind: export it anew.") from exc
        raise CertificateError(
            "The private key does not open with the password in `oauth_jwt_cert_password`: correct that."
        ) from exc


def _pem_certificate(block: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(block)
    except ValueError as exc:
        raise CertificateError("A certificate in `oauth_jwt_cert` is damaged: export it anew.") from exc


def _from_pfx(data: bytes, password: str | None, content: str) -> tuple[list[PrivateKeyTypes], list[x509.Certificate]]:
    if not _PFX.match(data):
        raise CertificateError(f"`oauth_jwt_cert` holds neither PFX (PKCS#12) nor PEM. Make PFX:  {_JOIN}")
    try:
        store = pkcs12.load_pkcs12(data, password.encode() if password else None)
    except (ValueError, UnsupportedAlgorithm) as exc:
        if not password:
            raise CertificateError("The PFX needs its password: give it in `oauth_jwt_cert_password`.") from exc
        file = shlex.quote(content) if _may_be_shown(content) else "FILE"
        raise CertificateError(
            "The PFX does not open with the password in `oauth_jwt_cert_password`: correct that. If it is right, the "
            "file is damaged, or encrypted in an old way that is switched off here: then make PEM of it:  "
            f"openssl pkcs12 -legacy -in {file} -nodes -out certificate.pem"
        ) from exc
    found = [store.cert, *store.additional_certs]
    return [store.key] if store.key else [], [each.certificate for each in found if each]


def _with_key(keys: Sequence[PrivateKeyTypes], certificates: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    if not certificates:
        raise CertificateError(f"There is no certificate in `oauth_jwt_cert`. Join it with its key:  {_JOIN}")
    if not keys:
        raise CertificateError(f"There is no private key in `oauth_jwt_cert`, and signing needs it. Add it:  {_JOIN}")
    with_key = [each for each in certificates if any(_belongs(key, each) for key in keys)]
    if not with_key:
        raise CertificateError(
            f"The private key in `oauth_jwt_cert` belongs to none of its certificates ({_listed(certificates)}): "
            "take the key that the certificate was made with."
        )
    return with_key


def _belongs(key: PrivateKeyTypes, certificate: x509.Certificate) -> bool:
    return _spki(key.public_key()) == _spki(certificate.public_key())


def _spki(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _choose(
    with_key: Sequence[x509.Certificate], certificates: Sequence[x509.Certificate], subject: str
) -> x509.Certificate:
    """The certificate wanted; of several with one subject, as after a renewal, the one that is valid longest."""
    if subject == "*":
        return with_key[0]
    found = [each for each in with_key if _is_exactly(each, subject)]
    found = found or [each for each in with_key if _plain(subject) in _plain(_subject(each))]
    if not found:
        others = [each for each in certificates if _plain(subject) in _plain(_subject(each))]
        if others:
            raise CertificateError(
                f"`oauth_jwt_cert` holds {_listed(others)}, but not with its private key. (Of a PFX with several keys "
                "only the first is read: make PEM of it with  openssl pkcs12 -in FILE -nodes -out all.pem)"
            )
        raise CertificateError(
            f"`oauth_jwt_cert_subject` {subject!r} is in no certificate that has its private key: {_listed(with_key)}"
        )
    if len({each.subject for each in found}) > 1:
        raise CertificateError(
            f"`oauth_jwt_cert_subject` {subject!r} fits several certificates: write out one of {_listed(found)}"
        )
    return max(found, key=lambda each: each.not_valid_after_utc)


def _is_exactly(certificate: x509.Certificate, subject: str) -> bool:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if any(_plain(str(name.value)) == _plain(subject) for name in names):
        return True
    try:
        wanted = x509.Name.from_rfc4514_string(_without_spaces(subject), _OIDS)
    except ValueError:
        return False
    return _attributes(wanted) == _attributes(certificate.subject)


def _attributes(name: x509.Name) -> list[tuple[str, str]]:
    """The parts of a name whatever their order: OpenSSL shows it the other way round than RFC 4514."""
    return sorted((each.oid.dotted_string, str(each.value).casefold()) for each in name)


def _plain(text: str) -> str:
    return _without_spaces(text).casefold()


def _without_spaces(text: str) -> str:
    return re.sub(r"\s*,\s*(?=[\w.]+\s*=)", ",", text.strip())


def _subject(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string(_NAMES)


def _listed(certificates: Sequence[x509.Certificate]) -> str:
    return "; ".join(dict.fromkeys(_subject(each) for each in certificates))


def _check_key(key: PrivateKeyTypes) -> None:
    if not isinstance(key, RSAPrivateKey):
        raise CertificateError(
            "The key of the certificate is not an RSA key, and MSAL signs with RSA only (PS256). Make another, and "
            "upload its certificate to the app registration:  openssl req -x509 -newkey rsa:2048 -nodes -days 365 "
            "-subj /CN=tap-epicor -keyout key.pem -out certificate.pem"
        )


def _check_dates(certificate: x509.Certificate) -> None:
    now = datetime.now(UTC)
    if certificate.not_valid_after_utc < now:
        raise CertificateError(
            f"The certificate {_subject(certificate)} expired at {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC: "
            "make another, and upload it to the app registration."
        )
    if certificate.not_valid_before_utc > now:
        raise CertificateError(
            f"The certificate {_subject(certificate)} is not valid before "
            f"{certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC: wait for that, or set this machine's clock right."
        )
