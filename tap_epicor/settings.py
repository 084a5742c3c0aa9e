"""Every setting, said once: the JSON schema, `--about` and the tables in the documentation come from here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from singer_sdk import typing as th

from tap_epicor.network_settings import NETWORK
from tap_epicor.stream_settings import BACKFILL, STREAM_SETTINGS, STRINGS_OR_LIST

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME_OR_LIST: Final = {"type": ["string", "integer", "array"], "items": {"type": ["string", "integer"]}}

GROUPS: Final[Mapping[str, tuple[th.Property[Any], ...]]] = {
    "Where": (
        th.Property(
            "url",
            th.StringType(nullable=False),
            required=True,
            title="URL",
            description="Address of the server, such as `https://erp.example.com`. "
            "An address copied from the browser, with the instance in it, is understood too.",
            examples=["https://erp.example.com/KineticLive"],
        ),
        th.Property(
            "erp_instance",
            th.StringType,
            title="Instance",
            description="Name of the Kinetic instance, the first part of the path, unless `url` holds it.",
            examples=["KineticLive"],
        ),
        th.Property(
            "api_version",
            th.StringType,
            default="v1",
            allowed_values=["v1", "v2"],
            title="API version",
            description="Version of the REST services. `v2` needs `company` and `api_key`.",
        ),
        th.Property(
            "company",
            th.CustomType(NAME_OR_LIST),
            title="Company",
            description="Company ids to read, one, a list, or separated by commas. Each keeps its own bookmarks. "
            "With `v1` it may be left out: then the account's own company is read.",
            examples=["EPIC06"],
        ),
        th.Property(
            "plant",
            th.StringType,
            title="Site",
            description="Site (plant) that the services work in, for those whose answers depend on it.",
            examples=["MfgSys"],
        ),
        th.Property(
            "service",
            th.CustomType(STRINGS_OR_LIST),
            title="Services",
            description="Services to read, one, a list, or separated by commas; `*` and `?` stand for many, `starter` "
            "for the tables that most sync first, `BaqSvc` for all BAQs. Each set of a service becomes a stream.",
            examples=["Erp.BO.CustomerSvc"],
        ),
        th.Property(
            "baqs",
            th.CustomType(STRINGS_OR_LIST),
            title="BAQs",
            description="Business Activity Queries to read, by id; `*` and `?` stand for many.",
            examples=["zCustomer01"],
        ),
    ),
    "Signing in": (
        th.Property(
            "auth_scheme",
            th.StringType,
            default="Basic",
            allowed_values=["Basic", "EpicorToken", "AzureADOpenID", "AzureServicePrincipal"],
            title="Sign-in",
            description="How to sign in: an Epicor user and a password with every request (`Basic`), or once for a "
            "token (`EpicorToken`); a Microsoft user's consent (`AzureADOpenID`); an app of its own "
            "(`AzureServicePrincipal`).",
        ),
        th.Property(
            "user",
            th.StringType,
            title="User",
            description="Epicor user that may use the REST services. "
            "With `AzureADOpenID`, which account is meant where several have signed in, as `reader@contoso.com`.",
        ),
        th.Property("password", th.StringType, secret=True, title="Password", description="Password of that user."),
        th.Property(
            "api_key",
            th.StringType,
            secret=True,
            title="API key",
            description="Key from API Key Maintenance; `v2` always needs one. Its access scope must hold the services.",
        ),
        th.Property(
            "license_type",
            th.StringType,
            allowed_values=["Default", "WebService", "WebServiceShared", "DataCollection"],
            title="Licence",
            description="Kind of licence that a request claims while it lasts. Where left out, the server chooses.",
        ),
    ),
    "Signing in with Microsoft Entra ID": (
        th.Property(
            "azure_tenant",
            th.StringType,
            default="organizations",
            title="Tenant",
            description="Tenant (directory) id or domain of the organisation; a single-tenant app needs its own.",
        ),
        th.Property(
            "azure_authority",
            th.StringType,
            default="https://login.microsoftonline.com",
            title="Authority",
            description="Host that signs in, for national clouds, such as `https://login.microsoftonline.us`.",
        ),
        th.Property(
            "initiate_oauth",
            th.StringType,
            default="OFF",
            allowed_values=["OFF", "GETANDREFRESH", "REFRESH"],
            title="Initiate OAuth",
            description="`OFF` uses only what the settings hold; `REFRESH` renews what is kept or given, and never "
            "opens a browser; `GETANDREFRESH` opens one when there is nothing to renew and someone is there.",
        ),
        th.Property("oauth_client_id", th.StringType, title="Client id", description="Id of the app registration."),
        th.Property(
            "oauth_scope",
            th.StringType,
            title="Scope",
            description="What tokens are asked for, separated by spaces. Default: the client id and `/.default`, "
            "which is all that the registration has been granted.",
        ),
        th.Property(
            "oauth_client_secret",
            th.StringType,
            secret=True,
            title="Client secret",
            description="Secret of the app registration.",
        ),
        th.Property(
            "oauth_jwt_cert",
            th.StringType,
            secret=True,
            title="Certificate",
            description="Certificate with private key instead of a client secret: a file's path, or its content.",
        ),
        th.Property(
            "oauth_jwt_cert_type",
            th.StringType,
            title="Kind of certificate",
            description="What `oauth_jwt_cert` holds, such as `PEMKEY_FILE`, `PEMKEY_BLOB`, `PFXFILE`, `PFXBLOB`.",
        ),
        th.Property(
            "oauth_jwt_cert_password",
            th.StringType,
            secret=True,
            title="Certificate's password",
            description="Password that protects the certificate.",
        ),
        th.Property(
            "oauth_jwt_cert_subject",
            th.StringType,
            title="Certificate's subject",
            description="Which certificate to take where the store holds several; `*` takes the first.",
        ),
        th.Property(
            "callback_url",
            th.StringType,
            default="http://localhost:33333",
            title="Callback URL",
            description="Redirect address of the app registration that the browser comes back to, on this machine.",
        ),
        th.Property(
            "oauth_settings_location",
            th.StringType,
            title="OAuth settings file",
            description="Where tokens are kept between runs: a path, or `memory://name`. "
            "Default: `OAuthSettings.txt` in the user's configuration folder for this tap.",
        ),
        th.Property(
            "oauth_settings_key",
            th.StringType,
            secret=True,
            title="Key of the OAuth settings file",
            description="Passphrase that the file is encrypted with, so that it can travel. "
            "Without it a random key lies in a file beside it.",
        ),
        th.Property(
            "oauth_verifier",
            th.StringType,
            secret=True,
            title="Verifier",
            description="Code that the sign-in handed out, or the whole address that the browser ended at, where no "
            "browser can be opened here. It is used once; an old one does no harm.",
        ),
        th.Property(
            "oauth_access_token",
            th.StringType,
            secret=True,
            title="Access token",
            description="A ready access token, for secret stores and web applications.",
        ),
        th.Property(
            "oauth_refresh_token",
            th.StringType,
            secret=True,
            title="Refresh token",
            description="A ready refresh token. It is used once, and what replaces it is kept.",
        ),
    ),
    "Reading": (
        th.Property(
            "streams",
            th.ObjectType(additional_properties=STREAM_SETTINGS),
            title="Streams",
            description="Settings of single streams, by name or pattern: `key`, `replication_key`, `select`, `filter`, "
            "`parameters` and `replication_parameter` (BAQs), `expand` and `through` (child rows), `full_every`, "
            "`page_size` and `deletes`.",
            examples=[{"erp_customer_customers": {"filter": "Inactive eq false"}}],
        ),
        th.Property(
            "start_value",
            th.CustomType({"type": ["string", "integer"]}),
            title="Start value",
            description="Where a stream begins that has no bookmark yet: a date, or a number for `SysRevID`. "
            "Streams whose replication key is of another type are read from the beginning.",
            examples=["2024-01-01"],
        ),
        th.Property(
            "backfill",
            th.ObjectType(additional_properties=BACKFILL),
            title="Backfill",
            description="Rows to read once more in this run, by stream or pattern: those whose `column` (a whole "
            "number or a date; the replication key where left out) is `since` or more and less than `until`. No other "
            "stream is read, and the state stays as it was.",
            examples=[{"erp_arinvoice_arinvoices": {"column": "InvoiceDate", "since": "2024-01-01"}}],
        ),
        th.Property(
            "page_size",
            th.IntegerType(minimum=1),
            default=1000,
            title="Page size",
            description="Rows to ask for at once. More is faster, until the server's own limit or its time-out.",
        ),
        th.Property(
            "overlap",
            th.IntegerType(minimum=0),
            default=10000,
            title="Overlap",
            description="How far below its bookmark a read of changes begins, in revisions (`SysRevID` counts over the "
            "whole database), so that rows of long transactions, which appear late, are not missed.",
        ),
        th.Property(
            "overlap_days",
            th.IntegerType(minimum=0),
            default=1,
            title="Overlap in days",
            description="The same for streams whose replication key is a date or a time.",
        ),
        th.Property(
            "overlap_minutes",
            th.IntegerType(minimum=0),
            default=60,
            title="Overlap in minutes",
            description="How long a transaction may last without a row of it being missed: a read of changes begins "
            "at the highest `SysRevID` of so long before the last run.",
        ),
        th.Property(
            "completeness",
            th.StringType,
            default="warn",
            allowed_values=["off", "warn", "fail"],
            title="Completeness",
            description="What to do when a stream that was read whole has another number of rows than the server "
            "counts: nothing, say so, or fail.",
        ),
        th.Property(
            "restored",
            th.StringType,
            default="reread",
            allowed_values=["reread", "fail"],
            title="Restored database",
            description="What to do when the database's highest `SysRevID` lies far below the bookmark, since it was "
            "restored or copied: read the stream anew, or fail.",
        ),
        th.Property(
            "unreadable_rows",
            th.StringType,
            default="fail",
            allowed_values=["fail", "skip"],
            title="Unreadable rows",
            description="What to do with a row that makes every answer fail that it would be in: fail and name it, or "
            "leave it out and name it.",
        ),
        th.Property(
            "key_store",
            th.StringType,
            title="Key store",
            description="Folder where the keys of streams with `deletes` are kept from run to run: a path, or an "
            "address that fsspec knows, such as `s3://bucket/keys`, one for each warehouse that is loaded.",
            examples=["/var/lib/tap-epicor/keys"],
        ),
        th.Property(
            "max_deletes",
            th.NumberType(minimum=0, maximum=100),
            default=10,
            title="Most deletes",
            description="Per cent of a stream's rows that a sweep may delete, at least one row unless it is 0; a sweep "
            "that finds more deletes none and fails.",
        ),
        th.Property(
            "max_duration",
            th.CustomType({"type": ["string", "integer"]}),
            title="Longest duration",
            description="How long a run may take, in minutes or as `2h30m`. Then it ends between two pages, with its "
            "state and with the exit code 75; the next run goes on from there.",
            examples=["2h30m"],
        ),
        th.Property(
            "quiet_hours",
            th.StringType,
            title="Quiet hours",
            description="Time of the day in which nothing is read, in this machine's zone or in one that is named: a "
            "run ends as with `max_duration` when they begin, and at once within them.",
            examples=["07:00-18:30 Europe/Berlin"],
        ),
        th.Property(
            "descriptions",
            th.BooleanType,
            default=False,
            title="Descriptions",
            description="Whether discovery asks for what columns hold, in the server's words: a request more for each "
            "service, of some MB, kept for 30 days. They become the columns' `description` in the catalog.",
        ),
        th.Property(
            "summary_path",
            th.StringType,
            title="Summary",
            description="File that the reckoning of each run is written to, as JSON.",
        ),
        th.Property(
            "shard",
            th.StringType,
            title="Shard",
            description="File of a share of the load that `tap-epicor plan --shards` made: only that is read.",
        ),
        th.Property(
            "emit_activate_version_messages",
            th.BooleanType,
            default=False,
            title="Activate version",
            description="Whether a stream that was read whole ends with a message upon which loaders remove rows that "
            "were not in it.",
        ),
    ),
    "Network": NETWORK,
}

PROPERTIES: Final = {prop.name: prop for group in GROUPS.values() for prop in group}
CONFIG_SCHEMA: Final[dict[str, Any]] = th.PropertiesList(*PROPERTIES.values()).to_dict()
SECRETS: Final = tuple(name for name, prop in PROPERTIES.items() if prop.secret)
