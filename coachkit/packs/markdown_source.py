"""Splits an author's Markdown file into front matter and texts, each with its place in the file.

Finds where sections start and nothing else: what stands inside them is the compiler's.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from markdown_it import MarkdownIt

from coachkit.packs.findings import Findings, nearest
from coachkit.packs.model import NAME_LENGTH, NAME_PATTERN, MarkdownText, Place
from coachkit.packs.yaml_source import Loaded, load

BODY = "body"
"""The id of a template's one text."""

_FENCE = "---"
_HEADING = re.compile(r"(?P<title>.*?)(?:\s*\{#(?P<id>[^}]*)\})?\s*#*\s*")
_NAME = re.compile(NAME_PATTERN, re.ASCII)


@dataclass(frozen=True)
class Parts:
    """A Markdown file in two: its front matter (None if it cannot be used) and the lines below, from `first_line`.

    `has_front` says whether the file has front matter, usable or not.
    """

    front: Loaded | None
    body: str
    first_line: int
    has_front: bool = True


def split(text: str, file: str, findings: Findings, *, optional: bool = False) -> Parts:
    """Separate the front matter from what follows; it may be left out altogether where it is `optional`."""
    lines = text.split("\n")
    if lines[0].rstrip() != _FENCE:
        if not optional:
            _missing(file, 1, "the file does not start with front matter", findings)
        return Parts(load("", file, findings) if optional else None, text, 1, has_front=False)
    end = next((number for number in range(1, len(lines)) if lines[number].rstrip() == _FENCE), None)
    if end is None:
        _missing(file, 1, "the front matter has no end", findings)
        return Parts(None, "", len(lines))
    front = load("\n".join(lines[1:end]), file, findings, first_line=2)
    return Parts(front, "\n".join(lines[end + 1 :]), end + 2)


def _missing(file: str, line: int, message: str, findings: Findings) -> None:
    hint = "put title, summary and the rest between two lines of ---"
    findings.error(Place(file, line, 1), "front-matter-missing", message, hint)


def body(parts: Parts, file: str, findings: Findings, *, optional: bool = False) -> tuple[MarkdownText, ...]:
    """The one text of a template; an empty one is an error, or none at all where it is `optional`."""
    text = _text(BODY, None, parts.body.split("\n"), parts.first_line, file)
    if text.markdown:
        return (text,)
    if not optional:
        findings.error(Place(file, parts.first_line, 1), "missing-key", "there is no text below the front matter")
    return ()


def sections(
    parts: Parts, file: str, findings: Findings, *, optional: bool = False, known: Collection[str] | None = None
) -> tuple[MarkdownText, ...]:
    """The sections of a module in the order written; none at all only where they are `optional`.

    Of a translation, `known` are the ids of the sections there are to translate.

    A section starts at a `## Title {#id}` outside lists, quotes and code. Those without a usable id are reported
    and left out, those with an id that is taken too.
    """
    lines = parts.body.split("\n")
    starts = _starts(parts.body)
    if parts.has_front or optional:
        _refuse_text_before(lines[: starts[0] if starts else len(lines)], parts.first_line, file, findings)
    if not starts and not optional:
        place = Place(file, parts.first_line, 1)
        findings.error(place, "missing-key", "the module has no section", "start one with ## Title {#id}")
    found: dict[str, MarkdownText] = {}
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=False):
        place = Place(file, parts.first_line + start, 1)
        section = _section(lines[start:end], place, findings)
        if section is None:
            continue
        if section.id in found:
            findings.error(place, "duplicate-id", f"a section has the id “{section.id}” already", "choose another id")
            continue
        if known is not None and section.id not in known:
            hint = nearest(section.id, known) or f"the sections are {', '.join(known)}"
            findings.error(place, "translation-of-nothing", f"there is no section “{section.id}” to translate", hint)
            continue
        found[section.id] = section
    return tuple(found.values())


def _starts(text: str) -> list[int]:
    """The lines, from 0, at which sections start."""
    parser = MarkdownIt("commonmark").enable("table")
    parser.core.ruler.enableOnly(["normalize", "block"])
    return [
        token.map[0]
        for token in parser.parse(text)
        if token.type == "heading_open" and token.level == 0 and token.markup == "##" and token.map
    ]


def _refuse_text_before(lines: list[str], first_line: int, file: str, findings: Findings) -> None:
    for number, line in enumerate(lines):
        if not line.strip():
            continue
        place = Place(file, first_line + number, len(line) - len(line.lstrip()) + 1)
        if re.match(r" {0,3}#(?:\s|$)", line):
            hint = "the title stands in the front matter; sections start with ##"
            findings.error(place, "heading-level", "a heading of level 1 stands here", hint)
        else:
            hint = "start a section above it with ## Title {#id}"
            findings.error(place, "text-before-section", "text stands before the first section", hint)
        return


def _section(lines: list[str], place: Place, findings: Findings) -> MarkdownText | None:
    """One section from its heading, at `place`, on; None, with the reason reported, if it has no usable id."""
    line = lines[0]
    match = _HEADING.fullmatch(line.strip().removeprefix("##").strip())
    title, name = (match["title"].strip(), match["id"]) if match else ("", None)
    if not title:
        findings.error(place, "invalid-value", "the section has no title", "write ## Title {#id}")
    elif "{{" in title:
        at = Place(place.file, place.line, line.index("{{") + 1)
        hint = "a title is plain text; put the placeholder into the text below"
        findings.error(at, "placeholder-not-here", "“{{” cannot stand in a section's title", hint)
    if name is None:
        hint = f"write ## {title or 'Title'} {{#{_suggested(title)}}}"
        findings.error(place, "section-id-missing", "the section has no id", hint)
        return None
    at = Place(place.file, place.line, line.rindex("{#") + 3)
    if not _NAME.fullmatch(name) or len(name) > NAME_LENGTH:
        message = f"“{name[:NAME_LENGTH]}” is not a name"
        findings.error(at, "invalid-value", message, f"write {{#{_suggested(name)}}}, for instance")
        return None
    text = _text(name, title, lines[1:], (place.line or 1) + 1, place.file)
    if not text.markdown:
        findings.error(place, "invalid-value", "the section has no text", "write some, or leave the section out")
    return text


def _suggested(text: str) -> str:
    """A name made of a title's words."""
    words = re.findall(r"[a-z0-9]+", text.lower())
    return "-".join(words)[:NAME_LENGTH].strip("-") or "section"


def _text(name: str, title: str | None, lines: list[str], first_line: int, file: str) -> MarkdownText:
    """The lines without blank ones around them."""
    filled = [number for number, line in enumerate(lines) if line.strip()]
    first, last = (filled[0], filled[-1]) if filled else (0, -1)
    return MarkdownText(name, title, "\n".join(lines[first : last + 1]), Place(file, first_line + first, 1))
