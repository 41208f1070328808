"""Markdown texts that stand in no pack: each with what it may name as bytes, compiled, and what comes of all as bytes.

So another process can compile them. Knows neither who wants them nor where they are compiled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

import orjson

from coachkit.packs import markdown, parts
from coachkit.packs.directives import Directive
from coachkit.packs.findings import Findings
from coachkit.packs.markdown import Written
from coachkit.packs.markdown_check import Surroundings
from coachkit.packs.model import MarkdownText, Place
from coachkit.packs.progress import Meter, unmetered
from coachkit.packs.source import Source


def dump(text: str, around: Surroundings) -> bytes:
    """A text and all that it may name but directives, which are code."""
    page = parts.reference_to_json(around.page)
    return orjson.dumps({**asdict(replace(around, directives={})), "page": page, "text": text})


def compile_all(
    source: Source, directives: Sequence[tuple[str, Directive]], findings: Findings, meter: Meter = unmetered
) -> bytes:
    """Each of the source's files, which `dump` wrote, compiled, but for those that are closed; `load` reads the result.

    Of two directives with one name the first counts. A problem's file is that of its text.
    """
    by_name = {directive.name: directive for _, directive in reversed(directives)}
    written = {}
    for path, data in source.files.items():
        if path in source.closed:
            continue
        with meter(path):
            text, around = _read(data, by_name)
            found = Findings()
            made = markdown.section(MarkdownText(path, None, text, Place(path)), around, found)
            findings.extend(found)
            written[path] = [parts.to_json(made.html), parts.to_json(made.markdown), sorted(made.directives)]
    return orjson.dumps(written)


def load(data: bytes) -> Mapping[str, Written]:
    """What `compile_all` made, by path: each text in both forms with the directives it uses, and nothing else of it."""
    return {
        path: Written(parts.from_json(html), parts.from_json(portable), directives=frozenset(used))
        for path, (html, portable, used) in orjson.loads(data).items()
    }


def _read(data: bytes, directives: Mapping[str, Directive]) -> tuple[str, Surroundings]:
    given = orjson.loads(data)
    page = parts.reference_from_json(given.pop("page"))
    return given.pop("text"), Surroundings(**{**given, "page": page, "directives": directives})
