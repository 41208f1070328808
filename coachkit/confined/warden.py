"""The process that waits for packs: for each attempt it forks a child from a clean state, and passes on what that says.

It has one thread and imports what reading needs once, so that a child costs milliseconds. It ends with its child as
soon as nobody is at the other end, and knows nothing of what a pack is. Its environment holds no secret.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
from contextlib import suppress
from typing import Any

from coachkit.confined import child, wire


def main() -> None:
    """Serve requests until standard input ends."""
    requests, replies = _streams()
    gc.freeze()  # what is there will be there in each child: no need to look at it, and copy its pages, again
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    with suppress(BrokenPipeError):
        while request := wire.receive(requests):
            _attempt(json.loads(request[1]), requests, replies)


def _streams() -> tuple[int, int]:
    """Where requests come from and replies go; from now on no word reaches standard error, where imports may fail."""
    requests, replies = os.dup(0), os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nowhere, stream)
    os.close(nowhere)
    return requests, replies


def _attempt(asked: dict[str, Any], requests: int, replies: int) -> None:
    """Let a child read the files that follow, and say how it ended: its wait status and its seconds of CPU."""
    files = {path: _received(requests) for path in asked["files"]}
    output, says = os.pipe()
    pid = os.fork()
    if pid == 0:
        for descriptor in (requests, replies, output):
            os.close(descriptor)
        child.run(asked, files, says)
    os.close(says)
    try:
        _relay(output, requests, replies)
    finally:
        os.close(output)
        os.kill(pid, signal.SIGKILL)
        _, status, usage = os.wait4(pid, 0)
    wire.send(replies, wire.ENDED, json.dumps([status, usage.ru_utime + usage.ru_stime]).encode())


def _received(requests: int) -> bytes:
    frame = wire.receive(requests)
    if frame is None:
        raise BrokenPipeError
    return frame[1]


def _relay(output: int, requests: int, replies: int) -> None:
    """Pass on what the child says until it has ended. Raises BrokenPipeError where nobody wants it any more."""
    poll = select.poll()
    poll.register(output, select.POLLIN)
    poll.register(requests, select.POLLIN)
    while True:
        if any(descriptor == requests for descriptor, _ in poll.poll()):
            raise BrokenPipeError
        piece = wire.pieces(output)
        if not piece:
            return
        wire.send(replies, wire.SAID, piece)
