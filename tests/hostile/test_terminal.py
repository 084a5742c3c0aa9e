"""Whatever a server says, the log has no letters in it that begin lines of their own or command a terminal."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

import pytest

from tests.hostile.server import SERVICE, STREAM, Tenant, config
from tests.scripted import Reply, serving
from tests.singer import tap

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.scripted import Request
    from tests.singer import Run

EVIL = "\x1b]0;owned\x07\x1b[31m\x9b31m\r\n2026-01-01 | INFO | all is well\u2028\x08"


def run_against(tenant: Tenant, folder: Path, *options: str, **settings: Any) -> Run:
    with serving(tenant.answer) as server:
        run = tap(folder, config(server.url, timeout=5, **settings), *options)
    found = {letter for letter in run.log if unicodedata.category(letter) in {"Cc", "Zl", "Zp"}} - {"\n"}
    assert found == set(), ascii(found)
    assert not any(line.startswith("2026-01-01 | INFO") for line in run.log.splitlines())
    assert "Traceback" not in run.log
    return run


def test_names_of_services_and_baqs(tmp_path: Path) -> None:
    listed = Reply([SERVICE, f"Erp.BO.{EVIL}Svc", {"name": f"Erp.BO.A{EVIL}Svc"}])
    baqs = Reply({"value": [{"Company": "EPIC06", "QueryID": f"z{EVIL}"}]})
    run = run_against(Tenant(listed, baqs=baqs), tmp_path, "--discover", baqs="*")
    assert r"The BAQ 'z\x1b]0;owned" in run.log
    assert run.code == 0


def test_columns_and_values_of_rows(tmp_path: Path) -> None:
    def rows(request: Request) -> Reply:
        if "gt 1" in request.options.get("$filter", "") or "ge 1" in request.options.get("$filter", ""):
            return Reply({"value": [{"Num": EVIL, "Name": "b"}]})
        return Reply({"value": [{"Num": 1, "Name": EVIL, EVIL: 1, "N" * 9000: 1}], "@odata.nextLink": None, EVIL: 1})

    run = run_against(Tenant(rows=rows), tmp_path, completeness="off")
    assert "the catalog does not know the columns" in run.log
    assert "which is declared as a whole number" in run.log
    assert run.rows[STREAM][0]["Name"] == EVIL  # data is data
    assert run.code == 1


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (400, {"ErrorMessage": EVIL, "ErrorType": EVIL, "CorrelationId": EVIL}, {"Retry-After": "\x9b31m"}),
        (500, f"<html><title>{EVIL}</title></html>", {"X-Correlation-Id": "\x9b31m\x1b[31m"}),
        (200, f'{{"value": "{EVIL}"}}', {}),
        (200, {EVIL: 1}, {"Set-Cookie": "a=\x1b[31m"}),
    ],
)
def test_errors(tmp_path: Path, status: int, body: Any, headers: Mapping[str, str]) -> None:
    answer = Reply(body.encode() if isinstance(body, str) else body, status, dict(headers))
    assert run_against(Tenant(metadata=answer), tmp_path).code == 1
