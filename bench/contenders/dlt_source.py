"""dlt's `rest_api` source, its step `extract` alone: rows into dlt's files. Runs in an environment of its own.

With `--write`, the rows of those files go to standard output afterwards.
"""

from __future__ import annotations

import gzip
import os
import sys
import tempfile
from pathlib import Path


def main() -> None:
    """Extract all rows of a set."""
    address, size, *options = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "DLT_DATA_DIR": folder}
        import dlt  # noqa: PLC0415 - after its environment is set
        from dlt.sources.rest_api import rest_api_source  # noqa: PLC0415

        base, _, path = address.rpartition("/")
        paginator = {
            "type": "offset",
            "limit": int(size),
            "offset_param": "$skip",
            "limit_param": "$top",
            "total_path": None,
            "stop_after_empty_page": True,
        }
        source = rest_api_source(
            {
                "client": {"base_url": f"{base}/", "paginator": paginator},
                "resources": [{"name": "orderdtls", "endpoint": {"path": path, "data_selector": "value"}}],
            }
        )
        dlt.pipeline("bench", pipelines_dir=folder, destination="duckdb").extract(source)
        if options:
            _write(Path(folder))


def _write(folder: Path) -> None:
    for path in sorted(folder.glob("**/orderdtls.*")):
        text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        sys.stdout.buffer.write(text.rstrip(b"\n") + b"\n")


if __name__ == "__main__":
    main()
