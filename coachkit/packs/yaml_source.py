"""Reads YAML strictly, remembering where each key and value stands and how it was written.

A subset of YAML 1.2's core schema: no anchors, aliases, merge keys or tags; one document; numbers as written.
Works on PyYAML's stream of events, so that every bound holds before anything is built, and nothing of
PyYAML's YAML 1.1 resolving is used. Knows nothing of what the keys mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import yaml

from coachkit.packs.findings import Findings
from coachkit.packs.model import Place
from coachkit.packs.text import REFUSED

MAX_DEPTH = 20
MAX_NODES = 20_000

Path = tuple[str | int, ...]
"""Mapping keys and list positions from the top."""

_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,30})", re.ASCII)
_DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,30})\.[0-9]{1,30}", re.ASCII)
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEAN = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_SHOWN = 60
"""The most characters of an author's text that a message quotes."""


@dataclass(frozen=True)
class Loaded:
    """One YAML document: plain data (dict, list, str, int, Decimal, bool, None) and where each part of it stands.

    `keys` and `values` map a path to the place of its key and of its value (a list's entry has no key). `written`
    has the author's own characters for each plain scalar that is not text: `1.0`, `true`, `~`.
    """

    data: Any
    keys: Mapping[Path, Place]
    values: Mapping[Path, Place]
    written: Mapping[Path, str]

    @property
    def top(self) -> Node:
        """The whole document, to walk through."""
        return Node(self, (), self.data)


@dataclass(frozen=True)
class Node:
    """A part of a document that may have any shape: what is asked of it that it is not comes back empty."""

    loaded: Loaded
    path: Path
    value: Any

    @property
    def place(self) -> Place:
        """Where the value stands."""
        return self.loaded.values[self.path] if self.path in self.loaded.values else self.loaded.values[()]

    @property
    def key_place(self) -> Place:
        """Where the key stands, or the value where there is none."""
        return self.loaded.keys.get(self.path, self.place)

    @property
    def text(self) -> str | None:
        """The value if it is text."""
        return self.value if isinstance(self.value, str) else None

    @property
    def number(self) -> int | Decimal | None:
        """The value if it is a number."""
        return self.value if isinstance(self.value, int | Decimal) and not isinstance(self.value, bool) else None

    def get(self, key: str) -> Node | None:
        """The value of a key, None if it is not there."""
        if isinstance(self.value, dict) and key in self.value:
            return Node(self.loaded, (*self.path, key), self.value[key])
        return None

    def text_of(self, key: str) -> str | None:
        """The text of a key, None if there is none."""
        node = self.get(key)
        return node.text if node else None

    def entries(self, key: str) -> list[Node]:
        """The entries of the list that is a key's value."""
        node = self.get(key)
        return node.listed() if node else []

    def listed(self) -> list[Node]:
        """The entries of the list that this is."""
        values = self.value if isinstance(self.value, list) else []
        return [Node(self.loaded, (*self.path, position), value) for position, value in enumerate(values)]

    def mapped(self, key: str) -> list[tuple[str, Node]]:
        """The keys and values of the mapping that is a key's value."""
        node = self.get(key)
        return node.pairs() if node else []

    def pairs(self) -> list[tuple[str, Node]]:
        """The keys and values of the mapping that this is."""
        values = self.value if isinstance(self.value, dict) else {}
        return [(key, Node(self.loaded, (*self.path, key), value)) for key, value in values.items()]


def load(text: str, file: str, findings: Findings, first_line: int = 1) -> Loaded | None:
    """Read one YAML document; None, with what is wrong reported, if it has no usable structure.

    `first_line` is the line of the file that the text starts on. An empty document is an empty mapping.
    Anchors, tags, merge keys and duplicate keys are reported and the rest is read all the same.
    """
    builder = _Builder(file, findings, first_line)
    try:
        loader = yaml.SafeLoader(text)
    except yaml.YAMLError as error:
        findings.error(Place(file, first_line), "yaml-syntax", f"this is not YAML: {_one_line(str(error))}")
        return None
    try:
        return builder.build(_events(loader))
    except _Stop:
        return None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = builder.place(mark) if mark else Place(file, first_line)
        findings.error(place, "yaml-syntax", _sentence(error), _syntax_hint(error))
        return None
    except (ValueError, OverflowError):
        # PyYAML lets these out: \\U escapes beyond Unicode, and version numbers of thousands of digits.
        findings.error(builder.place(loader), "yaml-syntax", "this is not YAML: a number is too large")
        return None
    finally:
        loader.dispose()


def _events(loader: yaml.SafeLoader) -> Iterator[Any]:
    while loader.check_event():
        yield loader.get_event()  # type: ignore[no-untyped-call]


def shown(text: str) -> str:
    """An author's text as a message quotes it: shortened."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _sentence(error: yaml.MarkedYAMLError) -> str:
    parts = [part for part in (error.context, error.problem) if part]
    return "this is not YAML: " + _one_line(", ".join(parts))


def _one_line(text: str) -> str:
    """A parser's words, which may quote the whole file, cut to one line of at most 200 characters."""
    return " ".join(text[:200].split())


def _syntax_hint(error: yaml.MarkedYAMLError) -> str | None:
    problem = error.problem or ""
    if "mapping values are not allowed" in problem:
        return "put a text that has “: ” in it between quotation marks"
    if "cannot start any token" in problem and "\\t" in problem:
        return "indent with spaces, not with tabs"
    if "expected <block end>" in problem:
        return f"check the indentation, and {_QUOTE}"
    return _QUOTE if any(words in problem for words in _SPECIAL) else None


