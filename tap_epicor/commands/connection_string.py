"""Connection strings of the commercial provider: their forms, and the properties that stand in them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final

from tap_epicor.settings import SECRETS

_JDBC = re.compile(r"jdbc:(?:cdata:)?(?P<driver>\w+):", re.IGNORECASE)
_DRIVERS = ("epicorerp", "epicorkinetic", "epicor")
_QUOTES: Final = {"'": "'", '"': '"', "{": "}"}

_CACHE = "the tap keeps no cache: it writes to the warehouse"
_FIREWALL = "with `FirewallType` TUNNEL a part of `proxy_url`; SOCKS is not supported"
_LOG = "the tap logs to standard error: `SINGER_SDK_LOG_CONFIG`"
_POOL = "connections are kept by themselves: `max_connections`"
_PROXY = "a part of `proxy_url`"
_SCHEMA = "choose streams in the catalog, and services by `service`"
_SIGN_IN = "the tap sees to that itself"
_SQL = "the tap copies, it does not answer SQL"


@dataclass(frozen=True)
class Property:
    """A property of the provider.

    Attributes:
        name: as the provider writes it.
        setting: the tap's setting for it; None where it has none of its own.
        word: how the value is converted, or why there is no setting.
        aliases: other names for it.
    """

    name: str
    setting: str | None = None
    word: str = ""
    aliases: tuple[str, ...] = ()


PROPERTIES: Final = (
    Property("AuthScheme", "auth_scheme", "`AzureAD` becomes `AzureADOpenID`"),
    Property("URL", "url", aliases=("Server", "Host", "DataSource")),
    Property("ERPInstance", "erp_instance", aliases=("Instance",)),
    Property("User", "user", aliases=("UserId", "UID", "UserName")),
    Property("Password", "password", aliases=("Pwd",)),
    Property("Service", "service", "several, separated by commas, become a list", ("Services",)),
    Property("APIKey", "api_key"),
    Property("ApiVersion", "api_version", "`1` and `V2` too become `v1` and `v2`"),
    Property("Company", "company", "several, separated by commas, become a list"),
    Property("AzureTenant", "azure_tenant"),
    Property("InitiateOAuth", "initiate_oauth"),
    Property("OAuthClientId", "oauth_client_id"),
    Property("OAuthClientSecret", "oauth_client_secret"),
    Property("OAuthAccessToken", "oauth_access_token"),
    Property("OAuthRefreshToken", "oauth_refresh_token"),
    Property(
        "OAuthSettingsLocation",
        "oauth_settings_location",
        "only `memory://…`: the provider's own file can't be read; name one for the tap, or leave it to the default",
    ),
    Property("CallbackURL", "callback_url"),
    Property("OAuthVerifier", "oauth_verifier"),
    Property("OAuthGrantType", None, "follows from `auth_scheme`: `AzureServicePrincipal` is CLIENT, the other CODE"),
    Property("OAuthExpiresIn", None, _SIGN_IN),
    Property("OAuthTokenTimestamp", None, _SIGN_IN),
    Property("OAuthJWTCert", "oauth_jwt_cert"),
    Property("OAuthJWTCertType", "oauth_jwt_cert_type"),
    Property("OAuthJWTCertPassword", "oauth_jwt_cert_password"),
    Property("OAuthJWTCertSubject", "oauth_jwt_cert_subject"),
    Property("OAuthJWTIssuer", None, "it is the `oauth_client_id`"),
    Property("OAuthJWTSubject", None, "it is the `oauth_client_id`"),
    Property(
        "SSLServerCert", "ssl_ca", "only a PEM file: thumbprints can't be given, and `*` (trust all) is not offered"
    ),
    Property("ProxyServer", "proxy_url"),
    Property("ProxyPort", None, _PROXY),
    Property("ProxyUser", None, _PROXY),
    Property("ProxyPassword", None, _PROXY),
    Property("ProxySSLType", None, "a part of `proxy_url`: `ALWAYS` makes it https://"),
    Property(
        "ProxyAuthScheme", None, "a part of `proxy_url`: `NONE` leaves user and password out; the tap knows `BASIC`"
    ),
    Property("ProxyAutoDetect", None, "without `proxy_url` the environment's `HTTPS_PROXY` and `NO_PROXY` hold"),
    Property("ProxyExceptions", None, "leave `proxy_url` out and set `HTTPS_PROXY` and `NO_PROXY` in the environment"),
    Property("FirewallType", None, _FIREWALL),
    Property("FirewallServer", None, _FIREWALL),
    Property("FirewallPort", None, _FIREWALL),
    Property("FirewallUser", None, _FIREWALL),
    Property("FirewallPassword", None, _FIREWALL),
    Property("Timeout", "timeout", "0 (for ever) can't be given: the default stays", ("ConnectTimeout",)),
    Property("Pagesize", "page_size", "-1 (the server's own) can't be given: the default stays"),
    Property("Logfile", None, _LOG),
    Property("Verbosity", None, "`TAP_EPICOR_LOGLEVEL=DEBUG` says more"),
    Property("LogModules", None, _LOG),
    Property("MaxLogFileSize", None, _LOG),
    Property("MaxLogFileCount", None, _LOG),
    Property("Schema", None, _SCHEMA),
    Property("Location", None, _SCHEMA),
    Property("BrowsableSchemas", None, _SCHEMA),
    Property("Tables", None, _SCHEMA),
    Property("Views", None, _SCHEMA),
    Property("AutoCache", None, _CACHE),
    Property("CacheProvider", None, _CACHE),
    Property("CacheDriver", None, _CACHE),
    Property("CacheConnection", None, _CACHE),
    Property("CacheLocation", None, _CACHE),
    Property("CacheTolerance", None, _CACHE),
    Property("CacheMetadata", None, _CACHE),
    Property("Offline", None, _CACHE),
    Property("BatchSize", None, "the tap only reads"),
    Property("Readonly", None, "the tap only reads"),
    Property("ConnectionLifeTime", None, _POOL),
    Property("ConnectOnOpen", None, "the tap connects when it runs"),
    Property("PoolIdleTimeout", None, _POOL),
    Property("PoolMaxSize", None, _POOL),
    Property("PoolMinSize", None, _POOL),
    Property("PoolWaitTime", None, _POOL),
    Property("UseConnectionPooling", None, _POOL),
    Property("MaxRows", None, "all rows are read: narrow a stream by `filter` in `streams`"),
    Property("Other", None, "hidden switches of the provider"),
    Property("PseudoColumns", None, _SQL),
    Property("QueryPassthrough", None, _SQL),
    Property("SupportEnhancedSQL", None, _SQL),
    Property("UserDefinedViews", None, "make a BAQ and name it in `baqs`, or use `stream_maps`"),
    Property("TypeDetectionScheme", None, "types come from the service's own description"),
    Property("UseDisplayNames", None, "columns keep the service's names: rename by `stream_maps`"),
    Property("RTK", None, "the tap needs no licence key"),
    Property("Driver", None, "names the provider itself", ("Provider", "ProviderName")),
    Property("DSN", None, "what the data source says is not in the string: add it", ("FileDSN",)),
    Property("Description", None, "says nothing to the provider either"),
)


class ConnectionStringError(ValueError):
    """The text is no connection string; the message says where, and never shows a value."""


@dataclass
class Given:
    """What a connection string says.

    Attributes:
        values: values by the property's name; the last one where a property is given twice.
        unknown: what is not known, a sentence each.
    """

    values: dict[str, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)


def read(text: str) -> Given:
    """Return what a connection string says, in ADO.NET's form, JDBC's or ODBC's.

    Args:
        text: the connection string.

    Raises:
        ConnectionStringError: if it can't be taken apart.
    """
    given = Given()
    previous = ""
    for name, value in _pairs(_without_driver(text)):
        found = _BY_NAME.get(_folded(name))
        if found:
            given.values[found.name] = value
        else:
            given.unknown.append(_unknown(name, previous))
        previous = found.name if found else previous
    return given


def _without_driver(text: str) -> str:
    text = text.strip().removeprefix("\ufeff").strip()
    jdbc = _JDBC.match(text)
    if not jdbc:
        return text
    if jdbc["driver"].lower() not in _DRIVERS:
        raise ConnectionStringError(
            f"The connection string is of another driver, jdbc:{jdbc['driver']}: that of Epicor Kinetic begins with "
            "jdbc:epicorerp:"
        )
    return text[jdbc.end() :]


def _pairs(text: str) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    position = 0
    while position < len(text):
        if text[position] == ";" or text[position].isspace():
            position += 1
            continue
        name, equals, _ = text[position:].partition("=")
        if not equals or ";" in name:
            known = [_BY_NAME[_folded(each)].name for each, _ in pairs if _folded(each) in _BY_NAME]
            where = f"After `{known[-1]}`" if known else "At its beginning"
            raise ConnectionStringError(
                f"{where} the connection string has a part without `=`: write name=value, and a value with a ; in it "
                'in quotes, as Password="a;b".'
            )
        value, position = _value(text, position + len(name) + 1, name.strip())
        pairs.append((name.strip(), value))
    return pairs


def _value(text: str, start: int, name: str) -> tuple[str, int]:
    """The value that begins at a place, and the place after it."""
    while start < len(text) and text[start].isspace():
        start += 1
    quote = text[start : start + 1]
    if quote not in _QUOTES:
        return _bare(text, start)
    close = re.escape(_QUOTES[quote])
    quoted = re.compile(rf"((?:[^{close}]|{close}{close})*){close}\s*(?=;|\Z)").match(text, start + 1)
    if quoted:
        return quoted[1].replace(_QUOTES[quote] * 2, _QUOTES[quote]), quoted.end()
    if quote == "{":  # a quote in ODBC only
        return _bare(text, start)
    known = _BY_NAME.get(_folded(name))
    whose = f"`{known.name}`" if known else "an unknown property"
    raise ConnectionStringError(
        f"The value of {whose} begins with {quote} and does not end with it: double {quote} inside of the value, or "
        "write the value in the other kind of quotes."
    )


def _bare(text: str, start: int) -> tuple[str, int]:
    end = text.find(";", start)
    end = len(text) if end < 0 else end
    return text[start:end].strip(), end


def _unknown(name: str, previous: str) -> str:
    """A sentence on an unknown name; one that may be the rest of a secret is not shown."""
    if _is_secret(previous):
        return (
            f"What stands after `{previous}` is no property of the provider. If the value has a ; in it, write it in "
            f'quotes: {previous}="a;b".'
        )
    near = get_close_matches(_folded(name), _BY_NAME, n=1, cutoff=0.7)
    if near:
        return f"The provider has no property `{name}`: did you mean `{_BY_NAME[near[0]].name}`?"
    return f"The provider has no property `{name}`: it is left out."


def _is_secret(name: str) -> bool:
    found = _BY_NAME.get(_folded(name))
    return bool(found and (found.setting in SECRETS or "Password" in name or name in {"CacheConnection", "Other"}))


def _folded(name: str) -> str:
    return re.sub(r"[\s_]+", "", name).lower()


_BY_NAME: Final = {_folded(name): each for each in PROPERTIES for name in (each.name, *each.aliases)}
