"""What the server can deliver: bodies read from a socket into one buffer, over and over."""

from __future__ import annotations

import sys
from http.client import HTTPConnection
from urllib.parse import urlsplit


def main() -> None:
    """Read all pages of a set into the same memory."""
    address, size, *options = sys.argv[1:]
    parts = urlsplit(address)
    connection = HTTPConnection(parts.netloc)
    buffer = bytearray(1 << 20)
    skip = 0
    while True:
        connection.request("GET", f"{parts.path}?$skip={skip}&$top={size}")
        response = connection.getresponse()
        if response.status != 200:  # noqa: PLR2004
            sys.exit(f"{address}: {response.status}")
        if (response.length or 0) < 100:  # noqa: PLR2004
            return
        while read := response.readinto(buffer):
            if options:
                sys.stdout.buffer.write(buffer[:read])
        if options:
            sys.stdout.buffer.write(b"\n")
        skip += int(size)


if __name__ == "__main__":
    main()
