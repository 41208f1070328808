"""Every acknowledged change is there, whatever is killed; what was not acknowledged is there wholly or not at all.

Writers add parts to an organisation's overlay over HTTP, each with a text of its own; one of them publishes, schedules
and makes keys in another organisation. They write down what was acknowledged. What was interrupted is sent again with
its Idempotency-Key until it is answered, so at the end everything is there, once.
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
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import postgresql
import pytest
from appmaker import EASTGATE, HARBOUR, House, house_in
from running import Service, free_port, running

from coachkit.db import audit as audit_rows
from coachkit.db import channels as channel_rows
from coachkit.db import schedules as schedule_rows
from coachkit.db.database import Database
from coachkit.db.scopes import ACROSS
from coachkit.organisations import keys, organisations, peppers
from coachkit.organisations.audit import COMMAND, broken
from coachkit.organisations.keys import SCOPES, Wanted

COACHKIT = Path(sys.executable).with_name("coachkit")
SLUG, OTHER = "harbour", "eastgate"
WRITERS = 4
"""One of them does all there is to do at OTHER, in turn; the others word things at SLUG."""
PATIENCE = 60.0
"""Seconds after which a test gives up on an answer."""
DONE_WITHIN = 180.0
"""Seconds after which a writer gives up: each time that it is interrupted, its claim may have to run out first."""


class Said(NamedTuple):
    """An answer: its status, its JSON, and when to come again."""

    status: int
    body: Any
    retry_after: str | None


@dataclass
class Place:
    """An installation that is served by real workers, and by organisation a key that may do everything."""

    house: House
    service: Service
    tokens: dict[str, str]
    audited: int = 0
    """How much of what writers do, the audits told of before they began."""

    def post(self, path: str, body: Any, key: str, slug: str = SLUG) -> Said:
        """The answer to one request; OSError or HTTPException where none came."""
        sent = {
            "Authorization": f"Bearer {self.tokens[slug]}",
            "Content-Type": "application/json",
            "Idempotency-Key": key,
            "If-Match": "*",
        }
        with closing(http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=PATIENCE)) as connection:
            connection.request("POST", f"/v1/orgs/{slug}{path}", json.dumps(body), sent)
            response = connection.getresponse()
            return Said(response.status, json.loads(response.read()), response.headers["Retry-After"])

    def parts(self, slug: str = SLUG) -> list[str]:
        """The sections that an overlay has, in order."""
        with self.house.database.read(ACROSS) as conn:
            return [part["section"] for part in organisations.find(conn, slug).settings.get("overlay") or ()]

    def found(self) -> list[str]:
        """The names of all that writers have made."""
        with self.house.database.read(ACROSS) as conn:
            number = organisations.find(conn, OTHER).id
            notes = [each.note for each in channel_rows.history(conn, number, "live")]
            notes += [each.note for each in schedule_rows.of_organisation(conn, number)]
            made = [each.name for each in keys.listing(conn, number)]
        return [*self.parts(), *self.parts(OTHER), *filter(None, notes), *(name for name in made if name != "writers")]

    def check_audit(self) -> int:
        """How much of what writers do, the audits tell of since they began; their chains are whole."""
        actions = []
        with self.house.database.read(ACROSS) as conn:
            for slug in self.tokens:
                number = organisations.find(conn, slug).id
                entries = list(audit_rows.entries(conn, number))
                assert list(broken(entries, audit_rows.head(conn, number))) == []
                actions += [entry.action for entry in entries]
        return sum(action in AUDITED for action in actions) - self.audited


@dataclass
class Written:
    """What the writers came to."""

    acknowledged: set[str] = field(default_factory=set)
    refused: list[Said] = field(default_factory=list)
    put_off: list[Said] = field(default_factory=list)
    """Answers that it cannot be done now."""
    interrupted: int = 0
    lock: Any = field(default_factory=threading.Lock)

    def do(self, place: Place, slug: str, kind: str, name: str) -> bool:
        """Whether a thing was done in the end, however often it is tried."""
        said = Said(0, "no answer", None)
        until = time.monotonic() + DONE_WITHIN
        while time.monotonic() < until:
            try:
                said = place.post(*WORK[kind](name), f"key-{name}", slug)
            except (OSError, http.client.HTTPException, ValueError):
                with self.lock:
                    self.interrupted += 1
            else:
                if said.status == 201:
                    with self.lock:
                        self.acknowledged.add(name)
                    return True
                if said.status not in {409, 503}:
                    break
                with self.lock:
                    self.put_off.append(said)
            time.sleep(0.05)
        with self.lock:
            self.refused.append(said)
        return False


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


LOCAL_TIME = f"{datetime.now(UTC) + timedelta(days=300):%Y-%m-%dT12:00}"
WORK: dict[str, Callable[[str], tuple[str, Any]]] = {
    "part": lambda name: ("/overlay", part(name)),
    "edition": lambda name: ("/editions", {"note": name}),
    "schedule": lambda name: ("/schedules", {"channel": name, "local_time": LOCAL_TIME, "note": name}),
    "key": lambda name: ("/keys", {"kind": "pub", "name": name}),
}
"""What there is to do: address and body. An edition is new because a part has been added just before."""
AUDITED = {"overlay.set", "channel.move", "schedule.plan", "key.create"}


@contextmanager
def served(database: Database, folder: Path) -> Iterator[Place]:
    with house_in(folder, database) as house:
        house.publish()
        tokens = {}
        for slug, settings in ((SLUG, HARBOUR), (OTHER, EASTGATE)):
            house.organisation(slug, settings)
            house.edition(slug)
            tokens[slug] = _key(house, slug)
        port = free_port()
        environ = {
            "COACHKIT_DATABASE_URL": database.url,
            "COACHKIT_SECRET_KEY": house.settings.secret_key.hex(),
            "WEB_CONCURRENCY": "2",
            **{f"COACHKIT_{name}": "1000000" for name in ("LIMIT_WRITES", "LIMIT_KEY_CREATIONS", *BOUNDS)},
        }
        command = [COACHKIT, "web", "--bind", f"127.0.0.1:{port}"]
        with running(command, port=port, cwd=folder, home=folder, environ=environ) as service:
            place = Place(house, service, tokens)
            place.audited = place.check_audit()
            yield place


BOUNDS = ("MAX_OVERLAY", "MAX_KEYS", "MAX_SCHEDULES", "MAX_EDITIONS")
"""Of what writers make, so that none of them idles at one."""


def _key(house: House, slug: str) -> str:
    with house.database.write(ACROSS) as conn:
        _, token = keys.create(
            conn,
            organisations.find(conn, slug),
            Wanted("sec", "writers", SCOPES),
            peppers=peppers.of(house.settings),
            most=5,
            actor=COMMAND,
            at=datetime.now(UTC),
        )
    return token.text


@contextmanager
def writing(place: Place) -> Iterator[Written]:
    """Writers at work until the block ends; each goes on until what it is at is answered, and all of WORK was done."""
    written, ending = Written(), threading.Event()

    def write(writer: int) -> None:
        slug, kinds = (OTHER, tuple(WORK)) if writer == 0 else (SLUG, ("part",))
        number, going = 0, True
        while going and (not ending.is_set() or number < len(kinds)):
            kind = kinds[number % len(kinds)]
            going = written.do(place, slug, kind, f"{kind}-{writer}-{number}")
            number += 1

    threads = [threading.Thread(target=write, args=[writer]) for writer in range(WRITERS)]
    for each in threads:
        each.start()
    try:
        yield written
    finally:
        ending.set()
        for each in threads:
            each.join(DONE_WITHIN + PATIENCE)


def settled(place: Place, written: Written) -> None:
    """All that was acknowledged is there, once; and the audits tell of just what is there."""
    assert written.refused == []
    there = place.found()
    assert len(there) == len(set(there))
    assert written.acknowledged <= set(there)
    assert {name.partition("-")[0] for name in written.acknowledged} == set(WORK)
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
    """Eight writers at once, in front of two workers, never hear that the database is locked: none is put off."""
    seconds = repeats(small=1, full=60)
    with make_database("sqlite", tmp_path) as database, served(database, tmp_path) as place:
        with writing(place) as written, writing_also(place, 4) as also:
            time.sleep(seconds)
        settled(place, written)
        assert also.refused == written.put_off == []
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
                said = place.post("/hostnames", {"name": f"h{number % 3}.w{writer}.example"}, f"h-{writer}-{number}")
            except (OSError, http.client.HTTPException):
                with lock:
                    written.interrupted += 1
                continue
            if said.status != 201:
                with lock:
                    written.refused.append(said)
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
            said = place.post("/overlay", part("locked"), "locked")
            assert (said.status, said.body["type"], said.retry_after) == (503, "/problems/unavailable", "1")
            assert place.service.get(f"/v1/orgs/{SLUG}/modules/first-hour")[0] == 200
            assert place.service.get(f"/v1/orgs/{SLUG}/modules/first-hour?locale=en-GB")[0] == 200
            holder.execute("ROLLBACK")
        assert place.parts() == before
        assert place.post("/overlay", part("locked"), "locked").status == 201
        assert place.parts() == [*before, "locked"]


def test_full_disk(make_database, tmp_path) -> None:
    """On a full disk a change is 503, reads go on, and nothing is half done."""
    with make_database("sqlite", tmp_path) as database, served(database, tmp_path) as place:
        before = place.parts()
        workers = place.service.workers()
        size = Path(database.url.removeprefix("sqlite:///")).stat().st_size
        limited = [resource_limited(pid, size) for pid in workers]
        assert all(limited)
        said = [place.post("/overlay", part(f"full-{number}"), f"full-{number}") for number in range(60)]
        assert {(each.status, each.retry_after) for each in said} - {(201, None)} == {(503, "1")}
        assert place.service.get(f"/v1/orgs/{SLUG}/modules/first-hour?locale=en-GB")[0] == 200
        there = place.parts()
        assert there[: len(before)] == before
        assert place.check_audit() == len(there)


def resource_limited(pid: int, size: int) -> bool:
    """Let a process write no file beyond a size: the kernel refuses it as it would on a full disk."""
    import resource

    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size + 8_192, size + 8_192))
    return resource.prlimit(pid, resource.RLIMIT_FSIZE)[0] == size + 8_192
