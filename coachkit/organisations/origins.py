"""What an origin is, as browsers send it (RFC 6454, 6.2): scheme, host, and a port where it is not the usual one."""

from __future__ import annotations

import re
from typing import Final

_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ORIGIN: Final = re.compile(
    rf"(?:https://{_LABEL}(?:\.{_LABEL})*|http://(?:localhost|127\.0\.0\.1|\[::1\]))(?P<port>:[1-9][0-9]{{0,4}})?"
)
_USUAL: Final = {"https": 443, "http": 80}
_LENGTH: Final = 270
_LAST_PORT: Final = 65_535


def is_origin(text: str) -> bool:
    """Whether a page can have this origin: https, or http on this machine alone; nothing is put right."""
    found = _ORIGIN.fullmatch(text) if len(text) <= _LENGTH else None
    if found is None:
        return False
    port = int(found["port"][1:]) if found["port"] else None
    return port is None or (port <= _LAST_PORT and port != _USUAL[text.partition(":")[0]])
