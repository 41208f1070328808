"""Run by Alembic: migrates over the connection that `coachkit.db.migrate` hands it, inside that transaction."""

from alembic import context

from coachkit.db.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
