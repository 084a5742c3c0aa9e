"""Singer metrics of requests; rows and durations are counted by the SDK."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from singer_sdk import metrics


def log_request(path: str, status: int, seconds: float) -> None:
    """Log how long a request took.

    Args:
        path: its path, without the query.
        status: HTTP status of the answer.
        seconds: its duration.
    """
    ended = metrics.Status.SUCCEEDED if status < HTTPStatus.BAD_REQUEST else metrics.Status.FAILED
    tags: dict[str, Any] = {metrics.Tag.ENDPOINT: path, metrics.Tag.HTTP_STATUS_CODE: status, metrics.Tag.STATUS: ended}
    point = metrics.Point("timer", metrics.Metric.HTTP_REQUEST_DURATION, seconds, tags)
    metrics.log(metrics.get_metrics_logger(), point=point)
