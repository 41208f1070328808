"""Every acknowledged change is there, whatever is killed; what was not acknowledged is there wholly or not at all.

Writers add parts to an organisation's overlay over HTTP, each with a text of its own, and write down what was
acknowledged. What was interrupted is sent again with its Idempotency-Key until it is answered, so at the end everything
is there, once.
"""

import http.client
import json
import os
import random
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import postgresql
import pytest
from appmaker import HARBOUR, House, house_in
from running import Service, free_port, running

from coachkit.db import audit as audit_rows
from coachkit.db.database import Database
from coachkit.db.scopes import ACROSS
from coachkit.organisations import keys, organisations, peppers
from coachkit.organisations.audit import COMMAND, broken
from coachkit.organisations.keys import SCOPES, Wanted

COACHKIT = Path(sys.executable).with_name("coachkit")
SLUG = "harbour"
WRITERS = 4
PATIENCE = 60.0
"""Seconds after which a test gives up on an answer."""


@dataclass
class Place:
    """An installation that is served by real workers, and a key that may do everything."""

    house: House
    service: Service
    token: str

    def post(self, path: str, body: Any, key: str) -> tuple[int, Any]:
        """Status and JSON of one request; OSError or HTTPException where no answer came."""
        sent = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "Idempotency-Key": key,
            "If-Match": "*",
        }
        with closing(http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=PATIENCE)) as connection:
            connection.request("POST", f"/v1/orgs/{SLUG}{path}", json.dumps(body), sent)
            response = connection.getresponse()
            return response.status, json.loads(response.read())

    def parts(self) -> list[str]:
        """The sections that the overlay has, in order."""
        with self.house.database.read(ACROSS) as conn:
            return [part["section"] for part in organisations.find(conn, SLUG).settings.get("overlay") or ()]

    def check_audit(self) -> int:
        """How many parts the audit tells of; its chain is whole."""
        with self.house.database.read(ACROSS) as conn:
            number = organisations.find(conn, SLUG).id
            entries = list(audit_rows.entries(conn, number))
            assert list(broken(entries, audit_rows.head(conn, number))) == []
        return sum(entry.action == "overlay.set" for entry in entries)


@dataclass
class Written:
    """What the writers came to."""

    acknowledged: set[str] = field(default_factory=set)
    refused: list[tuple[int, Any]] = field(default_factory=list)
    interrupted: int = 0


def part(name: str) -> dict[str, str]:
    return {
        "op": "insert",
        "target": "example:module/first-hour",
        "locale": "en-GB",
        "after": "feel",
        "section": name,
        "title": "More",
        "text": f"The text of {name}.",
    }


@contextmanager
def served(database: Database, folder: Path) -> Iterator[Place]:
    with house_in(folder, database) as house:
        house.publish()
        house.organisation(SLUG, HARBOUR)
        house.edition(SLUG)
        with database.write(ACROSS) as conn:
            _, token = keys.create(
                conn,
                organisations.find(conn, SLUG),
                Wanted("sec", "writers", SCOPES),
                peppers=peppers.of(house.settings),
                most=5,
                actor=COMMAND,
                at=datetime.now(UTC),
            )
        port = free_port()
        environ = {
            "COACHKIT_DATABASE_URL": database.url,
            "COACHKIT_SECRET_KEY": house.settings.secret_key.hex(),
            "COACHKIT_LIMIT_WRITES": "1000000",
            "WEB_CONCURRENCY": "2",
        }
        command = [COACHKIT, "web", "--bind", f"127.0.0.1:{port}"]
        with running(command, port=port, cwd=folder, home=folder, environ=environ) as service:
            yield Place(house, service, token.text)


@contextmanager
def writing(place: Place) -> Iterator[Written]:
    """Writers at work until the block ends; each goes on until its last part is answered."""
    written, ending, lock = Written(), threading.Event(), threading.Lock()

    def write(writer: int) -> None:
        number = 0
        while not ending.is_set():
            number += 1
            name = f"part-{writer}-{number}"
            until = time.monotonic() + PATIENCE
            while time.monotonic() < until:
                try:
                    status, said = place.post("/overlay", part(name), f"key-{name}")
                except (OSError, http.client.HTTPException, ValueError):
                    with lock:
                        written.interrupted += 1
                    time.sleep(0.05)
                    continue
                if status == 201:
                    with lock:
                        written.acknowledged.add(name)
                    break
                if status not in {409, 503}:
                    with lock:
                        written.refused.append((status, said))
                    return
                time.sleep(0.05)

    threads = [threading.Thread(target=write, args=[writer]) for writer in range(WRITERS)]
    for each in threads:
        each.start()
    try:
        yield written
    finally:
        ending.set()
        for each in threads:
            each.join(PATIENCE + 10)


