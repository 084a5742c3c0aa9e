"""A connection string of the provider becomes a configuration, and no secret is shown on the way."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from dotenv import dotenv_values
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_epicor.checks import problems
from tap_epicor.commands.connection_string import PROPERTIES, ConnectionStringError, read
from tap_epicor.commands.env_file import env_line
from tap_epicor.commands.from_cdata import convert, from_cdata, property_table
from tap_epicor.settings import PROPERTIES as SETTINGS
from tap_epicor.tap import EpicorTap

DOCS = Path(__file__).parents[2] / "docs" / "from-cdata.md"
RIGHT = "URL=https://erp.example.com;ERPInstance=KineticLive;User=reader;Password=hush-hush;Service=Erp.BO.CustomerSvc"
RIGHT_V2 = f"{RIGHT};ApiVersion=v2;Company=EPIC06;APIKey=key-to-keep"
CONFIG = {
    "url": "https://erp.example.com",
    "erp_instance": "KineticLive",
    "user": "reader",
    "password": "hush-hush",
    "service": "Erp.BO.CustomerSvc",
}


def run(*words: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(from_cdata, words, input=stdin)


def notes(text: str) -> str:
    return "\n".join(convert(text).notes)


def config(text: str) -> dict[str, Any]:
    return convert(text).config


# Forms of the string


@pytest.mark.parametrize(
    "text",
    [
        RIGHT,
        f"{RIGHT};",
        f"  {RIGHT.replace(';', ' ; ').replace('=', ' = ')}\n",
        f"jdbc:epicorerp:{RIGHT}",
        f"jdbc:cdata:epicorerp:{RIGHT};",
        f"JDBC:EpicorKinetic:{RIGHT}",
        f"jdbc:epicor:{RIGHT}",
        f"\ufeff{RIGHT}",
        re.sub(r"(\w+)=", lambda name: name[0].upper(), RIGHT),
        re.sub(r"(\w+)=", lambda name: name[0].lower(), RIGHT),
        RIGHT.replace("URL", "Server").replace("User", "User Id").replace("Password", "Pwd"),
        RIGHT.replace("ERPInstance", "ERP Instance").replace("User", "UID").replace("Password", "PWD"),
        RIGHT.replace("ERPInstance", "ERP_Instance").replace("hush-hush", "'hush-hush' ").replace("reader", "{reader}"),
        RIGHT.replace("KineticLive", '"KineticLive"').replace("https://erp.example.com", "'https://erp.example.com'"),
        f"User=other;Password=other;{RIGHT}",
    ],
)
def test_each_form_says_the_same(text: str) -> None:
    assert config(text) == CONFIG


def test_the_odbc_form_is_understood() -> None:
    found = convert(f"Driver={{CData ODBC Driver for Epicor Kinetic}};{RIGHT}")
    assert found.config == CONFIG
    assert found.notes == ["`Driver` is left out: names the provider itself."]


@given(st.text(), st.sampled_from(["''", '""', "{}"]))
def test_any_value_comes_through_quotes(value: str, quotes: str) -> None:
    quoted = quotes[0] + value.replace(quotes[1], quotes[1] * 2) + quotes[1]
    assert read(f"User=a;Password={quoted};Company=b").values == {"User": "a", "Password": value, "Company": "b"}


@given(st.text(st.characters(blacklist_characters=";", blacklist_categories=["Cs"]), min_size=1))
def test_any_value_without_semicolons_comes_through_bare(value: str) -> None:
    bare = f"x{value}"
    assert read(f"Password={bare};Company=b").values == {"Password": bare.strip(), "Company": "b"}


@given(st.text())
def test_any_text_is_taken_apart_or_refused_with_a_sentence(text: str) -> None:
    try:
        read(text)
    except ConnectionStringError as exc:
        assert str(exc)  # noqa: PT017


def test_a_brace_that_is_no_quote_is_taken_as_it_stands() -> None:
    assert read("Password={a}b;Company=c").values == {"Password": "{a}b", "Company": "c"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Password='secret-part;User=x", "value of `Password` begins with '"),
        ('Password="secret-part"x;User=x', 'value of `Password` begins with "'),
        ("Password=secret-part;secret-rest;User=x", "After `Password` the connection string has a part without `=`"),
        ("Password=secret-part;secret=rest;secret-rest", "After `Password` the connection string has a part without"),
        ("secret-part", "At its beginning"),
        ("jdbc:salesforce:User=x", "of another driver, jdbc:salesforce"),
        ("Company=", "holds nothing"),
    ],
)
def test_a_broken_string_is_told_without_showing_it(text: str, said: str) -> None:
    done = run(text)
    assert done.exit_code == 1
    assert said in done.stderr
    assert "secret-" not in done.output


# Values


def test_a_complete_string_has_no_problems() -> None:
    for text in (RIGHT, RIGHT_V2):
        assert problems(config(text), SETTINGS) == []


def test_the_tap_takes_the_configuration() -> None:
    found = config(f"{RIGHT_V2};Timeout=60;Pagesize=500;ProxyServer=proxy.example.com;ProxyPort=3128")
    assert EpicorTap(config=found, catalog={"streams": []}, parse_env_config=False).config["timeout"] == 60


@pytest.mark.parametrize(
    ("said", "setting", "value"),
    [
        ("ApiVersion=v1", "api_version", "v1"),
        ("API Version=V2", "api_version", "v2"),
        ("ApiVersion=1", "api_version", "v1"),
        ("ApiVersion=2", "api_version", "v2"),
        ("Service='Erp.BO.CustomerSvc, Erp.BO.PartSvc'", "service", ["Erp.BO.CustomerSvc", "Erp.BO.PartSvc"]),
        ("Service='BaqSvc;Erp.BO.PartSvc;'", "service", ["BaqSvc", "Erp.BO.PartSvc"]),
        ("Service=BaqSvc", "service", "BaqSvc"),
        ("Company=EPIC06,EPIC07", "company", ["EPIC06", "EPIC07"]),
        ("AuthScheme=basic", "auth_scheme", "Basic"),
        ("AuthScheme=AzureAD", "auth_scheme", "AzureADOpenID"),
        ("AuthScheme=AZUREADOPENID;Initiate OAuth=getandrefresh", "initiate_oauth", "GETANDREFRESH"),
        ("AuthScheme=AzureADOpenID;OAuthJWTCertType=PFXFile", "oauth_jwt_cert_type", "PFXFILE"),
        ("AuthScheme=AzureServicePrincipal;OAuthClientId=abc", "oauth_client_id", "abc"),
        ("Pagesize=500", "page_size", 500),
        ("Timeout=60", "timeout", 60),
        ("SSLServerCert=/etc/erp.pem", "ssl_ca", "/etc/erp.pem"),
        ("ProxyServer=proxy.example.com;ProxyPort=3128", "proxy_url", "http://proxy.example.com:3128"),
        ("ProxyServer=proxy.example.com", "proxy_url", "http://proxy.example.com:80"),
        ("ProxyServer=http://proxy.example.com:8080", "proxy_url", "http://proxy.example.com:8080"),
        ("ProxyServer=p;ProxyPort=1;ProxySSLType=ALWAYS", "proxy_url", "https://p:1"),
        ("ProxyServer=[::1];ProxyPort=1", "proxy_url", "http://[::1]:1"),
        ("ProxyServer=p;ProxyPort=1;ProxyUser=a@b;ProxyPassword='c:/d'", "proxy_url", "http://a%40b:c%3A%2Fd@p:1"),
        ("ProxyServer=p;ProxyPort=1;ProxyUser=a;ProxyAuthScheme=NONE", "proxy_url", "http://p:1"),
        (
            "FirewallType=TUNNEL;FirewallServer=f;FirewallPort=8080;FirewallUser=a;FirewallPassword=b",
            "proxy_url",
            "http://a:b@f:8080",
        ),
    ],
)
def test_a_value_is_converted(said: str, setting: str, value: Any) -> None:
    assert config(said)[setting] == value


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("ApiVersion=v3", "`ApiVersion` is left out: it is neither v1 nor v2"),
        ("AuthScheme=Kerberos", "`AuthScheme` is left out"),
        ("AuthScheme=AzureADOpenID;InitiateOAuth=maybe", "`InitiateOAuth` is left out"),
        ("Pagesize=-1", "`Pagesize` is left out: only a whole number above 0"),
        ("Timeout=0", "`Timeout` is left out"),
        ("SSLServerCert=*", "trusts no server blindly"),
        ("SSLServerCert=34a929226ae0819f2ec14b4a3d904f801cbb150d", "thumbprint"),
        ("SSLServerCert=-----BEGIN CERTIFICATE-----MIIC", "write the certificate to a file"),
        ("ProxyAutoDetect=true", "the environment's `HTTPS_PROXY` holds"),
        ("ProxyAutoDetect=1;ProxyServer=p", "`proxy_url` holds"),
        ("ProxyServer=p;ProxyAuthScheme=NTLM", "`ProxyAuthScheme` NTLM is not supported"),
        ("ProxyServer=p;ProxyPort=x", "`ProxyServer` is left out: with `ProxyPort` it makes no address"),
        ("ProxyServer='http://[p'", "`ProxyServer` is left out"),
        ("ProxyServer=http://", "`ProxyServer` is left out"),
        ("FirewallType=SOCKS5;FirewallServer=f", "`FirewallType` is left out"),
        ("FirewallType=TUNNEL;FirewallServer=f;ProxyServer=p", "`FirewallType` is left out"),
        ("MaxRows=10", "`MaxRows` is left out: all rows are read"),
        ("InitiateOAuth=GETANDREFRESH", "`InitiateOAuth` is left out: it has no effect with `AuthScheme` Basic"),
    ],
)
def test_what_cannot_be_taken_over_is_told(said: str, told: str) -> None:
    assert told in notes(said)


def test_what_is_switched_off_is_not_worth_a_word() -> None:
    assert notes(f"{RIGHT};ProxyAutoDetect=false;FirewallType=NONE;Company=;MaxRows=") == ""


def test_an_unknown_property_is_told_with_the_nearest() -> None:
    assert notes("Pasword=x") == "The provider has no property `Pasword`: did you mean `Password`?"
    assert "`Zebra`" in notes("Company=x;Zebra=1")


@pytest.mark.parametrize("rest", ["usernames9=x", "Companyy=y", "pasword=z"])
def test_what_may_be_the_rest_of_a_secret_is_not_shown_where_it_resembles_a_property(rest: str) -> None:
    said = notes(f"Password=ab;{rest}")
    assert rest.partition("=")[0] not in said
    assert "stands after `Password`" in said


@pytest.mark.parametrize("more", ["?api-key=key-to-keep", "#key-to-keep", "/api/v2/odata?a=b&api-key=key-to-keep"])
def test_what_follows_an_address_may_be_secret_and_is_left_out(more: str) -> None:
    done = run(RIGHT.replace("https://erp.example.com", f"https://erp.example.com{more}"))
    assert json.loads(done.stdout)["url"].startswith("https://erp.example.com")
    assert shows_no_secret(done.output)
    assert "What stands in `URL` after its path is left out" in done.stderr


def test_the_settings_file_of_the_provider_is_not_taken_for_one_of_the_tap() -> None:
    scheme = "AuthScheme=AzureADOpenID;OAuthSettingsLocation="
    assert "oauth_settings_location" not in config(f"{scheme}C:/CData/OAuthSettings.txt")
    assert "`OAuthSettingsLocation` is left out: the provider's own file can't be read" in notes(f"{scheme}/etc/x.txt")
    assert config(f"{scheme}memory://one")["oauth_settings_location"] == "memory://one"


def test_what_may_be_the_rest_of_a_secret_is_not_shown() -> None:
    said = notes("Password=ab;cd3x=ef")
    assert "cd3x" not in said
    assert "After" not in said
    assert "stands after `Password`" in said


# Where it goes

SECRET = ("hush-hush", "key-to-keep")


def shows_no_secret(text: str) -> bool:
    return not any(secret in text for secret in SECRET)


def test_the_terminal_shows_the_configuration_without_secrets() -> None:
    done = run(RIGHT_V2)
    assert done.exit_code == 0
    assert json.loads(done.stdout) == {
        "url": "https://erp.example.com",
        "erp_instance": "KineticLive",
        "user": "reader",
        "service": "Erp.BO.CustomerSvc",
        "api_version": "v2",
        "company": "EPIC06",
    }
    assert shows_no_secret(done.output)
    assert "Secrets are not shown: `password`, `api_key`" in done.stderr


def test_a_password_in_an_address_is_a_secret_too() -> None:
    done = run(f"{RIGHT};ProxyServer=p;ProxyUser=u;ProxyPassword=hush-hush;URL=https://u:hush-hush@erp.example.com/K")
    assert shows_no_secret(done.output)
    assert "`proxy_url`" in done.stderr
    assert "`url` holds a user or password" in done.stderr


def test_the_string_may_come_from_standard_input() -> None:
    assert json.loads(run("-", stdin=f"{RIGHT}\n").stdout)["user"] == "reader"


def test_output_is_a_file_for_its_owner_only_with_the_secrets_in_it(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    done = run(RIGHT, "--output", str(path))
    assert json.loads(path.read_text()) == CONFIG
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert done.stdout == ""
    assert shows_no_secret(done.output)


def test_env_is_a_file_for_its_owner_only_with_the_secrets_only(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    done = run(RIGHT_V2, "--env", str(path))
    assert dotenv_values(path) == {"TAP_EPICOR_PASSWORD": "hush-hush", "TAP_EPICOR_API_KEY": "key-to-keep"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(done.stdout)["user"] == "reader"
    assert shows_no_secret(done.output)


def test_env_without_secrets_writes_no_file(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    assert "no secret to write" in run("User=reader", "--env", str(path)).stderr
    assert not path.exists()


def test_with_both_files_the_secrets_are_in_one_only(tmp_path: Path) -> None:
    output, env = tmp_path / "config.json", tmp_path / "secrets.env"
    run(RIGHT_V2, "--output", str(output), "--env", str(env))
    assert shows_no_secret(output.read_text())
    assert not shows_no_secret(env.read_text())


def test_the_tap_reads_both_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("TAP_EPICOR_PASSWORD", "TAP_EPICOR_API_KEY"):
        monkeypatch.setenv(name, "")  # so that it is taken back
        monkeypatch.delenv(name)
    run(RIGHT_V2, "--output", "config.json", "--env", ".env")
    found = json.loads(Path("config.json").read_text())
    tap = EpicorTap(config=found, catalog={"streams": []}, parse_env_config=True)
    assert tap.config["password"] == "hush-hush"
    assert tap.config["api_key"] == "key-to-keep"
    assert tap.config["company"] == "EPIC06"


@pytest.mark.parametrize("other", ["one.txt", "./one.txt", "folder/../one.txt"])
def test_one_file_can_not_be_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    done = run(RIGHT, "--output", "one.txt", "--env", other)
    assert done.exit_code != 0
    assert "two files" in done.stderr
    assert not (tmp_path / "one.txt").exists()


@pytest.mark.parametrize("option", ["--output", "--env"])
def test_no_file_is_written_over(tmp_path: Path, option: str) -> None:
    path = tmp_path / "mine"
    path.write_text("mine")
    done = run(RIGHT, option, str(path))
    assert done.exit_code == 1
    assert "is there already" in done.stderr
    assert path.read_text() == "mine"


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    assert "can't be written" in run(RIGHT, "--output", str(tmp_path / "nowhere" / "config.json")).stderr


def test_what_is_left_to_mend_is_shown() -> None:
    done = run("URL=https://erp.example.com;User=reader")
    assert "To mend: `erp_instance` is missing" in done.stderr
    assert "To mend: `password` is missing" in done.stderr
    assert json.loads(done.stdout) == {"url": "https://erp.example.com", "user": "reader"}


@settings(deadline=None)
@given(values=st.lists(st.text() | st.text("\\'\"$ {}:-#\r\n=A"), min_size=1, max_size=3))
def test_any_secret_comes_back_through_dotenv(tmp_path_factory: pytest.TempPathFactory, values: list[str]) -> None:
    path = tmp_path_factory.mktemp("env") / ".env"
    lines = "".join(env_line(f"secret_{number}", value) for number, value in enumerate(values))
    path.write_text(lines, encoding="utf-8", newline="\n")
    assert dotenv_values(path) == {f"TAP_EPICOR_SECRET_{number}": value for number, value in enumerate(values)}


# The table


def test_every_property_has_a_setting_of_the_tap_or_a_word_why_not() -> None:
    for prop in PROPERTIES:
        assert prop.setting in SETTINGS if prop.setting else prop.word, prop.name


def test_no_name_stands_for_two_properties() -> None:
    names = [name.lower() for prop in PROPERTIES for name in (prop.name, *prop.aliases)]
    assert len(set(names)) == len(names)


def test_the_documents_have_the_table() -> None:
    assert property_table() in DOCS.read_text()
