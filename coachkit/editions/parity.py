"""Whether an organisation serves every text in each of the languages that it promises, signed and up to date.

Knows an edition. A language is served by any locale of it: a text in `en` is there for readers of `en-GB`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from coachkit.editions.choices import Choices
from coachkit.editions.edition import Edition, Key
from coachkit.editions.selection import Picked, Selection
from coachkit.editions.validate import problem
from coachkit.errors import Problem
from coachkit.packs.compile import TRANSLATIONS_KNOWN
from coachkit.packs.model import Kind

Reason = Literal["missing", "partial", "draft", "unsigned", "outdated"]
_Place = tuple[str | None, ...]
"""Operation, kind, id, field and section of a part of the overlay."""
_NAMED = 3
"""So many fields are named in a sentence."""
_SAID: Mapping[Reason, tuple[str, str]] = {
    "missing": ("is not there", "translate it, or hide it"),
    "partial": ("falls back in {fields}", "translate these, or word them in the overlay"),
    "draft": ("is a translation that nobody has signed yet", "choose a release in which it is signed"),
    "unsigned": ("is a translation that does not say that it is signed", "choose a release in which it is signed"),
    "outdated": ("is a translation of an earlier text", "choose a release in which it has been brought up to date"),
}


@dataclass(frozen=True)
class Gap:
    """Why a resource is not served in a locale as it should be.

    missing: no text of it; partial: some of its texts; draft, unsigned and outdated: the translation in the release.
    """

    pack: str
    kind: Kind
    id: str
    locale: str
    reason: Reason
    fields: tuple[str, ...] = ()
    """Of `missing` and `partial`: lines by their paths, and `sections/<id>`."""


def parity_report(edition: Edition, locales: Sequence[str]) -> list[Gap]:
    """What each resource that an edition serves lacks in each of these locales, by resource and then by locale."""
    return [gap for key in edition for locale in locales for gap in _gaps(edition, key, locale)]


def parity(edition: Edition) -> Iterator[Problem]:
    """What keeps an organisation that declared `parity` from publishing: a problem for each gap."""
    for gap in parity_report(edition, edition.choices.parity):
        said, hint = _SAID[gap.reason]
        message = f"{gap.pack}:{gap.kind}/{gap.id} {said.format(fields=_some(gap.fields))} in {gap.locale}"
        yield problem(edition.organisation, f"parity/{gap.locale}", "parity", message, hint)


def one_language(organisation: str, choices: Choices) -> Iterator[Problem]:
    """Texts of the overlay in some of the languages of `parity` and not in the others."""
    promised = {_language(locale): locale for locale in choices.parity}
    first: dict[_Place, int] = {}
    languages: dict[_Place, dict[str, None]] = {}
    for position, part in enumerate(choices.overlay):
        if part.locale is not None and _language(part.locale) in promised:
            where: _Place = (part.operation, part.target.kind, part.target.id, part.field, part.section)
            first.setdefault(where, position)
            languages.setdefault(where, {})[_language(part.locale)] = None
    for place, found in languages.items():
        if lacking := [locale for language, locale in promised.items() if language not in found]:
            _, kind, name, *rest = place
            where_not = ", ".join(lacking)
            message = f"{kind}/{name} is worded your own way here in {', '.join(found)}, and not in {where_not}"
            hint = f"word {next(each for each in rest if each)} in {where_not} too"
            yield problem(organisation, f"overlay/{first[place]}", "overlay-one-language", message, hint, "warning")


def _gaps(edition: Edition, key: Key, locale: str) -> Iterator[Gap]:
    selection = edition.select(*key, locale)
    pack = edition.catalogue[key]
    lacking = tuple(_lacking(selection))
    if lacking:
        whole = len(lacking) == len(selection.lines) + len(selection.sections) + len(selection.missing)
        yield Gap(pack, *key, locale, "missing" if whole else "partial", lacking)
    compiled = edition.releases[pack]
    translated = _translated(selection, compiled.manifest.default_locale)
    resource = selection.resource
    if translated & resource.drafts:
        yield Gap(pack, *key, locale, "draft")
    elif compiled.compiler >= TRANSLATIONS_KNOWN and translated - resource.signed:
        yield Gap(pack, *key, locale, "unsigned")
    if translated & resource.outdated:
        yield Gap(pack, *key, locale, "outdated")


def _lacking(selection: Selection) -> Iterator[str]:
    """The fields and sections that are in no locale of the selection's language."""
    language = _language(selection.locale)
    yield from (path for path, picked in selection.lines.items() if _language(picked.locale) != language)
    for picked in selection.sections:
        if _language(picked.locale) != language:
            yield f"sections/{picked.value.id}"
    yield from selection.missing


def _translated(selection: Selection, default_locale: str) -> set[str]:
    """The locales of the selection's language in which it shows texts that the release has translated."""
    language = _language(selection.locale)
    texts: list[Picked[Any]] = [*selection.lines.values(), *selection.sections]
    shown = {each.locale for each in texts if each.origin == "release"}
    return {locale for locale in shown - {default_locale} if _language(locale) == language}


def _some(fields: Sequence[str]) -> str:
    more = len(fields) - _NAMED
    return ", ".join(fields[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _language(locale: str) -> str:
    return locale.partition("-")[0]
