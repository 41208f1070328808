"""Images of packs, kept once by what they hold: the name is `<sha256 hex>.<extension>`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from coachkit.db.statements import insert_missing
from coachkit.db.tables import images


@dataclass(frozen=True)
class StoredImage:
    """An image's bytes; `media_type` is what the bytes say."""

    name: str
    media_type: str
    data: bytes


def insert(conn: Connection, pictures: Iterable[StoredImage]) -> None:
    """Store those that are not there yet. Images are named by their content, so the others are the same."""
    insert_missing(conn, images, [vars(picture) for picture in pictures])


def get(conn: Connection, name: str) -> StoredImage | None:
    """The image of that name; None if there is none."""
    row = conn.execute(sa.select(images).where(images.c.name == name)).one_or_none()
    return None if row is None else StoredImage(row.name, row.media_type, row.data)
