"""Keys, hostnames, schedules, jobs, idempotency, audit, erasures; and PostgreSQL keeps organisations apart.

The release before reads on: nothing that it reads or writes has changed its place or its meaning.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
VERIFIED = sa.text("verified_at IS NOT NULL")

_OWN_GRANTS = 160_000
"""The version of PostgreSQL from which on who makes a role cannot take it yet."""
ORDINARY, WIDE, MIGRATING = "coachkit_organisation", "coachkit_across", "coachkit_migrations"
OF_ORGANISATIONS = {
    "organisations": "id",
    "editions": "organisation_id",
    "edition_releases": "organisation_id",
    "channels": "organisation_id",
    "channel_moves": "organisation_id",
    "keys": "organisation_id",
    "hostnames": "organisation_id",
    "schedules": "organisation_id",
    "jobs": "organisation_id",
    "idempotency": "organisation_id",
    "audit": "organisation_id",
}
SHARED = ("releases", "images", "counters", "erasures")


def upgrade() -> None:
    organisations()
    keys()
    work()
    records()
    if op.get_bind().dialect.name == "postgresql":
        guard_audit_on_postgresql()
        roles()
        walls()
        owner()
    else:
        guard_audit_on_sqlite()


def organisations() -> None:
    op.add_column("organisations", sa.Column("change", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("organisations", sa.Column("access", sa.Text()))
    op.add_column("organisations", sa.Column("audit_length", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("organisations", sa.Column("audit_hash", sa.Text()))
    op.create_index("ix_organisations_change", "organisations", ["change"])
    op.add_column("editions", sa.Column("settings", sa.LargeBinary()))
    op.add_column("editions", sa.Column("kept_until", MOMENT))


def keys() -> None:
    op.create_table(
        "keys",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger()),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("pepper", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("origins", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT),
        sa.Column("revoked_at", MOMENT),
        sa.Column("last_used_on", sa.Date()),
        sa.Column("change", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_keys"),
        of_organisation("keys"),
        sa.UniqueConstraint("hash", name="uq_keys_hash"),
        sa.CheckConstraint("kind IN ('pub', 'sec')", name="ck_keys_kind"),
        sa.CheckConstraint("organisation_id IS NOT NULL OR kind = 'sec'", name="ck_keys_operator"),
    )
    op.create_index("ix_keys_organisation_id", "keys", ["organisation_id"])
    op.create_index("ix_keys_change", "keys", ["change"])
    op.create_table(
        "hostnames",
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("verified_at", MOMENT),
        sa.Column("looked_at", MOMENT),
        sa.Column("finding", sa.Text()),
        sa.Column("missing_since", MOMENT),
        sa.PrimaryKeyConstraint("organisation_id", "name", name="pk_hostnames"),
        of_organisation("hostnames"),
    )
    op.create_index(
        "uq_hostnames_verified",
        "hostnames",
        ["name"],
        unique=True,
        postgresql_where=VERIFIED,
        sqlite_where=VERIFIED,
    )


def work() -> None:
    op.create_table(
        "schedules",
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("local_time", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("note", sa.Text()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("settled_at", MOMENT),
        sa.PrimaryKeyConstraint("organisation_id", "id", name="pk_schedules"),
        sa.ForeignKeyConstraint(
            ["organisation_id", "digest"],
            ["editions.organisation_id", "editions.digest"],
            name="fk_schedules_organisation_id_digest",
        ),
        sa.CheckConstraint("state IN ('pending', 'done', 'cancelled', 'failed')", name="ck_schedules_state"),
    )
    op.create_table(
        "jobs",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("organisation_id", sa.BigInteger()),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("every_seconds", sa.Integer()),
        sa.Column("claim", sa.Text()),
        sa.Column("claimed_until", MOMENT),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failed_at", MOMENT),
        sa.Column("fault", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
        of_organisation("jobs"),
        sa.UniqueConstraint("kind", "subject", name="uq_jobs_kind_subject"),
    )
    op.create_index("ix_jobs_organisation_id", "jobs", ["organisation_id"])
    op.create_index("ix_jobs_due_at", "jobs", ["due_at"])


def records() -> None:
    op.create_table(
        "idempotency",
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("claim", sa.Text(), nullable=False),
        sa.Column("claimed_until", MOMENT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("headers", sa.Text()),
        sa.Column("body", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("organisation_id", "caller", "key", name="pk_idempotency"),
    )
    op.create_index("ix_idempotency_created_at", "idempotency", ["created_at"])
    op.create_table(
        "audit",
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("before", sa.Text()),
        sa.Column("after", sa.Text()),
        sa.Column("previous", sa.Text()),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "number", name="pk_audit"),
        of_organisation("audit"),
    )
    op.create_table(
        "erasures",
        sa.Column("organisation_id", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("erased_at", MOMENT, nullable=False),
        sa.Column("change", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", name="pk_erasures"),
    )
    op.create_index("ix_erasures_change", "erasures", ["change"])


def of_organisation(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=f"fk_{table}_organisation_id")


# --- the audit is append-only; what an erased organisation did goes with it ---------------------


def guard_audit_on_sqlite() -> None:
    op.execute(
        "CREATE TRIGGER audit_never_changes BEFORE UPDATE ON audit "
        "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END"
    )
    op.execute(
        "CREATE TRIGGER audit_never_shrinks BEFORE DELETE ON audit "
        "WHEN NOT EXISTS (SELECT 1 FROM erasures WHERE organisation_id = OLD.organisation_id) "
        "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END"
    )


def guard_audit_on_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION coachkit_audit_stays() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF TG_OP = 'DELETE' AND EXISTS (SELECT 1 FROM erasures WHERE organisation_id = OLD.organisation_id) THEN "
        "RETURN OLD; END IF; "
        "RAISE EXCEPTION 'the audit is append-only' USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_stays BEFORE UPDATE OR DELETE ON audit "
        "FOR EACH ROW EXECUTE FUNCTION coachkit_audit_stays()"
    )


# --- PostgreSQL's roles and row-level security --------------------------------------------------


def roles() -> None:
    """Make the roles, once in a cluster, and let whoever migrates take each of them.

    From PostgreSQL 16 on, who makes a role may give it to others, and to itself, but cannot take it yet.
    """
    recent = op.get_bind().exec_driver_sql("SHOW server_version_num").scalar()
    take = "SET" if int(str(recent)) >= _OWN_GRANTS else "MEMBER"
    for role in (ORDINARY, WIDE, MIGRATING):
        op.execute(
            f"DO $$ BEGIN CREATE ROLE {role} NOLOGIN NOBYPASSRLS; "
            "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        )
        op.execute(
            f"DO $$ BEGIN IF NOT pg_has_role(current_user, '{role}', '{take}') THEN "
            f"EXECUTE format('GRANT {role} TO %I', current_user); END IF; END $$"
        )


def walls() -> None:
    """Let each organisation's work see that one's rows, and work across organisations all of them."""
    op.execute(f"GRANT USAGE ON SCHEMA public TO {ORDINARY}, {WIDE}")
    op.execute(f"GRANT SELECT ON alembic_version TO {ORDINARY}, {WIDE}")
    for table in SHARED:
        op.execute(f"GRANT SELECT ON {table} TO {ORDINARY}")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {WIDE}")
    op.execute(f"GRANT UPDATE ON counters TO {ORDINARY}")
    for table, column in OF_ORGANISATIONS.items():
        changes = "INSERT" if table == "audit" else "INSERT, UPDATE, DELETE"
        op.execute(f"GRANT SELECT, {changes} ON {table} TO {ORDINARY}")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {WIDE}")
        mine = f"{column} = NULLIF(current_setting('coachkit.org', true), '')::bigint"
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY one_organisation ON {table} TO {ORDINARY} USING ({mine}) WITH CHECK ({mine})")
        op.execute(f"CREATE POLICY across ON {table} TO {WIDE} USING (true) WITH CHECK (true)")
    op.execute(f"GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO {ORDINARY}, {WIDE}")


def owner() -> None:
    """Let the tables belong to a role that no request takes."""
    op.execute(f"GRANT USAGE, CREATE ON SCHEMA public TO {MIGRATING}")
    for table in (*OF_ORGANISATIONS, *SHARED, "alembic_version"):
        op.execute(f"ALTER TABLE {table} OWNER TO {MIGRATING}")
    op.execute(f"ALTER FUNCTION coachkit_audit_stays() OWNER TO {MIGRATING}")
