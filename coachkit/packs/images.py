"""Finds out what an image is by its bytes, how large it is by its header, and refuses what is not a plain picture.

Knows formats; where an image is used is the compiler's.
"""

from __future__ import annotations

import re

from coachkit.packs.findings import Findings
from coachkit.packs.model import Image, Place
from coachkit.packs.svg import check_svg

MAX_SIDE = 4096
"""The most pixels a side may have."""

SUFFIXES = {
    "image/png": (".png",),
    "image/jpeg": (".jpg", ".jpeg"),
    "image/webp": (".webp",),
    "image/svg+xml": (".svg",),
}

Size = tuple[int, int]
_SVG_START = re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:svg[\s>/]|!DOCTYPE\s+svg)", re.DOTALL)
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""The JPEG markers that start a frame."""
_PIXELS = re.compile(r"([0-9]+(?:\.[0-9]+)?)(?:px)?")


def read_image(path: str, data: bytes, findings: Findings) -> Image | None:
    """The image of these bytes; None, with what is wrong reported, if it is none that can be served."""
    own = Findings()
    kind = media_type(data)
    if kind is None:
        hint = "images are PNG, JPEG, WebP or SVG"
        own.error(Place(path), "bad-image", "the file's bytes are no image that is served", hint)
    else:
        _check(path, kind, data, own)
    findings.extend(own)
    return None if own.failed or kind is None else Image(path, kind, data)


def _check(path: str, kind: str, data: bytes, findings: Findings) -> None:
    if not path.endswith(SUFFIXES[kind]):
        message = f"the file's bytes are {kind}"
        findings.error(Place(path), "bad-image", message, f"its name should end in {' or '.join(SUFFIXES[kind])}")
    _check_size(path, _svg_size(path, data, findings) if kind == "image/svg+xml" else size(kind, data), findings)


def media_type(data: bytes) -> str | None:
    """PNG, JPEG, WebP or SVG as a media type, by the first bytes; None for anything else."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return "image/svg+xml" if _SVG_START.match(data[:4_096]) else None


def size(kind: str, data: bytes) -> Size | None:
    """Width and height in pixels as the header of a PNG, JPEG or WebP says, None if it does not say."""
    return {"image/png": _png_size, "image/jpeg": _jpeg_size, "image/webp": _webp_size}[kind](data)


def _check_size(path: str, found: Size | None, findings: Findings) -> None:
    if found is None:
        findings.error(Place(path), "bad-image", "the image does not say how large it is", "save it again")
    elif not (0 < found[0] <= MAX_SIDE and 0 < found[1] <= MAX_SIDE):
        message = f"the image has {found[0]} by {found[1]} pixels"
        findings.error(Place(path), "too-large", message, f"at most {MAX_SIDE} a side")


def _png_size(data: bytes) -> Size | None:
    if data[12:16] != b"IHDR" or len(data) < 24:  # noqa: PLR2004 - where IHDR's height ends
        return None
    return int.from_bytes(data[16:20]), int.from_bytes(data[20:24])


def _jpeg_size(data: bytes) -> Size | None:
    """Of the first start-of-frame segment (ITU-T T.81, B.2.2)."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:  # noqa: PLR2004 - the byte that starts each marker
        marker = data[at + 1]
        if marker == 0xFF:  # noqa: PLR2004 - a fill byte
            at += 1
        elif marker in _FRAMES:
            return int.from_bytes(data[at + 7 : at + 9]), int.from_bytes(data[at + 5 : at + 7])
        else:
            at += 2 + max(2, int.from_bytes(data[at + 2 : at + 4]))
    return None


def _webp_size(data: bytes) -> Size | None:
    """Of the first chunk: lossy, lossless or extended (RFC 9649)."""
    chunk, body = data[12:16], data[20:30]
    if len(body) < 10:  # noqa: PLR2004 - as far as each header is read
        return None
    if chunk == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF
    if chunk == b"VP8L" and body[0] == 0x2F:  # noqa: PLR2004 - the signature
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    return None


def _svg_size(path: str, data: bytes, findings: Findings) -> Size | None:
    """Width and height of an SVG where they are in pixels; one pixel, which is always right, where they are not."""
    written = check_svg(data, path, findings)
    if written is None:
        return 1, 1
    sides = [_PIXELS.fullmatch(side.strip()) if side else None for side in written]
    width, height = (int(float(side[1][:10])) or 1 if side else 1 for side in sides)
    return width, height
