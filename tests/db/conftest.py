"""Rows that stand in most tests: a release, two organisations, and editions of theirs."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from coachkit.db import editions, organisations, releases
from coachkit.db.releases import ReleaseHead
from coachkit.db.scopes import ACROSS

AT = datetime(2026, 11, 22, 9, 30, 15, 123456, tzinfo=UTC)


@pytest.fixture
def at():
    """A moment."""
    return AT


@pytest.fixture
def make_release():
    """Makes a release; any field may be given."""

    def make(**given):
        values = {
            "pack": "core",
            "version": "1.0.0",
            "digest": "sha256:c0",
            "title": "Core",
            "visibility": "public",
            "manifest": {"id": "core", "locales": ["en-GB", "cy"]},
            "compiler": 1,
            "directives": ("boxes@1.0.0",),
            "resources": {"module/first-hour": "sha256:aa"},
            "versions": {"module/first-hour": "1.0.0"},
            "published_at": AT,
        }
        return ReleaseHead(**values | given)

    return make


@pytest.fixture
def served(database, make_release):
    """The ids of two organisations; `northbridge` has the editions e1 and e2, `harbour` has e1, all of core 1.0.0."""
    with database.write(ACROSS) as conn:
        releases.insert(conn, make_release(), archive=b"archive", compiled=b"compiled")
        ids = {
            slug: organisations.insert(conn, slug, name=slug.title(), settings={}, at=AT).id
            for slug in ("northbridge", "harbour")
        }
        for slug, digest, hours in [("northbridge", "e1", 0), ("northbridge", "e2", 1), ("harbour", "e1", 0)]:
            editions.insert(
                conn,
                ids[slug],
                digest,
                inputs=b"inputs",
                manifest=b"manifest",
                releases=[("core", "1.0.0")],
                at=AT + timedelta(hours=hours),
            )
    return ids


@pytest.fixture
def script():
    """Runs a script in a process of its own, to its end, and gives its output; whatever it complains of fails."""

    def run(text, *arguments):
        quiet = "ignore:This process:DeprecationWarning"  # that threads and forks do not go together is the point
        command = [sys.executable, "-W", quiet, "-c", text, *arguments]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    return run
