"""JSON that somebody else may have written, read within bounds; nothing here knows what it says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import orjson

MAX_BYTES: Final = 16 * 1024 * 1024
"""Of one document or line."""
MAX_DEPTH: Final = 64
MAX_CONTAINERS: Final = 400_000
"""Objects and lists, of which each takes more memory than it has bytes."""


def parse(data: bytes, most: int = MAX_BYTES) -> Any:
    """The value. Raises ValueError, with what is wrong in a few words."""
    if len(data) > most:
        raise ValueError(f"it is larger than {most // 1024 // 1024} MiB")
    if data.count(b"[") + data.count(b"{") > MAX_CONTAINERS:
        raise ValueError(f"it has more than {MAX_CONTAINERS:,} objects and lists")
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"it is not JSON: {error.msg}") from None
    if _depth(value) > MAX_DEPTH:
        raise ValueError(f"it nests deeper than {MAX_DEPTH} objects and lists")
    return value


def parse_object(data: bytes, most: int = MAX_BYTES) -> dict[str, Any]:
    """The same for what must be a JSON object."""
    value = parse(data, most)
    if not isinstance(value, dict):
        raise ValueError("it is not a JSON object")  # noqa: TRY004 — as for all else that it may be
    return value


def _depth(value: Any) -> int:
    """How many objects and lists are around the innermost value, counted without recursion."""
    depth, level = 0, _containers([value])
    while level:
        depth += 1
        level = [below for one in level for below in _containers(one.values() if isinstance(one, dict) else one)]
    return depth


def _containers(values: Iterable[Any]) -> list[Any]:
    return [value for value in values if isinstance(value, dict | list)]
