from __future__ import annotations

import hashlib
import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packmaker import pack_files

from coachkit.packs.findings import Findings
from coachkit.packs.source import Source, archive, digest, read_archive

VALID = Source(dict(sorted(pack_files().items())))


def problems(findings: Findings):
    return [(p.file, p.code, p.severity) for p in findings.problems]


def tar(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.USTAR_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as made:
        for info, data in members:
            info.size = len(data)
            made.addfile(info, io.BytesIO(data))
    return out.getvalue()


def member(name: str, **fields) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for key, value in fields.items():
        setattr(info, key, value)
    return info


# --- archives ---

PATHS = st.sampled_from(
    [
        "pack.yaml",
        "README.md",
        "modules/a.md",
        "locales/zh-Hant-TW/questionnaires/" + "q" * 64 + ".yaml",
        "images/x.png",
    ]
)


@given(st.dictionaries(PATHS, st.binary(max_size=2_000)).map(lambda files: files | {"pack.yaml": b"id: a\n"}))
def test_an_archive_gives_back_its_files(files):
    """Whatever the bytes, reading what was archived gives the same files, and archiving them the same bytes."""
    made = archive(Source(files))
    findings = Findings()
    read = read_archive(made, findings)
    assert findings.problems == ()
    assert read.files == files
    assert archive(read) == made


def test_an_archive_is_the_same_bytes_everywhere():
    """The digest of the test pack of one file never changes: releases are named by it."""
    made = archive(Source({"pack.yaml": b"id: example\n"}))
    assert archive(Source({"b/x": b"1", "a": b"2"})) == archive(Source({"a": b"2", "b/x": b"1"}))
    assert len(made) == 10_240
    assert digest(made) == "sha256:" + hashlib.sha256(made).hexdigest()
    assert made[:9] + made[100:108] == b"pack.yaml0000644\0"
    assert made[108:124] == b"0000000\0" * 2
    assert made[136:148] == b"00000000000\0"
    assert made[265:329] == bytes(64)


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (b"", "bad-archive"),
        (b"not a tar", "bad-archive"),
        (b"\x1f\x8b" + bytes(1_000), "bad-archive"),
        (b"a" * 5_000, "bad-archive"),
        (tar((member("../pack.yaml"), b"x")), "bad-archive"),
        (tar((member("modules/../../x.md"), b"x")), "bad-archive"),
        (tar((member("/etc/passwd"), b"x")), "bad-archive"),
        (tar((member("..\\x"), b"x")), "bad-archive"),
        (tar((member("pack.yaml", type=tarfile.SYMTYPE, linkname="/etc/passwd"), b"")), "symlink"),
        (tar((member("pack.yaml", type=tarfile.LNKTYPE, linkname="x"), b"")), "symlink"),
        (tar((member("pack.yaml", type=tarfile.CHRTYPE), b"")), "bad-archive"),
        (tar((member("pack.yaml", type=tarfile.BLKTYPE), b"")), "bad-archive"),
        (tar((member("pack.yaml", type=tarfile.FIFOTYPE), b"")), "bad-archive"),
        (tar((member("modules", type=tarfile.DIRTYPE), b"")), "bad-archive"),
        (tar((member("pack.yaml"), b"x"), (member("pack.yaml"), b"y")), "bad-archive"),
        (tar((member("modules/x.exe"), b"x")), "unknown-file"),
        (tar((member("notes.txt"), b"x")), "unknown-file"),
        (tar((member(".hidden"), b"x")), "unknown-file"),
        (tar((member("é" * 60 + ".md"), b"x"), form=tarfile.PAX_FORMAT), "bad-archive"),
        (tar((member("modules/" + "a" * 120), b"x"), form=tarfile.GNU_FORMAT), "bad-archive"),
        (tar((member("pack.yaml"), b"x" * (512 * 1024 + 1))), "too-large"),
        (tar((member("pack.yaml", mtime=1), b"x")), "bad-archive"),
        (tar((member("pack.yaml", mode=0o777), b"x")), "bad-archive"),
        (tar((member("pack.yaml", uname="me"), b"x")), "bad-archive"),
        (tar((member("pack.yaml"), b"x"), (member("LICENSE"), b"x")), "bad-archive"),
        (archive(VALID) + bytes(512), "bad-archive"),
        (archive(VALID)[:1_000], "bad-archive"),
        (archive(Source({"LICENSE": b"x"})), "no-pack"),
    ],
)
def test_an_archive_that_building_would_not_give_is_refused(made, code):
    """Links, devices, ways out, repeats, strangers, other formats, other bytes: an error and no file at all."""
    findings = Findings()
    assert read_archive(made, findings) == Source({})
    assert code in {p.code for p in findings.problems}


@pytest.mark.parametrize("made", [b"not a tar", b"a" * 5_000, archive(VALID)[:1_000]])
def test_an_archive_that_cannot_be_read_is_one_problem(made):
    """Nothing is said of files that nobody could look for."""
    findings = Findings()
    read_archive(made, findings)
    assert [p.code for p in findings.problems] == ["bad-archive"]


def test_a_size_that_is_negative_is_refused():
    """Sizes in base 256 can lead a reader back to where it was."""
    made = bytearray(archive(VALID))
    made[124:136] = b"\xff" * 12
    findings = Findings()
    assert read_archive(bytes(made), findings) == Source({})
    assert "bad-archive" in {p.code for p in findings.problems}


@given(st.data())
def test_no_change_to_an_archive_goes_unnoticed(data):
    """One byte changed anywhere is refused, or gives other files."""
    made = bytearray(archive(VALID))
    at = data.draw(st.integers(0, len(made) - 1))
    made[at] ^= data.draw(st.integers(1, 255))
    findings = Findings()
    read = read_archive(bytes(made), findings)
    assert findings.failed or read != VALID
