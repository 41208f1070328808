"""What is searched: the texts of each document, plain and as a reader sees them, each with its own locale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from coachkit.packs.model import Kind

Role = Literal["title", "summary", "heading", "text"]
ROLES: Final[tuple[Role, ...]] = ("title", "summary", "heading", "text")
"""From where a word counts most to where it counts least."""


@dataclass(frozen=True, slots=True)
class Text:
    """One text of a document, without markup. `shown` says whether a snippet may be cut from it."""

    role: Role
    locale: str
    text: str
    shown: bool = True


@dataclass(frozen=True, slots=True)
class Entry:
    """One document: its texts in reading order, each heading before what it heads.

    Everything in it must follow from the document's digest: an index is shared by all who serve the same documents.
    """

    kind: Kind
    id: str
    texts: tuple[Text, ...]
