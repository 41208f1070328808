"""The plainest tar there is: regular files in POSIX ustar headers that say nothing but name, size and checksum.

What `header` would not have written is not read, so that no link, device, path or extension needs a rule of its own.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

BLOCK: Final = 512
END: Final = bytes(2 * BLOCK)
NAME_BYTES: Final = 100
_SIZE: Final = slice(124, 135)
_NAME: Final = slice(0, NAME_BYTES)


class Member(NamedTuple):
    """A file in an archive, and where its bytes begin."""

    name: str
    size: int
    offset: int


class TarError(ValueError):
    """The archive is none of ours; `name` is the member at which that shows, if it has got so far."""

    def __init__(self, reason: str, name: str = "") -> None:
        self.name = name
        super().__init__(reason)


def header(name: str, size: int) -> bytes:
    """A file's header: mode 0644, no owner, no time. The name is of at most NAME_BYTES ASCII characters."""
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.USTAR_FORMAT, "ascii", "strict")


def padding(size: int) -> bytes:
    """What follows so many bytes of a file, up to the next block."""
    return bytes(-size % BLOCK)


def members(file: BinaryIO, most: int) -> Iterator[Member]:
    """The files of an archive that lies in an open file, in their order. Raises TarError.

    `most` is how many there may be. Their bytes are passed over, and the file must be as long as they say.
    """
    length = file.seek(0, 2)
    position = count = 0
    while True:
        file.seek(position)
        data = file.read(BLOCK)
        if not any(data):
            file.seek(position)
            if file.read(len(END) + 1) != END:
                raise TarError("the archive is cut short, or something follows its end")
            return
        member = _member(data, position + BLOCK)
        count += 1
        position = member.offset + member.size + len(padding(member.size))
        if count > most:
            raise TarError(f"the archive has more than {most:,} members")
        if position > length:
            raise TarError("the archive is cut short", member.name)
        yield member


def _member(data: bytes, offset: int) -> Member:
    name, size = data[_NAME].split(b"\0", 1)[0], data[_SIZE]
    try:
        member = Member(name.decode("ascii"), int(size, 8), offset)
        expected = header(member.name, member.size)
    except ValueError:
        raise TarError("this is not an archive that `coachkit org export` wrote") from None
    if expected != data:
        raise TarError("a member is no plain file, or its header is not as `coachkit org export` writes it")
    return member
