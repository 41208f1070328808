"""An organisation with something in every table, its archive, and archives that somebody has worked on."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import orjson
import sqlalchemy as sa
from publishing import AT, SLUG, TOOLS, brand, example, organisation

from coachkit.db import organisations as organisation_rows
from coachkit.db.database import Database
from coachkit.db.scopes import ACROSS, only
from coachkit.db.tables import OF_ORGANISATIONS, hostnames, keys, metadata, schedules
from coachkit.organisations import moving, plain_tar, publishing
from coachkit.organisations.archives import FORMAT, MANIFEST, VERSION
from coachkit.organisations.audit import COMMAND
from coachkit.organisations.exporting import export
from coachkit.organisations.importing import Imported, Means, import_archive
from coachkit.organisations.organisations import enter, find
from coachkit.organisations.quotas import Quotas
from coachkit.settings import Settings

ROOM = Quotas(editions=100, channels=100)
OVERLAY = {
    "op": "replace",
    "target": "example:module/first-hour",
    "locale": "en-GB",
    "field": "summary",
    "text": "The canary sings in the first hour.",
}
"""A part of an overlay with words that nobody else has."""


def rich(database: Database, slug: str = SLUG) -> int:
    """Make an organisation with rows in every table of organisations, and give its number."""
    example(database)
    organisation(database, slug, brand=brand(name=f"The {slug} canary"))
    first = put(database, slug, "live")
    organisation(database, slug, overlay=[OVERLAY], brand=brand(name=f"The {slug} canary"))
    second = put(database, slug, "live", note="canary term")
    with database.write(ACROSS) as conn:
        found = enter(conn, slug)
        moving.rollback(conn, found, "live", actor=COMMAND, at=AT)
        moving.move(conn, found, "autumn", second, quotas=ROOM, actor=COMMAND, at=AT, public=False)
    with database.write(only(found.id)) as conn:
        for table, row in _rows(slug, first):
            conn.execute(sa.insert(table).values(organisation_id=found.id, **row))
    return found.id


def put(database: Database, slug: str, channel: str, note: str | None = None) -> str:
    """Publish an organisation's choices at a channel, and give the edition's digest."""
    published = publishing.publish(database, slug, TOOLS, quotas=ROOM, actor=COMMAND, at=AT, channel=channel, note=note)
    return published.prepared.digest


def _rows(slug: str, digest: str) -> list[tuple[sa.Table, dict[str, Any]]]:
    later = AT + timedelta(days=30)
    planned = {"channel": "live", "digest": digest, "local_time": "2026-12-22T09:30", "zone": "Europe/London"}
    schedule = {**planned, "due_at": later, "note": "canary", "created_at": AT}
    key = {"kind": "sec", "name": "canary", "pepper": "p", "scopes": ["content:read"], "origins": []}
    asked = {"caller": "canary", "request": "r", "claim": "c", "claimed_until": AT, "created_at": AT}
    return [
        (schedules, {**schedule, "id": f"{slug}-pending", "state": "pending"}),
        (schedules, {**schedule, "id": f"{slug}-done", "state": "done", "settled_at": AT}),
        (hostnames, {"name": f"{slug}.canary.example", "token": "hostcanary", "created_at": AT, "verified_at": AT}),
        (keys, {**key, "id": f"key_{slug}", "hash": f"keycanary{slug}", "created_at": AT, "change": 1}),
        (metadata.tables["idempotency"], {**asked, "key": "k", "body": b"canary"}),
        (
            metadata.tables["jobs"],
            {"kind": "schedule", "subject": f"{slug}-pending", "due_at": later, "attempts": 0},
        ),
    ]


def archive_of(database: Database, slug: str = SLUG) -> bytes:
    """The archive of an organisation."""
    out = io.BytesIO()
    with database.read(ACROSS) as conn:
        export(conn, enter(conn, slug), out)
    return out.getvalue()


def bring(database: Database, data: bytes, *, limits: Mapping[str, int] | None = None, **options: Any) -> Imported:
    """Import an archive, where an organisation may have as many of each thing as usual, or as `limits` says."""
    settings = Settings(database.url, bytes(32), **(limits or {}))  # type: ignore[arg-type]
    means = Means(database, TOOLS, (), settings, lambda: "t" * 32)
    return import_archive(means, io.BytesIO(data), **{"actor": COMMAND, "at": AT, **options})


def unpacked(data: bytes) -> dict[str, bytes]:
    """An archive's members, but for its manifest."""
    found = plain_tar.members(io.BytesIO(data), 10_000)
    return {each.name: data[each.offset : each.offset + each.size] for each in found if each.name != MANIFEST}


def packed(files: Mapping[str, bytes], slug: str = SLUG, **manifest: Any) -> bytes:
    """An archive of these members, all of whose digests in the manifest are right."""
    listed = [
        {"name": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()
    ]
    whole = {"format": FORMAT, "version": VERSION, "organisation": slug, "members": listed} | manifest
    return tar({MANIFEST: orjson.dumps(whole), **files})


def tar(members: Mapping[str, bytes]) -> bytes:
    """A plain tar of these."""
    parts = [plain_tar.header(name, len(data)) + data + plain_tar.padding(len(data)) for name, data in members.items()]
    return b"".join([*parts, plain_tar.END])


def worked_on(data: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    """An archive in which one member is another, and its digest too."""
    members = unpacked(data)
    return packed({**members, name: change(members[name])})


def rows_worked_on(data: bytes, name: str, change: Callable[[list[dict[str, Any]]], Any]) -> bytes:
    """An archive in which the rows of a member are others."""

    def changed(member: bytes) -> bytes:
        rows = [orjson.loads(line) for line in member.splitlines()]
        changed = change(rows)
        changed = changed if isinstance(changed, list) else rows  # one that was changed where it stood
        return b"".join(orjson.dumps(row) + b"\n" for row in changed)

    return worked_on(data, name, changed)


def stored_rows(database: Database, slug: str = SLUG) -> dict[str, list[dict[str, Any]]]:
    """Every row of an organisation by table, and what all share, without what is an installation's own."""
    own = {"organisation_id", "id", "change", "token", "verified_at", "audit_length", "audit_hash"}
    with database.read(ACROSS) as conn:
        id_ = find(conn, slug).id
        found: dict[str, list[dict[str, Any]]] = {}
        for table in metadata.sorted_tables:
            query = sa.select(table)
            if table.name in OF_ORGANISATIONS:
                query = query.where(table.c[OF_ORGANISATIONS[table.name]] == id_)
            rows = conn.execute(query).mappings().all()
            kept = own - {"id"} if table.name == "schedules" else own
            found[table.name] = sorted(({k: v for k, v in row.items() if k not in kept} for row in rows), key=repr)
        return found


def slugs(database: Database) -> tuple[str, ...]:
    """Who is there."""
    with database.read(ACROSS) as conn:
        return organisation_rows.slugs(conn)
