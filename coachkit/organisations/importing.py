"""Brings an organisation from its archive into this installation: all of it in one transaction, or nothing.

What the archive says has passed `archive_checks` by then. Keys stay behind, and so does what was found out about
hostnames: neither means anything here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO, Final

from sqlalchemy import Connection

from coachkit.db import archives as rows
from coachkit.db import audit as audit_rows
from coachkit.db import images, releases
from coachkit.db import organisations as organisation_rows
from coachkit.db.changes import raised
from coachkit.db.database import Database
from coachkit.db.organisations import Organisation
from coachkit.db.releases import ReleaseHead
from coachkit.db.scopes import ACROSS
from coachkit.editions.publish import Tools
from coachkit.errors import Conflict
from coachkit.organisations import archive_checks, archives, audit_lines, organisations
from coachkit.organisations.archive_checks import Maker
from coachkit.organisations.archives import Archive, edition_member, release_member
from coachkit.organisations.audit import Actor, record
from coachkit.organisations.quotas import Amount, require_all_fit
from coachkit.packs import source as sources
from coachkit.packs import stored
from coachkit.packs.findings import Findings
from coachkit.settings import Settings

IMPORT: Final = "organisation.import"
"""The audit's word for it."""
SCHEDULE: Final = "schedule"
"""The kind of job that a pending schedule waits for; its subject is the schedule's id."""


@dataclass(frozen=True)
class Means:
    """What an import needs of this installation."""

    database: Database
    tools: Tools
    plugins: tuple[str, ...]
    """The names of the plugins that may be used in packs."""
    limits: Settings
    """Say how many of each thing an organisation may have here."""
    token: Callable[[], str]
    """Makes what a claimed hostname is verified by."""
    begin: Callable[[str], None] = lambda _: None
    """Is told what is looked at as its turn comes."""


@dataclass(frozen=True)
class Imported:
    """The organisation as it is here, the archive's digest, and how many rows there are by what they are."""

    organisation: Organisation
    digest: str
    rows: Mapping[str, int]


def import_archive(
    means: Means, file: BinaryIO, *, actor: Actor, at: datetime, slug: str | None = None, trusted: bool = False
) -> Imported:
    """Import the organisation in an open file, under the slug that it has there.

    `trusted`: take compiled forms as they are that this version cannot make again. Raises ArchiveInvalid with all
    that is wrong, Conflict where the slug is taken, is not `slug`, or a release is here with other bytes, LimitReached
    with everything of which it has more than an organisation may have here.
    """
    archive = archives.opened(file)
    if slug is not None and slug != archive.slug:
        raise Conflict(
            f"The archive is of {archive.slug}, and is imported as that or not at all: the digests of its editions "
            f"cover the slug, so as {slug} every one of them would be another"
        )
    _refuse_taken(means.database, archive.slug)
    require_all_fit(_amounts(archive, at), means.limits)
    maker = Maker(means.tools, means.plugins, lambda head, data: _known(means.database, head, data), trusted)
    archive_checks.check(archive, maker, means.begin)
    means.begin("storing")
    with means.database.write(ACROSS) as conn:
        return _Storing(conn, archive, at).all(actor, means.token)


def _refuse_taken(database: Database, slug: str) -> None:
    with database.read(ACROSS) as conn:
        if organisation_rows.get(conn, slug) is not None:
            raise Conflict(f"There is already an organisation {slug}: erase it first, or import where it is not")


def _amounts(archive: Archive, at: datetime) -> Iterator[Amount]:
    """How much there would be of what is limited; of rows that are none, `archive_checks` tells afterwards."""
    for row in _sound(archive, "organisation.json"):
        yield Amount(_length(row["settings"], "overlay"), "parts in the overlay", "max_overlay")
        yield Amount(_length(row["settings"], "resources"), "resources of its own", "max_resources")
    for name in ("channels", "editions", "hostnames"):
        yield Amount(sum(1 for _ in _sound(archive, f"{name}.jsonl")), name, f"max_{name}")
    waiting = sum(1 for row in _sound(archive, "schedules.jsonl") if _is_waiting(row, at))
    yield Amount(waiting, "schedules", "max_schedules")


def _sound(archive: Archive, name: str) -> Iterator[dict[str, Any]]:
    return (row for _, row in archive_checks.read_rows(archive, name) if not isinstance(row, ValueError))


def _length(settings: Any, name: str) -> int:
    found = settings.get(name) if isinstance(settings, Mapping) else None
    return len(found) if isinstance(found, list) else 0


def _is_waiting(row: Mapping[str, Any], at: datetime) -> bool:
    return bool(row["state"] == "pending" and row["due_at"] > at)


def _known(database: Database, head: ReleaseHead, compiled: bytes) -> bool:
    with database.read(ACROSS) as conn:
        return _is_as_here(conn, head, compiled)


