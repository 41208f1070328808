"""What commands and logs write to a terminal is words: nothing that packs, settings, names or arguments hold acts."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest
from appmaker import install_plugin
from hostile import GROUPS
from packmaker import FILES, PACK, appending, make_pack, module, replacing

from coachkit.api import logs
from coachkit.api.requests import watch

ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""What a terminal obeys: C0 but for tab and new line, DEL, C1, and what turns the direction of writing."""
SEQUENCES = [text for text in GROUPS["Characters"] if ACTING.search(text) and "\x00" not in text]
RED = "\x1b[31mred\x1b[0m"
TITLE = "\x9d0;title\x9c \u202etxt.exe"
sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def quiet(done) -> str:
    """All that a command wrote, none of which acts."""
    assert ACTING.search(done.out) is None
    assert ACTING.search(done.err) is None
    return str(done.out + done.err)


def named(root: Path, name: str, text: str = "x") -> Path:
    """The example pack with one more file."""
    folder = make_pack(root)
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("extra", [[], ["--json"]], ids=["text", "json"])
def test_file_names(run, tmp_path: Path, extra: list[str]) -> None:
    """A problem names its file without doing what the file's name says."""
    folder = make_pack(tmp_path)
    for text in SEQUENCES:
        (folder / "modules" / f"a{text.replace('/', '-')}.md").write_text(module("New"), encoding="utf-8")
    assert "\\x1b[31mred" in quiet(run("pack", "check", folder, *extra)).replace("\\\\", "\\")


def test_one_problem_stays_one_line(run, tmp_path: Path) -> None:
    """A name with a line end in it makes no second line, which could look like a problem of its own."""
    said = quiet(run("pack", "check", named(tmp_path, "modules/a\npack.yaml:1:1: error: lies [x].md")))
    assert [line for line in said.splitlines() if line.startswith("pack.yaml")] == []


PLACES = {
    "value": replacing("title: Example library", "title: {}"),
    "key": replacing("title: Example library", "{}: 1\ntitle: Example library"),
    "licence": replacing("licence: CC-BY-4.0", "licence: {}"),
    "locale": replacing("locales: [en-GB, cy]", "locales: [en-GB, {}]"),
    "range": replacing('">=0.1,<1"', "{}"),
    "type": replacing("type: email", "type: {}"),
    "syntax": appending("{}\n"),
}


@pytest.mark.parametrize("place", PLACES)
def test_what_a_pack_says(run, tmp_path: Path, place: str) -> None:
    """A problem quotes a value or a key, however it was spelled, without doing what it says."""
    for text in (RED, TITLE):
        pack = PLACES[place](FILES[PACK]).replace("{}", json.dumps(text))
        assert quiet(run("pack", "check", make_pack(tmp_path, **{PACK: pack})))


def test_what_markdown_says(run, tmp_path: Path) -> None:
    """A problem in a text quotes links, boxes and entities without doing what they say."""
    body = (
        "## One {#one}\n\n[x](\u202ey) :::\u202ez\n\n:::\u2066box\nx\n:::\n\n&#x1b;[31m `&#27;` {{\u202e}} <\u202eb>\n"
    )
    folder = make_pack(tmp_path, **{"modules/new.md": module("New \u202etitle", body)})
    assert "modules/new.md" in quiet(run("pack", "check", folder))


def test_what_plugins_say(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A box that fails is reported with the words of its exception, which do nothing."""
    source = (
        "from coachkit import hookimpl\nfrom coachkit.hooks.types import Directive\n\n"
        "def fail(call):\n    raise RuntimeError('\\x1b[31mred')\n\n"
        "@hookimpl\ndef coachkit_directives():\n    return [Directive('note', {}, fail)]\n"
    )
    install_plugin(tmp_path, "acme-terminal", source)
    monkeypatch.syspath_prepend(str(tmp_path))
    folder = named(tmp_path, "modules/new.md", module("New", "## One {#one}\n\n:::note\nx\n:::\n"))
    try:
        said = quiet(run("pack", "check", folder, "--plugin", "acme-terminal"))
    finally:
        sys.modules.pop("acme_terminal", None)
    assert "directive-failed" in said


ARGUMENTS = (
    ("{}",),
    ("pack", "{}"),
    ("pack", "check", "{}"),
    ("pack", "check", ".", "--plugin", "{}"),
    ("pack", "check", ".", "--{}"),
    ("pack", "show", "{}"),
    ("pack", "publish", "{}"),
    ("org", "show", "{}"),
    ("org", "create", "{}", "{}"),
    ("edition", "publish", "{}"),
    ("edition", "show", "northbridge", "{}"),
    ("edition", "show", "northbridge", "--explain", "{}"),
    ("edition", "diff", "northbridge", "{}"),
    ("channel", "history", "northbridge", "{}"),
    ("channel", "move", "northbridge", "{}", "{}"),
)


@sqlite
@pytest.mark.parametrize("extra", [[], ["--json"]], ids=["text", "json"])
def test_arguments(furnished, run, extra: list[str]) -> None:
    """An argument that is refused is said back as what it is."""
    for arguments, text in product(ARGUMENTS, (RED, TITLE)):
        done = run(*(argument.replace("{}", text) for argument in arguments), *extra)
        assert done.status != 0
        quiet(done)


@sqlite
def test_settings(furnished, settings_file: Callable[..., Path]) -> None:
    """What organisations write about themselves is listed as words."""
    brand = {"name": "\u202eegdirbhtroN", "careers_email": "careers@northbridge.example"}
    furnished("org", "set", "northbridge", settings_file(brand=brand))
    for extra in ([], ["--json"]):
        assert "egdirbhtroN" in quiet(furnished("org", "show", "northbridge", *extra))


@sqlite
def test_settings_that_are_refused(furnished, settings_file: Callable[..., Path]) -> None:
    """Settings with such characters are refused, and the refusal does not do what they say."""
    for text, key in product((RED, TITLE), ("brand", "packs", "values", RED)):
        changes = {key: {text: text}}
        done = furnished("org", "set", "northbridge", settings_file(**changes), status=1)
        assert "organisation.yaml" in quiet(done)


@sqlite
def test_notes(furnished) -> None:
    """The note of a move is shown in the channel's history, and does nothing there."""
    digest = furnished("edition", "show", "northbridge", "--json").json["edition"]
    furnished("channel", "move", "northbridge", "autumn", digest, "--note", f"{RED}\n{TITLE}")
    for extra in ([], ["--json"]):
        assert "red" in quiet(furnished("channel", "history", "northbridge", "autumn", *extra))


@pytest.mark.parametrize("text", SEQUENCES, ids=ascii)
def test_log_lines(text: str) -> None:
    """A log line is one line of JSON that acts on no terminal, whatever an exception's words and places hold."""

    def fails(environ: object, start_response: object) -> list[bytes]:
        raise RuntimeError(text)

    def start_response(status: str, headers: object, exc_info: object = None) -> Callable[[bytes], object]:
        return status.encode().join

    stream = io.BytesIO()
    logs.configure(stream)
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": text.encode().decode("latin-1"), "coachkit.route": text}
    try:
        list(watch(fails)(environ, start_response))
    finally:
        logs.configure(sys.stderr.buffer)
    lines = stream.getvalue().decode().split("\n")
    assert [line for line in lines if re.search("[\x00-\x1f\x7f-\x9f]", line)] == []
    unexpected, request = map(json.loads, filter(None, lines))
    assert request["route"] == unexpected["route"] == text
    assert text in unexpected["exception"]
