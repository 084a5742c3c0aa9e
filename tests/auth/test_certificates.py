"""Certificates: read whatever made them, chosen as the provider chooses, refused with the way out."""

from __future__ import annotations

import base64
import json
import subprocess
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import jwt
import msal
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_epicor.auth.certificates import CertificateError, load_certificate
from tests.auth.keys import NOW, PASSWORD, certificate, ec_key, key_pem, pem, pfx, rsa_key, written

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def refused(*args: Any, **kwargs: Any) -> str:
    with pytest.raises(CertificateError) as caught:
        load_certificate(*args, **kwargs)
    return str(caught.value)


def is_ours(text: str) -> bool:
    key = load_pem_private_key(text.encode(), None)
    return key.private_numbers() == rsa_key().private_numbers()  # type: ignore[union-attr]


# What is read


@pytest.mark.parametrize("kind", ["PEMKEY_BLOB", "pemkey_blob", "", None])
def test_pem_text_is_read(kind: str | None) -> None:
    found = load_certificate(pem(certificate()), kind)
    assert is_ours(found.private_key)
    assert found.certificate == pem(x509.load_pem_x509_certificate(found.certificate.encode()), key="")
    assert found.subject == r"E=it@example.com,CN=tap,O=ACME\, Inc.,C=US"
    assert (found.not_before, found.not_after) == (NOW - timedelta(days=1), NOW + timedelta(days=30))


@pytest.mark.parametrize("kind", ["PEMKEY_BLOB", "PFXBLOB", None])
@pytest.mark.parametrize("content", [pem(certificate()).encode(), pfx()], ids=["pem", "pfx"])
def test_base64_is_read_also_when_it_is_wrapped(content: bytes, kind: str | None) -> None:
    assert is_ours(load_certificate(base64.encodebytes(content).decode(), kind, PASSWORD).private_key)


@pytest.mark.parametrize("kind", ["PEMKEY_FILE", "PFXFILE", "JKSFILE", None])
@pytest.mark.parametrize("content", [pem(certificate()).encode(), pfx()], ids=["pem", "pfx"])
def test_a_file_is_read_by_what_is_in_it(tmp_path: Path, content: bytes, kind: str | None) -> None:
    assert is_ours(load_certificate(written(tmp_path, content), kind, PASSWORD).private_key)


def test_pem_whose_line_ends_were_escaped_is_read() -> None:
    assert is_ours(load_certificate(pem(certificate()).replace("\n", "\\n"), "PEMKEY_BLOB").private_key)


def test_a_tilde_stands_for_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    written(tmp_path, pem(certificate()), "tap.pem")
    assert is_ours(load_certificate("~/tap.pem", "PEMKEY_FILE").private_key)


def test_an_encrypted_key_is_handed_on_unencrypted() -> None:
    found = load_certificate(pem(certificate(), key=key_pem(password=PASSWORD)), None, PASSWORD)
    assert is_ours(found.private_key)


def test_a_password_that_is_not_needed_does_no_harm() -> None:
    assert is_ours(load_certificate(pem(certificate()), None, "not needed").private_key)


def test_the_key_is_not_shown() -> None:
    found = load_certificate(pem(certificate()), None)
    assert "PRIVATE KEY" not in repr(found)
    assert found.private_key.splitlines()[1] not in repr(found)


# What openssl made


def openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("openssl")
    openssl(
        folder,
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/C=US/CN=made"),
        *("-keyout", "key.pem", "-out", "cert.pem"),
    )
    return folder


@pytest.mark.parametrize("way", [[], ["-legacy"], ["-certpbe", "NONE", "-keypbe", "NONE", "-nomac"]])
@pytest.mark.parametrize("password", ["pw", ""])
def test_a_pfx_that_openssl_made_is_read(made: Path, way: list[str], password: str) -> None:
    export = ("-export", "-inkey", "key.pem", "-in", "cert.pem", "-passout", f"pass:{password}", "-out", "made.pfx")
    openssl(made, "pkcs12", *export, *way)
    found = load_certificate(str(made / "made.pfx"), "PFXFILE", password)
    assert found.subject == "CN=made,C=US"
    assert found.certificate.split() == (made / "cert.pem").read_text().split()


