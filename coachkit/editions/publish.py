"""An organisation's choices become an edition: ranges resolved, overlay compiled, closure validated, all stored.

This is the one place where a range becomes a version.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from coachkit.db import editions as rows
from coachkit.db import releases as release_rows
from coachkit.db.organisations import Organisation
from coachkit.db.releases import ReleaseHead
from coachkit.editions import inputs, manifest, releases
from coachkit.editions.banned import banned
from coachkit.editions.choices import OWN, Choices, from_settings
from coachkit.editions.edition import Edition
from coachkit.editions.merging import undecided
from coachkit.editions.overlay import compile_overlay
from coachkit.editions.own import compile_own
from coachkit.editions.parity import one_language, parity
from coachkit.editions.validate import colours, problem, validate
from coachkit.errors import Conflict, Problem, PublishRefused
from coachkit.packs.directives import Directive
from coachkit.packs.findings import nearest
from coachkit.packs.model import Compiled
from coachkit.packs.versions import Range


@dataclass(frozen=True)
class Tools:
    """What an edition is made with beside the organisation's choices: what the installed plugins offer."""

    directives: Sequence[tuple[str, Directive]]
    plugins: Mapping[str, str]
    """The plugins that may be enabled, with their versions."""


@dataclass(frozen=True)
class Prepared:
    """An edition that is valid and not stored yet."""

    edition: Edition
    inputs: bytes
    demo: bool
    revision: int
    """That of the organisation's settings."""
    warnings: tuple[Problem, ...] = ()
    """What the organisation should know of; none of it keeps the edition from being published."""

    @property
    def digest(self) -> str:
        """The digest by which it will be known."""
        return self.edition.digest


def prepare(conn: Connection, organisation: Organisation, tools: Tools, at: datetime) -> Prepared:
    """Everything but the storing. Raises PublishRefused with all that is wrong."""
    choices = from_settings(organisation.settings)
    heads, problems = _resolve(conn, organisation.slug, choices)
    problems += _requirements(organisation.slug, choices, heads)
    plugins, unknown = _plugins(organisation.slug, choices, tools.plugins)
    problems += unknown
    problems += colours(organisation.slug, choices.brand)
    if len(heads) < len(choices.packs):
        raise PublishRefused(problems)
    chosen = {head.pack: releases.load(conn, head.pack, head.version) for head in heads}
    owned = compile_own(organisation.slug, choices, chosen, tuple(tools.plugins))
    problems += owned.problems
    compiled = {**chosen, **owned.releases}
    overlaid = compile_overlay(organisation.slug, choices, compiled, tools.directives, tuple(tools.plugins))
    problems += overlaid.problems
    if owned.failed:  # and whatever points at them would seem to point at nothing
        raise PublishRefused(problems)
    problems += _undecided(conn, organisation.slug, choices, heads, chosen)
    used = [_input(head) for head in heads]
    makers = sorted({*overlaid.directives, *owned.directives})
    data = inputs.canonical(organisation.slug, organisation.settings, used, plugins, makers)
    edition = manifest.settle(organisation.slug, inputs.digest(data), choices, compiled, overlaid.resources)
    problems += validate(edition, demo=organisation.demo, today=at.date())
    problems += banned(edition) if choices.banned_words else ()
    problems += [*parity(edition), *one_language(organisation.slug, choices)] if choices.parity else ()
    if any(each.severity == "error" for each in problems):
        raise PublishRefused(problems)
    return Prepared(edition, data, organisation.demo, organisation.revision, tuple(problems))


def store(conn: Connection, organisation: Organisation, prepared: Prepared, at: datetime) -> bool:
    """Store a prepared edition; False where the organisation has it already. No channel moves.

    Raises Conflict if what it was prepared from has changed since: the settings, or a release withdrawn.
    """
    if organisation.revision != prepared.revision:
        raise Conflict(f"{organisation.slug}'s settings have changed since this edition was prepared: publish again")
    used = [(pack, each.manifest.version) for pack, each in prepared.edition.releases.items() if pack != OWN]
    for pack, version in used:
        head = release_rows.head(conn, pack, version)
        if head is None or head.withdrawn_at is not None:
            raise Conflict(f"{pack}@{version} has been withdrawn: publish again")
    return rows.insert(
        conn,
        organisation.id,
        prepared.digest,
        inputs=prepared.inputs,
        manifest=manifest.dump(prepared.edition),
        releases=used,
        at=at,
        demo=prepared.demo,
        settings=organisation.settings,
    )


