"""A pack is read in a process of its own: the result is the same, and what goes wrong there is told."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from appmaker import install_plugin
from packmaker import PACK, appending, make_pack, pack_files, replacing
from structlog.testing import capture_logs

from coachkit.confined.checking import checked
from coachkit.confined.limits import MIB, Limits
from coachkit.errors import Problem
from coachkit.hooks import core, manager
from coachkit.hooks.core import content_folder
from coachkit.hooks.dispatch import Dispatch
from coachkit.packs import stored
from coachkit.packs.check import check
from coachkit.packs.findings import Findings
from coachkit.packs.folder import read_folder
from coachkit.packs.model import Place
from coachkit.packs.source import Source

FIRST, SECOND, LIST = "modules/first-hour.md", "modules/ask-for-feedback.md", "checklists/before-you-reply.yaml"
DIRECTIVES = Dispatch(manager.build((), [(core.NAME, core)])).directives()

PLUGIN = """
import os, re, signal, time
from pathlib import Path
from coachkit import hookimpl
from coachkit.hooks.types import Directive

ENDS = {
    "loops": lambda: sum(iter(int, 1)),
    "backtracks": lambda: re.fullmatch("(a+)+b", "a" * 60),
    "sleeps": lambda: time.sleep(600),
    "hoards": lambda: len(bytearray(300 * 1024 * 1024)),
    "aborts": lambda: os.abort(),
    "crashes": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "leaves": lambda: os._exit(3),
    "writes": lambda: Path(__file__).with_name("written").write_text("x"),
    "fails": lambda: int("no"),
}

def render(call):
    if call.title in ENDS:
        ENDS[call.title]()
    return f"<p>{sorted(os.environ)} {os.getcwd()} {call.title}</p>"

@hookimpl
def coachkit_directives():
    return [Directive("odd", {"en": "Odd"}, render)]
"""


@pytest.fixture
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An installed plugin whose box `:::odd` does what its title says."""
    install_plugin(tmp_path, "acme-odd", PLUGIN)
    monkeypatch.syspath_prepend(str(tmp_path))
    return "acme-odd"


def box(title: str) -> dict[str, object]:
    """The small pack's first module with that box."""
    return {FIRST: appending(f"\n:::odd {title}\nText.\n:::\n")}


def found(result) -> list[tuple[str, str]]:
    return [(problem.file, problem.code) for problem in result.problems]


# --- the same as in the process itself ------------------------------------------------------------


@pytest.mark.parametrize("name", ["core", "small"])
def test_same_release(name: str, tmp_path: Path) -> None:
    """A pack compiles to the same values, images' bytes among them, and to the same stored bytes."""
    folder = content_folder() / "core" if name == "core" else make_pack(tmp_path)
    source = read_folder(folder, Findings())
    here, there = check(source, DIRECTIVES), checked(source)
    assert here.compiled is not None
    assert there == here
    assert stored.dump(there.compiled) == stored.dump(here.compiled)


def test_same_problems() -> None:
    """Problems are told as in the process itself, those among them that were found before."""
    changes = {PACK: replacing("licence:", "license:"), LIST: "a: [", FIRST: replacing(":::tip", ":::tpi")}
    source = Source(pack_files(**changes))
    before = [Findings(), Findings()]
    for findings in before:
        findings.error(Place("modules/x.md"), "symlink", "this is a link", "delete it")
    here, there = check(source, DIRECTIVES, before[0]), checked(source, (), before[1])
    assert len(here.problems) == 5
    assert there == here


def test_same_progress() -> None:
    """Progress is told under the same labels, value by value."""
    seen: list[list[object]] = [[], []]

    def watching(to: list[object]):
        def progress(values, label):
            to.append((label, len(values)))
            for value in values:
                yield value
                to.append("done")

        return progress

    source = Source(pack_files())
    check(source, DIRECTIVES, progress=watching(seen[0]))
    checked(source, progress=watching(seen[1]))
    assert seen[1] == seen[0]


def test_plugins_boxes(odd: str) -> None:
    """A plugin's box is rendered there, the release names its maker, and without the plugin the box is unknown."""
    source = Source(pack_files(**box("Now")))
    result = checked(source, [odd])
    assert result.problems == ()
    assert "acme-odd@1.0.0" in result.compiled.directives
    assert found(checked(source)) == [(FIRST, "unknown-directive")]


def test_no_secrets(odd: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that reads a pack has the secrets of this process's environment."""
    monkeypatch.setenv("COACHKIT_SECRET_KEY", "s")
    monkeypatch.setenv("PGPASSWORD", "s")
    said = repr(checked(Source(pack_files(**box("Now"))), [odd]).compiled.resources["module", "first-hour"].sections)
    assert "PATH" in said
    assert "COACHKIT_SECRET_KEY" not in said
    assert "PGPASSWORD" not in said


# --- what ends the process ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "code", "says"),
    [
        ("loops", "too-slow", "more than 0.2 seconds of computing"),
        ("backtracks", "too-slow", "more than 0.2 seconds of computing"),
        ("sleeps", "too-slow", "given up after 3 seconds"),
        ("aborts", "too-much-memory", "more than 64 MiB of memory"),
        ("crashes", "reader-failed", "SIGSEGV"),
        ("leaves", "reader-failed", "exit status 3"),
    ],
)
def test_ends(odd: str, title: str, code: str, says: str) -> None:
    """The file at which the process ended is named with the reason, and all other problems are told as well."""
    source = Source(pack_files(**box(title), **{LIST: "a: ["}))
    result = checked(source, [odd], limits=Limits(file_seconds=0.2, file_bytes=64 * MIB, silence=3))
    assert result.compiled is None
    assert (FIRST, code) in found(result)
    assert {problem.file for problem in result.problems} == {FIRST, LIST}
    assert says in next(problem.message for problem in result.problems if problem.file == FIRST)


