"""Packs whose files mean harm: bombs of YAML, Markdown, SVG and images, each the small valid pack with few changes."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

from packmaker import FILES, PACK, Change, make_pack, module

from coachkit.packs.source import MAX_IMAGE, MAX_TEXT

Recipe = Callable[[Path], Path]
"""Makes a pack in a folder and gives what to name to a command."""

FIRST, LIST, WELSH = "modules/first-hour.md", "checklists/before-you-reply.yaml", "locales/cy/modules/first-hour.md"
CONTENTS: dict[str, Recipe] = {}


def files(name: str, **changes: Change) -> None:
    """A recipe that changes files of the small pack."""
    CONTENTS[name] = lambda folder: make_pack(folder, **changes)


# --- YAML ---------------------------------------------------------------------------------------


def _front(text: str) -> Mapping[str, Change]:
    """A module with this in its front matter."""
    body = FILES[FIRST].partition("---\n")[2].partition("---\n")[2]
    return {FIRST: f"---\n{text}\n---\n{body}"}


def _yaml(name: str, text: str) -> None:
    files(name, **{LIST: text})


_LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)
_MERGES = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 12))

_yaml("yaml-aliases", _LAUGHS)
_yaml("yaml-merge-keys", _MERGES)
_yaml("yaml-an-alias-of-itself", "a: &a [*a]\n")
_yaml("yaml-brackets", "[" * 50_000)
_yaml("yaml-brackets-closed", "a: " + "[" * 50_000 + "]" * 50_000)
_yaml("yaml-braces", "{a: " * 50_000)
_yaml("yaml-dashes", "- " * 50_000)
_yaml("yaml-question-marks", "? " * 50_000)
_yaml("yaml-indentation", "".join(f"{' ' * n}a:\n" for n in range(1_000)))
_yaml("yaml-many-keys", "".join(f"k{n}: 1\n" for n in range(40_000)))
_yaml("yaml-one-key-again", "k: 1\n" * 80_000)
_yaml("yaml-long-scalar", "title: " + "x" * (MAX_TEXT - 20))
_yaml("yaml-long-quoted", 'title: "' + "\\n" * (MAX_TEXT // 2 - 20) + '"')
_yaml("yaml-long-block", "title: >\n" + "  x\n" * (MAX_TEXT // 4 - 10))
_yaml("yaml-long-number", "title: " + "9" * (MAX_TEXT - 20))
_yaml("yaml-long-key", "k" * (MAX_TEXT - 20) + ": 1")
_yaml("yaml-an-open-quote", "title: '" + "x\n" * (MAX_TEXT // 2 - 20))
_yaml("yaml-comments", "#\n" * (MAX_TEXT // 2))
_yaml("yaml-colons", "a: " * 100_000)
_yaml("yaml-directives", "%A\n" * 100_000)
_yaml("yaml-documents", "--- a\n" * 80_000)
_yaml("yaml-tags", "a: !!python/object/apply:os.system [id]\n" * 10_000)
_yaml("yaml-tabs", "\t" * MAX_TEXT)
_yaml("yaml-wrong-places", "items:\n" + "- {id: 1, x: }\n" * 6_000)
_yaml("yaml-targets", FILES[LIST] + "related:\n" + "".join(f"- module/nobody-{n}\n" for n in range(19_000)))
files("yaml-in-front", **_front(_LAUGHS))
files("yaml-in-front-unclosed", **{FIRST: "---\n" + "a: [\n" * 100_000})
files("yaml-manifest", **{PACK: FILES[PACK] + "requires:\n" + "".join(f"  p{n}: '>=1'\n" for n in range(9_000))})
files(
    "yaml-placeholders",
    **{
        PACK: FILES[PACK].replace(
            "support:", "".join(f"  x{n}: {{type: t, label: {{cy: a}}}}\n" for n in range(3_000)) + "support:"
        )
    },
)


# --- Markdown -----------------------------------------------------------------------------------


def worded(text: str) -> str:
    """The first module with this text in its first section, and a second one as there was."""
    return FILES[FIRST].partition("## ")[0] + f"## One {{#feel}}\n\n{text}\n\n## Two {{#step}}\n\nA word.\n"


def _markdown(name: str, text: str) -> None:
    files(f"markdown-{name}", **{FIRST: worded(text)})


SECTION = 250 * 1024
"""Bytes that fit into a section."""


def _repeated(unit: str, size: int = SECTION) -> str:
    return unit * (size // len(unit.encode()))


_markdown("reference-bomb", "[a]: https://a.org/" + "y" * 2_000 + "\n\n" + "[a] " * 2_000)
_markdown("reference-titles", "[a]: https://a.org '" + "y" * 50_000 + "'\n\n" + "[a] " * 4_000)
_markdown("definitions", _repeated("[a]: b\n", 30_000))
_markdown("quotes", ">" * SECTION)
_markdown("quotes-by-line", _repeated("> " * 500 + "a\n"))
_markdown("lists", "".join(" " * n + "- a\n" for n in range(700)))
_markdown("lists-on-a-line", "- " * (SECTION // 2))
_markdown("numbers", "1. " * (SECTION // 3))
_markdown("links", "[" * 2_400 + "a" + "](second)" * 2_400)
_markdown("images", "![" * 2_400 + "a" + "](images/breathe.svg)" * 2_400)
_markdown("brackets", "[" * SECTION)
_markdown("emphasis", _repeated("*a **b _c __d "))
_markdown("emphasis-open", _repeated("**a *"))
_markdown("emphasis-closed", _repeated("a** a* "))
_markdown("stars", "*" * SECTION)
_markdown("underlines", _repeated("_a_"))
_markdown("backticks", "".join("`" * n + " " for n in range(1, 700)))
_markdown("backtick-run", "`" * SECTION)
_markdown("fences", _repeated("```\n", 39_000))
_markdown("table-wide", "|" + "a|" * 20_000 + "\n|" + "-|" * 20_000 + "\n" + "|x\n" * 9_000)
_markdown("table-long", "|a|b|\n|-|-|\n" + "|a|b\n" * 9_900)
_markdown("table-grown", "|" + "a|" * 250 + "\n|" + "-|" * 250 + "\n" + "|x\n" * 260)
_markdown("entities", _repeated("&amp;"))
_markdown("entities-unknown", _repeated("&" + "a" * 30 + ";"))
_markdown("escapes", "\\" * SECTION)
_markdown("placeholders", _repeated("{{careers_email}} "))
_markdown("braces", "{{" * (SECTION // 2))
_markdown("boxes", "".join(":" * (n + 3) + "tip\n" for n in range(700, 0, -1)))
_markdown("boxes-open", _repeated(":::tip\n", 69_000))
_markdown("colons", ":" * SECTION)
_markdown("tabs", "\t" * SECTION)
_markdown("headings", _repeated("### a\n", 59_000))
_markdown("underlined-headings", _repeated("a\n-\n", 39_000))
_markdown("autolinks", _repeated("<https://a.org/>"))
_markdown("angle-brackets", "<" * SECTION)
_markdown("comments", "<!--" * (SECTION // 4))
_markdown("line-breaks", _repeated("a  \n", 39_000))
_markdown("one-line", "a" * SECTION)
_markdown("marks", "e" + "\u0301" * (SECTION // 2 - 10))
_markdown("right-to-left", "\u202e\u2066" * (SECTION // 6))
files("markdown-sections", **{FIRST: worded("a") + "".join(f"## S {{#s{n}}}\n\na\n" for n in range(25_000))})
files("markdown-sections-without-id", **{FIRST: worded("a") + "## S\n\na\n" * 25_000})
files("markdown-title", **{FIRST: worded("a") + "## " + "S {#" * 100_000})
files("markdown-hashes", **{FIRST: worded("a") + "## " + " #" * 200_000 + "x"})
files(
    "markdown-many-sections-that-cost",
    **{FIRST: worded("a") + "".join(f"\n## S {{#s{n}}}\n\n" + "a**b" * 25_000 for n in range(4))},
)
files("markdown-translation", **{WELSH: "---\ntranslation: {status: draft}\n---\n## S {#feel}\n\n" + _repeated("a**b")})


# --- text ---------------------------------------------------------------------------------------

files("text-nul", **{FIRST: b"\0" * MAX_TEXT})
files("text-not-utf-8", **{FIRST: b"\xff" * MAX_TEXT})
files("text-overlong-utf-8", **{FIRST: b"\xc0\xaf" * 1_000})
files("text-surrogates", **{FIRST: "\ud800".encode("utf-8", "surrogatepass") * 1_000})
files("text-carriage-returns", **{FIRST: b"\r" * MAX_TEXT})
files("text-private-use", **{FIRST: "\ue000" * 100_000})


# --- images -------------------------------------------------------------------------------------


def _svg(name: str, inside: str, head: str = "") -> None:
    svg = f'{head}<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">{inside}</svg>'
    files(f"svg-{name}", **{"images/breathe.svg": svg})


_ENTITIES = (
    '<!DOCTYPE svg [<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12)) + "]>"
)
_svg("entities", "<text>&a11;</text>", _ENTITIES)
_svg("entity-outside", "<text>&a;</text>", '<!DOCTYPE svg [<!ENTITY a SYSTEM "file:../../outside/secret.md">]>')
_svg("entity-parameters", "", '<!DOCTYPE svg [<!ENTITY % a "b"> %a; %a;]>')
_svg("quadratic", "<text>" + "&a;" * 50_000 + "</text>", f'<!DOCTYPE svg [<!ENTITY a "{"x" * 50_000}">]>')
_svg("nesting", "<g>" * 300_000)
_svg("nesting-closed", "<g>" * 140_000 + "</g>" * 140_000)
_svg("path", f'<path d="{"M0 0L9 9" * 200_000}"/>')
_svg("attributes", "<g " + " ".join(f'a{n}="1"' for n in range(150_000)) + "/>")
_svg("names", "".join(f"<a{n}/>" for n in range(200_000)))
_svg("namespaces", "<g " + " ".join(f'xmlns:a{n}="u{n}"' for n in range(50_000)) + "/>")
_svg("uses", '<g id="a"><use href="#a"/><use href="#a"/></g>')
_svg("script", "<script>alert(1)</script>")
_svg("comment", f"<!--{'-' * 1_900_000}-->")
_svg("start", "", "<!---->" * 580)
_svg("start-open", "", "<!--" * 1_000)
_svg("instructions", "<?a?>" * 300_000)
_svg("outside", '<image href="file:../../outside/secret.md"/>')
files("svg-utf-16", **{"images/breathe.svg": ("<svg>" + "<g>" * 100_000).encode("utf-16")})
files("svg-declared-encoding", **{"images/breathe.svg": '<?xml version="1.0" encoding="hz"?><svg/>'})


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(width: int, height: int, *more: bytes) -> bytes:
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(more) + _chunk(b"IEND", b"")


files("png-of-four-thousand-million-pixels-a-side", **{"images/big.png": _png(2**32 - 1, 2**32 - 1)})
files("png-without-a-side", **{"images/none.png": _png(0, 9)})
files(
    "png-inflating", **{"images/bomb.png": _png(4_096, 4_096, _chunk(b"IDAT", zlib.compress(bytes(64 * 1024 * 1024))))}
)
files("jpeg-of-fill-bytes", **{"images/fill.jpg": b"\xff" * MAX_IMAGE})
files("jpeg-of-segments", **{"images/segments.jpg": b"\xff\xd8" + b"\xff\xe0\0\2" * (MAX_IMAGE // 4 - 2)})
files("jpeg-of-empty-segments", **{"images/segments.jpg": b"\xff\xd8" + b"\xff\xe0\0\0" * (MAX_IMAGE // 4 - 2)})
files("jpeg-giant", **{"images/giant.jpg": b"\xff\xd8\xff\xc0\0\x11\x08\xff\xff\xff\xff" + bytes(9)})
files("webp-giant", **{"images/giant.webp": b"RIFF\0\0\0\0WEBPVP8X" + bytes(8) + b"\xff" * 6})
files("image-of-nothing", **{"images/nothing.png": b""})


# --- packs that cost as a whole -------------------------------------------------------------------


COSTS = worded(_repeated("<https://a.org/>")) + "\n## S {#s}\n\n" + _repeated("_a_")
"""A module that costs more than a file may, whatever the machine."""


def _many_files_that_cost(folder: Path) -> Path:
    """More modules that cost more than a file may than are given up one by one."""
    return make_pack(folder, **{f"modules/costs-{number}.md": COSTS for number in range(8)})


def _many_translations_of_nothing(folder: Path) -> Path:
    """Each is told which original it is nearest to, of thousands."""
    originals = {f"modules/m{number}.md": module("M") for number in range(500)}
    return make_pack(folder, **originals, **{f"locales/cy/modules/n{number}.md": "a" for number in range(500)})


CONTENTS["many-files-that-cost"] = _many_files_that_cost
CONTENTS["many-translations-of-nothing"] = _many_translations_of_nothing
