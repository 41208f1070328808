"""One pack, or some texts, on the way through processes that read them, as many as it takes to come to the end."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Literal

from coachkit.confined import blame, wardens, wire
from coachkit.confined.limits import Limits
from coachkit.confined.listening import Heard
from coachkit.packs import stored
from coachkit.packs.check import Checked
from coachkit.packs.findings import Findings
from coachkit.packs.model import Compiled, Place
from coachkit.packs.progress import Progress
from coachkit.packs.source import Source

_GRACE = 30.0
"""Seconds after which a silence that the child's own clock should have ended is ended from here."""


Work = Literal["pack", "texts"]
"""What a child makes of the files that it is given: `packs.check.check` of a pack, or `packs.loose.compile_all`."""


class Attempts:
    """The attempts at one pack, or at texts that stand in none."""

    def __init__(  # noqa: PLR0917 — what an attempt is made of
        self,
        source: Source,
        plugins: Sequence[str],
        findings: Findings,
        progress: Progress,
        limits: Limits,
        work: Work = "pack",
    ) -> None:
        self._work = work
        self._source = source
        self._plugins = plugins
        self._findings = findings
        self._progress = progress
        self._limits = limits
        self._seconds = limits.pack_seconds
        self._ends = time.monotonic() + limits.patience
        self._closed = set(source.closed)

    def result(self) -> Checked:
        """The pack, and all that is wrong with it."""
        heard = self.heard()
        return self._told(heard) if heard else Checked(None, self._findings.problems)

    def heard(self) -> Heard | None:
        """Read until a child comes to the end, without the files that kept others from it, and give what it says.

        None where none comes to the end; then `findings` say why.
        """
        for _ in range(self._limits.given_up + 1):
            heard = self._attempt()
            if heard.done:
                return heard
            problem = blame.problem(heard, self._limits, spent=self._spent)
            self._findings.add(problem)
            if problem.file not in self._source.files or problem.file in self._closed:
                break
            self._closed.add(problem.file)
            if self._spent:
                self._findings.add(blame.pack_too_slow(self._limits))
                break
        self._findings.warning(Place("."), "too-many-problems", "the rest of the pack has not been looked at")
        return None

    @property
    def _spent(self) -> bool:
        """Whether the pack has had all the time it may have."""
        return self._seconds < self._limits.file_seconds or time.monotonic() > self._ends

    def _attempt(self) -> Heard:
        """Let a child read what is not closed; with another warden where the first has gone without a word."""
        for _ in range(2):
            heard = self._listened()
            if heard.anything:
                return heard
        raise RuntimeError("the process that reads packs does not start; why, it says on standard error")

    def _listened(self) -> Heard:
        """Listen to a child until it has ended."""
        heard = Heard(self._source.files, self._progress)
        try:
            with wardens.borrowed() as borrowed:
                borrowed.send(wire.REQUEST, json.dumps(self._asked()).encode())
                for path, data in self._source.files.items():
                    borrowed.send(wire.FILE, b"" if path in self._closed else data)
                while not heard.ended:
                    heard.listen(*borrowed.receive(self._limits.silence + _GRACE))
        except wardens.Silent:
            heard.hung = True
        except wardens.Ended:
            pass
        except ValueError as error:
            heard.failed = f"it answered wrongly: {error}"
        self._seconds -= heard.seconds
        return heard

    def _asked(self) -> dict[str, object]:
        """The request, as `child.run` reads it."""
        return {
            "work": self._work,
            "path": wardens.import_path(),
            "plugins": list(self._plugins),
            "limits": asdict(self._limits),
            "seconds": self._seconds,
            "patience": self._ends - time.monotonic(),
            "problems": [asdict(problem) for problem in self._findings.problems],
            "closed": sorted(self._closed),
            "files": list(self._source.files),
        }

    def _told(self, heard: Heard) -> Checked:
        """What a child that came to the end has said."""
        return Checked(self._compiled(heard.compiled) if heard.compiled else None, heard.problems)

    def _compiled(self, data: bytes) -> Compiled:
        """The pack from its stored form, which leaves out the bytes of images."""
        compiled = stored.load(data)
        files = self._source.files
        images = {name: replace(image, data=files[image.path]) for name, image in compiled.images.items()}
        return replace(compiled, images=images)
