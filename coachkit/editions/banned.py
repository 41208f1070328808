"""Words that an organisation does not use, found where they are used all the same.

Whole words and phrases, with case, accents and punctuation folded, in the locale that they are banned in and in those
below it. In its own texts they keep it from publishing; in the packs' texts, which it did not write, they are warnings.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from coachkit.editions.choices import OWN, Choices
from coachkit.editions.edition import Edition, Key
from coachkit.editions.validate import problem
from coachkit.errors import Problem
from coachkit.packs.model import Parts, Section

_ADDRESS = re.compile(r"(?:https?://|mailto:|tel:)[^\s)>\]]*")
_MARKS = re.compile(r"[\u0300-\u036f]")
_GAP = " \ua66e "
"""Stands for what is filled in, so that no phrase goes on behind it: a letter that no text has."""
_BETWEEN = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class _Banned:
    """The words of one list: folded → as written, and a pattern that finds any of them in a folded text."""

    words: Mapping[str, str]
    pattern: re.Pattern[str]

    def used(self, text: str) -> tuple[str, ...]:
        """Those that a text uses, as they are written in the list, in the order of the text."""
        return tuple(dict.fromkeys(self.words[each] for each in self.pattern.findall(_folded(text))))


def banned(edition: Edition) -> Iterator[Problem]:
    """Every use of a banned word: an error for each own text with one, a warning for each text of a pack."""
    lists = _Lists(edition.choices.banned_words)
    yield from _voice(edition.organisation, edition.choices, lists)
    yield from _overlay(edition.organisation, edition.choices, lists)
    yield from _own(edition, lists)
    yield from _packs(edition, lists)


class _Lists:
    """The words of each locale: its own list, and those of the locales that it is below."""

    def __init__(self, words: Mapping[str, Iterable[str]]) -> None:
        self._words = words
        self._by_locale: dict[str, _Banned | None] = {}

    def used(self, locale: str, text: str) -> tuple[str, ...]:
        """The words banned in a locale that a text uses."""
        if locale not in self._by_locale:
            self._by_locale[locale] = self._of(locale)
        found = self._by_locale[locale]
        return found.used(text) if found else ()

    def _of(self, locale: str) -> _Banned | None:
        lists = (words for tag, words in self._words.items() if locale == tag or locale.startswith(f"{tag}-"))
        words = {_folded(word).strip(): word for several in lists for word in several}
        if not words:
            return None
        longest_first = sorted(words, key=len, reverse=True)
        return _Banned(words, re.compile(rf"(?<= )({'|'.join(map(re.escape, longest_first))})(?= )"))


def _folded(text: str) -> str:
    """A text as its bare words, one space before and after each."""
    bare = _MARKS.sub("", unicodedata.normalize("NFKD", _ADDRESS.sub(" ", text)).casefold())
    return f" {_BETWEEN.sub(' ', bare)} "


def _voice(organisation: str, choices: Choices, lists: _Lists) -> Iterator[Problem]:
    """The brand's voice, which is written in the default locale."""
    yield from _problem(organisation, "brand/voice", lists.used(choices.default_locale, choices.brand.voice or ""))


def _overlay(organisation: str, choices: Choices, lists: _Lists) -> Iterator[Problem]:
    for position, part in enumerate(choices.overlay):
        text = f"{part.title or ''}\n{part.text or ''}"
        yield from _problem(organisation, f"overlay/{position}", lists.used(part.locale or "", text))


def _own(edition: Edition, lists: _Lists) -> Iterator[Problem]:
    """Own resources, in each locale that they are written in; keys and ids are no words for readers."""
    if OWN not in edition.releases:
        return
    for position, each in enumerate(edition.choices.resources):
        resource = edition.releases[OWN].resources[each.kind, each.id]
        for locale in each.source:
            lines, sections = resource.lines.get(locale, {}).values(), resource.sections.get(locale, ())
            text = "\n".join([*map(_plain, lines), *map(_section, sections)])
            yield from _problem(edition.organisation, f"resources/{position}/source/{locale}", lists.used(locale, text))


def _packs(edition: Edition, lists: _Lists) -> Iterator[Problem]:
    """Texts of packs that readers see, those that the overlay replaces or hides left out."""
    found: dict[tuple[str, Key, str], dict[str, None]] = {}
    for key in edition:
        pack = edition.catalogue[key]
        for locale in edition.locales if pack != OWN else ():
            selection = edition.select(*key, locale)
            lines = [(each.locale, _plain(each.value)) for each in selection.lines.values() if each.origin == "release"]
            sections = [(each.locale, _section(each.value)) for each in selection.sections if each.origin == "release"]
            for written_in, text in [*lines, *sections]:
                words = lists.used(written_in, text)
                found.setdefault((pack, key, written_in), {}).update(dict.fromkeys(words))
    for (pack, (kind, name), locale), used in found.items():
        if used:
            message = f"{pack}:{kind}/{name} uses {_quoted(used)} in {locale}"
            hint = "word it your own way in the overlay, or let it stand"
            yield problem(edition.organisation, f"packs/{pack}", "banned-word", message, hint, "warning")


def _problem(organisation: str, where: str, words: Iterable[str]) -> Iterator[Problem]:
    if used := _quoted(words):
        hint = "say it in other words, or take it out of banned_words"
        yield problem(organisation, where, "banned-word", f"you do not use {used}", hint)


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(f"“{word}”" for word in words)


def _section(section: Section) -> str:
    return f"{section.title or ''}\n{_plain(section.markdown)}"


def _plain(parts: Parts) -> str:
    """The words of a text; what is filled in, or where a link leads, is none of them."""
    return "".join(part if isinstance(part, str) else _GAP for part in parts)
