"""`source-epicor`, and `python -m tap_epicor.airbyte`, which is the same."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command, where what it needs is installed."""
    try:
        from tap_epicor.airbyte import cli  # noqa: PLC0415 - to tell what is missing
    except ModuleNotFoundError as exc:
        if exc.name != "airbyte_protocol_dataclasses":
            raise
        sys.exit("The models of Airbyte's protocol are missing: pip install 'tap-epicor[airbyte]'")
    cli.main()


if __name__ == "__main__":
    main()