@pytest.mark.parametrize(
    "words",
    [
        ["pkcs8", "-topk8", "-in", "key.pem", "-passout", "pass:pw"],
        ["pkcs8", "-topk8", "-v1", "PBE-SHA1-3DES", "-in", "key.pem", "-passout", "pass:pw"],
        ["rsa", "-aes256", "-traditional", "-in", "key.pem", "-passout", "pass:pw"],
        ["rsa", "-traditional", "-in", "key.pem"],
    ],
    ids=["modern", "legacy", "traditional", "open"],
)
def test_a_pem_that_openssl_made_is_read(made: Path, words: list[str]) -> None:
    openssl(made, *words, "-out", "locked.pem")
    both = (made / "cert.pem").read_text() + (made / "locked.pem").read_text()
    found = load_certificate(both, "PEMKEY_BLOB", "pw")
    openssl(made, "rsa", "-in", "key.pem", "-modulus", "-noout", "-out", "expected")
    (made / "found.pem").write_text(found.private_key)
    openssl(made, "rsa", "-in", "found.pem", "-modulus", "-noout", "-out", "modulus")
    assert (made / "modulus").read_text() == (made / "expected").read_text()


def test_what_openssl_shows_of_a_pfx_is_read_with_its_bag_attributes(made: Path) -> None:
    export = ("-export", "-inkey", "key.pem", "-in", "cert.pem", "-name", "tap", "-passout", "pass:", "-out", "it.pfx")
    openssl(made, "pkcs12", *export)
    openssl(made, "pkcs12", "-in", "it.pfx", "-passin", "pass:", "-nodes", "-out", "bags.pem")
    assert "Bag Attributes" in (made / "bags.pem").read_text()
    assert load_certificate(str(made / "bags.pem"), None).subject == "CN=made,C=US"


# What Microsoft gets


@dataclass
class Answer:
    text: str
    status_code: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class Microsoft:
    """Answers as the sign-in does, and keeps what was posted."""

    def __init__(self) -> None:
        self.posted: dict[str, Any] = {}

    def get(self, url: str, **_: Any) -> Answer:
        issuer = "https://login.microsoftonline.com/tenant"
        del url
        return Answer(
            json.dumps({"issuer": issuer, "authorization_endpoint": f"{issuer}/a", "token_endpoint": f"{issuer}/t"})
        )

    def post(self, url: str, *, data: Any, **_: Any) -> Answer:
        del url
        self.posted = dict(data)
        return Answer(json.dumps({"access_token": "t", "expires_in": 3600, "token_type": "Bearer"}))

    def close(self) -> None:
        pass


def test_msal_signs_with_it_and_the_certificate_proves_the_signature() -> None:
    found = load_certificate(base64.b64encode(pfx()).decode(), "PFXBLOB", PASSWORD)
    server = Microsoft()
    app = msal.ConfidentialClientApplication(
        "client",
        authority="https://login.microsoftonline.com/tenant",
        client_credential={"private_key": found.private_key, "public_certificate": found.certificate},
        http_client=server,
        instance_discovery=False,
    )
    assert app.acquire_token_for_client(["scope/.default"])["access_token"] == "t"
    public: Any = x509.load_pem_x509_certificate(found.certificate.encode()).public_key()
    claims = jwt.decode(server.posted["client_assertion"], public, algorithms=["PS256"], options={"verify_aud": False})
    assert claims["iss"] == "client"


# Which one


def test_without_a_subject_the_first_with_its_private_key_is_taken() -> None:
    content = pem(certificate("authority", key=rsa_key(1)), certificate("mine"), certificate("also mine"))
    for subject in (None, "", "*"):
        assert "CN=mine," in load_certificate(content, None, None, subject).subject


@pytest.mark.parametrize(
    "subject",
    [
        r"E=it@example.com,CN=tap,O=ACME\, Inc.,C=US",
        r"C=US, O=ACME\, Inc., CN=tap, E=it@example.com",
        r"1.2.840.113549.1.9.1=it@example.com,CN=tap,O=ACME\, Inc.,C=US",
        "tap",
        "TAP",
    ],
)
def test_an_exact_subject_goes_before_a_part(subject: str) -> None:
    content = pem(certificate("tapestry"), certificate("tap"))
    assert "CN=tap," in load_certificate(content, None, None, subject).subject


