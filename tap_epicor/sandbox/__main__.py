"""Starts the server from the command line: `python -m tap_epicor.sandbox`."""

from __future__ import annotations

import argparse
from dataclasses import fields
from typing import Any, get_args, get_type_hints

from tap_epicor.sandbox import server
from tap_epicor.sandbox.launch import COMPANIES, Launch
from tap_epicor.sandbox.switches import Switches


def main(arguments: list[str] | None = None) -> None:
    """Serves as the arguments say."""
    chosen = vars(_parser().parse_args(arguments))
    switches = Switches(**{one.name: chosen.pop(one.name) for one in fields(Switches)})
    companies = tuple(chosen.pop("company") or COMPANIES)
    server.run(Launch(**chosen, company=companies, switches=switches), server.announce)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tap_epicor.sandbox", description=__doc__)
    for group in (Launch, Switches):
        hints = get_type_hints(group)
        for one in fields(group):
            if one.name != "switches":
                described = {"help": one.metadata["help"], **_kind(one.name, hints[one.name], one.default)}
                parser.add_argument("--" + one.name.replace("_", "-"), **described)
    return parser


def _kind(name: str, hint: object, default: object) -> dict[str, Any]:
    """The type, the default and the choices of an option."""
    if name == "company":
        return {"action": "append"}
    choices = get_args(hint)
    if choices:
        return {"choices": choices, "type": type(choices[0]), "default": default}
    return {"type": hint, "default": default}


if __name__ == "__main__":
    main()
