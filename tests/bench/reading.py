"""Reading one module: from CoachKit's stores and without them, beside its servers' floors and others' views."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import redisserver

from bench.compare import Contender, Effort, Slice, interleaved
from bench.generator import PACK, module_id, write_pack
from bench.installation import Place, make_place, serve_keyed, serve_pack, slug_of
from bench.load import answer, request
from bench.report import Row, Table, at_least, speed_cells
from bench.servers import Command, granian, gunicorn, python, serving

PEERS = Path(__file__).parent / "peers"
KEYED_ADDRESS = f"/v1/orgs/{slug_of(2)}/modules/{module_id(3)}"
ADDRESS = f"/v1/orgs/{slug_of(1)}/modules/{module_id(3)}"
_OF_ALL = {"server", "date", "connection", "content-type", "content-length"}
UNKEPT = {"cache_bytes": 0, "limit_keyless": 999_999_999}
"""The settings with which every answer is made anew, and counted, as many as are asked for."""
COLUMNS = ("", "requests/s", "CPU µs each")


@dataclass(frozen=True)
class Reading:
    """An installation, the body of the module that is read, and how many headers come with it.

    Those that the bare callable sends too do not count. `key` is the token with which a second organisation, which
    wants one, is read.
    """

    place: Place
    body: Path
    headers: int
    key: str

    def coachkit(self, start: Sequence[str], **settings: str | int) -> Command:
        """CoachKit as it is shipped, with these settings over the installation's own."""
        more = {f"COACHKIT_{name.upper()}": str(value) for name, value in settings.items()}
        return Command(start, self.place.server_environ() | more, "/readyz")

    @property
    def environ(self) -> dict[str, str]:
        """What tells the peers what to answer."""
        return {"BENCH_BODY": str(self.body), "BENCH_ORGANISATION": slug_of(1)}


def prepare(folder: Path) -> Reading:
    """Make the installation, and keep the body that it answers with."""
    place = make_place(folder / "installation")
    with place.opened() as here:
        serve_pack(here, write_pack(folder, 10), iter([slug_of(1)]))
        key = serve_keyed(here, slug_of(2), PACK)
    reading = Reading(place, folder / "body.json", 0, key)
    with serving(reading.coachkit(gunicorn("coachkit.wsgi:app")), folder / "prepare.log") as server:
        head, body = answer(server.port, ADDRESS)
    reading.body.write_bytes(body)
    names = {line.partition(b":")[0].decode().lower() for line in head.split(b"\r\n")[1:]}
    return replace(reading, headers=len(names - _OF_ALL))


def cached(reading: Reading, effort: Effort, folder: Path) -> list[Table]:
    """The tables of cached modules: on gunicorn from both stores, on granian from the process's own."""
    own = [request(ADDRESS)]
    plain = [*gunicorn("bare:app", folder=PEERS), "--worker-class", "gthread"]
    with redis(folder) as port:
        shared = reading.coachkit(gunicorn("coachkit.wsgi:app"), **UNKEPT, redis_url=f"redis://127.0.0.1:{port}/0")
        check_source(shared, "redis", folder)
        on_gunicorn = interleaved(
            [
                Contender("bare callable", Command(gunicorn("bare:app", folder=PEERS), reading.environ), own),
                Contender("the same on gunicorn's own gthread", Command(plain, reading.environ), own),
                Contender("CoachKit, in-process store", reading.coachkit(gunicorn("coachkit.wsgi:app")), own, 1.0),
                Contender(
                    "CoachKit, in-process store, content that wants a key",
                    reading.coachkit(gunicorn("coachkit.wsgi:app"), limit_reads=999_999_999),
                    [request(KEYED_ADDRESS, reading.key)],
                    1.0,
                ),
                Contender("CoachKit, every hit from Redis", shared, own, 1.0),
            ],
            effort,
            folder,
        )
    on_granian = interleaved(
        [
            Contender("bare callable", Command(granian("bare:app", folder=PEERS), reading.environ), own),
            Contender("CoachKit, in-process store", reading.coachkit(granian("coachkit.wsgi:app")), own, 1.0),
        ],
        effort,
        folder,
    )
    size = reading.body.stat().st_size
    about = (
        f"{size:,} bytes of JSON, one worker. The bare callable returns the same bytes with their type and length and "
        f"no other header; CoachKit sends {reading.headers} more. "
    )
    gunicorn_about = (
        f"{about}The same threads, and the worker class that `coachkit web` uses, which is gthread and makes less of "
        "writing an answer; the bare callable on gthread as gunicorn has it stands beside it."
    )
    granian_about = f"{about}One thread for Python."
    goals = {"CoachKit, in-process store": 0.9, "CoachKit, every hit from Redis": 0.5}
    return [
        _beside_first("A cached module on gunicorn", gunicorn_about, on_gunicorn, goals),
        _beside_first("A cached module on granian", granian_about, on_granian, {"CoachKit, in-process store": 0.6}),
    ]


