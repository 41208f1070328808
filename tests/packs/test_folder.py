from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from packmaker import FILES, make_pack, pack_files

from coachkit.packs import source
from coachkit.packs.findings import Findings
from coachkit.packs.folder import read_folder, read_path
from coachkit.packs.source import Source

VALID = Source(dict(sorted(pack_files().items())))


def problems(findings: Findings):
    return [(p.file, p.code, p.severity) for p in findings.problems]


def test_a_folder_is_read_whole(tmp_path):
    """Every file that belongs to the pack is there with its bytes, README and LICENSE too, and nothing is reported."""
    findings = Findings()
    assert read_folder(make_pack(tmp_path), findings) == VALID
    assert findings.problems == ()
    assert set(VALID.files) == set(FILES)


@pytest.mark.parametrize(
    "path",
    [".git/config", ".DS_Store", "modules/.first-hour.md.swp", "__pycache__/x.pyc", "plugin.py", "modules/__init__.py"],
)
def test_hidden_files_and_code_are_passed_over_without_a_word(tmp_path, path):
    """They are no part of the pack and nothing to report."""
    folder = make_pack(tmp_path, **{path: "x"})
    findings = Findings()
    assert read_folder(folder, findings) == VALID
    assert findings.problems == ()


@pytest.mark.parametrize(
    ("path", "reported", "hint"),
    [
        ("modules/First.md", "modules/First.md", "a module is modules/<id>.md; an id has"),
        ("modules/first.txt", "modules/first.txt", "a module is modules/<id>.md"),
        ("modules/deep/first.md", "modules/deep", "a module is modules/<id>.md"),
        ("checklists/x.yml", "checklists/x.yml", "a checklist is checklists/<id>.yaml"),
        ("images/photo.gif", "images/photo.gif", "an image is images/<name> with one of .png"),
        ("locales/cy/images/x.png", "locales/cy/images", "did you mean"),
        ("locales/cy/pack.yaml", "locales/cy/pack.yaml", "the folders are"),
        ("locales/CY/modules/first-hour.md", "locales/CY", "translations are locales/<tag>"),
        ("locales/notes.md", "locales/notes.md", "translations are locales/<tag>"),
        (f"modules/{'a' * 65}.md", f"modules/{'a' * 65}.md", "a module is"),
    ],
)
def test_an_unknown_file_inside_the_packs_folders_is_an_error(tmp_path, path, reported, hint):
    """The author hears what such a file is to be called."""
    findings = Findings()
    read_folder(make_pack(tmp_path, **{path: "x"}), findings)
    assert problems(findings) == [(reported, "unknown-file", "error")]
    if hint != "did you mean":
        assert (findings.problems[0].hint or "").startswith(hint)


@pytest.mark.parametrize(
    ("path", "reported", "hint"),
    [
        ("notes.txt", "notes.txt", None),
        ("Modules/x.md", "Modules", "did you mean “modules”?"),
        ("docs/a/b.md", "docs", None),
    ],
)
def test_an_unknown_file_at_the_top_is_a_warning_and_no_part_of_the_pack(tmp_path, path, reported, hint):
    """A folder is reported once."""
    findings = Findings()
    assert read_folder(make_pack(tmp_path, **{path: "x"}), findings) == VALID
    assert problems(findings) == [(reported, "unknown-file", "warning")]
    assert findings.problems[0].hint == hint


def test_a_folder_without_pack_yaml_is_an_error_that_says_so(tmp_path):
    """The hint names the file that is missing."""
    findings = Findings()
    read_folder(make_pack(tmp_path, **{"pack.yaml": None}), findings)
    assert [str(p) for p in findings.problems] == [
        "pack.yaml: error: there is no pack.yaml (a pack's folder has pack.yaml at its top) [no-pack]"
    ]


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    """It is no traceback."""
    findings = Findings()
    assert read_folder(tmp_path / "nowhere", findings) == Source({})
    assert problems(findings) == [("pack.yaml", "no-pack", "error")]


