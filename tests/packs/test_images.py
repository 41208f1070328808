from __future__ import annotations

import struct
import zlib

import pytest
from cputime import cpu_seconds
from hypothesis import given
from hypothesis import strategies as st
from packmaker import FILES

from coachkit.packs.findings import Findings
from coachkit.packs.images import read_image, size

SVG = FILES["images/breathe.svg"]


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def jpeg(width: int, height: int, frame: int = 0xC0) -> bytes:
    comment = b"\xff\xfe\x00\x06abcd"
    tables = b"\xff\xc4\x00\x04ab"
    start = bytes([0xFF, frame]) + struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\x01\x11\x00"
    return b"\xff\xd8\xff\xe0\x00\x06JFIF" + comment + b"\xff" + tables + start


def webp(kind: bytes, body: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", len(body) + 12) + b"WEBP" + kind + struct.pack("<I", len(body)) + body


def lossy(width: int, height: int) -> bytes:
    return webp(b"VP8 ", b"\x00\x00\x00\x9d\x01\x2a" + struct.pack("<HH", width, height) + bytes(4))


def lossless(width: int, height: int) -> bytes:
    return webp(b"VP8L", b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14) + bytes(8))


def extended(width: int, height: int) -> bytes:
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return webp(b"VP8X", bytes(4) + sides)


def problems(path: str, data: bytes | str):
    findings = Findings()
    image = read_image(path, data.encode() if isinstance(data, str) else data, findings)
    assert (image is None) == findings.failed
    return [(p.line, p.column, p.code, p.message) for p in findings.problems]


def svg(inner: str, attributes: str = "") -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" {attributes}>{inner}</svg>'
    )


@pytest.mark.parametrize(
    ("path", "data", "kind"),
    [
        ("images/a.png", png(10, 20), "image/png"),
        ("images/a.jpg", jpeg(10, 20), "image/jpeg"),
        ("images/a.jpeg", jpeg(10, 20, 0xC2), "image/jpeg"),
        ("images/a.webp", lossy(10, 20), "image/webp"),
        ("images/a.webp", lossless(10, 20), "image/webp"),
        ("images/a.webp", extended(10, 20), "image/webp"),
        ("images/a.svg", SVG.encode(), "image/svg+xml"),
        ("images/a.svg", b'<?xml version="1.0" encoding="UTF-8"?>\n<!-- A -->\n' + SVG.encode(), "image/svg+xml"),
    ],
)
def test_an_image_is_what_its_bytes_say(path, data, kind):
    """Each format that is served is known by its first bytes."""
    findings = Findings()
    image = read_image(path, data, findings)
    assert findings.problems == ()
    assert image is not None
    assert (image.path, image.media_type, image.data) == (path, kind, data)


@pytest.mark.parametrize("make", [png, jpeg, lossy, lossless, extended])
@given(sides=st.tuples(st.integers(1, 4096), st.integers(1, 4096)))
def test_the_size_is_read_from_the_header(make, sides):
    """Every width and height a format can write is read back."""
    kind = {png: "image/png", jpeg: "image/jpeg"}.get(make, "image/webp")
    assert size(kind, make(*sides)) == sides


@pytest.mark.parametrize(
    "data", [png(4097, 1), png(1, 4097), png(0, 1), jpeg(5000, 10), lossless(4097, 1), extended(9999, 1)]
)
def test_an_image_of_too_many_pixels_is_refused(data):
    """4096 a side is the most."""
    suffix = {b"\x89": "png", b"\xff": "jpg", b"R": "webp"}[data[:1]]
    assert [p[2] for p in problems(f"images/a.{suffix}", data)] == ["too-large"]


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("images/a.png", jpeg(1, 1)),
        ("images/a.jpg", png(1, 1)),
        ("images/a.svg", png(1, 1)),
        ("images/a.png", SVG),
        ("images/a.png", b"GIF89a"),
        ("images/a.png", b""),
        ("images/a.png", b"<html><script>alert(1)</script></html>"),
        ("images/a.svg", "<html xmlns='http://www.w3.org/1999/xhtml'/>"),
        ("images/a.png", png(1, 1)[:20]),
        ("images/a.jpg", jpeg(1, 1)[:20]),
        ("images/a.webp", lossy(1, 1)[:20]),
    ],
)
def test_bytes_that_are_not_what_the_name_says_are_refused(path, data):
    """The extension and the bytes agree, or it is an error about the file."""
    assert [p[2] for p in problems(path, data)] == ["bad-image"]


