"""Setting up an installation's database."""

from __future__ import annotations

import click

from coachkit.cli.installation import installation
from coachkit.cli.output import json_option, show, warn
from coachkit.db import copying
from coachkit.db import migrate as migrations
from coachkit.db.database import Database


@click.command()
@click.option("--from", "source", metavar="URL", help="Then fill it, if it is empty, with all that is in another.")
@json_option
def migrate(source: str | None, *, as_json: bool) -> None:
    """Bring the database up to date. Running it again changes nothing.

    With --from, all organisations, releases, editions and histories of the database at URL are copied, from SQLite or
    PostgreSQL to either, with their digests. Nothing changes there.
    """
    with installation(migrated=False) as here:
        before = migrations.current(here.database)
        migrations.upgrade(here.database)
        after = migrations.current(here.database)
        copied = _copied(source, here.database) if source else None
    said = [f"The database is at {after}, as it was." if before == after else f"The database is at {after} now."]
    said += [f"{number:8} {table}" for table, number in (copied or {}).items()]
    show({"before": before, "after": after, "copied": copied}, said, as_json=as_json)


def _copied(url: str, target: Database) -> dict[str, int]:
    source = Database(url)
    try:
        return dict(copying.copy(source, target, lambda table: warn(f"Copying {table}")))
    finally:
        source.dispose()