def test_symlinks_are_errors_and_never_followed(tmp_path):
    """Neither a file nor a folder outside gets into the pack."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.md").write_text("secret")
    folder = make_pack(tmp_path)
    (folder / "modules" / "secret.md").symlink_to(outside / "secret.md")
    (folder / "locales" / "de").symlink_to(outside)
    (folder / "LICENSE-2").symlink_to(outside / "secret.md")
    findings = Findings()
    assert read_folder(folder, findings) == VALID
    assert problems(findings) == [
        ("LICENSE-2", "symlink", "error"),
        ("locales/de", "symlink", "error"),
        ("modules/secret.md", "symlink", "error"),
    ]


def test_a_pipe_is_an_error_and_is_never_opened(tmp_path):
    """Reading would wait for ever."""
    folder = make_pack(tmp_path)
    os.mkfifo(folder / "modules" / "pipe.md")
    findings = Findings()
    assert read_folder(folder, findings) == VALID
    assert problems(findings) == [("modules/pipe.md", "unknown-file", "error")]


def test_a_file_that_is_too_large_is_reported_and_left_out(tmp_path):
    """Text has 512 KiB, an image 2 MiB."""
    large = {"modules/large.md": b"a" * (512 * 1024 + 1), "images/large.png": b"a" * (2 * 1024 * 1024 + 1)}
    fits = {"modules/fits.md": b"a" * (512 * 1024), "images/fits.png": b"a" * (2 * 1024 * 1024)}
    findings = Findings()
    read = read_folder(make_pack(tmp_path, **large, **fits), findings)
    assert problems(findings) == [
        ("images/large.png", "too-large", "error"),
        ("modules/large.md", "too-large", "error"),
    ]
    assert set(read.files) == set(FILES) | set(fits)


def test_a_pack_with_too_many_files_is_reported_once(tmp_path, monkeypatch):
    """Reading stops there."""
    monkeypatch.setattr(source, "MAX_FILES", 10)
    findings = Findings()
    read = read_folder(make_pack(tmp_path), findings)
    assert (".", "too-many-files", "error") in problems(findings)
    assert len([p for p in findings.problems if p.code == "too-many-files"]) == 1
    assert len(read.files) <= 10


def test_a_pack_that_is_too_large_in_all_is_reported(tmp_path, monkeypatch):
    """Reading stops at the file that is too much."""
    monkeypatch.setattr(source, "MAX_TOTAL", 1_000)
    findings = Findings()
    read = read_folder(make_pack(tmp_path), findings)
    assert "too-large" in {p.code for p in findings.problems}
    assert sum(map(len, read.files.values())) <= 1_000


def test_a_files_name_that_is_no_text_is_reported_in_text(tmp_path):
    """Whatever bytes it has, the report can be printed."""
    folder = make_pack(tmp_path)
    (folder / "modules" / os.fsdecode(b"\xff\x1b.md")).write_bytes(b"x")
    findings = Findings()
    read_folder(folder, findings)
    assert [p.file for p in findings.problems] == ["modules/\\udcff\\x1b.md"]


# --- changed while it is read ---

SECRET = b"nobody may read this"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder beside the pack, with files that are none of it."""
    folder = tmp_path / "outside"
    folder.mkdir()
    for name in ("first-hour.md", "breathe.svg"):
        (folder / name).write_bytes(SECRET)
    return folder


def meanwhile(monkeypatch: pytest.MonkeyPatch, name: str, change: Callable[[], object]) -> None:
    """Let a change happen just before what has this name is opened for the first time."""
    opened = os.open
    changes = [change]

    def opening(path, flags, *arguments, **named):
        if os.path.basename(os.fspath(path)) == name and changes:  # noqa: PTH119 as os.open takes it
            changes.pop()()
        return opened(path, flags, *arguments, **named)

    monkeypatch.setattr(os, "open", opening)


def test_a_file_that_becomes_a_link(tmp_path, outside, monkeypatch):
    """It is not followed, and reported as the link that it is."""
    folder = make_pack(tmp_path)
    file = folder / "modules" / "first-hour.md"
    meanwhile(monkeypatch, file.name, lambda: (file.unlink(), file.symlink_to(outside / file.name)))
    findings = Findings()
    read = read_folder(folder, findings)
    assert problems(findings) == [("modules/first-hour.md", "symlink", "error")]
    assert SECRET not in read.files.values()


