import random
import threading
from datetime import UTC, datetime, timedelta

import pytest
from appmaker import eventually
from jobmaker import move
from structlog.testing import capture_logs

from coachkit.jobs.queue import FileStorage, Queue, carrying, of_installation
from coachkit.jobs.worker import Worker
from coachkit.settings import Settings

MINUTE = timedelta(minutes=1)


class Unreliable(FileStorage):
    """Loses every second message, and brings every other one twice, and late."""

    def __init__(self, name, filename):
        super().__init__(name, filename)
        self._late = []
        self._count = 0

    def enqueue(self, data, priority=None):
        self._count += 1
        if self._count % 2:
            return
        self._late += [data, data]
        if len(self._late) > 6:
            random.shuffle(self._late)
            while len(self._late) > 2:
                super().enqueue(self._late.pop(), priority)


class Silent(FileStorage):
    """Loses every message."""

    def enqueue(self, data, priority=None):
        pass


class Doubling(FileStorage):
    """Brings every message three times."""

    def enqueue(self, data, priority=None):
        for _ in range(3):
            super().enqueue(data, priority)


@pytest.fixture
def start(bench, tmp_path):
    """Starts a worker over what a kind of storage carries, and stops it at the end."""
    started = []

    def start(storage=FileStorage, handler=None, threads=2, waiting=None, **given):
        waiting = waiting or Queue(lambda: carrying("jobs", storage, filename=str(tmp_path / "queue.sqlite")))
        runner = bench.runner(handler, clock=lambda: datetime.now(UTC), **given)
        worker = Worker(runner, waiting, threads)
        worker.start()
        started.append((worker, waiting))
        return worker, waiting

    yield start
    for worker, waiting in started:
        assert worker.stop(10)
        waiting.close()


def plan(bench, count):
    for number in range(count):
        bench.plan(f"s{number}", datetime.now(UTC) - MINUTE)
    return {f"s{number}": 1 for number in range(count)}


@pytest.mark.parametrize("storage", [FileStorage, Unreliable, Doubling, Silent])
def test_every_message_dropped_or_doubled(bench, start, storage):
    """Whether every message is lost, doubled, or brought in another order, each job is done once."""
    wanted = plan(bench, 8)
    start(storage)
    start(storage)
    eventually(lambda: bench.moves == wanted, 30)
    eventually(lambda: not any(bench.job(subject) for subject in wanted))
    assert bench.moves == wanted


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_over_redis(bench, start, redis_url):
    """Workers that share a Redis do each job once between them."""
    settings = Settings(bench.database.url, bytes(range(32)), redis_url=redis_url)
    wanted = plan(bench, 20)
    for _ in range(2):
        start(waiting=of_installation(settings))
    eventually(lambda: bench.moves == wanted, 30)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_without_its_redis(bench, start):
    """Where the queue is not to be had a worker does by itself what is due."""
    settings = Settings(bench.database.url, bytes(range(32)), redis_url="redis://127.0.0.1:1/0")
    wanted = plan(bench, 20)
    start(waiting=of_installation(settings))
    eventually(lambda: bench.moves == wanted, 30)


def test_due_later(bench, start):
    """What becomes due while a worker runs is done then, and not before."""
    due_at = datetime.now(UTC) + timedelta(seconds=1.5)
    bench.plan("s1", due_at)
    start()
    eventually(lambda: bench.moves, 30)
    assert datetime.now(UTC) >= due_at


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_faulty_jobs_hold_up_nothing(bench, start):
    """Jobs that fail at once, as often as they are tried, keep no other from being done."""
    for number in range(30):
        bench.plan(f"bad{number}", datetime.now(UTC) - 2 * MINUTE)

    def handler(job, context):
        if job.subject.startswith("bad"):
            raise RuntimeError
        move(job, context)

    wanted = plan(bench, 5)
    start(handler=handler)
    eventually(lambda: bench.moves == wanted, 30)


def test_stops_when_what_is_begun_has_ended(bench, start):
    """A worker that is told to stop ends what it is at, and begins nothing more."""
    plan(bench, 3)
    reached, go = threading.Event(), threading.Event()

    def handler(job, context):
        reached.set()
        assert go.wait(10)
        move(job, context)

    worker, _ = start(handler=handler, threads=1)
    assert reached.wait(10)
    stopped = []
    thread = threading.Thread(target=lambda: stopped.append(worker.stop(10)))
    thread.start()
    eventually(lambda: worker.stopping)
    go.set()
    thread.join(20)
    assert stopped == [True]
    assert sum(bench.moves.values()) == 1


def test_stops_although_something_goes_on(bench, start):
    """What does not end in time is given back, and another worker does it; what the first one does is undone."""
    plan(bench, 1)
    reached, go = threading.Event(), threading.Event()

    def handler(job, context):
        reached.set()
        assert go.wait(20)
        move(job, context)

    worker, _ = start(handler=handler, threads=1)
    assert reached.wait(10)
    assert not worker.stop(0.1)
    assert (bench.job("s0").claim, bench.job("s0").attempts) == (None, 0)
    start()
    eventually(lambda: bench.moves == {"s0": 1}, 30)
    go.set()
    eventually(lambda: worker.stop(10))
    assert bench.moves == {"s0": 1}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_database_is_away_for_a_while(bench, start, tmp_path):
    """A worker outlives its database's absence, and does what is due as soon as it is back."""
    start()
    file, aside = tmp_path / "coachkit.sqlite", tmp_path / "aside.sqlite"
    bench.database.dispose()
    with capture_logs() as logs:
        file.rename(aside)
        file.mkdir()
        eventually(lambda: any(each["event"] == "what is due cannot be seen" for each in logs), 20)
        file.rmdir()
        aside.rename(file)
        wanted = plan(bench, 2)
        eventually(lambda: bench.moves == wanted, 30)
        eventually(lambda: any(each["event"] == "what is due is seen again" for each in logs))