@pytest.mark.parametrize("subject", ["pestr", "cn=TAPESTRY", "CN=tapestry, O=ACME"])
def test_a_part_of_the_subject_is_enough(subject: str) -> None:
    content = pem(certificate("tap"), certificate("tapestry"))
    assert "CN=tapestry," in load_certificate(content, None, None, subject).subject


@settings(max_examples=40, deadline=None)
@given(st.text(min_size=1).map(str.strip).filter(lambda text: text not in {"", "*"}))
def test_any_subject_gives_a_certificate_that_has_it_or_a_list(subject: str) -> None:
    try:
        found = load_certificate(TWO, None, None, subject)
    except CertificateError as exc:
        assert "CN=one," in str(exc)  # noqa: PT017
        assert "CN=two," in str(exc)  # noqa: PT017
    else:
        assert subject.casefold() in found.subject.casefold()


TWO = pem(certificate("one", organisation="A"), certificate("two", organisation="B"))


def test_several_that_a_part_fits_are_listed() -> None:
    said = refused(pem(certificate("one"), certificate("two"), certificate("three")), None, None, "t")
    assert "fits several" in said
    said = refused(pem(certificate("one"), certificate("two"), certificate("three")), None, None, "CN=t")
    assert "CN=two" in said
    assert "CN=three" in said
    assert "CN=one" not in said


def test_one_that_is_not_there_is_told_with_those_that_are() -> None:
    said = refused(pem(certificate("one"), certificate("two")), None, None, "four")
    assert "'four'" in said
    assert "CN=one" in said
    assert "CN=two" in said


def test_one_without_its_private_key_is_told() -> None:
    said = refused(pem(certificate("one"), certificate("two", key=rsa_key(1))), None, None, "two")
    assert "not with its private key" in said
    assert "CN=two" in said


def test_after_a_renewal_the_one_that_is_valid_longest_is_taken() -> None:
    content = pem(certificate(days=(-60, -30)), certificate(days=(-30, 60)), certificate(days=(-30, 30)))
    assert load_certificate(content, None, None, "tap").not_after == NOW + timedelta(days=60)


def test_a_chain_in_a_pfx_does_no_harm() -> None:
    content = base64.b64encode(pfx(certificate("tap authority", key=rsa_key(1)))).decode()
    assert "CN=tap," in load_certificate(content, "PFXBLOB", PASSWORD, "ap").subject


# What can't be used


CONTENTS: dict[str, Callable[[], tuple[Any, ...]]] = {
    "needs its password": lambda: (base64.b64encode(pfx()).decode(), "PFXBLOB"),
    "PFX does not open with the password": lambda: (base64.b64encode(pfx()).decode(), "PFXBLOB", "wrong-one"),
    "encrypted: give its password": lambda: (pem(certificate(), key=key_pem(password=PASSWORD)), None),
    "key does not open": lambda: (pem(certificate(), key=key_pem(password=PASSWORD)), None, "wrong-one"),
    "no private key": lambda: (pem(certificate(), key=""), "PEMKEY_BLOB"),
    "no certificate": lambda: (key_pem(), "PEMKEY_BLOB"),
    "belongs to none": lambda: (pem(certificate(key=rsa_key(1))), "PEMKEY_BLOB"),
    "expired at": lambda: (pem(certificate(days=(-9, -1))), "PEMKEY_BLOB"),
    "not valid before": lambda: (pem(certificate(days=(1, 9))), "PEMKEY_BLOB"),
    "RSA only": lambda: (pem(certificate(key=ec_key()), key=key_pem(ec_key())), "PEMKEY_BLOB"),
    "neither PFX (PKCS#12) nor PEM": lambda: (base64.b64encode(b"0" * 99).decode(), "PFXBLOB"),
    "neither PEM nor base64": lambda: ("a file/with.dots", "PFXBLOB"),
    "looks like the certificate itself": lambda: (pem(certificate()), "PEMKEY_FILE"),
    "certificate in `oauth_jwt_cert` is damaged": lambda: (
        key_pem() + "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        None,
    ),
    "private key is damaged": lambda: ("-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----", None),
}


