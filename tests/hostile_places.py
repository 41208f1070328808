"""Packs that mean harm by where their files lie: archives that lead out of themselves, folders of links and pipes."""

from __future__ import annotations

import io
import os
import socket
import tarfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from hostile_contents import FIRST, Recipe, worded
from packmaker import PACK, make_pack, pack_files

from coachkit.packs.source import MAX_FILES, MAX_IMAGE, MAX_TEXT, MAX_TOTAL, Source, archive

PLACES: dict[str, Recipe] = {}


def _recipe(recipe: Recipe) -> Recipe:
    PLACES[recipe.__name__.replace("_", "-")] = recipe
    return recipe


# --- archives -----------------------------------------------------------------------------------


def _tar(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.USTAR_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as made:
        for info, data in members:
            info.size = len(data)
            made.addfile(info, io.BytesIO(data))
    return out.getvalue()


def _member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def _patched(at: int, new: bytes) -> bytes:
    """The small pack's archive with other bytes in its first header, whose checksum is right."""
    made = bytearray(archive(Source(dict(sorted(pack_files().items())))))
    made[at : at + len(new)] = new
    made[148:156] = b" " * 8
    made[148:156] = b"%06o\0 " % sum(made[:512])
    return bytes(made)


def _archive(name: str, make: Callable[[], bytes]) -> None:
    def recipe(folder: Path) -> Path:
        path = folder / "hostile.tar"
        path.write_bytes(make())
        return path

    PLACES[f"archive-{name}"] = recipe


_ELSEWHERE = "../outside/secret.md"
_archive("symlink", lambda: _tar((_member(PACK, tarfile.SYMTYPE, _ELSEWHERE), b"")))
_archive("hard-link", lambda: _tar((_member(PACK, tarfile.LNKTYPE, _ELSEWHERE), b"")))
_archive("absolute", lambda: _tar((_member("/tmp/coachkit-was-here"), b"x")))  # noqa: S108 that is the point
_archive("above", lambda: _tar((_member("../coachkit-was-here"), b"x")))
_archive("above-within", lambda: _tar((_member("modules/../../coachkit-was-here"), b"x")))
_archive("backslashes", lambda: _tar((_member("..\\coachkit-was-here"), b"x")))
_archive("device", lambda: _tar((_member(PACK, tarfile.CHRTYPE), b"")))
_archive("pipe", lambda: _tar((_member(PACK, tarfile.FIFOTYPE), b"")))
_archive("sparse", lambda: _tar((_member(PACK, tarfile.GNUTYPE_SPARSE), b"x")))
_archive("long-name", lambda: _tar((_member("modules/" + "a" * 5_000 + ".md"), b"x"), form=tarfile.GNU_FORMAT))
_archive("pax", lambda: _tar((_member("modules/" + "é" * 200 + ".md"), b"x"), form=tarfile.PAX_FORMAT))
_archive("twice", lambda: _tar((_member(PACK), b"id: a\n"), (_member(PACK), b"id: b\n")))
_archive("size-beyond", lambda: _patched(124, b"77777777777\0"))
_archive("size-negative", lambda: _patched(124, b"\xff" * 12))
_archive("size-in-base-256", lambda: _patched(124, b"\x80" + bytes(7) + b"\x01\0\0\0"))
_archive("size-in-words", lambda: _patched(124, b"-0000000001\0"))
_archive("name-of-odd-bytes", lambda: _patched(0, b"modules/\xff\x1b[2J.md\0"))
_archive("name-of-nuls", lambda: _patched(0, bytes(100)))
_archive("cut", lambda: archive(Source(pack_files()))[:3_000])
_archive("followed", lambda: archive(Source(dict(sorted(pack_files().items())))) + bytes(1024 * 1024))
_archive("of-zeros", lambda: bytes(1024 * 1024))
_archive("of-empty-files", lambda: _tar(*((_member(f"modules/m{n}.md"), b"") for n in range(2 * MAX_FILES))))
_archive("gzip", lambda: b"\x1f\x8b\x08" + zlib.compress(bytes(1024 * 1024)))
_archive("zip", lambda: b"PK\x03\x04" + bytes(1_000))


@_recipe
def archive_of_holes(folder: Path) -> Path:
    """As long as a disk, and without a byte in it."""
    path = folder / "hostile.tar"
    with path.open("wb") as file:
        file.truncate(1024**4)
    return path


@_recipe
def archive_that_is_a_pipe(folder: Path) -> Path:
    """Opening it would wait for ever."""
    os.mkfifo(folder / "hostile.tar")
    return folder / "hostile.tar"


@_recipe
def archive_that_never_ends(folder: Path) -> Path:
    """A device that gives zeros."""
    (folder / "hostile.tar").symlink_to("/dev/zero")
    return folder / "hostile.tar"


# --- folders ------------------------------------------------------------------------------------


@_recipe
def folder_of_links(folder: Path) -> Path:
    """Links to a file, a folder, a device, nothing and themselves, wherever a pack has files."""
    pack = make_pack(folder)
    outside = folder / "outside"
    (pack / "modules" / "secret.md").symlink_to(outside / "secret.md")
    (pack / "modules" / "relative.md").symlink_to("../../outside/secret.md")
    (pack / "modules" / "zero.md").symlink_to("/dev/zero")
    (pack / "modules" / "nothing.md").symlink_to("nothing")
    (pack / "modules" / "itself.md").symlink_to("itself.md")
    (pack / "images" / "secret.svg").symlink_to(outside / "secret.md")
    (pack / "locales" / "de").symlink_to(outside)
    (pack / "locales" / "cy" / "others").symlink_to(outside)
    (pack / "pathways-2").symlink_to(outside)
    (pack / "README.md").unlink(missing_ok=True)
    (pack / "README.md").symlink_to(outside / "secret.md")
    return pack


@_recipe
def folder_whose_manifest_is_a_link(folder: Path) -> Path:
    """What stands outside would be the pack's own description."""
    pack = make_pack(folder, **{PACK: None})
    (pack / PACK).symlink_to(folder / "outside" / PACK)
    return pack


@_recipe
def folder_whose_modules_are_a_link(folder: Path) -> Path:
    """What lies outside would be the pack's modules."""
    pack = make_pack(folder)
    (pack / "modules").rename(folder / "modules")
    (pack / "modules").symlink_to(folder / "outside")
    return pack


@_recipe
def folder_of_pipes_and_sockets(folder: Path) -> Path:
    """Opening one would wait for ever."""
    pack = make_pack(folder)
    os.mkfifo(pack / "modules" / "pipe.md")
    os.mkfifo(pack / "images" / "pipe.png")
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(pack / "modules")  # a socket's path may only be short
        try:
            listener.bind("socket.md")
        finally:
            os.chdir(here)
    return pack


@_recipe
def folder_of_odd_names(folder: Path) -> Path:
    """Names of bytes that are no text, that move the cursor, or that other systems refuse."""
    pack = make_pack(folder)
    names = [
        b"\xff\xfe.md",
        b"\x1b[2J.md",
        b"a\nb.md",
        b"con.md",
        b" .md",
        b"a" * 250 + b".md",
        "\uff41.md".encode(),
        b"-rf",
    ]
    for name in names:
        (pack / "modules" / os.fsdecode(name)).write_bytes(b"x")
    return pack


@_recipe
def folder_of_ten_thousand_files(folder: Path) -> Path:
    """Twice as many as a pack may have."""
    pack = make_pack(folder)
    for number in range(2 * MAX_FILES):
        os.close(os.open(pack / "modules" / f"m{number}.md", os.O_CREAT | os.O_WRONLY))
    return pack


@_recipe
def folder_of_deep_folders(folder: Path) -> Path:
    """Folders in folders, as deep as paths go."""
    pack = make_pack(folder)
    deep = pack / "modules"
    for _ in range(400):
        deep /= "deeper"
    deep.mkdir(parents=True)
    return pack


@_recipe
def folder_of_sixty_five_mib(folder: Path) -> Path:
    """More than a pack may have in all, in files that are each within bounds."""
    return _with_companions(folder, [MAX_TEXT] * (65 * 1024 * 1024 // MAX_TEXT))


@_recipe
def folder_of_files_too_large(folder: Path) -> Path:
    """Files of a terabyte of holes."""
    pack = make_pack(folder)
    for name in ("modules/holes.md", "images/holes.png", "README-holes.md"):
        with (pack / name).open("wb") as file:
            file.truncate(1024**4)
    return pack


@_recipe
def folder_of_exactly_as_many_bytes(folder: Path) -> Path:
    """All that a pack may have, and not one byte more."""
    left = MAX_TOTAL - sum(map(len, pack_files().values()))
    return _with_companions(folder, [MAX_TEXT] * (left // MAX_TEXT) + [left % MAX_TEXT])


@_recipe
def folder_of_exactly_as_many_files(folder: Path) -> Path:
    """All that a pack may have, folders counted."""
    counted = len(list(make_pack(folder).rglob("*")))
    return _with_companions(folder, [1] * (MAX_FILES - counted))


@_recipe
def folder_with_a_file_of_exactly_its_size(folder: Path) -> Path:
    """The largest image and the largest module."""
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><desc>%s</desc></svg>'
    image, words = svg % (b"x" * (MAX_IMAGE - len(svg) + 2)), worded("a")
    return make_pack(folder, **{"images/breathe.svg": image, FIRST: words + "\n" * (MAX_TEXT - len(words))})


def _with_companions(folder: Path, sizes: Sequence[int]) -> Path:
    """The small pack with companions of these sizes."""
    pack = make_pack(folder)
    for number, size in enumerate(sizes):
        (pack / f"README-{number}").write_bytes(b"x" * size)
    return pack