def _resolve(conn: Connection, slug: str, choices: Choices) -> tuple[list[ReleaseHead], list[Problem]]:
    found: list[ReleaseHead] = []
    problems: list[Problem] = []
    for pack, wanted in choices.packs.items():
        head = releases.resolve(conn, pack, wanted)
        if head:
            found.append(head)
        else:
            problems.append(_unresolved(conn, slug, pack, wanted))
    return found, problems


def _unresolved(conn: Connection, slug: str, pack: str, wanted: str) -> Problem:
    heads = release_rows.heads(conn, pack)
    if not heads:
        hint = nearest(pack, release_rows.packs(conn)) or "publish it first: coachkit pack publish FOLDER, or --offered"
        return problem(slug, f"packs/{pack}", "unknown-pack", f"there is no release of {pack}", hint)
    withdrawn = [head.version for head in heads if head.withdrawn_at and Range.parse(wanted).matches(head.version)]
    if withdrawn:
        found = f"{' and '.join(withdrawn)} {'are' if len(withdrawn) > 1 else 'is'}"
        message = f"{pack}@{found} withdrawn, and nothing else is in {wanted}"
        return problem(slug, f"packs/{pack}", "withdrawn", message, "choose a range that a current release is in")
    published = ", ".join(head.version for head in heads)
    message = f"no release of {pack} is in {wanted}"
    return problem(slug, f"packs/{pack}", "no-version", message, f"published are {published}")


def _requirements(slug: str, choices: Choices, heads: Sequence[ReleaseHead]) -> list[Problem]:
    """What chosen releases require and are not given; of a pack that could not be resolved that has been said."""
    chosen = {head.pack: head.version for head in heads}
    problems: list[Problem] = []
    for head in heads:
        for pack, wanted in head.manifest["requires"].items():
            if pack == OWN and choices.resources:
                continue  # they have no releases to choose from, and links into them are looked at one by one
            version = chosen.get(pack)
            if version is None and pack in choices.packs:
                continue
            if version is None or not Range.parse(wanted).matches(version):
                found = f"{pack}@{version} is chosen" if version else f"{pack} is not chosen"
                message = f"{head.pack}@{head.version} requires {pack} {wanted}, and {found}"
                problems.append(problem(slug, f"packs/{pack}", "requirement", message))
    return problems


def _undecided(
    conn: Connection,
    slug: str,
    choices: Choices,
    heads: Sequence[ReleaseHead],
    compiled: Mapping[str, Compiled],
) -> Iterator[Problem]:
    """Parts of the overlay over a text that has changed since: one problem each, in however many locales."""
    found = {each.position: each for each in undecided(conn, choices, {head.pack: head for head in heads}, compiled)}
    for each in found.values():
        message = f"{each.now} has another text here than {each.over}, over which this was written"
        hint = f"compare them and decide: coachkit overlay merge {slug} {each.id}"
        yield problem(slug, f"overlay/{each.position}", "overlay-undecided", message, hint)


def _plugins(
    slug: str, choices: Choices, installed: Mapping[str, str]
) -> tuple[list[inputs.PluginInput], list[Problem]]:
    unknown = [name for name in choices.plugins if name not in installed]
    problems = [
        problem(slug, "plugins", "unknown-plugin", f"{name} is not installed or not allowed", nearest(name, installed))
        for name in unknown
    ]
    enabled = [inputs.PluginInput(name, installed[name]) for name in choices.plugins if name in installed]
    return enabled, problems


def _input(head: ReleaseHead) -> inputs.ReleaseInput:
    return inputs.ReleaseInput(head.pack, head.version, head.digest, head.compiler, head.directives)


def outdated(
    conn: Connection, settings: Mapping[str, Any], used: Sequence[inputs.ReleaseInput]
) -> list[dict[str, Any]]:
    """For each release an edition uses: what its organisation's range would give now, and the newest there is."""
    ranges = from_settings(settings).packs
    rows_ = []
    for each in used:
        head = release_rows.head(conn, each.pack, each.version)
        in_range = releases.resolve(conn, each.pack, ranges.get(each.pack, each.version))
        newest = releases.current(conn, each.pack)
        rows_.append(
            {
                "pack": each.pack,
                "version": each.version,
                "range": ranges.get(each.pack),
                "in_range": in_range.version if in_range else None,
                "newest": newest.version if newest else None,
                "withdrawn": bool(head and head.withdrawn_at),
            }
        )
    return rows_
