"""Writes an organisation's archive: everything of it at one moment, and no secret. Equal organisations, equal bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, NamedTuple

import orjson
from sqlalchemy import Connection

from coachkit.db import archives as rows
from coachkit.db import audit as audit_rows
from coachkit.db import editions, releases
from coachkit.db.organisations import Organisation
from coachkit.organisations import archives, audit_lines, plain_tar
from coachkit.organisations.archives import Listed

Chunks = Callable[[], Iterable[bytes]]
"""A member's bytes, read anew each time that it is called: once to measure them and once to write them."""


class Exported(NamedTuple):
    """What was written: the archive's digest, as an import names it, its members and bytes."""

    digest: str
    members: int
    size: int


def export(conn: Connection, organisation: Organisation, file: BinaryIO) -> Exported:
    """Write the archive of an organisation as it is in this transaction, which must see one moment.

    Raises ArchiveInvalid where it would be larger than any that is imported.
    """
    writing = [(name, chunks, _measured(name, chunks())) for name, chunks in _members(conn, organisation)]
    listed = [each for _, _, each in writing]
    archives.refuse(listed)
    manifest = archives.manifest(organisation.slug, listed)
    size = _write(file, archives.MANIFEST, len(manifest), [manifest])
    size += sum(_write(file, name, each.size, chunks()) for name, chunks, each in writing)
    file.write(plain_tar.END)
    digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
    return Exported(digest, 1 + len(writing), size + len(plain_tar.END))


@dataclass(frozen=True)
class _Source:
    """Where the members of one archive come from."""

    conn: Connection
    organisation: Organisation

    def list(self, part: rows.Part) -> Iterator[bytes]:
        """A table's rows, each on a line."""
        for row in rows.rows(self.conn, part, self.organisation.id):
            yield orjson.dumps(row, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)

    def source(self, pack: str, version: str) -> Iterator[bytes]:
        """A release's source archive."""
        yield releases.archive(self.conn, pack, version) or b""

    def compiled(self, pack: str, version: str) -> Iterator[bytes]:
        """A release's compiled form."""
        yield releases.compiled(self.conn, pack, version) or b""

    def inputs(self, digest: str) -> Iterator[bytes]:
        """What an edition's digest covers."""
        found = editions.inputs(self.conn, self.organisation.id, digest)
        yield found.inputs if found else b""

    def manifest(self, digest: str) -> Iterator[bytes]:
        """What an edition settled."""
        found = editions.get(self.conn, self.organisation.id, digest)
        yield found.manifest if found else b""

    def audit(self) -> Iterator[bytes]:
        """The audit, its head first."""
        id_ = self.organisation.id
        yield from audit_lines.lines(
            self.organisation.slug, audit_rows.head(self.conn, id_), audit_rows.entries(self.conn, id_)
        )


def _members(conn: Connection, organisation: Organisation) -> Iterator[tuple[str, Chunks]]:
    source = _Source(conn, organisation)
    for name, part in archives.LISTS.items():
        yield name, partial(source.list, part)
    yield archives.AUDIT, source.audit
    for row in list(rows.rows(conn, rows.RELEASES, organisation.id)):
        pack, version = row["pack"], row["version"]
        yield archives.release_member(row["digest"], "source.tar"), partial(source.source, pack, version)
        yield archives.release_member(row["digest"], "compiled"), partial(source.compiled, pack, version)
    for digest in sorted(head.digest for head in editions.listing(conn, organisation.id)):
        yield archives.edition_member(digest, "inputs.json"), partial(source.inputs, digest)
        yield archives.edition_member(digest, "manifest"), partial(source.manifest, digest)


def _measured(name: str, chunks: Iterable[bytes]) -> Listed:
    hasher, size = hashlib.sha256(), 0
    for chunk in chunks:
        hasher.update(chunk)
        size += len(chunk)
    return Listed(name, size, hasher.hexdigest())


def _write(file: BinaryIO, name: str, size: int, chunks: Iterable[bytes]) -> int:
    file.write(plain_tar.header(name, size))
    file.writelines(chunks)
    file.write(plain_tar.padding(size))
    return plain_tar.BLOCK + size + len(plain_tar.padding(size))