_QUOTE = "put a text with special characters between quotation marks"
_SPECIAL = (
    "expected ',' or",
    "cannot start any token",
    "expected alphabetic or numeric character",
    "sequence entries are not allowed",
)
"""What the parser says where a plain text starts with, or has, a character that means something."""


class _Stop(Exception):
    """Reading on makes no sense; why has been reported."""


@dataclass
class _Builder:
    """Builds one document from events, with its places."""

    file: str
    findings: Findings
    first_line: int
    nodes: int = 0
    aliases: int = 0
    keys: dict[Path, Place] = field(default_factory=dict)
    values: dict[Path, Place] = field(default_factory=dict)
    written: dict[Path, str] = field(default_factory=dict)

    def place(self, mark: Any) -> Place:
        return Place(self.file, mark.line + self.first_line, mark.column + 1)

    def build(self, events: Iterator[Any]) -> Loaded:
        """The one document of the stream."""
        data: Any = None
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._stop(event, "yaml-syntax", "a second document starts here", "a file holds one document")
                if event.version or event.tags:
                    self._stop(event, "yaml-syntax", "a % directive stands here", "leave the line out")
            elif isinstance(event, yaml.NodeEvent):
                data = self._node(event, events, ())
        if self.aliases:
            raise _Stop
        if data is None:
            data = {}
        self.values.setdefault((), Place(self.file, self.first_line, 1))
        return Loaded(data, self.keys, self.values, self.written)

    def _node(self, event: Any, events: Iterator[Any], path: Path) -> Any:
        self._count(event, path)
        self.values[path] = self.place(event.start_mark)
        self._refuse_properties(event)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(events, path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(events, path)
        if isinstance(event, yaml.AliasEvent):
            self.aliases += 1
            self._error(
                event, "yaml-alias", f"the alias *{shown(event.anchor or '')} is not read", "write the value again"
            )
            return None
        return self._scalar(event, path)

    def _count(self, event: Any, path: Path) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            self._stop(event, "yaml-too-big", f"more than {MAX_NODES} keys and values", "split the file")
        if len(path) >= MAX_DEPTH and isinstance(event, yaml.CollectionStartEvent):
            self._stop(event, "yaml-too-deep", f"nested more than {MAX_DEPTH} levels deep", None)

    def _refuse_properties(self, event: Any) -> None:
        if isinstance(event, yaml.AliasEvent):
            return
        if event.anchor:
            self._error(event, "yaml-alias", f"the anchor &{shown(event.anchor)} is not read", "leave it out")
        if event.tag:
            self._error(event, "yaml-tag", f"the tag {shown(event.tag)} is not read", "leave it out")

    def _sequence(self, events: Iterator[Any], path: Path) -> list[Any]:
        values: list[Any] = []
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            values.append(self._node(event, events, (*path, len(values))))
        return values

    def _mapping(self, events: Iterator[Any], path: Path) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self._key(event)
            # A repeated key's value is read too, for what may be wrong in it, at a path that nothing asks for.
            kept = key is not None and key not in values
            at: Path = (*path, key) if key is not None and kept else (*path, self.nodes, "repeated")
            value = self._node(next(events), events, at)
            if key is not None and kept:
                values[key] = value
                self.keys[at] = self.place(event.start_mark)
            elif key is not None:
                first = self.keys[(*path, key)].line
                message = f"“{shown(key)}” is written a second time (first in line {first})"
                self._error(event, "duplicate-key", message, "keep one of them")
        return values

    def _key(self, event: Any) -> str | None:
        """The key as text, None if it is one that is not read."""
        self.nodes += 1
        if isinstance(event, yaml.AliasEvent) or not isinstance(event, yaml.ScalarEvent):
            self._stop(event, "yaml-syntax", "a key must be a plain text", "put {{ }} between quotation marks")
        self._refuse_properties(event)
        if event.value == "<<" and not event.style:
            self._error(event, "yaml-alias", "merge keys (<<) are not read", "write the keys out")
            return None
        self._refuse_characters(event)
        return str(event.value)

    def _refuse_characters(self, event: Any) -> None:
        """Escapes can write what may not stand in the file itself."""
        refused = REFUSED.search(event.value)
        if refused:
            self._error(
                event, "control-character", f"the text has the character U+{ord(refused[0]):04X}", "leave it out"
            )

    def _scalar(self, event: Any, path: Path) -> Any:
        text: str = event.value
        if event.style:
            self._refuse_characters(event)
            return text
        value = resolve(text)
        if not isinstance(value, str):
            self.written[path] = text
        return value

    def _error(self, event: Any, code: str, message: str, hint: str | None) -> None:
        self.findings.error(self.place(event.start_mark), code, message, hint)

    def _stop(self, event: Any, code: str, message: str, hint: str | None) -> None:
        self._error(event, code, message, hint)
        raise _Stop


def resolve(text: str) -> str | int | Decimal | bool | None:
    """What a plain scalar is: whole numbers, decimals, true, false and null of YAML 1.2's core schema, else text.

    Left out of the core schema on purpose: octal, hexadecimal, exponents, infinity and numbers of more than 30 digits.
    """
    if text in _NULL:
        return None
    if text in _BOOLEAN:
        return _BOOLEAN[text]
    if _INT.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        return Decimal(text)
    return text
