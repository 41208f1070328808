"""The faulty proxy of the tests, over a plain server that echoes."""

import socket
import socketserver
import threading
import time
from contextlib import ExitStack, closing

import pytest
from appmaker import eventually
from faulty import FaultyProxy

SOON = 0.2
"""Seconds of silence after which nothing more is expected."""


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(65_536):
            self.request.sendall(data)


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request, client_address):
        """A connection that the proxy resets is no fault."""


class UnixServer(Server):
    address_family = socket.AF_UNIX


@pytest.fixture(params=["tcp", "unix"])
def target(request, tmp_path):
    """The address of a server that echoes, on TCP and on a Unix socket."""
    path = str(tmp_path / "echo")
    server = Server(("127.0.0.1", 0), Echo) if request.param == "tcp" else UnixServer(path, Echo)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server.server_address
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def proxy(target):
    """A proxy to it; when it has ended, so has its thread."""
    with FaultyProxy(target) as proxy:
        yield proxy
    assert "faulty-proxy" not in [thread.name for thread in threading.enumerate()]


@pytest.fixture
def connect(proxy):
    """Connects to the proxy."""
    with ExitStack() as opened:
        yield lambda: opened.enter_context(closing(socket.create_connection(("127.0.0.1", proxy.port), timeout=5)))


def ask(client, data):
    """What is answered, up to as many bytes as were sent; less if the connection ends."""
    client.sendall(data)
    answer = b""
    while len(answer) < len(data) and (part := client.recv(65_536)):
        answer += part
    return answer


def is_silent(client):
    """Whether nothing comes for a while, not even an end."""
    client.settimeout(SOON)
    try:
        client.recv(1)
    except TimeoutError:
        return True
    finally:
        client.settimeout(5)
    return False


def test_forward(proxy, connect):
    """From the start everything passes unchanged, and is counted."""
    data = bytes(range(256)) * 4_000
    client = connect()
    assert ask(client, data) == data
    assert (proxy.connections, proxy.open_connections) == (1, 1)
    assert (proxy.asked, proxy.answered) == (len(data), len(data))
    client.close()
    eventually(lambda: proxy.open_connections == 0)


def test_refuse(proxy, connect):
    """Refusing resets who is there and lets nobody in; the port stays the proxy's own for when it is over."""
    client = connect()
    ask(client, b"hello")
    proxy.refuse()
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    with pytest.raises(ConnectionRefusedError):
        connect()
    proxy.forward()
    assert ask(connect(), b"hello") == b"hello"


def test_cut(proxy, connect):
    """A cut resets who is there, and who comes next is served."""
    client = connect()
    ask(client, b"hello")
    proxy.cut()
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    assert ask(connect(), b"hello") == b"hello"


def test_blackhole(proxy, connect):
    """A black hole takes requests of old and new connections and answers none, also when it is over."""
    old = connect()
    ask(old, b"hello")
    proxy.blackhole()
    new = connect()
    for client in (old, new):
        client.sendall(b"anyone?")
        assert is_silent(client)
    proxy.forward()
    assert is_silent(old)
    assert ask(connect(), b"hello") == b"hello"


def test_blackhole_unused(proxy, connect):
    """A connection that said nothing while it lasted works on afterwards."""
    client = connect()
    ask(client, b"hello")
    proxy.blackhole()
    proxy.forward()
    assert ask(client, b"again") == b"again"


def test_slow(proxy, connect):
    """A slow answer begins so much later, on a connection that was open before."""
    client = connect()
    ask(client, b"hello")
    proxy.slow(SOON)
    began = time.monotonic()
    assert ask(client, b"hello") == b"hello"
    assert time.monotonic() - began >= SOON


def test_no_longer_slow(proxy, connect):
    """What is being delayed goes out when the fault is over, and not when it would have been due."""
    proxy.slow(60)
    client = connect()
    client.sendall(b"hello")
    assert is_silent(client)
    proxy.forward()
    assert client.recv(100) == b"hello"


def test_dribble(proxy, connect):
    """A dribbled answer comes whole, a byte at a time."""
    proxy.dribble()
    client = connect()
    client.sendall(b"hello")
    assert [client.recv(100) for _ in range(5)] == [b"h", b"e", b"l", b"l", b"o"]


def test_truncate(proxy, connect):
    """A truncated answer ends in its middle."""
    proxy.truncate()
    assert ask(connect(), b"hello") == b"he"


def test_flip(proxy, connect):
    """The bits that are flipped are the same each time, however the answer comes in pieces."""
    proxy.flip(every=3)
    whole, pieces = connect(), connect()
    assert ask(whole, b"\0" * 9) == b"\0\0\1" * 3
    assert ask(pieces, b"\0" * 4) + ask(pieces, b"\0" * 5) == b"\0\0\1" * 3


def test_reply(proxy, connect):
    """Each request gets the answer that was given, and the target hears nothing until it is over."""
    proxy.reply(b"-NO\r\n")
    client = connect()
    assert [ask(client, b"12345") for _ in range(2)] == [b"-NO\r\n"] * 2
    proxy.forward()
    assert ask(client, b"hello") == b"hello"


def test_rewrite(proxy, connect):
    """Answers are what the function makes of them."""
    proxy.rewrite(bytes.upper)
    assert ask(connect(), b"hello") == b"HELLO"


def test_target_gone(tmp_path):
    """Where the target is not there, a request ends its connection."""
    with FaultyProxy(tmp_path / "nothing") as proxy, socket.create_connection(("127.0.0.1", proxy.port)) as client:
        client.settimeout(5)
        with pytest.raises(ConnectionResetError):
            ask(client, b"hello")


def test_stops_in_the_middle(target):
    """It ends at once, also with answers under way and connections that nobody closes."""
    with ExitStack() as opened:
        began = time.monotonic()
        with FaultyProxy(target) as proxy:
            proxy.slow(60)
            for _ in range(20):
                client = socket.create_connection(("127.0.0.1", proxy.port))
                opened.enter_context(client)
                client.sendall(b"hello")
            eventually(lambda: proxy.asked == 100)
        assert time.monotonic() - began < 5