def test_a_folder_that_becomes_a_link(tmp_path, outside, monkeypatch):
    """Nothing is read where it leads."""
    folder = make_pack(tmp_path)
    modules = folder / "modules"
    meanwhile(monkeypatch, "modules", lambda: (shutil.rmtree(modules), modules.symlink_to(outside)))
    findings = Findings()
    read = read_folder(folder, findings)
    assert [each for each in problems(findings) if each[0] == "modules"] != []
    assert SECRET not in read.files.values()


def test_a_folder_that_becomes_a_link_while_its_files_are_opened(tmp_path, outside, monkeypatch):
    """What is read is what was in the folder, wherever that is by now."""
    folder = make_pack(tmp_path)
    images = folder / "images"
    meanwhile(monkeypatch, "breathe.svg", lambda: (images.rename(tmp_path / "moved"), images.symlink_to(outside)))
    findings = Findings()
    assert read_folder(folder, findings) == VALID


def test_a_file_that_becomes_a_pipe(tmp_path, monkeypatch):
    """Nobody waits for it."""
    folder = make_pack(tmp_path)
    file = folder / "modules" / "first-hour.md"
    meanwhile(monkeypatch, file.name, lambda: (file.unlink(), os.mkfifo(file)))
    findings = Findings()
    read_folder(folder, findings)
    assert problems(findings) == [("modules/first-hour.md", "unknown-file", "error")]


@pytest.mark.parametrize("name", ["images/breathe.svg", "modules", "pack.yaml"])
def test_what_goes_away_is_a_problem(tmp_path, monkeypatch, name):
    """The rest is read."""
    folder = make_pack(tmp_path)
    gone = folder / name
    meanwhile(monkeypatch, gone.name, lambda: shutil.move(gone, tmp_path / "gone"))
    findings = Findings()
    read = read_folder(folder, findings)
    assert problems(findings) == [(name, "unreadable", "error")]
    assert "checklists/before-you-reply.yaml" in read.files


def test_hidden_files_hide_no_others(tmp_path, monkeypatch):
    """However many there are."""
    monkeypatch.setattr("coachkit.packs.folder.MAX_FILES", 20)
    folder = make_pack(tmp_path)
    for number in range(100):
        (folder / "modules" / f".{number}").touch()
    findings = Findings()
    assert read_folder(folder, findings) == VALID


# --- what a command is given ---


@pytest.mark.parametrize("named", ["example", "example/pack.yaml"])
def test_a_pack_is_named_by_its_folder_or_its_manifest(tmp_path, named):
    """Both are the pack."""
    make_pack(tmp_path)
    findings = Findings()
    assert read_path(tmp_path / named, findings) == VALID


def test_a_pack_is_named_by_its_archive(tmp_path):
    """Of any name."""
    (tmp_path / "x").write_bytes(source.archive(VALID))
    findings = Findings()
    assert read_path(tmp_path / "x", findings) == VALID


def test_the_longest_archive_is_read(tmp_path, monkeypatch):
    """One byte more is not."""
    made = source.archive(VALID)
    (tmp_path / "x").write_bytes(made)
    for most, failed in ((len(made), False), (len(made) - 1, True)):
        monkeypatch.setattr("coachkit.packs.folder.MAX_ARCHIVE", most)
        findings = Findings()
        read_path(tmp_path / "x", findings)
        assert findings.failed is failed


def test_no_pack_makes_an_archive_that_is_too_long():
    """Files of the least convenient sizes, as many as there may be, fit with their headers."""
    sizes = [source.MAX_TOTAL // source.MAX_FILES - source.MAX_TOTAL // source.MAX_FILES % 512 + 1] * source.MAX_FILES
    blocks = sum(512 + -(-size // 512) * 512 for size in sizes)
    assert blocks + 10_240 + 512 * 2 <= source.MAX_ARCHIVE
