"""An app registration in Microsoft Entra ID, and what MSAL makes of it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msal
from msal.authority import WELL_KNOWN_AUTHORITY_HOSTS

from tap_epicor.auth.bearer import Token
from tap_epicor.auth.certificates import load_certificate
from tap_epicor.auth.service import REACH, SignInService, passes
from tap_epicor.auth.sign_in import SignInFailed
from tap_epicor.kinetic.errors import PassingError, redact
from tap_epicor.stream_settings import as_list

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_epicor.auth.transport import Transport

for _name in ("msal.token_cache", "msal.oauth2cli.oauth2", "msal.oauth2cli.oidc"):
    # They tell what came, tokens, codes and verifiers in plain.
    logging.getLogger(_name).addFilter(lambda _: False)

_ADDED_BY_MSAL = frozenset({"openid", "profile", "offline_access"})
_DECLINED = (
    "You did not consent, or your organisation does not let you. To try again, run `tap-epicor login`; if you may "
    "not consent yourself, ask your administrator to."
)
_TOO_LATE = "The code was not typed in time. Try again with `tap-epicor login --device`."
_CURES = {
    "invalid_grant": "The consent has ended or was taken back: run `tap-epicor login` to give it anew.",
    "interaction_required": "Microsoft wants the user to sign in again: run `tap-epicor login`.",
    "consent_required": "Nobody has consented yet: run `tap-epicor login`, or let an administrator consent for all.",
    "invalid_client": "Check `oauth_client_secret` or `oauth_jwt_cert`: wrong, expired, or not of this registration. "
    "(After AADSTS700025, register the redirect address for the platform Web, or leave the secret out.)",
    "unauthorized_client": "Check `oauth_client_id` and `azure_tenant`, and that the registration allows this sign-in.",
    "invalid_scope": "Check `oauth_scope` and the registration's API permissions.",
    "invalid_resource": "Check `oauth_scope`: the registration of that API is not in this tenant.",
    "access_denied": _DECLINED,
    "authorization_declined": _DECLINED,
    "authorization_pending": _TOO_LATE,
    "expired_token": _TOO_LATE,
}
UNSAID_LIFE = 600
"""Seconds that a token lasts which does not say so."""

_UNREAD = (LookupError, TypeError, AttributeError, RuntimeError)
"""What MSAL raises for an answer that it did not expect."""


@dataclass(frozen=True)
class Registration:
    """An app registration and where it signs in.

    Attributes:
        client_id: its id.
        authority: address of the tenant.
        scopes: what tokens are asked for.
        credential: a secret, or a certificate in MSAL's form; None for a public client.
        user: the account that is meant, by its sign-in name; empty where there is but one.
    """

    client_id: str
    authority: str
    scopes: tuple[str, ...]
    credential: Any = field(default=None, repr=False)
    user: str = ""

    @property
    def host(self) -> str:
        """The host that signs in."""
        return str(urlsplit(self.authority).hostname)

    @property
    def is_well_known(self) -> bool:
        """Whether the host is one of Microsoft's, so that no answer is an outage and not a wrong setting."""
        return self.host in WELL_KNOWN_AUTHORITY_HOSTS

    @property
    def name(self) -> str:
        """What tells it apart from others in the OAuth settings file."""
        return f"{self.authority} {self.client_id}"


def registration(config: Mapping[str, Any]) -> Registration:
    """Return the app registration that the configuration names.

    Args:
        config: a configuration without problems.

    Raises:
        CertificateError: if the certificate can't be used.
    """
    client_id = str(config["oauth_client_id"])
    host = str(config.get("azure_authority") or "https://login.microsoftonline.com").rstrip("/")
    asked = as_list(str(config.get("oauth_scope") or f"{client_id}/.default").replace(" ", ","))
    return Registration(
        client_id,
        f"{host}/{config.get('azure_tenant') or 'organizations'}",
        tuple(scope for scope in asked if scope not in _ADDED_BY_MSAL),
        _credential(config),
        user if "@" in (user := str(config.get("user") or "")) else "",
    )


def application(
    registered: Registration,
    transport: Transport,
    cache: msal.SerializableTokenCache | None = None,
    *,
    public: bool = False,
) -> Any:  # noqa: ANN401
    """Return MSAL's application; the tenant's own description is asked for.

    Args:
        registered: the registration.
        transport: how to speak HTTP.
        cache: where MSAL keeps tokens.
        public: whether to do without the registration's credential.

    Raises:
        PassingError: if Microsoft can't be reached.
        SignInFailed: if there is no such tenant.
    """
    options: dict[str, Any] = {
        "authority": registered.authority,
        "token_cache": cache,
        "http_client": SignInService(transport),
        "instance_discovery": False,
    }
    if registered.credential is None or public:
        return asking(lambda: msal.PublicClientApplication(registered.client_id, **options))
    return asking(
        lambda: msal.ConfidentialClientApplication(
            registered.client_id,
            client_credential=registered.credential,
            **options,
        ),
    )


def asking(question: Callable[[], Any]) -> Any:  # noqa: ANN401
    """Return what MSAL answers.

    Args:
        question: calls MSAL.

    Raises:
        PassingError: if Microsoft can't be reached, or fails.
        SignInFailed: if it refuses.
    """
    try:
        return question()
    except _UNREAD as exc:
        # Not its text, which may hold what came.
        said = f"the answer of the sign-in service can't be read ({type(exc).__name__})"
        raise SignInFailed(said, cure=f"Check `azure_authority`. {REACH}") from exc
    except ValueError as exc:
        raise SignInFailed(
            redact(str(exc)), cure="Check `azure_tenant`, `azure_authority` and `oauth_client_id`."
        ) from exc


def token_in(answer: Mapping[str, Any] | None, secrets: tuple[str, ...] = ()) -> Mapping[str, Any]:
    """Return an answer that holds a token.

    Args:
        answer: what MSAL returned.
        secrets: strings that must not stand in a message.

    Raises:
        PassingError: if Microsoft says that it fails for now.
        SignInFailed: if it holds another error, with what to do.
    """
    if answer and "access_token" in answer:
        return answer
    answer = answer or {}
    code = str(answer.get("error") or "no token came")
    said = redact(str(answer.get("error_description") or ""), secrets)
    if passes(answer):
        raise PassingError(f"the sign-in service fails: {code}: {said}")
    raise SignInFailed(f"{code}: {said}" if said else code, code=code, cure=_CURES.get(code, ""))


def lasting(answer: Mapping[str, Any]) -> Token:
    """Return the access token of an answer.

    Args:
        answer: it holds one; its life may be missing (RFC 6749, 5.1), and is then taken to be what MSAL takes it to be.
    """
    return Token(str(answer["access_token"]), float(answer.get("expires_in", UNSAID_LIFE)))


def _credential(config: Mapping[str, Any]) -> Any:  # noqa: ANN401
    if config.get("oauth_client_secret"):
        return config["oauth_client_secret"]
    if not config.get("oauth_jwt_cert"):
        return None
    certificate = load_certificate(
        config["oauth_jwt_cert"],
        config.get("oauth_jwt_cert_type"),
        config.get("oauth_jwt_cert_password"),
        config.get("oauth_jwt_cert_subject"),
    )
    return {"private_key": certificate.private_key, "public_certificate": certificate.certificate}
