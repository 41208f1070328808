"""Carries out a Dockerfile without a container engine: its own lines, in folders that stand for the images' roots.

Each stage has a root. RUN is a shell in it, with every absolute path that the line names taken as one below the root;
one that would lead out of it is refused, as is any instruction that is not known here. The base image is the Python
that runs the tests. What this cannot show is said in docs/operating.md.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_INSTRUCTION = re.compile(r"([A-Z]+)\s+(.*)", re.DOTALL)
_ABSOLUTE = re.compile(r"(?<![\w.$:/}-])/(?=[a-z])[\w./-]*")


@dataclass
class Image:
    """A root, and what an engine would be told of it."""

    root: Path
    env: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: str = "0:0"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)
    stop_signal: str = "SIGTERM"
    labels: dict[str, str] = field(default_factory=dict)

    def path(self, inside: str) -> Path:
        """Where a path of the image is."""
        return self.root / os.path.normpath(f"{self.workdir}/{inside}" if inside[0] != "/" else inside)[1:]

    def text(self, text: str) -> str:
        """A text with the absolute paths in it taken as the image's."""
        return _ABSOLUTE.sub(lambda found: str(self.path(found[0])), text)

    def environment(self) -> dict[str, str]:
        """The variables that a process in the image has, with its paths."""
        return {"PATH": os.environ["PATH"], **{name: self.text(value) for name, value in self.env.items()}}


def instructions(dockerfile: str) -> Iterator[tuple[str, str]]:
    """Each instruction and its arguments, without comments, on one line."""
    lines = [line for line in dockerfile.splitlines() if not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines():
        if line.strip():
            found = _INSTRUCTION.fullmatch(line.strip())
            assert found, line
            yield found[1], found[2]


def build(dockerfile: Path, context: Path, folder: Path) -> Image:
    """The last stage's image, below `folder`, of a Dockerfile and what its context holds of a checkout."""
    stages: dict[str, Path] = {}
    arguments: dict[str, str] = {}
    root, stage = folder / "root", ""
    image: Image | None = None
    for instruction, rest in instructions(dockerfile.read_text(encoding="utf-8")):
        if instruction == "ARG":
            name, _, default = rest.partition("=")
            arguments[name] = default
        elif instruction == "FROM":
            if image is not None:  # the root moves on: what is copied out of a stage lies where it was made
                stages[stage] = root.rename(folder / f"stage-{len(stages)}")
            base, _, stage = _expand(rest, arguments).partition(" AS ")
            assert re.fullmatch(r"python:3\.\d+-[a-z-]+", base), base
            image = _fresh(root)
        else:
            assert image is not None
            _STEPS[instruction](_Step(image, stages, context), rest)
    assert image is not None
    return image


def _fresh(root: Path) -> Image:
    (root / "usr/local/bin").mkdir(parents=True)
    base = getattr(sys, "_base_executable", sys.executable)
    (root / "usr/local/bin/python").symlink_to(base)
    (root / "tmp").mkdir()
    return Image(root, {"PATH": "/usr/local/bin:/usr/bin:/bin"})


def _expand(text: str, values: dict[str, str]) -> str:
    return re.sub(r"\$\{?(\w+)\}?", lambda found: values[found[1]], text)


@dataclass
class _Step:
    image: Image
    stages: dict[str, Path]
    context: Path

    def run(self, line: str) -> None:
        line = re.sub(r"^(--mount=\S+\s+)+", "", line)  # a cache that pip has here anyway
        cwd = self.image.path(".")
        environ = os.environ | self.image.environment()
        path = ":".join([*self.image.environment()["PATH"].split(":"), "/usr/bin", "/bin"])
        command = ["sh", "-eu", "-c", self.image.text(line)]
        done = subprocess.run(
            command, cwd=cwd, env={**environ, "PATH": path}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"RUN {line}\n{done.stdout}{done.stderr}"

    def copy(self, line: str) -> None:
        words = shlex.split(line)
        stage = words.pop(0).removeprefix("--from=") if words[0].startswith("--from=") else None
        assert not any(word.startswith("--") for word in words), line
        *sources, target = words
        place = self.image.path(target)
        for source in sources:
            found = self.stages[stage] / source.lstrip("/") if stage else self.sent(source)
            assert found.exists(), f"COPY {line}: there is no {source}"
            into = place / found.name if target.endswith("/") and not found.is_dir() else place
            into.parent.mkdir(parents=True, exist_ok=True)
            if found.is_dir():
                copy, ignore = (os.link, None) if stage else (shutil.copy2, self.ignored)  # a stage changes no more
                shutil.copytree(found, into, symlinks=True, ignore=ignore, copy_function=copy, dirs_exist_ok=True)
            else:
                shutil.copy(found, into)

    def sent(self, source: str) -> Path:
        """A file of the context, which must be among those that .dockerignore lets in."""
        assert not _left_out(self.context, Path(source)), f".dockerignore leaves {source} out"
        return self.context / source

    def ignored(self, folder: str, names: list[str]) -> set[str]:
        where = Path(folder).relative_to(self.context)
        return {name for name in names if _left_out(self.context, where / name)}

    def env(self, line: str) -> None:
        for name, value in _pairs(line):
            self.image.env[name] = _expand(value, self.image.env)

    def label(self, line: str) -> None:
        self.image.labels.update(_pairs(line))

    def workdir(self, line: str) -> None:
        self.image.workdir = line
        self.image.path(".").mkdir(parents=True, exist_ok=True)

    def health(self, line: str) -> None:
        self.image.health = json.loads(line.partition("CMD ")[2])

    def entrypoint(self, line: str) -> None:
        self.image.entrypoint = json.loads(line)

    def command(self, line: str) -> None:
        self.image.command = json.loads(line)

    def user(self, line: str) -> None:
        self.image.user = line

    def stop(self, line: str) -> None:
        self.image.stop_signal = line

    def expose(self, line: str) -> None:
        assert line.isdigit()


_STEPS = {
    "RUN": _Step.run,
    "COPY": _Step.copy,
    "ENV": _Step.env,
    "LABEL": _Step.label,
    "WORKDIR": _Step.workdir,
    "HEALTHCHECK": _Step.health,
    "ENTRYPOINT": _Step.entrypoint,
    "CMD": _Step.command,
    "USER": _Step.user,
    "STOPSIGNAL": _Step.stop,
    "EXPOSE": _Step.expose,
}


def _pairs(line: str) -> list[tuple[str, str]]:
    return [(name, value) for name, _, value in (word.partition("=") for word in shlex.split(line))]


def _left_out(context: Path, path: Path) -> bool:
    """Whether .dockerignore leaves a path of the context out: the last pattern that matches it decides."""
    out = False
    for line in (context / ".dockerignore").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            pattern = line.removeprefix("!").removeprefix("**/")
            whole = [str(path), *map(str, path.parents)]
            parts = path.parts if "**/" in line else []
            if any(fnmatch.fnmatch(each, pattern) for each in (*whole, *parts) if each != "."):
                out = not line.startswith("!")
    return out
