"""From the sign-in to the company and the site that are worked in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tap_epicor.auth.certificates import CertificateError
from tap_epicor.auth.sign_in import SignInFailed
from tap_epicor.auth.vault import VaultError
from tap_epicor.commands.doctor.address import BRIEFLY
from tap_epicor.commands.doctor.check import Check, Examination, said
from tap_epicor.connection import connect
from tap_epicor.kinetic.catalogue import describe_service, is_many
from tap_epicor.kinetic.dialect import BAQ_SERVICE
from tap_epicor.kinetic.errors import (
    BadRequest,
    KineticError,
    PassingError,
    SignInRefused,
    Unreachable,
    UnreadableAnswer,
    WrongKey,
)
from tap_epicor.kinetic.metadata import MetadataError
from tap_epicor.kinetic.query import Query
from tap_epicor.kinetic.source import Rows, Source
from tap_epicor.stream_settings import as_list
from tap_epicor.streams.definition import source_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_USUAL: Final = "Erp.BO.CustomerSvc"
"""The service asked for where the settings name none: that it is refused is an answer, too."""
_SITES: Final = Source("Erp.BO.PlantSvc", "Plants")
_WAYS: Final = {
    "Basic": "as an Epicor user",
    "EpicorToken": "for a token of Kinetic's",
    "AzureADOpenID": "as a Microsoft user",
    "AzureServicePrincipal": "as an app of Microsoft Entra ID",
}


def sign_in(examination: Examination) -> Iterator[Check]:
    """Check the sign-in, the API key and the company by one request, which is not repeated with a wrong password."""
    config = examination.config
    service = _first_service(examination)
    company = examination.companies[0]
    tried = f"sign in {_WAYS[config.get('auth_scheme', 'Basic')]}, and ask for {service}"
    try:
        examination.client = examination.listen(connect(config, patience=BRIEFLY))
        examination.described[service] = describe_service(examination.client, service, company)
    except (CertificateError, VaultError, SignInFailed) as exc:
        yield examination.failure("sign-in", tried, exc, stops=True)
    except WrongKey as exc:
        yield Check("sign-in", tried, "skipped", "not told, since the server refuses the API key")
        cure = "" if config.get("api_key") else "Make a key in Kinetic's API Key Maintenance, and give it in `api_key`."
        yield examination.failure(
            "API key", "send the key along" if not cure else "send none", exc, cure=cure, stops=True
        )
    except MetadataError:
        yield Check("sign-in", tried, "ok", "accepted")
        yield from _key(examination)
    except (SignInRefused, PassingError, Unreachable, UnreadableAnswer) as exc:
        yield examination.failure("sign-in", tried, exc, stops=True)
    except KineticError as exc:
        yield Check("sign-in", tried, "ok", f"accepted, though the answer is HTTP {exc.status}")
        yield from _key(examination)
        if isinstance(exc, BadRequest) and exc.cure:
            yield examination.failure("company", f"work in {company or 'the own company'}", exc, stops=True)
        return
    else:
        yield Check("sign-in", tried, "ok", "accepted")
        yield from _key(examination)


def plant(examination: Examination) -> Iterator[Check]:
    """Check that there is such a site: Kinetic takes one that there is not, without a word (one public client)."""
    wanted = examination.config.get("plant")
    if not wanted:
        return
    tried = f"look for the site {wanted}"
    kinetic, company = examination.kinetic, examination.companies[0]
    rows = Rows(kinetic, _SITES, company, f"Plant1 eq {kinetic.dialect.literal('Edm.String', wanted)}")
    try:
        found = rows.fetch(Query(rows.filter, top=1, select=["Plant1"]))
    except KineticError as exc:
        told = f"the sites can't be read ({said(exc)}), and Kinetic takes any name without a word"
        yield Check("plant", tried, "note", told, "Look it up in Site Maintenance.")
        return
    if found:
        yield Check("plant", tried, "ok", "it is there")
    else:
        cure = "Check `plant`: give the site's id. Kinetic takes any name without a word, and works in another site."
        yield Check("plant", tried, "failed", f"there is no such site in {company or 'the own company'}", cure)


def version(examination: Examination) -> Iterator[Check]:
    """Tell which versions of the REST services answer; no public client knows a way to ask for Kinetic's own."""
    config, company = examination.config, examination.companies[0]
    used = examination.kinetic.dialect.version
    other = "v1" if used == "v2" else "v2"
    figures = {used: True}
    if other == "v2" and not (company and config.get("api_key")):
        yield Check(
            "version", f"use REST {used}", "ok", "it answers; v2 wants `company` and `api_key`", figures=figures
        )
        return
    kinetic = examination.listen(connect({**config, "api_version": other}, patience=BRIEFLY))
    try:
        describe_service(kinetic, _first_service(examination), company)
    except KineticError as exc:
        found = f"{used} answers; {other} does not ({said(exc)})"
    else:
        figures[other] = True
        found = f"both answer; `api_version` is {used}"
    yield Check("version", f"use REST {used}, and {other}", "ok", found, figures=figures)


def _key(examination: Examination) -> Iterator[Check]:
    if examination.config.get("api_key"):
        found = "accepted" if examination.config.get("api_version") == "v2" else "not refused; v1 may not look at it"
        yield Check("API key", "send the key along", "ok", found)


def _first_service(examination: Examination) -> str:
    if examination.entries is not None:
        sources = [source_of(entry) for entry in examination.entries]
        named = [source.service for source in sources if source and not source.is_baq]
    else:
        named = [name for name in as_list(examination.config.get("service")) if not is_many(name)]
    return next((name for name in named if name != BAQ_SERVICE), _USUAL)
