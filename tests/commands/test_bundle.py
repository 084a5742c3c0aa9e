"""The file for a report holds what was found, and nothing that is the company's own business."""

from __future__ import annotations

import json
import platform
import re
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from tap_epicor.cli import make_command
from tap_epicor.commands.doctor.bundle import bundle
from tap_epicor.commands.doctor.check import Asked, Check

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sandboxes import Sandbox

CONFIG: dict[str, Any] = {
    "url": "https://erp.example.com:8443/KineticLive",
    "user": "reader",
    "password": "hush-hush",
    "api_key": "key-to-keep",
    "proxy_url": "http://proxy:hush-too@10.0.0.9:3128",
    "company": "EPIC06,166075",
    "plant": "MfgSys",
    "service": "Erp.BO.PartSvc",
    "start_value": "2024-02-29",
    "page_size": 1000,
    "streams": {"baq_zTop": {"filter": "Name eq 'Acme'", "parameters": {"Group": "Gold"}, "key": ["Num"]}},
    "stream_maps": {"erp_part_parts": {"secret": "'salt-of-the-map'"}},
}
OWN = [
    "erp.example.com",
    "KineticLive",
    "reader",
    "hush-hush",
    "key-to-keep",
    "hush-too",
    "10.0.0.9",
    "EPIC06",
    "166075",
]
OWN += ["MfgSys", "2024-02-29", "Acme", "Gold", "salt-of-the-map", "10.1.2.3", "fe80::1", "example.com"]


def written(folder: Path, config: dict[str, Any]) -> str:
    (folder / "config.json").write_text(json.dumps(config))
    path = folder / "report.json"
    words = ["doctor", "--config", str(folder / "config.json"), "--bundle", str(path)]
    result = CliRunner().invoke(make_command(), words)
    assert not result.exception or isinstance(result.exception, SystemExit)
    return path.read_text()


def rows(database: str) -> set[str]:
    """The texts and large numbers in all tables, but for what names and figures of a report may be by chance."""
    found: set[str] = set()
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in connection.execute(f'SELECT * FROM "{table}" LIMIT 500'):
                found |= {str(value).strip() for value in row if isinstance(value, str | int)}
    return {value for value in found if len(value) > 5}


def test_no_secret_and_nothing_of_the_companys_own_is_in_it() -> None:
    texts = [f"{one} and {one}/x of '{one}'" for one in OWN]
    asked = [Asked("/KineticLive/api/v2/odata/EPIC06/Erp.BO.PartSvc/Parts", 200, 0.1)]
    checks = [Check("service", f"ask {text}", "failed", text, text, {"text": text}, asked=asked) for text in texts]
    said = json.dumps(bundle(CONFIG, checks, 1.0))
    for one in OWN:
        assert one.lower() not in said.lower(), one
    assert "/INSTANCE/api/v2/odata/COMPANY/Erp.BO.PartSvc/Parts" in said


@pytest.mark.parametrize("secret", ["password", "api_key", "proxy_url"])
def test_a_secret_is_said_to_be_set(secret: str) -> None:
    assert bundle(CONFIG, [], 1.0)["settings"][secret] == "(set)"


def test_settings_without_a_secret_are_shown() -> None:
    settings = bundle(CONFIG, [], 1.0)["settings"]
    assert (settings["page_size"], settings["service"], settings["company"]) == (1000, "Erp.BO.PartSvc", "(2 set)")
    assert settings["streams"] == {"baq_zTop": {"filter": "(set)", "parameters": "(set)", "key": ["Num"]}}


def test_no_value_of_a_row_is_in_it(kinetic: Sandbox, tmp_path: Path) -> None:
    config = kinetic.config(service=["Erp.BO.CustomerSvc", "Erp.BO.SalesOrderSvc"], baqs=["zCustomer01", "Broken"])
    said = written(tmp_path, config)
    content = json.loads(said)
    assert len(content["checks"]) > 10
    values = rows(kinetic.database)
    assert len(values) > 1000
    ends = re.compile(r"\w+(?:[-.]\w+)*")
    names = {"Customer", "Customers", "zCustomer01", "Broken"}
    told = {word for check in content["checks"] for text in _texts(check) for word in ends.findall(text)}
    assert told & (values - names) == set()
    assert all(value not in said for value in values if " " in value and len(value) > 12)


def test_it_has_checks_requests_and_versions(kinetic: Sandbox, tmp_path: Path) -> None:
    content = json.loads(written(tmp_path, kinetic.config(service="Erp.BO.CustomerSvc")))
    assert content["versions"]["python"] == platform.python_version()
    assert content["versions"]["tap-epicor"]
    asked = [one for check in content["checks"] for one in check["asked"]]
    assert content["requests"] == len(asked) > 5
    assert asked[-1].keys() == {"path", "status", "seconds"}
    assert "?" not in json.dumps([one["path"] for one in asked])


def test_it_is_written_where_the_address_is_no_address(tmp_path: Path) -> None:
    content = json.loads(written(tmp_path, {"url": "http://[::1/kinetic", "user": "u", "password": "hush-hush"}))
    assert content["works"] is False
    assert "hush-hush" not in json.dumps(content)


def _texts(content: Any) -> list[str]:
    if isinstance(content, dict):
        return [text for value in content.values() for text in _texts(value)]
    if isinstance(content, list):
        return [text for value in content for text in _texts(value)]
    return [content] if isinstance(content, str) else []
