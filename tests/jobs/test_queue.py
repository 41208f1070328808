import os
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
import redis
from structlog.testing import capture_logs

from coachkit.errors import SettingsError
from coachkit.jobs.queue import MOST, FileStorage, Queue, carrying, of_installation
from coachkit.settings import Settings


@pytest.fixture(params=["file", "redis"])
def chosen(request, tmp_path):
    """Settings with a queue of each kind."""
    url = request.getfixturevalue("redis_url") if request.param == "redis" else None
    return Settings(
        database_url=f"sqlite:///{tmp_path / 'coachkit.sqlite'}", secret_key=bytes(range(32)), redis_url=url
    )


@pytest.fixture
def queue(chosen):
    queue = of_installation(chosen)
    yield queue
    queue.close()


def all_of(queue):
    return list(iter(queue.next, None))


def test_carried(queue):
    """Every number that is put in comes out, in its order, and then none."""
    assert all(queue.wake(number) for number in (3, 1, 2, 1))
    assert all_of(queue) == [3, 1, 2, 1]


def test_shared(queue, chosen):
    """Each number comes out once, whichever process of the installation asks."""
    other = of_installation(chosen)
    queue.wake(7)
    assert (other.next(), queue.next()) == (7, None)
    other.close()


def test_apart(queue, chosen):
    """An installation with another secret key has its own numbers in the same Redis."""
    other = of_installation(replace(chosen, secret_key=bytes(range(1, 33)), data_dir=None))
    if chosen.redis_url is not None:
        queue.wake(7)
        assert other.next() is None
        assert queue.next() == 7
    other.close()


def test_bounded(queue):
    """With nobody to take them no more than so many numbers wait, and the newest is among them."""
    for number in range(MOST + 10):
        assert queue.wake(number)
    found = all_of(queue)
    assert len(found) <= MOST
    assert found[-1] == MOST + 9


def test_nothing_is_opened_before_use(chosen, tmp_path):
    """A queue that nobody has used yet has opened nothing: workers may be forked."""
    of_installation(replace(chosen, redis_url="redis://127.0.0.1:1/0"))
    of_installation(replace(chosen, redis_url=None))
    assert [each.name for each in tmp_path.iterdir() if "queue" in each.name] == []


@pytest.mark.parametrize("junk", [b"", b"x", b"-1", b"1" * 40, b"\x80\x04\x95cos\nsystem\n", "٣".encode()])
def test_junk(redis_url, junk):
    """What somebody else put there is passed over, and nothing of it is run."""
    settings = Settings(database_url="sqlite:///x.sqlite", secret_key=bytes(range(32)), redis_url=redis_url)
    queue = of_installation(settings)
    with closing(redis.Redis.from_url(redis_url)) as client:
        queue.wake(5)
        (key,) = client.keys("ck:jobs:*")
        client.rpush(key, junk)
    assert queue.next() is None
    assert queue.next() == 5
    queue.close()


def test_redis_is_away(chosen):
    """Without Redis nobody is woken, nobody gets an error, it is said once, and also when it is back."""
    queue = of_installation(replace(chosen, redis_url="redis://127.0.0.1:1/0"))
    with capture_logs() as logs:
        assert not queue.wake(1)
        assert not queue.wake(2)
        assert queue.next() is None
    said = [each for each in logs if "the queue of jobs" in each["event"]]  # and not what threads of other tests say
    assert [each["log_level"] for each in said] == ["warning"]
    assert "127.0.0.1" not in str(said)


def test_file_is_spoiled(tmp_path):
    """A file of numbers that is none is no error for anybody, and works again once it is gone."""
    file = tmp_path / "queue.sqlite"
    file.write_bytes(b"no database at all" * 100)
    queue = Queue(lambda: carrying("jobs", FileStorage, filename=str(file)))
    with capture_logs() as logs:
        assert not queue.wake(1)
        assert queue.next() is None
        file.unlink()
        assert queue.wake(2)
        assert queue.next() == 2
    assert [each["log_level"] for each in logs] == ["warning", "info"]
    queue.close()


def test_file_is_locked(tmp_path):
    """Who finds the file of numbers locked does not wait for long."""
    file = tmp_path / "queue.sqlite"
    queue = Queue(lambda: carrying("jobs", FileStorage, filename=str(file)))
    assert queue.wake(1)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert not queue.wake(2)
    assert queue.next() == 1
    queue.close()


def test_where_it_is(tmp_path, monkeypatch):
    """The file is with the installation's own, or beside its database, or where only its owner finds it."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    secret = bytes(range(32))
    for settings, wanted in [
        (Settings("postgresql://x/y", secret, data_dir=tmp_path / "data"), "data/queue.sqlite"),
        (Settings(f"sqlite:///{tmp_path}/a.sqlite", secret), "a.queue.sqlite"),
        (Settings("postgresql://x/y", secret), "coachkit-*/queue.sqlite"),
    ]:
        queue = of_installation(settings)
        assert queue.wake(1)
        queue.close()
        (file,) = tmp_path.glob(wanted)
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert file.stat().st_uid == os.getuid()


def test_address_of_redis(tmp_path):
    """An address of Redis that cannot be read is refused at once, without being quoted."""
    settings = Settings("postgresql://x/y", bytes(range(32)), redis_url="redis://:secret@[/0")
    with pytest.raises(SettingsError) as refused:
        of_installation(settings)
    assert "secret" not in str(refused.value)
