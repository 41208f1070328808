"""Where an organisation is: its time zone, and the origins of the sites that use what it serves. Knows names only."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

from coachkit.packs.destinations import https_address

_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<host>[a-z0-9.-]{1,253})(?::(?P<port>[1-9][0-9]{0,4}))?", re.ASCII)
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*", re.ASCII)
_DEFAULT_PORTS = {"https": "443", "http": "80"}
_PORTS = 65_535
_DEVELOPMENT = "localhost"


def is_origin(text: str) -> bool:
    """Whether a text is an origin as browsers send it (RFC 6454): `https`, a host, and a port that is not the default.

    `http` is for `localhost` alone.
    """
    match = _ORIGIN.fullmatch(text)
    if match is None or not _HOST.fullmatch(match["host"]):
        return False
    if match["scheme"] == "http" and match["host"] != _DEVELOPMENT:
        return False
    port = match["port"]
    if port is not None and (int(port) > _PORTS or port == _DEFAULT_PORTS[match["scheme"]]):
        return False
    return match["scheme"] == "http" or https_address(text) is not None


def is_timezone(name: str) -> bool:
    """Whether the IANA database has a time zone of that name: the same on every machine."""
    return name in _zones()


@cache
def _zones() -> frozenset[str]:
    return frozenset((resources.files("tzdata") / "zones").read_text(encoding="utf-8").split())
