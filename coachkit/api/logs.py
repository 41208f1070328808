"""Where log lines go: one JSON object a line, to standard error. Knows nothing of what is logged."""

from __future__ import annotations

import contextlib
import json
import logging
import re
import sys
from typing import Any, BinaryIO

import orjson
import structlog

_COMMANDS = re.compile(rb"\x7f|\xc2[\x80-\x9f]")
"""The controls that JSON lets stand as they are, and that a terminal obeys, in UTF-8."""


def configure(stream: BinaryIO | None = None) -> None:
    """Send this process's log to `stream` (standard error by default); once, unless a stream is named."""
    if stream is None and structlog.is_configured():
        return
    lines = _Lines(stream or sys.stderr.buffer)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,  # without the frames' variables: they hold what people sent
            structlog.processors.JSONRenderer(serializer=_line),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: lines,
    )


class _Lines:
    """Writes whole lines; a stream that is full or closed costs the line and never the request."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def msg(self, line: bytes) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(line + b"\n")
            self._stream.flush()

    debug = info = warning = error = critical = msg


def _line(event: dict[str, Any], **_: Any) -> bytes:
    """The event as JSON without a control character; values that are not JSON as their repr, text not UTF-8 escaped."""
    try:
        line = orjson.dumps(event, default=repr)
    except TypeError:
        return json.dumps(event, default=repr).encode()
    return _COMMANDS.sub(_escaped, line) if b"\x7f" in line or b"\xc2" in line else line


def _escaped(match: re.Match[bytes]) -> bytes:
    return b"\\u00%02x" % match[0][-1]
