"""What is installed, offered and published: plugins, packs, and the edition that each organisation serves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from coachkit.cli.checks.findings import Finding, Report, problem
from coachkit.cli.installation import Installation
from coachkit.cli.output import progress
from coachkit.db import channels, releases
from coachkit.db import editions as rows
from coachkit.db import organisations as organisation_rows
from coachkit.db.organisations import Organisation
from coachkit.db.scopes import ACROSS
from coachkit.editions import inputs
from coachkit.editions.library import Library
from coachkit.editions.releases import stored_already, withdrawn
from coachkit.editions.validate import validate
from coachkit.errors import CoachKitError
from coachkit.hooks.manager import GROUP
from coachkit.organisations import reviews
from coachkit.packs.compile import COMPILER
from coachkit.packs.findings import Findings
from coachkit.packs.folder import read_path

LIVE: Final = "live"
AGED: Final = {
    "contact-unverified": "somebody in distress may be sent to a number that no longer answers",
    "overdue": "readers were told that it would be gone",
}
"""What can become wrong with an edition while it stays as it was published, and why that matters."""


def plugins(here: Installation) -> Report:
    """Plugins that are allowed and cannot be used, and those that are installed and not allowed."""
    used = {plugin.name: plugin.version for plugin in here.dispatch.manager.plugins if not plugin.core}
    found = [
        Finding(
            f"plugin {each.name}",
            "plugin-unusable",
            each.reason,
            "it is left out whole: no organisation can enable it, and editions that name it are not as they were",
            "install the package that offers it, mend it, or take it out of COACHKIT_PLUGINS",
        )
        for each in here.dispatch.manager.unusable
    ]
    waiting = sorted({entry.name for entry in entry_points(group=GROUP)} - set(here.settings.plugins))
    found += [
        Finding(
            f"plugin {name}",
            "plugin-not-allowed",
            "it is installed and not allowed",
            "what is not allowed is not even imported",
            "add it to COACHKIT_PLUGINS, or uninstall it",
            "warning",
        )
        for name in waiting
    ]
    return Report({"used": used}, tuple(found))


def packs(here: Installation) -> Report:
    """Packs on offer that are not published as they are."""
    found: list[Finding] = []
    with here.database.read(ACROSS) as conn:
        for path in here.packs():
            found += _unpublished(conn, path)
        stored = [f"{head.pack}@{head.version}" for head in releases.heads(conn)]
    return Report({"releases": stored}, tuple(found))


def _unpublished(conn: Connection, path: Path) -> Iterator[Finding]:
    problems = Findings()
    try:
        source = read_path(path, problems)
    except OSError:
        return  # that its folder is missing has been said of the settings
    if problems.failed or stored_already(conn, source) is None:
        yield Finding(
            f"pack {path.name}",
            "pack-not-published",
            f"{path} is on offer and not published as it is",
            "organisations cannot serve it, or serve what it was before",
            "coachkit pack publish --offered; where it refuses, `coachkit pack check` says what is wrong",
            "warning",
        )


def organisations(here: Installation, today: date) -> Report:
    """What each organisation's live edition is made of that is withdrawn, outdated, missing or too old."""
    found: list[Finding] = []
    with here.database.read(ACROSS) as conn:
        slugs = organisation_rows.slugs(conn)
    library = Library(here.database)
    for slug in progress(slugs, "Organisations"):
        found += _organisation(here, library, slug, today)
    return Report({"organisations": len(slugs)}, tuple(found))


def _organisation(here: Installation, library: Library, slug: str, today: date) -> Iterator[Finding]:
    with here.database.read(ACROSS) as conn:
        organisation = organisation_rows.get(conn, slug)
        if organisation is None:  # gone since the list was made
            return
        live = channels.get(conn, organisation.id, LIVE)
        row = rows.inputs(conn, organisation.id, live.digest) if live else None
        gone = withdrawn(conn, inputs.parse(row.inputs).releases) if row else []
    if row is None:
        yield _nothing_live(slug)
        return
    parsed = inputs.parse(row.inputs)
    yield from _withdrawn(slug, gone)
    yield from _outdated(slug, parsed)
    yield from plugins_of(slug, parsed.plugins, here.tools.plugins)
    yield from _aged(library, organisation, row.digest, today)


