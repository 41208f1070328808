"""Packs become releases here: stored once, immutable, withdrawn but never deleted."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from coachkit.db import editions as edition_rows
from coachkit.db import images, releases
from coachkit.db.editions import Use
from coachkit.db.releases import ReleaseHead
from coachkit.editions.inputs import ReleaseInput
from coachkit.errors import Conflict, Gone, NotFound
from coachkit.packs import source as pack_source
from coachkit.packs import stored, versions
from coachkit.packs.lineage import Earlier, carried
from coachkit.packs.model import Compiled
from coachkit.packs.source import Source
from coachkit.packs.versions import Range


@dataclass(frozen=True)
class Published:
    """A release that is stored, and whether this call stored it."""

    head: ReleaseHead
    new: bool


def publish(conn: Connection, source: Source, compiled: Compiled, at: datetime) -> Published:
    """Store a checked pack as a release; storing the same bytes again changes nothing.

    Raises Conflict, with both digests, where the version is stored with other bytes; a version once published,
    withdrawn or not, is never another.
    """
    archive = pack_source.archive(source)
    digest = pack_source.digest(archive)
    manifest = compiled.manifest
    stored_head = releases.head(conn, manifest.id, manifest.version)
    if stored_head:
        if stored_head.digest != digest:
            raise Conflict(
                f"{manifest.id}@{manifest.version} is published as {stored_head.digest}, and this pack is {digest}: "
                f"a release never changes, so give the pack a new version"
            )
        return Published(stored_head, new=False)
    digests = {f"{kind}/{name}": each.digest for (kind, name), each in compiled.resources.items()}
    since = carried(manifest.version, digests, _earlier(conn, manifest.id))
    resources = {
        (kind, name): replace(each, version=since[f"{kind}/{name}"])
        for (kind, name), each in compiled.resources.items()
    }
    head = ReleaseHead(
        pack=manifest.id,
        version=manifest.version,
        digest=digest,
        title=manifest.title,
        visibility=manifest.visibility,
        manifest=described(compiled),
        compiler=compiled.compiler,
        directives=compiled.directives,
        resources=digests,
        versions=since,
        published_at=at,
    )
    images.insert(
        conn, [images.StoredImage(name, each.media_type, each.data) for name, each in compiled.images.items()]
    )
    stored_form = stored.dump(replace(compiled, resources=resources))
    if not releases.insert(conn, head, archive=archive, compiled=stored_form):
        return publish(conn, source, compiled, at)  # somebody else stored this version since we looked
    return Published(head, new=True)


def stored_already(conn: Connection, source: Source) -> ReleaseHead | None:
    """The release that these files are, without compiling them; None if they are none yet."""
    return releases.with_digest(conn, pack_source.digest(pack_source.archive(source)))


def load(conn: Connection, pack: str, version: str) -> Compiled:
    """A release's compiled form. Raises NotFound where there is no such release."""
    data = releases.compiled(conn, pack, version)
    if data is None:
        raise NotFound(f"There is no release {pack}@{version}")
    return stored.load(data)


def resolve(conn: Connection, pack: str, wanted: str) -> ReleaseHead | None:
    """The highest release of a pack in a range that is not withdrawn; None where there is none."""
    heads = {head.version: head for head in releases.heads(conn, pack) if head.withdrawn_at is None}
    best = Range.parse(wanted).best(heads)
    return heads[best] if best else None


def withdraw(conn: Connection, pack: str, version: str, at: datetime, because: str) -> Sequence[Use]:
    """Withdraw a release and return the editions and channels that still use it. Withdrawing again changes nothing."""
    if releases.head(conn, pack, version) is None:
        raise NotFound(f"There is no release {pack}@{version}")
    releases.withdraw(conn, pack, version, at=at, because=because)
    return edition_rows.using_release(conn, pack, version)


def withdrawn(conn: Connection, used: Sequence[ReleaseInput]) -> list[str]:
    """Those of an edition's releases that have been withdrawn, `pack@version`."""
    heads = [releases.head(conn, each.pack, each.version) for each in used]
    return [f"{head.pack}@{head.version}" for head in heads if head and head.withdrawn_at]


def current(conn: Connection, pack: str, *, public_only: bool = False) -> ReleaseHead | None:
    """The highest release that is not withdrawn, a final one before any pre-release; None if a pack has none."""
    heads = [head for head in releases.heads(conn, pack) if not public_only or head.visibility == "public"]
    open_heads = [head for head in heads if head.withdrawn_at is None]
    finals = [head for head in open_heads if versions.parse(head.version).prerelease is None]
    return max(finals or open_heads, key=lambda head: versions.key(head.version), default=None)


def public(conn: Connection, pack: str, version: str) -> ReleaseHead:
    """A release as the public may see it. Raises NotFound for private packs too, and Gone once it is withdrawn."""
    head = releases.head(conn, pack, version)
    if head is None or head.visibility != "public":
        raise NotFound(f"There is no release {pack}@{version}")
    if head.withdrawn_at is not None:
        latest = current(conn, pack, public_only=True)
        link = f'</v1/packs/{pack}/releases/{latest.version}>; rel="latest-version"' if latest else None
        raise Gone(f"{pack}@{version} has been withdrawn", headers={"Link": link} if link else {})
    return head


def _earlier(conn: Connection, pack: str) -> list[Earlier]:
    return [Earlier(head.version, head.resources, head.versions) for head in releases.heads(conn, pack)]


def described(compiled: Compiled) -> dict[str, Any]:
    """What a release's address says of the pack: pack.yaml without its contacts."""
    manifest = compiled.manifest
    return {
        "title": manifest.title,
        "description": manifest.description,
        "licence": manifest.licence,
        "authors": [dict(author) for author in manifest.authors],
        "default_locale": manifest.default_locale,
        "locales": list(manifest.locales),
        "coachkit": manifest.coachkit,
        "requires": dict(manifest.requires),
        "placeholders": {name: dataclasses.asdict(each) for name, each in manifest.placeholders.items()},
        "support": {name: slot.description for name, slot in manifest.support.items()},
    }
