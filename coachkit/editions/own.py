"""Compiles an organisation's own resources, as one more pack beside those it chose: the pack `own`.

Its sources are held to all that packs are held to, and read as packs are: in a process of its own, within limits. It
has no pack.yaml: its placeholders and support slots are those of the packs beside it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from coachkit import __version__
from coachkit.confined.checking import checked
from coachkit.confined.limits import MIB, Limits
from coachkit.editions.choices import OWN, Choices
from coachkit.editions.validate import problem
from coachkit.errors import Problem
from coachkit.packs.model import Compiled, Manifest, Placeholder, SupportSlot
from coachkit.packs.source import MANIFEST, Source, path_of, translation

LIMITS = Limits(pack_seconds=30, pack_bytes=512 * MIB, silence=20, patience=60)
"""What the resources of one organisation may cost; each text of them what a file of a pack may."""

_DIGITS = 12
"""Hexadecimal digits of a digest that make a version."""


@dataclass(frozen=True)
class Owned:
    """An organisation's own resources, compiled, and what is wrong with them."""

    releases: Mapping[str, Compiled] = field(default_factory=dict)
    """The pack `own`; nothing where there is none, or where it has errors."""
    problems: tuple[Problem, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether there are resources that cannot be served."""
        return any(each.severity == "error" for each in self.problems)

    @property
    def directives(self) -> tuple[str, ...]:
        """The directive plugins whose boxes they have, `name@version`."""
        return tuple(each for compiled in self.releases.values() for each in compiled.directives)


def compile_own(organisation: str, choices: Choices, releases: Mapping[str, Compiled], plugins: Sequence[str]) -> Owned:
    """The pack of the organisation's own resources; `plugins`, by name, are those whose boxes may be used.

    Each resource's version is `0.0.0+` and the first digits of its digest: it has no releases, and is known by what
    it says. Nothing is done for an organisation that has none.
    """
    if not choices.resources:
        return Owned()
    unreached = tuple(_unreached(organisation, choices))
    places = dict(_places(organisation, choices))
    manifest = _manifest(organisation, choices, releases)
    files = {MANIFEST: _pack_yaml(manifest), **_files(choices)}
    found = checked(Source(dict(sorted(files.items()))), plugins, limits=LIMITS)
    problems = tuple(_placed(each, organisation, places) for each in found.problems if not _of_no_concern(each))
    if found.compiled is None or unreached:
        return Owned(problems=(*unreached, *problems))
    resources = {key: replace(each, version=_version(each.digest)) for key, each in found.compiled.resources.items()}
    whole = hashlib.sha256("".join(sorted(each.digest for each in resources.values())).encode()).hexdigest()
    manifest = replace(manifest, version=_version(whole))
    return Owned({OWN: replace(found.compiled, manifest=manifest, resources=resources)}, problems)


def _files(choices: Choices) -> dict[str, bytes]:
    return {
        _path(path_of(each.kind, each.id), locale, choices): text.encode()
        for each in choices.resources
        for locale, text in each.source.items()
    }


def _places(organisation: str, choices: Choices) -> Iterator[tuple[str, str]]:
    """Where the text of each file stands in the settings."""
    for position, each in enumerate(choices.resources):
        for locale in each.source:
            path = _path(path_of(each.kind, each.id), locale, choices)
            yield path, f"{organisation}/resources/{position}/source/{locale}"


def _path(path: str, locale: str, choices: Choices) -> str:
    return path if locale == choices.default_locale else translation(path, locale)


def _unreached(organisation: str, choices: Choices) -> Iterator[Problem]:
    """Texts in a locale that no chain has."""
    for position, each in enumerate(choices.resources):
        for locale in sorted(each.source.keys() - choices.reached):
            message = f"no chain of this organisation reaches {locale}, so nobody would see this"
            hint = f"locales are {', '.join(sorted(choices.reached))}"
            yield problem(organisation, f"resources/{position}/source/{locale}", "unknown-locale", message, hint)


def _placed(found: Problem, organisation: str, places: Mapping[str, str]) -> Problem:
    return replace(found, file=places.get(found.file, f"{organisation}/resources"))


def _of_no_concern(found: Problem) -> bool:
    """Whether a problem is about pack.yaml, which nobody wrote: placeholders that no text of theirs uses."""
    return found.file == MANIFEST and found.severity == "warning"


def _version(digest: str) -> str:
    return f"0.0.0+{digest.removeprefix('sha256:')[:_DIGITS]}"


def _manifest(organisation: str, choices: Choices, releases: Mapping[str, Compiled]) -> Manifest:
    """What the pack is. Of two packs that declare one placeholder or slot, the first by name counts."""
    placeholders: dict[str, Placeholder] = {}
    support: dict[str, SupportSlot] = {}
    for _, compiled in sorted(releases.items(), reverse=True):
        placeholders |= compiled.manifest.placeholders
        support |= compiled.manifest.support
    used = {locale for each in choices.resources for locale in each.source}
    return Manifest(
        id=OWN,
        version="0.0.0",
        title=organisation,
        description=f"What {organisation} serves of its own.",
        licence="LicenseRef-own",
        authors=({"role": "organisation", "organisation": organisation},),
        default_locale=choices.default_locale,
        locales=(choices.default_locale, *sorted(used - {choices.default_locale})),
        coachkit=__version__,
        visibility="private",
        requires=dict.fromkeys(sorted(releases), "*"),
        placeholders=placeholders,
        support=support,
    )


def _pack_yaml(manifest: Manifest) -> bytes:
    """The least that lets the pack be read: labels and contacts, which only readers need, are not in it."""
    value = {
        **{name: getattr(manifest, name) for name in _PLAIN},
        "authors": [dict(each) for each in manifest.authors],
        "requires": dict(manifest.requires),
        "placeholders": {
            name: {"type": each.type, "label": {manifest.default_locale: name}}
            for name, each in manifest.placeholders.items()
        },
        "support": {name: {"description": name} for name in manifest.support},
    }
    return json.dumps(value).encode()


_PLAIN = ("id", "version", "title", "description", "licence", "default_locale", "locales", "coachkit", "visibility")