@pytest.mark.parametrize("said", CONTENTS)
def test_what_cannot_be_used_is_told_without_showing_it(said: str) -> None:
    content, *rest = CONTENTS[said]()
    told = refused(content, *rest)
    assert said in told
    assert "wrong-one" not in told
    assert content[40:80] not in told or len(content) < 40


def test_each_reason_has_its_own_message() -> None:
    told = {refused(*make()) for make in CONTENTS.values()}
    assert len(told) == len(CONTENTS)


@pytest.mark.parametrize("kind", ["PFXFILE", None])
def test_a_file_that_is_not_there_is_told(kind: str | None) -> None:
    assert "not there: /nowhere/certificate.pfx" in refused("/nowhere/certificate.pfx", kind)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    assert "can't be read" in refused(str(tmp_path), "PFXFILE")


@given(st.binary(max_size=400), st.sampled_from(["PFXBLOB", "PEMKEY_BLOB"]))
def test_anything_else_is_refused_with_a_sentence(data: bytes, kind: str) -> None:
    assert len(refused(base64.b64encode(data).decode(), kind)) > 20


@given(st.text(max_size=400))
def test_any_text_without_a_kind_is_refused_with_a_sentence(text: str) -> None:
    assert len(refused(text, None)) > 20


# What is refused


@pytest.mark.parametrize(
    ("kind", "why", "way"),
    [
        ("BCFKSFILE", "no library reads", "keytool -importkeystore -srckeystore store.x -srcstoretype BCFKS"),
        ("BCFKSBLOB", "no library reads", "keytool"),
        ("PPKFILE", "without a certificate", "puttygen store.x -O private-openssh -o key.pem"),
        ("XMLFILE", "without a certificate", "FromXmlString((Get-Content -Raw store.x))"),
        ("P7BFILE", "certificates only", "openssl pkcs7 -in store.x -print_certs"),
        ("PUBLIC_KEY_FILE", "public key cannot sign", "openssl pkcs12 -export"),
        ("SSHPUBLIC_KEY_BLOB", "public key cannot sign", "openssl pkcs12 -export"),
        ("USER", "Windows", "certutil -user -p PASSWORD -exportPFX"),
        ("MACHINE", "Windows", "certutil -p PASSWORD -exportPFX"),
        ("GOOGLEJSON", "Google", "openssl req -x509"),
    ],
)
def test_a_kind_that_is_not_read_is_refused_with_the_way_to_one_that_is(kind: str, why: str, way: str) -> None:
    said = refused("store.x", kind)
    assert why in said
    assert way in said


@pytest.mark.parametrize(
    ("content", "way"),
    [
        (b"\xfe\xed\xfe\xed\0\0\0\2", "keytool -importkeystore -srckeystore '{path}'"),
        (b"\xce\xce\xce\xce\0\0\0\2", "keytool"),
        (b"PuTTY-User-Key-File-3: ssh-rsa\n", "puttygen '{path}'"),
        (b"<RSAKeyValue><Modulus>", "FromXmlString"),
        (b"-----BEGIN PKCS7-----\nMIIB\n-----END PKCS7-----\n", "openssl pkcs7"),
        (b"-----BEGIN OPENSSH PRIVATE KEY-----\n", "ssh-keygen -p -m PEM -f '{path}'"),
        (b"ssh-rsa AAAAB3Nza me@here\n", "cannot sign"),
        (b'{"type": "service_account", "private_key": "-----BEGIN', "Google"),
    ],
)
@pytest.mark.parametrize("kind", [None, "PFXFILE", "JKSFILE"])
def test_a_kind_that_is_not_read_is_known_by_its_content(
    tmp_path: Path, content: bytes, way: str, kind: str | None
) -> None:
    path = written(tmp_path, content, "my store")
    assert way.format(path=path) in refused(path, kind)


def test_a_public_key_in_pem_is_refused() -> None:
    text = rsa_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    assert "a public key cannot sign" in refused(text, None)
    assert "no private key" in refused(pem(certificate(), key=text), None)


def test_an_unknown_kind_is_told_with_the_nearest() -> None:
    said = refused("x", "PEMFILE")
    assert "`oauth_jwt_cert_type` PEMFILE is not known" in said
    assert "did you mean" in said