def settled(place: Place, written: Written) -> None:
    """All that was acknowledged is there, once; and the audit tells of just what is there."""
    assert written.refused == []
    there = place.parts()
    assert len(there) == len(set(there))
    assert written.acknowledged <= set(there)
    assert place.check_audit() == len(there)


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_killed_workers(kind, make_database, tmp_path, repeats: Callable[..., int]) -> None:
    """Workers that are killed in the middle of writes lose nothing that was acknowledged, and do nothing twice."""
    kills = repeats(small=2, full=50)
    with make_database(kind, tmp_path) as database, served(database, tmp_path) as place:
        with writing(place) as written:
            for _ in range(kills):
                time.sleep(random.uniform(0.1, 0.4))
                with suppress(ValueError, ProcessLookupError):
                    os.kill(random.choice(sorted(place.service.workers())), signal.SIGKILL)
        settled(place, written)
        assert len(written.acknowledged) >= kills


@pytest.mark.soak
def test_killed_postgresql(tmp_path, repeats: Callable[..., int]) -> None:
    """PostgreSQL that is stopped at once in the middle of writes loses nothing that was acknowledged."""
    stops = repeats(small=1, full=20)
    with postgresql.own_server() as server:
        database = Database(server.url)
        with served(database, tmp_path) as place:
            with writing(place) as written:
                for _ in range(stops):
                    time.sleep(random.uniform(0.3, 0.8))
                    server.kill()
                    server.start()
            settled(place, written)
            assert len(written.acknowledged) >= stops
        database.dispose()


@pytest.mark.soak
def test_eight_writers(make_database, tmp_path, repeats: Callable[..., int]) -> None:
    """Eight writers in processes of their own never hear from SQLite that the database is locked."""
    seconds = repeats(small=1, full=60)
    with make_database("sqlite", tmp_path) as database, served(database, tmp_path) as place:
        with writing(place) as written, writing_also(place, 4) as also:
            time.sleep(seconds)
        settled(place, written)
        assert also.refused == []
        assert written.interrupted == also.interrupted == 0


@contextmanager
def writing_also(place: Place, writers: int) -> Iterator[Written]:
    """More writers, who claim hostnames: they are in the others' way in the database."""
    written, ending, lock = Written(), threading.Event(), threading.Lock()

    def write(writer: int) -> None:
        number = 0
        while not ending.is_set():
            number += 1
            try:
                status, said = place.post(
                    "/hostnames", {"name": f"h{number % 3}.w{writer}.example"}, f"h-{writer}-{number}"
                )
            except (OSError, http.client.HTTPException):
                with lock:
                    written.interrupted += 1
                continue
            if status != 201:
                with lock:
                    written.refused.append((status, said))
                return

    threads = [threading.Thread(target=write, args=[writer]) for writer in range(writers)]
    for each in threads:
        each.start()
    try:
        yield written
    finally:
        ending.set()
        for each in threads:
            each.join(PATIENCE)


def test_locked_database(make_database, tmp_path) -> None:
    """While somebody else holds the database, a change is 503, reads go on, and nothing is half done."""
    with make_database("sqlite", tmp_path) as database, served(database, tmp_path) as place:
        before = place.parts()
        file = database.url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(file, isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            status, said = place.post("/overlay", part("locked"), "locked")
            assert (status, said["type"]) == (503, "/problems/unavailable")
            assert place.service.get(f"/v1/orgs/{SLUG}/modules/first-hour")[0] == 200
            assert place.service.get(f"/v1/orgs/{SLUG}/modules/first-hour?locale=en-GB")[0] == 200
            holder.execute("ROLLBACK")
        assert place.parts() == before
        assert place.post("/overlay", part("locked"), "locked")[0] == 201
        assert place.parts() == [*before, "locked"]


def test_full_disk(make_database, tmp_path) -> None:
    """On a full disk a change is 503, reads go on, and nothing is half done."""
    with make_database("sqlite", tmp_path) as database, served(database, tmp_path) as place:
        before = place.parts()
        workers = place.service.workers()
        size = Path(database.url.removeprefix("sqlite:///")).stat().st_size
        limited = [resource_limited(pid, size) for pid in workers]
        assert all(limited)
        statuses = {place.post("/overlay", part(f"full-{number}"), f"full-{number}")[0] for number in range(60)}
        assert 503 in statuses
        assert statuses <= {201, 503}
        assert place.service.get(f"/v1/orgs/{SLUG}/modules/first-hour?locale=en-GB")[0] == 200
        there = place.parts()
        assert there[: len(before)] == before
        assert place.check_audit() == len(there)


def resource_limited(pid: int, size: int) -> bool:
    """Let a process write no file beyond a size: the kernel refuses it as it would on a full disk."""
    import resource

    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size + 8_192, size + 8_192))
    return resource.prlimit(pid, resource.RLIMIT_FSIZE)[0] == size + 8_192
