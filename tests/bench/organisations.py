"""One worker for 1, 100 and 10,000 organisations, each with a brand and an overlay of its own."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from pathlib import Path

from bench.compare import Slice, slice_of, spread
from bench.generator import module_id, write_pack
from bench.installation import Place, make_place, serve_pack, slug_of
from bench.load import each_once, request
from bench.report import Goal, Row, Table, at_least, speed_cells
from bench.servers import Command, Server, gunicorn, serving

DOCUMENTS = 10
SKEW = 1.1
CACHE_BYTES = 192 * 1024 * 1024
LIMIT = 256
"""MB that a worker may take."""
WITHIN = 0.8


@dataclass(frozen=True)
class Crowd:
    """How many organisations there are, in which installation, and how long they took to make."""

    count: int
    place: Place
    seconds: float


def organisations(counts: Sequence[int], requests: int, slices: int, seconds: float, folder: Path) -> Table:
    """The table of crowds of these sizes; each server is warmed with so many requests, and then loaded in turn."""
    pack = write_pack(folder / "crowds", DOCUMENTS)
    crowds = [_made(count, pack, folder) for count in counts]
    found: dict[int, list[Slice]] = {crowd.count: [] for crowd in crowds}
    with ExitStack() as stack:
        servers: dict[int, Server] = {}
        for crowd in crowds:
            environ = crowd.place.server_environ() | {"COACHKIT_CACHE_BYTES": str(CACHE_BYTES)}
            command = Command(gunicorn("coachkit.wsgi:app"), environ, "/readyz")
            servers[crowd.count] = stack.enter_context(serving(command, folder / f"crowd-{crowd.count}.log"))
            each_once(servers[crowd.count].port, [*_every(crowd.count), *_requests(crowd.count, requests, "warm")])
        for turn in range(slices):
            for count, server in servers.items():
                found[count].append(slice_of(server, _requests(count, requests, str(turn)), seconds))
        memory = {count: max(each.own for each in server.workers()) for count, server in servers.items()}
    rows = [_row(crowd, found, memory[crowd.count]) for crowd in crowds]
    about = (
        f"{DOCUMENTS} documents each. Readers ask for organisations by Zipf's law (s = {SKEW:g}) and for their "
        f"documents evenly. One gunicorn worker, with `cache_bytes` at {CACHE_BYTES // 1024 // 1024} MiB so that all "
        f"of it stays below {LIMIT} MB; warmed with every document once, in no order, and then with {requests:,} such "
        "requests, and measured with others. Making an "
        "organisation is what `org create` and `edition publish` do, in one process. How long that took is measured "
        "once, and so is a worker's memory, at the end."
    )
    columns = ("organisations", "requests/s", "CPU µs each", "hit rate", "worker MB", "made in s")
    return Table("Many organisations", about, columns, rows)


def _made(count: int, pack: Path, folder: Path) -> Crowd:
    place = make_place(folder / f"crowd-{count}")
    with place.opened() as here:
        began = time.perf_counter()
        serve_pack(here, pack, map(slug_of, range(1, count + 1)), DOCUMENTS)
        return Crowd(count, place, time.perf_counter() - began)


def _requests(organisations_: int, count: int, seed: str) -> list[bytes]:
    """So many requests, the same for every run, and others for another seed."""
    chance = random.Random(f"{organisations_} {seed}")
    ranks = range(1, organisations_ + 1)
    weights = list(accumulate(rank**-SKEW for rank in ranks))
    return [
        _request(rank, chance.randrange(1, DOCUMENTS + 1))
        for rank in chance.choices(ranks, cum_weights=weights, k=count)
    ]


def _every(organisations_: int) -> list[bytes]:
    """A request for each document of each organisation, in the same disorder for every run."""
    every = [_request(rank, number) for rank in range(1, organisations_ + 1) for number in range(1, DOCUMENTS + 1)]
    random.Random(organisations_).shuffle(every)
    return every


@cache
def _request(organisation: int, document: int) -> bytes:
    return request(f"/v1/orgs/{slug_of(organisation)}/modules/{module_id(document)}")


def _row(crowd: Crowd, found: dict[int, list[Slice]], memory: float) -> Row:
    slices = found[crowd.count]
    hits = spread([each.hit_rate for each in slices])
    cells = [
        *speed_cells(f"{crowd.count:,}", slices),
        hits.said(".1%"),
        f"{memory:,.0f}",
        f"{crowd.seconds:,.1f}",
    ]
    fewest, most = min(found), max(found)
    if crowd.count != most:
        return Row(cells)
    return Row(cells, [at_least(WITHIN, slices, found[fewest]), _within(memory)])


def _within(memory: float) -> Goal:
    return Goal(f"≤ {LIMIT} MB", f"{memory:,.0f} MB", memory <= LIMIT)