@given(st.binary(max_size=80), st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBP", b"<svg "]))
def test_no_bytes_make_reading_raise(data, start):
    """An image is read or refused."""
    for suffix in ("png", "jpg", "webp", "svg"):
        problems(f"images/a.{suffix}", start + data)


ALLOWED = [
    '<g transform="translate(1 2) rotate(3)"><path d="M0 0L1 1" fill="rgb(1,2,3)" stroke="#fff"/></g>',
    '<defs><linearGradient id="a"><stop offset="0" stop-color="red"/></linearGradient></defs><rect fill="url(#a)"/>',
    '<defs><path id="b" d="M0 0"/></defs><use href="#b"/><use xlink:href="#b" x="3"/>',
    '<text x="1"><tspan xml:space="preserve">Words</tspan></text><title>T</title><desc>D</desc>',
    '<marker id="m" markerWidth="3"><circle r="1"/></marker><line marker-end="url(#m)" x2="3"/>',
]


@pytest.mark.parametrize("inner", ALLOWED)
def test_shapes_text_gradients_and_markers_are_served(inner):
    """What drawing programs write in plain SVG passes."""
    assert problems("images/a.svg", svg(inner)) == []


REFUSED = [
    "<script>alert(1)</script>",
    "<style>*{fill:url(https://example.org/x)}</style>",
    "<foreignObject><p/></foreignObject>",
    '<a href="https://example.org"><rect/></a>',
    '<image href="https://example.org/x.png"/>',
    '<animate attributeName="href" to="javascript:alert(1)"/>',
    '<set attributeName="href" to="x"/>',
    '<rect onclick="alert(1)"/>',
    '<rect style="fill:red"/>',
    '<rect fill="url(https://example.org/x)"/>',
    '<rect fill="URL( https://example.org/x )"/>',
    '<rect fill="u\\72l(https://example.org/x)"/>',
    '<rect fill="url(#a) url(https://example.org/x)"/>',
    "<rect fill=\"image-set('https://example.org/x')\"/>",
    '<use href="https://example.org/x.svg#a"/>',
    '<use xlink:href="data:image/svg+xml,x#a"/>',
    '<use href="other.svg#a"/>',
    '<script xmlns="http://www.w3.org/1999/xhtml">alert(1)</script>',
    '<rect xmlns="urn:x"/>',
    '<g id="a"><use href="#b"/></g>',
    '<g id="a"><g><use href="#b"/></g></g>',
    '<marker id="m"><use href="#b"/></marker>',
    '<marker id="m"><path marker-mid="url(#n)"/></marker>',
    "<?xml-stylesheet href='https://example.org/x.css'?>",
]


@pytest.mark.parametrize("inner", REFUSED)
def test_what_runs_moves_repeats_or_leads_outside_is_refused(inner):
    """An SVG that could do more than be looked at is an error at the element's line."""
    found = problems("images/a.svg", svg(f"\n{inner}"))
    assert {(line, code) for line, _, code, _ in found} == {(2, "bad-image")}


@pytest.mark.parametrize(
    "data",
    [
        '<!DOCTYPE svg [<!ENTITY a "b">]>' + svg("&a;"),
        '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">' + svg(""),
        svg("&undeclared;"),
        svg("<g>"),
        '<?xml version="1.0" encoding="ISO-2022-JP"?>' + svg(""),
        svg("<g>" * 101 + "</g>" * 101),
        svg("<rect/>" * 20_001),
        svg("").encode() + b"\xff",
        svg("\x01"),
        "<svg/>",
    ],
    ids=range(10),
)
def test_svg_that_is_hostile_or_broken_is_refused(data):
    """Entities, document types, other encodings, depth, number, bytes that are no text, no namespace."""
    assert {p[2] for p in problems("images/a.svg", data)} == {"bad-image"}


def test_an_svg_of_too_many_pixels_is_refused():
    """Where it says its size in pixels, the same bound holds; where not, it has none."""
    assert [p[2] for p in problems("images/a.svg", svg("", 'width="5000px" height="10"'))] == ["too-large"]
    assert problems("images/a.svg", svg("", 'width="100%" height="20em"')) == []


@pytest.mark.parametrize(
    "inner", ["<g>" * 250_000, "<rect/>" * 250_000, "a" * 2_000_000, '<g a="' + "(" * 2_000_000 + '"/>']
)
def test_no_svg_takes_long_to_read(inner):
    """An SVG of the greatest size is read or refused within 4 s of CPU."""
    assert cpu_seconds(lambda: problems("images/a.svg", svg(inner))) < 4
