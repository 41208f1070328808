"""The first tables, and the counter that channels raise."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    releases()
    served()
    pointers()


def releases() -> None:
    op.create_table(
        "releases",
        sa.Column("pack", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("visibility", sa.Text(), nullable=False),
        sa.Column("manifest", sa.Text(), nullable=False),
        sa.Column("archive", sa.LargeBinary(), nullable=False),
        sa.Column("compiled", sa.LargeBinary(), nullable=False),
        sa.Column("compiler", sa.Integer(), nullable=False),
        sa.Column("directives", sa.Text(), nullable=False),
        sa.Column("resources", sa.Text(), nullable=False),
        sa.Column("versions", sa.Text(), nullable=False),
        sa.Column("published_at", MOMENT, nullable=False),
        sa.Column("withdrawn_at", MOMENT),
        sa.Column("withdrawn_because", sa.Text()),
        sa.PrimaryKeyConstraint("pack", "version", name="pk_releases"),
        sa.CheckConstraint("visibility IN ('public', 'private')", name="ck_releases_visibility"),
    )
    op.create_table(
        "images",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_images"),
    )


def served() -> None:
    op.create_table(
        "organisations",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("demo", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_organisations"),
        sa.UniqueConstraint("slug", name="uq_organisations_slug"),
    )
    op.create_table(
        "editions",
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("inputs", sa.LargeBinary(), nullable=False),
        sa.Column("manifest", sa.LargeBinary(), nullable=False),
        sa.Column("demo", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("published", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "digest", name="pk_editions"),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name="fk_editions_organisation_id"),
    )
    op.create_table(
        "edition_releases",
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("pack", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "digest", "pack", "version", name="pk_edition_releases"),
        edition("digest", "fk_edition_releases_organisation_id_digest"),
        sa.ForeignKeyConstraint(
            ["pack", "version"], ["releases.pack", "releases.version"], name="fk_edition_releases_pack_version"
        ),
    )
    op.create_index("ix_edition_releases_pack_version", "edition_releases", ["pack", "version"])


def pointers() -> None:
    op.create_table(
        "channels",
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("public", sa.Boolean(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("moved_at", MOMENT, nullable=False),
        sa.Column("change", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "name", name="pk_channels"),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name="fk_channels_organisation_id"),
        edition("digest", "fk_channels_organisation_id_digest"),
    )
    op.create_index("ix_channels_change", "channels", ["change"])
    op.create_table(
        "channel_moves",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("from_digest", sa.Text()),
        sa.Column("to_digest", sa.Text(), nullable=False),
        sa.Column("moved_at", MOMENT, nullable=False),
        sa.Column("note", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_channel_moves"),
        edition("to_digest", "fk_channel_moves_organisation_id_to_digest"),
    )
    op.create_index("ix_channel_moves_organisation_id_name", "channel_moves", ["organisation_id", "name"])
    counters = op.create_table(
        "counters",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_counters"),
    )
    op.bulk_insert(counters, [{"name": "pointers", "value": 0}])


def edition(digest: str, name: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organisation_id", digest], ["editions.organisation_id", "editions.digest"], name=name
    )
