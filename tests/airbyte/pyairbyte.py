"""Reads the connector with PyAirbyte into its DuckDB cache, once for each line of standard input.

Runs in PyAirbyte's own environment, and imports nothing of the project. After each sync it writes a line: how many rows
came, and all rows of the cache by table, in a file of that name.

    pyairbyte.py EXECUTABLE CONFIG FOLDER STREAM...
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import airbyte as ab

if TYPE_CHECKING:
    from sqlalchemy import Connection


def main() -> None:
    """Read, each time that a line comes."""
    executable, config, folder, *streams = sys.argv[1:]
    answers = sys.stdout
    sys.stdout = sys.stderr  # PyAirbyte tells people how it gets on.
    source = ab.get_source(
        "source-epicor",
        local_executable=executable,
        config=json.loads(Path(config).read_text()),
        streams=streams,
    )
    source.check()
    database = Path(folder) / "cache.duckdb"
    for number, _ in enumerate(sys.stdin):
        cache = ab.caches.DuckDBCache(db_path=database, schema_name="epicor")
        result = source.read(cache=cache)
        path = Path(folder) / f"{number}.json"
        with cache.get_sql_engine().connect() as connection:
            path.write_text(json.dumps({name: rows(connection, name) for name in streams}, default=str))
        print(json.dumps({"rows": result.processed_records, "file": str(path)}), file=answers, flush=True)


def rows(connection: Connection, table: str) -> list[dict[str, object]]:
    """Return the rows of a table."""
    return [dict(row) for row in connection.exec_driver_sql(f'select * from epicor."{table}"').mappings()]


if __name__ == "__main__":
    main()