def uncached(reading: Reading, effort: Effort, folder: Path, peers: Path) -> Table:
    """The table of a module that no store has, beside what a view of others costs."""
    here, empty = "CoachKit, no store", "an empty flask-smorest view"
    drf = "Django REST framework, an SQLite row"
    with redis(folder) as port:
        contenders = [
            Contender(
                here,
                reading.coachkit(gunicorn("coachkit.wsgi:app"), **UNKEPT),
                [request(ADDRESS)],
                0.0,
            ),
            Contender(empty, Command(gunicorn("empty_smorest:app", folder=PEERS)), [request("/")]),
            *_others(reading, folder, peers, port, drf),
        ]
        found = interleaved(contenders, effort, folder)
    first = found[here]
    goals = [
        at_least(3, first, found[drf], "Django REST framework"),
        at_least(0.8, first, found[empty], "the empty view"),
    ]
    rows = [Row(speed_cells(name, slices), goals if name == here else ()) for name, slices in found.items()]
    about = (
        "A module of an edition already in memory, rendered on every request (`cache_bytes` is 0), with its access log "
        "written as shipped. One worker: gunicorn gthread with the same threads for all, but uvicorn for FastAPI. The "
        "others answer with the same content. Django REST framework: an `APIView` on a row with a JSON field, and a "
        "`RetrieveAPIView` with a `ModelSerializer` on a row with a column for each field. FastAPI: a row read with "
        "`sqlite3` and checked by a response model. Wagtail: a page whose body is a stream of the same sections, from "
        "its API. Flask-Caching: a cached view, found in Redis every time. All as for production: DEBUG off, JSON "
        "only, no sessions, no authentication, connections kept."
    )
    return Table("A module that is not cached", about, COLUMNS, rows)


def check_source(command: Command, source: str, folder: Path) -> None:
    """See that a server's store answers the second request, from where it should. Raises ValueError if not."""
    with serving(command, folder / "check.log") as server:
        answer(server.port, ADDRESS)
        head, _ = answer(server.port, ADDRESS)
    if f"hit; detail={source}".encode() not in head:
        raise ValueError(f"this is no hit from {source}: {head.decode('latin-1')}")


@contextmanager
def redis(folder: Path) -> Iterator[int]:
    """A server that speaks Redis, on the load's core; gives its port."""
    data = folder / "redis"
    data.mkdir(exist_ok=True)
    with redisserver.running(data) as server:
        yield server.port


def _others(reading: Reading, folder: Path, peers: Path, redis_port: int, drf: str) -> list[Contender]:
    """Those of the peers' environment, with their databases made."""
    environ = reading.environ | {"BENCH_DATABASE": str(folder / "peers.sqlite"), "BENCH_REDIS_PORT": str(redis_port)}
    wagtail = environ | {"BENCH_DATABASE": str(folder / "wagtail.sqlite")}
    if not Path(environ["BENCH_DATABASE"]).exists():
        _made(peers, environ, "drf")
    page = folder / "wagtail.path"
    if not page.exists():
        page.write_text(_made(peers, wagtail, "wagtail_site.web"), encoding="utf-8")
    own = [request(ADDRESS)]

    def served(app: str, address: str, told: Mapping[str, str] = environ) -> Command:
        return Command(gunicorn(app, peers=peers, folder=PEERS), told, address)

    uvicorn = python("-m", "uvicorn", "--port", "{port}", "--app-dir", str(PEERS), "--no-access-log", peers=peers)
    address = page.read_text(encoding="utf-8")
    return [
        Contender(drf, served("drf:app", ADDRESS), own),
        Contender(
            "the same with a serializer",
            served("drf:app", f"/serialized{ADDRESS}"),
            [request(f"/serialized{ADDRESS}")],
        ),
        Contender("FastAPI, an SQLite row", Command([*uvicorn, "fastapi_app:app"], environ, ADDRESS), own),
        Contender("Wagtail, a page of its API", served("wagtail_site.web:app", address, wagtail), [request(address)]),
        Contender("Flask-Caching, from Redis", served("flask_caching_app:app", ADDRESS), own),
    ]


def _made(peers: Path, environ: Mapping[str, str], name: str) -> str:
    """What a peer's module says when it is run to make its database."""
    told = {**environ, "PATH": os.environ["PATH"]}
    done = subprocess.run(
        python("-m", name, peers=peers), env=told, cwd=PEERS, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout.strip()


def _beside_first(title: str, about: str, found: Mapping[str, list[Slice]], goals: Mapping[str, float]) -> Table:
    """A table in which each row with a goal is compared with the first."""
    first = next(iter(found.values()))
    rows = []
    for name, slices in found.items():
        asked = [at_least(goals[name], slices, first)] if name in goals else []
        rows.append(Row(speed_cells(name, slices), asked))
    return Table(title, about, COLUMNS, rows)
