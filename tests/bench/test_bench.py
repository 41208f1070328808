"""What is measured is what it says; nothing here looks at the clock, and nothing needs the peers' environment."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.compare import Contender, Effort, Slice, interleaved, ratio, spread
from bench.facts import Facts
from bench.generator import LOCALES, write_pack
from bench.load import LoadError, answer, each_once, load, request
from bench.reading import ADDRESS, KEYED_ADDRESS, PEERS, Reading, check_source, prepare, redis
from bench.report import PAGE, Goal, Row, Table, at_least, page
from bench.servers import Command, Server, granian, gunicorn, serving
from coachkit.cli import cli

COACHKIT = "coachkit.wsgi:app"
TRIED = Effort(rounds=1, slices=2, seconds=0.05, warm_up=0.02)


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Reading:
    return prepare(tmp_path_factory.mktemp("bench"))


@pytest.fixture(scope="module")
def coachkit(reading: Reading, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """CoachKit on gunicorn, as it is shipped."""
    with serving(reading.coachkit(gunicorn(COACHKIT)), tmp_path_factory.mktemp("server") / "log") as server:
        yield server


def test_generated_packs_have_no_problems(tmp_path: Path) -> None:
    """There is nothing to refuse in a generated pack, and nothing to warn about."""
    pack = write_pack(tmp_path, 3)
    done = CliRunner().invoke(cli, ["pack", "check", str(pack), "--json"])
    assert json.loads(done.stdout) == {"ok": True, "problems": []}


def test_generated_packs_are_the_same_every_time(tmp_path: Path) -> None:
    """Two packs of one size have the same bytes; no two modules of a pack do."""
    packs = [write_pack(tmp_path / name, 5) for name in ("one", "other")]
    one, other = ({path.relative_to(pack): path.read_bytes() for path in pack.rglob("*.*")} for pack in packs)
    assert one == other
    assert len(set(one.values())) == 1 + 5 * len(LOCALES)


def test_the_module_is_as_large_as_said(reading: Reading) -> None:
    """The module that is read is about 6 KB of JSON."""
    assert 5_500 <= reading.body.stat().st_size <= 6_500


def test_every_server_answers_the_same(reading: Reading, coachkit: Server, tmp_path: Path) -> None:
    """CoachKit and the bare callable send the same body, from either server."""
    others = [
        reading.coachkit(granian(COACHKIT)),
        *(Command(start("bare:app", folder=PEERS), reading.environ) for start in (gunicorn, granian)),
    ]
    with ExitStack() as stack:
        servers = [stack.enter_context(serving(each, tmp_path / "log")) for each in others]
        bodies = {answer(server.port, ADDRESS)[1] for server in (coachkit, *servers)}
    assert bodies == {reading.body.read_bytes()}


def test_the_empty_view_answers(tmp_path: Path) -> None:
    """The flask-smorest view has nothing to say, and says it."""
    with serving(Command(gunicorn("empty_smorest:app", folder=PEERS)), tmp_path / "log") as server:
        assert answer(server.port, "/")[1].strip() == b"{}"


def test_without_a_store_every_answer_is_rendered(reading: Reading, tmp_path: Path) -> None:
    """With `cache_bytes` at 0 no answer is a hit, and as many documents are rendered as there are answers."""
    with serving(reading.coachkit(gunicorn(COACHKIT), cache_bytes=0), tmp_path / "log") as server:
        done = each_once(server.port, [request(ADDRESS)] * 20, connections=2)
        _, counts = answer(server.port, "/metrics")
    assert (done.answers, done.hits) == (20, 0)
    assert b'coachkit_renders_total{format="json"} 20.0' in counts


def test_a_key_gets_hits(reading: Reading, tmp_path: Path) -> None:
    """Content that wants a key is answered from the store to one, as often as it asks, and to nobody else."""
    start = gunicorn(COACHKIT)
    with serving(reading.coachkit(start, limit_reads=999_999_999), tmp_path / "log") as server:
        done = each_once(server.port, [request(KEYED_ADDRESS, reading.key)] * 20, connections=1)
        with pytest.raises(LoadError, match="404"):
            answer(server.port, KEYED_ADDRESS)
    assert (done.answers, done.hits) == (20, 19)


def test_redis_is_where_hits_come_from(reading: Reading, tmp_path: Path) -> None:
    """With a Redis and no store of its own, CoachKit's hits come from Redis; without a Redis that is noticed."""
    with redis(tmp_path) as port:
        address = f"redis://127.0.0.1:{port}/0"
        shared = reading.coachkit(gunicorn(COACHKIT), cache_bytes=0, redis_url=address)
        check_source(shared, "redis", tmp_path)
        with pytest.raises(ValueError, match="no hit from redis"):
            check_source(reading.coachkit(gunicorn(COACHKIT)), "redis", tmp_path)