@pytest.mark.parametrize(
    ("title", "reason"),
    [("hoards", "raised MemoryError"), ("writes", "raised OSError"), ("fails", "raised ValueError")],
)
def test_faults(odd: str, title: str, reason: str) -> None:
    """A box that wants too much memory, or to write a file, is refused it; each fault of its is in our log."""
    with capture_logs() as logs:
        result = checked(Source(pack_files(**box(title))), [odd])
    assert found(result) == [(FIRST, "directive-failed")]
    assert [(log["log_level"], log["plugin"], log["reason"].split(":")[0]) for log in logs] == [("error", odd, reason)]


def test_too_much_memory() -> None:
    """A file that takes more memory than a file may is named, and it alone."""
    changes = {SECOND: appending("*a* " * 20_000), LIST: "a: ["}
    result = checked(Source(pack_files(**changes)), limits=Limits(file_bytes=2 * MIB))
    assert found(result) == [(LIST, "yaml-syntax"), (SECOND, "too-much-memory")]


def test_too_much_memory_in_all() -> None:
    """Where the pack has used up all its memory, that is said of the pack and not of the file that came last."""
    result = checked(Source(pack_files(**{SECOND: appending("*a* " * 20_000)})), limits=Limits(pack_bytes=2 * MIB))
    assert [each for each in found(result) if each[1] == "too-much-memory"] == [(".", "too-much-memory")]


@pytest.mark.parametrize(
    ("limits", "title"),
    [
        (Limits(pack_seconds=1.0, file_seconds=20.0), "loops"),
        (Limits(patience=1.0), "sleeps"),
        (Limits(pack_seconds=1.0, file_seconds=0.6), "loops"),
    ],
    ids=["computing", "waiting", "nothing left"],
)
def test_too_slow_in_all(odd: str, limits: Limits, title: str) -> None:
    """A pack that takes too long as a whole is told so, and that there may be more."""
    result = checked(Source(pack_files(**box(title))), [odd], limits=limits)
    assert (".", "too-slow") in found(result)
    assert (".", "too-many-problems") in found(result)


def test_several_files(odd: str) -> None:
    """Files that cost too much are told of together, up to a number; then the rest is not looked at, which is said."""
    names = [f"modules/m{number}.md" for number in range(4)]
    files = pack_files(
        **{name: appending("\n:::odd crashes\nText.\n:::\n")(pack_files()[SECOND].decode()) for name in names}
    )
    several = found(checked(Source(files), [odd], limits=Limits(given_up=4)))
    assert several == [(name, "reader-failed") for name in names]
    stopped = found(checked(Source(files), [odd], limits=Limits(given_up=2)))
    assert stopped == [(".", "too-many-problems"), *((name, "reader-failed") for name in names[:3])]


@pytest.mark.parametrize("path", [PACK, FIRST, "locales/cy/modules/first-hour.md", "images/breathe.svg"])
def test_nothing_follows(path: str) -> None:
    """That a file has been given up makes nothing else wrong: what leads to it, shows it or translates it."""
    problem = Problem(path, None, None, "too-slow", "it was given up")
    findings = Findings()
    findings.add(problem)
    result = checked(Source(pack_files(), frozenset([path])), (), findings)
    assert [each for each in result.problems if each.severity == "error"] == [problem]


def test_at_once() -> None:
    """Threads that check packs at the same time each get their own answer."""
    sources = [Source(pack_files(**{PACK: replacing("version: 1.0.0", f"version: 1.0.{n}")})) for n in range(12)]
    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(checked, sources))
    assert {result.problems for result in results} == {()}
    assert [result.compiled.manifest.version for result in results] == [f"1.0.{n}" for n in range(12)]


# --- systems without limits -----------------------------------------------------------------------

WITHOUT = """
import json, sys
sys.modules["resource"] = None
sys.path.insert(0, sys.argv[1])
from packmaker import pack_files
from structlog.testing import capture_logs
from coachkit.confined.checking import checked
from coachkit.packs.source import Source
with capture_logs() as logs:
    result = checked(Source(pack_files()))
print(json.dumps([len(result.compiled.resources), result.problems, logs, "coachkit.confined.attempts" in sys.modules]))
"""


def test_without_limits() -> None:
    """Where a system has no limits for processes, packs are read all the same, and the log says that there are none."""
    command = [sys.executable, "-c", WITHOUT, str(Path(__file__).parents[1])]
    done = subprocess.run(command, capture_output=True, check=True)
    number, problems, (log,), confined = json.loads(done.stdout)
    assert (number, problems, confined) == (6, [], False)
    assert (log["log_level"], log["unlimited"]) == ("warning", "processes")
    assert "without limits" in log["event"]