def _nothing_live(slug: str) -> Finding:
    return Finding(
        slug,
        "nothing-live",
        "it has no live edition",
        "its readers get 404",
        f"coachkit edition publish {slug}",
        "warning",
    )


def _withdrawn(slug: str, gone: Sequence[str]) -> Iterator[Finding]:
    if gone:
        yield Finding(
            slug,
            "release-withdrawn",
            f"its live edition serves {' and '.join(gone)}, which {'are' if len(gone) > 1 else 'is'} withdrawn",
            "whoever withdrew it did not want it read",
            f"coachkit edition publish {slug}, with a range that a current release is in",
        )


def _outdated(slug: str, parsed: inputs.Inputs) -> Iterator[Finding]:
    older = [f"{each.pack}@{each.version}" for each in parsed.releases if each.compiler < COMPILER]
    if older:
        yield Finding(
            slug,
            "compiler-outdated",
            f"{' and '.join(older)} was compiled by an older CoachKit",
            "what the compiler has learnt since, about safety too, is not in it",
            "publish a new version of the pack, and then an edition",
            "warning",
        )
    if parsed.render != inputs.RENDER:
        yield Finding(
            slug,
            "render-outdated",
            f"its live edition was published for render {parsed.render}, and this CoachKit has {inputs.RENDER}",
            "the edition's address is not kept by caches, as its bytes may differ from what they were",
            f"coachkit edition publish {slug}",
            "warning",
        )


def plugins_of(slug: str, wanted: Iterable[inputs.PluginInput], installed: Mapping[str, str]) -> Iterator[Finding]:
    """What an edition's plugins and those that are installed differ in."""
    for each in wanted:
        version = installed.get(each.name)
        if version is None:
            yield Finding(
                slug,
                "plugin-missing",
                f"its live edition uses {each.name}@{each.version}, which is not there",
                "what that plugin makes is not served, or a 503",
                f"install and allow it, or take it out of {slug}'s settings and publish an edition",
            )
        elif version != each.version:
            yield Finding(
                slug,
                "plugin-other-version",
                f"its live edition was published with {each.name}@{each.version}, and {version} is installed",
                "the edition's address is not kept by caches, as its bytes may differ from what they were",
                f"coachkit edition publish {slug}",
                "warning",
            )


def _aged(library: Library, organisation: Organisation, digest: str, today: date) -> Iterator[Finding]:
    """What the day has made wrong."""
    try:
        edition = library.edition(organisation.id, organisation.slug, digest)
    except CoachKitError as error:
        yield Finding(
            organisation.slug,
            "edition-unreadable",
            f"its live edition cannot be read: {error}",
            "its readers get errors",
            f"coachkit edition publish {organisation.slug}",
        )
        return
    yield from to_review(organisation.slug, reviews.due(edition, today - timedelta(days=1)))
    for each in validate(edition, demo=organisation.demo, today=today):
        if each.code in AGED:
            yield problem(each, AGED[each.code])


def to_review(slug: str, passed: Sequence[reviews.Review]) -> Iterator[Finding]:
    """What those resources mean whose day has passed."""
    if passed:
        names = ", ".join(f"{each.kind}/{each.id}" for each in passed[:3])
        more = f" and {len(passed) - 3} more" if len(passed) > 3 else ""  # noqa: PLR2004 as many as are named
        yield Finding(
            slug,
            "review-overdue",
            f"{names}{more} should have been read again, first by {passed[0].review_by.isoformat()}",
            "advice grows old: laws, names and telephone numbers change",
            f"coachkit org reviews {slug} lists them; a release whose author has reviewed them brings a new day",
            "warning",
        )
