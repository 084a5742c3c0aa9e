"""The address of an instance, however it was written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

_BELOW_INSTANCE = ("api", "apps", "home")
"""Folders below an instance that people copy along from the browser."""


def base_url(config: Mapping[str, Any]) -> str:
    """Return scheme, host and instance, such as `https://erp.example.com/KineticLive`.

    Args:
        config: the configuration with `url` and perhaps `erp_instance`. A missing scheme means https; a path in `url`
            may already hold the instance, and what the browser shows after it.
    """
    parts = _split(config)
    folders = _folders(parts.path)
    instance = config.get("erp_instance")
    if instance in folders:
        folders = folders[: folders.index(instance) + 1]
    elif instance:
        folders.append(instance)
    else:
        folders = folders[:1]
    return "/".join([f"{parts.scheme}://{parts.netloc}", *folders])


def is_readable(config: Mapping[str, Any]) -> bool:
    """Return whether `url` can be taken apart: brackets match, and the port is a number."""
    try:
        _split(config).port  # noqa: B018
    except ValueError:
        return False
    return True


def has_instance(config: Mapping[str, Any]) -> bool:
    """Return whether the configuration names an instance, in `erp_instance` or in the path of `url`."""
    return bool(config.get("erp_instance") or _folders(_split(config).path))


def scheme_of(config: Mapping[str, Any]) -> str:
    """Return the scheme of `url`."""
    return str(_split(config).scheme)


def holds_sign_in(config: Mapping[str, Any]) -> bool:
    """Return whether `url` has a user or password in it."""
    return "@" in _split(config).netloc


def _split(config: Mapping[str, Any]) -> Any:  # noqa: ANN401
    url = str(config.get("url") or "").strip()
    return urlsplit(url if "://" in url else f"https://{url}")


def _folders(path: str) -> list[str]:
    folders = [folder for folder in path.split("/") if folder]
    for position, folder in enumerate(folders):
        if folder.lower() in _BELOW_INSTANCE:
            return folders[:position]
    return folders
