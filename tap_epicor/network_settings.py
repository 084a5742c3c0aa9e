"""How the server is reached: settings that say nothing of what is read."""

from __future__ import annotations

from typing import Any, Final

from singer_sdk import typing as th

NETWORK: Final[tuple[th.Property[Any], ...]] = (
    th.Property(
        "max_connections",
        th.IntegerType(minimum=1, maximum=64),
        default=4,
        title="Connections",
        description="Requests under way at once, at the most: of discovery, of streams side by side, of ranges of "
        "a big set. There are fewer for a while where the server runs short of licences.",
    ),
    th.Property(
        "requests_per_minute",
        th.IntegerType(minimum=1),
        title="Requests per minute",
        description="The most requests that the server gets in a minute, over all connections. Default: no limit.",
    ),
    th.Property(
        "timeout",
        th.NumberType(exclusive_minimum=0),
        default=300,
        title="Time-out",
        description="Seconds to wait for the server's next byte.",
    ),
    th.Property(
        "ssl_ca",
        th.StringType,
        title="Certificate authority",
        description="File with the certificates of the authorities to trust, in PEM form.",
    ),
    th.Property(
        "proxy_url",
        th.StringType,
        secret=True,
        title="Proxy",
        description="Proxy for all requests, such as `http://proxy.example.com:3128`.",
    ),
    th.Property(
        "user_agent",
        th.StringType,
        title="User agent",
        description="Name that the tap goes by in the server's log. Default: `tap-epicor/` and its version.",
    ),
)
