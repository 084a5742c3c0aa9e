"""What one writes by hand: `requests` for the pages, `json` for the rows, `print` for the lines."""

from __future__ import annotations

import json
import sys

import requests


def main() -> None:
    """Print all rows of a set, a line each."""
    address, size = sys.argv[1:]
    session = requests.Session()
    skip = 0
    while True:
        response = session.get(address, params={"$skip": str(skip), "$top": size}, timeout=60)
        response.raise_for_status()
        rows = json.loads(response.text)["value"]
        if not rows:
            return
        for row in rows:
            print(json.dumps({"type": "RECORD", "stream": "orderdtls", "record": row}))
        skip += len(rows)


if __name__ == "__main__":
    main()