def _is_as_here(conn: Connection, head: ReleaseHead, compiled: bytes) -> bool:
    """Whether the installation has just this release, whenever it was published or withdrawn."""
    here = releases.head(conn, head.pack, head.version)
    if here is None or _lasting(here) != _lasting(head):
        return False
    data = releases.compiled(conn, head.pack, head.version) or b""
    return data == compiled or stored.dump(stored.load(data)) == stored.dump(stored.load(compiled))


def _lasting(head: ReleaseHead) -> dict[str, Any]:
    passing = {"published_at", "withdrawn_at", "withdrawn_because"}
    return {name: value for name, value in vars(head).items() if name not in passing}


@dataclass(frozen=True)
class _Storing:
    """One archive being stored, in one transaction."""

    conn: Connection
    archive: Archive
    at: datetime

    def all(self, actor: Actor, token: Callable[[], str]) -> Imported:
        """Every row, each after those it needs."""
        (row,) = self._rows("organisation.json")
        made = organisations.insert(self.conn, row["slug"], row["settings"], row["created_at"], demo=row["demo"])
        rows.settle(self.conn, made.id, row)
        counted = {"releases": self._releases()}
        counted["editions"] = self._insert("editions.jsonl", made.id, self._edition)
        counted["edition_releases"] = self._insert("edition_releases.jsonl", made.id)
        change = raised(self.conn)
        counted["channels"] = self._insert("channels.jsonl", made.id, lambda _: {"change": change})
        counted["channel_moves"] = self._insert("channel_moves.jsonl", made.id)
        counted["hostnames"] = self._insert("hostnames.jsonl", made.id, lambda _: {"token": token()})
        counted["schedules"] = self._insert("schedules.jsonl", made.id, self._late)
        self._plan(made.id)
        counted["audit"] = self._audit(made, actor)
        return Imported(organisation_rows.hold(self.conn, made.id), self.archive.digest, counted)

    def _rows(self, name: str) -> Iterator[dict[str, Any]]:
        for _, row in archive_checks.read_rows(self.archive, name):
            if isinstance(row, ValueError):
                raise archives.invalid(name, "bad-row", "it has changed while it was read")
            yield row

    def _insert(
        self,
        name: str,
        organisation_id: int,
        more: Callable[[dict[str, Any]], Mapping[str, Any]] = lambda _: {},
    ) -> int:
        number = 0
        for row in self._rows(name):
            given = {**row, "organisation_id": organisation_id, **more(row)}
            rows.insert(self.conn, archives.LISTS[name], given)
            number += 1
        return number

    def _releases(self) -> int:
        """Store the releases that are not here, and say how many. Raises Conflict, naming all that are others here."""
        heads = [ReleaseHead(**row | {"directives": tuple(row["directives"])}) for row in self._rows("releases.jsonl")]
        new = [head for head in heads if releases.head(self.conn, head.pack, head.version) is None]
        others = [head for head in heads if head not in new and not self._is_here(head)]
        others += [head for head in new if not self._release(head)]
        if others:
            named = ", ".join(f"{head.pack}@{head.version}" for head in others)
            raise Conflict(
                f"This installation has other bytes, or another compiled form, of {named}: the archive's editions "
                "would not be the same here"
            )
        return len(new)

    def _is_here(self, head: ReleaseHead) -> bool:
        return _is_as_here(self.conn, head, self.archive.read(release_member(head.digest, "compiled")))

    def _release(self, head: ReleaseHead) -> bool:
        """Store a release; False where somebody else has just stored another of that version."""
        archive = self.archive.read(release_member(head.digest, "source.tar"))
        compiled = self.archive.read(release_member(head.digest, "compiled"))
        if not releases.insert(self.conn, head, archive=archive, compiled=compiled):
            return self._is_here(head)
        source = sources.read_archive(archive, Findings())
        images.insert(self.conn, archive_checks.pictures(source, stored.load(compiled)))
        return True

    def _edition(self, row: Mapping[str, Any]) -> dict[str, Any]:
        members = {"inputs": "inputs.json", "manifest": "manifest"}
        return {column: self.archive.read(edition_member(row["digest"], name)) for column, name in members.items()}

    def _late(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """What becomes of a schedule whose time has passed on the way: nothing moves by surprise."""
        if row["state"] != "pending" or _is_waiting(row, self.at):
            return {}
        reason = "its time had passed when the organisation was imported"
        return {"state": "failed", "reason": reason, "settled_at": self.at}

    def _plan(self, organisation_id: int) -> None:
        for row in self._rows("schedules.jsonl"):
            if _is_waiting(row, self.at):
                rows.plan(self.conn, organisation_id, SCHEDULE, row["id"], row["due_at"])

    def _audit(self, made: Organisation, actor: Actor) -> int:
        """The audit as it was, and that it goes on here."""
        told = audit_lines.read(self.archive.lines(archives.AUDIT))
        audit_rows.adopt(self.conn, made.id, told.entries, told.head)
        after = {"archive": self.archive.digest, "length": told.head.length, "hash": told.head.hash}
        record(self.conn, made.id, actor, IMPORT, made.slug, at=self.at, after=after)
        return told.head.length + 1