def test_contenders_are_loaded_in_turn(reading: Reading, tmp_path: Path) -> None:
    """Each contender has a slice for each round and turn, with its speed, its cost and its hits."""
    bare = Contender("bare", Command(gunicorn("bare:app", folder=PEERS), reading.environ), [request(ADDRESS)])
    ours = Contender("ours", reading.coachkit(gunicorn(COACHKIT)), [request(ADDRESS)], hits=1.0)
    found = interleaved([bare, ours], TRIED, tmp_path)
    assert {name: len(slices) for name, slices in found.items()} == {"bare": 2, "ours": 2}
    assert all(each.per_second > 0 for each in found["ours"])
    assert [each.hit_rate for each in found["bare"]] == [0, 0]
    with pytest.raises(LoadError, match="100% of the answers, not 0%"):
        interleaved([replace(ours, hits=0.0)], TRIED, tmp_path)


def test_only_whole_answers_count(coachkit: Server) -> None:
    """A server that refuses is not measured: what it answered is said."""
    with pytest.raises(LoadError, match="404"):
        load(coachkit.port, [request("/v1/orgs/nonesuch/modules")], 0.05, connections=1)


def test_ratios_are_of_neighbours() -> None:
    """A ratio is of two slices taken one after the other, and its median is given with its bounds."""
    assert ratio([1.0, 8.0, 9.0], [1.0, 2.0, 3.0]) == spread([1.0, 4.0, 3.0])
    assert spread([1.0, 4.0, 3.0]).said(".1f", " s") == "3.0 s (1.0 to 4.0)"


def test_goals_hold_by_speed_and_by_cpu() -> None:
    """A goal is met where answers a second and answers for a second of CPU both are as many times as asked for."""
    first, slow, costly = [Slice(100, 10, 0)], [Slice(80, 10, 0)], [Slice(100, 20, 0)]
    assert [at_least(0.9, each, first).met for each in (first, slow, costly)] == [True, False, False]


def test_missed_goals_are_said() -> None:
    """A table says of each goal whether it is met, and the page lists those that are not."""
    row = Row(["a", "100"], [Goal("≥ 1", "1", met=True), Goal("≥ 2", "1.5", met=False)])
    table = Table("Reading", "One thing.", ("", "requests/s"), [row])
    assert "| a | 100 | ≥ 1 | 1 | met |" in table.markdown()
    assert "|  |  | ≥ 2 | 1.5 | **missed** |" in table.markdown()
    written = page([table], Facts("abc", "2 cores", ("Python",)), "make bench")
    assert "- Reading: a: 1.5, where ≥ 2 is asked for" in written
    assert "Every goal is met." in page([replace(table, rows=[])], Facts("abc", "2 cores", ()), "make bench")


README = {
    ("A cached module on gunicorn", "≥ 0.9"): (
        "a cached module of 6 KB, times what a bare callable with the same bytes answers on the same gunicorn worker"
    ),
    ("A cached module on gunicorn", "≥ 0.5"): "the same, when every hit comes from Redis",
    ("A cached module on granian", "≥ 0.6"): (
        "the same from the worker's own store, times a bare callable, both on granian"
    ),
    ("A module that is not cached", "≥ 3 times Django REST framework"): (
        "a module that is not cached, rendered on every request"
    ),
    ("A module that is not cached", "≥ 0.8 times the empty view"): "the same",
    ("Publishing", "≤ 1.2 times that of 100"): (
        "publishing a pack of 1,000 modules in two languages and an edition of it: CPU for each module, times that of "
        "ten packs of 100 and one edition of them"
    ),
    ("Publishing", "≤ 1.2 times that of a pack of 100 modules alone"): (
        "the same, times that of one pack of 100 and its edition"
    ),
    ("Many organisations", "≥ 0.8"): (
        "10,000 organisations with a brand and wording of their own, times what one alone gets, in answers a second"
    ),
    ("Many organisations", "≤ 256 MB"): "a worker's memory meanwhile, with every document of all of them at hand",
    ("Starting", "≤ 0.3 s"): "`coachkit --help`",
}
"""What README calls each goal of a table."""


def test_the_readme_says_what_was_measured() -> None:
    """README's table is that of the page, goal for goal: what was measured, asked for and found, and if it is met."""
    measured, title = [], ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        title = line.removeprefix("## ") if line.startswith("## ") else title
        *_, goal, found, verdict = ["", "", *line.strip("| ").split(" | ")]
        if verdict in {"met", "**missed**"}:
            measured.append([README[title, goal], goal, found.partition(" (")[0], verdict])
    _, _, section = (PAGE.parents[1] / "README.md").read_text(encoding="utf-8").partition("\n## Measured\n")
    lines = [line.strip("| ").split(" | ") for line in section.partition("\n## ")[0].splitlines() if "|" in line]
    assert len(measured) > 5
    assert lines[2:] == measured
