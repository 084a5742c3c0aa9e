"""The questions, and a look at the server after each answer: the doctor's checks, in the doctor's words."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import click

from tap_epicor.address import base_url, has_instance, is_readable
from tap_epicor.commands.configuration import completed
from tap_epicor.commands.doctor.address import address, instance, settings
from tap_epicor.commands.doctor.check import Check, Examination
from tap_epicor.commands.doctor.examination import quiet
from tap_epicor.commands.doctor.report import line
from tap_epicor.commands.doctor.signing_in import sign_in
from tap_epicor.commands.doctor.sources import sources
from tap_epicor.commands.services import SERVICE_NAME
from tap_epicor.commands.tables import matches, told
from tap_epicor.kinetic.catalogue import is_many, list_services
from tap_epicor.kinetic.dialect import BAQ_SERVICE
from tap_epicor.kinetic.errors import KineticError
from tap_epicor.kinetic.starter import STARTER, TABLES
from tap_epicor.stream_settings import as_list

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tap_epicor.commands.init.answers import Answers
    from tap_epicor.kinetic.client import Kinetic

_NETWORK: Final = ("url", "erp_instance", "ssl_ca", "proxy_url", "timeout", "user_agent", "requests_per_minute")
_NOT_ASKED_YET: Final = {"user": "-", "password": "-"}
_NOT_FOUND: Final = 404
_SHOWN: Final = 20
_MOST: Final = 25
_MOST_OF_STARTER: Final = 3
"""Services of the selection that are looked at beyond whether they are there: the others take the doctor."""
_SCHEMES: Final = ("Basic", "EpicorToken", "AzureADOpenID", "AzureServicePrincipal")
_HELD_BY: Final = {"sign-in": ("user", "password"), "API key": ("api_key",), "company": ("company",)}


class Interview:
    """The questions, in order.

    Args:
        answers: where the answers come from.
        others: settings that are not asked for, and hold nevertheless: those of the environment.
        untested: whether the server is left alone.
    """

    def __init__(self, answers: Answers, others: Mapping[str, Any], *, untested: bool) -> None:
        self._answers = answers
        self._others = others
        self._untested = untested
        self.there: set[str] = set()
        """The services that the server was seen to have."""

    def hold(self) -> dict[str, Any]:
        """Ask all questions, and return the settings that they come to.

        Raises:
            NotAnswered: if an answer is missing or wrong, and there is nobody to ask.
        """
        while not self._ask_where():
            pass
        signed = self._ask_who()
        self._ask_what(signed)
        return {name: value for name, value in self._answers.written.items() if value}

    def _ask_where(self) -> bool:
        """Ask for the address, the companies and the version, and return whether the address holds."""
        written = self._answers.written
        self._answers.get("url", "Address of your Kinetic, as the browser shows it")
        if "ssl_ca" in self._answers.given:
            self._answers.get("ssl_ca", "")
        if self._is_wrong(self._look((settings, address)), "url"):
            return False
        if is_readable(written) and has_instance(written):
            written["url"] = base_url({**self._others, **written})
        first = self._look((settings, instance), silent=("instance",))
        while first.failed and first.failed.name in {"TLS", "settings"} and self._is_wrong(first, "ssl_ca"):
            if not self._answers.get("ssl_ca", "PEM file of the authority's certificate (empty: another address)", ""):
                return False
            first = self._look((settings, instance), silent=("instance",))
        looks = {"v1": first}
        if not first.failed or first.not_found:
            company = self._answers.given.get("company") or "-"
            more = {"company": company, "api_version": "v2", "api_key": "-"}
            looks["v2"] = self._look((instance,), more, silent=("instance", "TLS"))
        there = [name for name, look in looks.items() if self._untested or not look.failed]
        for name in there or ["v1"]:
            looks[name].show()
        if not there and self._is_wrong(first, "url"):
            return False
        self._ask_version(there or ["v1", "v2"])
        return True

    def _ask_version(self, there: list[str]) -> None:
        """Ask for the companies, and for the version where several can be read."""
        ask, written = self._answers, self._answers.written
        while not ask.get("company", "Company ids, separated by commas (empty: the account's own, v1 only)", ""):
            if "v1" in there and ask.given.get("api_version") != "v2":
                there = ["v1"]
                break
            told("v2 has a company in every address: give one.")
            if not ask.again(["company"]):
                break
        if len(there) == 1:
            ask.given.setdefault("api_version", there[0])
        usual = there[-1] if ask.interactive or "api_key" in ask.given else there[0]
        while ask.get("api_version", "Version of the REST services (v2 wants an API key)", usual, ("v1", "v2")):
            if written["api_version"] in there:
                return
            told(f"{written['api_version']} is not there, {there[0]} is.")
            if not ask.again(["api_version"]):
                self._untested = True
                return
            written.pop("api_version")

    def _is_wrong(self, look: _Look, *names: str) -> bool:
        """Return whether questions are to be asked again; where a wrong answer is kept, nothing more can be tried."""
        if look.failed is None or self._untested:
            return False
        if self._answers.again(names):
            return True
        self._untested = True
        return False

    def _look(
        self,
        parts: tuple[Callable[[Examination], Iterator[Check]], ...],
        more: Mapping[str, Any] | None = None,
        silent: tuple[str, ...] = (),
    ) -> _Look:
        """Do checks of the address, with what is known of the network alone."""
        return _Look({**self._config(_NETWORK), **(more or {})}, () if self._untested else parts, silent=silent)

    def _ask_who(self) -> Examination | None:
        """Ask for the sign-in, and return an examination that has signed in; None where nobody has."""
        ask, written = self._answers.get, self._answers.written
        scheme = ask("auth_scheme", "How to sign in", "Basic", _SCHEMES)
        names = ["user", "password"]
        if scheme.startswith("Azure"):
            names = ["azure_tenant", "oauth_client_id"]
            if scheme == "AzureADOpenID":
                written["initiate_oauth"] = "REFRESH"
            else:
                names.append("oauth_client_secret")
        if written["api_version"] == "v2":
            names.append("api_key")
        for name in names:
            ask(name, _QUESTIONS[name])
        while not self._untested:
            examination, failed = self._sign_in()
            if failed is None:
                return examination
            if scheme == "AzureADOpenID" and failed.name == "sign-in":
                told(
                    "Someone signs in once with `tap-epicor login` (docs/sign-in.md): until then nothing can be tried."
                )
                return None
            again = [name for name in names if name != "api_key"] if failed.name == "sign-in" else list(names)
            again = list(_HELD_BY.get(failed.name, again)) if not scheme.startswith("Azure") else again
            if not self._answers.again(again):
                return None
            for name in again:
                ask(name, _QUESTIONS[name])
        return None

    def _sign_in(self) -> tuple[Examination | None, Check | None]:
        """Sign in once for each company."""
        config = self._config()
        examination = None
        for company in as_list(config.get("company")) or ("",):
            look = _Look({**config, "company": company}, (settings, sign_in))
            if look.failed:
                return None, look.failed
            examination = examination or look.examination
        return examination, None

    def _ask_what(self, signed: Examination | None) -> None:
        """Ask for services and BAQs until they are there."""
        written = self._answers.written
        while True:
            ask = f"Services: {STARTER} ({len(TABLES)} tables that most sync first), names, or a word to search for"
            self._answers.get("service", f"{ask} (- for none)", STARTER if self._answers.interactive else None)
            names = [name for name in as_list(written["service"]) if name != "-"]
            if words := [name for name in names if not _is_name(name)]:
                _search(signed, words)
                if not self._answers.interactive:
                    self._answers.again(["service"])
                written.pop("service")
                continue
            written["service"] = ",".join(names)
            self._answers.get("baqs", "BAQs by id, separated by commas (empty: none)", "")
            if self._untested or (signed is None and (names or written["baqs"])):
                return
            most = _MOST_OF_STARTER if STARTER in names else _MOST
            look = _Look(self._config(), (sources,), most=most, client=signed.client if signed else None)
            self.there = set(look.examination.described)
            if not look.failed or not self._answers.again(["service", "baqs"]):
                return

    def _config(self, only: tuple[str, ...] = ()) -> dict[str, Any]:
        config = {**self._others, **self._answers.written}
        if only:
            return completed({**{name: config[name] for name in only if name in config}, **_NOT_ASKED_YET})
        return completed(config)


_QUESTIONS: Final = {
    "company": "Company ids, separated by commas",
    "user": "Epicor user",
    "password": "Password",
    "api_key": "API key",
    "azure_tenant": "Tenant of Microsoft Entra ID (id or domain)",
    "oauth_client_id": "Client id of the app registration",
    "oauth_client_secret": "Client secret of the app registration",
}


class _Look:
    """Checks that were done, and what came of them; each is shown, but for settings that are right.

    Args:
        config: the configuration.
        parts: the checks.
        silent: names of checks that are shown later, if at all.
        most: services and BAQs that are looked at, at the most.
        client: a client that has signed in with the same settings.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        parts: tuple[Callable[[Examination], Iterator[Check]], ...],
        *,
        silent: tuple[str, ...] = (),
        most: int = _MOST,
        client: Kinetic | None = None,
    ) -> None:
        self.examination = Examination(config, None, most, client)
        self.failed: Check | None = None
        self._silent: list[Check] = []
        with quiet():
            for check in (check for part in parts for check in part(self.examination)):
                if check.name in {"services", "BAQs"} and check.outcome == "skipped":
                    line(replace(check, cure="`tap-epicor doctor` looks at them."))
                elif check.name in silent:
                    self._silent.append(check)
                elif check.name != "settings" or check.outcome == "failed":
                    line(check)
                if check.outcome == "failed":
                    self.failed = self.failed or check
                if check.stops:
                    break

    @property
    def not_found(self) -> bool:
        """Whether the last answer was that nothing is there."""
        return bool(self.examination.asked) and self.examination.asked[-1].status == _NOT_FOUND

    def show(self) -> None:
        """Show what was not shown, once for all that it would say again."""
        for check in self._silent:
            if check.name == "instance":
                line(check)


def _is_name(name: str) -> bool:
    return is_many(name) or name == BAQ_SERVICE or bool(SERVICE_NAME.fullmatch(name))


def _search(signed: Examination | None, words: list[str]) -> None:
    """Show the services with words in their names."""
    if signed is None:
        told(f"{', '.join(words)}: no service has such a name, as Erp.BO.CustomerSvc.")
        return
    try:
        with quiet():
            known = list_services(signed.kinetic, signed.companies[0])
    except KineticError as exc:
        told(str(exc))
        return
    for word in words:
        found = sorted(name for name, said in known.items() if matches(word, name, said))
        for name in found[:_SHOWN]:
            click.echo(f"  {name}  {known[name]}".rstrip())
        more = f"{len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        told(f"{word}: {more or len(found)} of {len(known)} services have it in their name; give whole names.")
