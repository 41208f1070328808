"""gunicorn's response as our worker has it: the same headers as gunicorn's own, whatever it remembers."""

import re
import time
from email.utils import formatdate, parsedate_to_datetime
from types import SimpleNamespace

import pytest
from gunicorn import util
from gunicorn.http import wsgi
from gunicorn.http.errors import InvalidResponseHeader, InvalidResponseHeaderName
from hypothesis import given
from hypothesis import strategies as st

from coachkit.cli import gunicorn_worker
from coachkit.cli.gunicorn_worker import AT_ONCE, Response

OWN = Response.__mro__[1]
"""gunicorn's own class."""
NAMES = st.sampled_from(
    [
        *("Content-Type", "content-length", "Content-Length", "ETag", "Vary", "Connection", "connection", "Upgrade"),
        *("Transfer-Encoding", "Server", "Date", "X-A", "Keep-Alive", "TE", "bad name", "", "Ü", "CoachKit-Request-Id"),
    ]
)
VALUES = st.one_of(
    st.sampled_from(["1", "12", " 7 ", "websocket", "upgrade", "Upgrade", "close", "a\r\nb: c", "\x00", "é", "", "ok"]),
    st.text(max_size=8),
)


def outcome(kind, headers):
    """What a response of a kind makes of headers: what is sent and how it goes on, or the error."""
    response = kind(None, None, None)
    try:
        response.process_headers(headers)
    except (ValueError, TypeError, InvalidResponseHeader, InvalidResponseHeaderName) as error:
        return type(error), str(error)
    return response.headers, response.response_length, response.upgrade


@given(st.lists(st.lists(st.tuples(NAMES, VALUES), max_size=6), min_size=1, max_size=4))
def test_as_gunicorn_does(answers):
    """Of any headers, asked for again in any order, it makes what gunicorn makes of them, errors included."""
    for headers in (*answers, *reversed(answers)):
        assert outcome(Response, headers) == outcome(OWN, headers)


class Wire:
    """A request's connection, which keeps what is sent, each time."""

    def __init__(self):
        self.sent = []

    def sendall(self, data):
        self.sent.append(bytes(data))


def started(kind, status="200 OK", headers=(), method="GET"):
    """A response of a kind that the application has started, and its connection."""
    request = SimpleNamespace(method=method, version=(1, 1), should_close=lambda: False)
    response = kind(request, wire := Wire(), SimpleNamespace(protocol="http", sendfile=False, is_ssl=False))
    response.start_response(status, list(headers))
    return response, wire


def written(kind, status, headers, parts, method):
    """All that a response of a kind sends but for the date; or the error."""
    try:
        response, wire = started(kind, status, headers, method)
    except (ValueError, TypeError, InvalidResponseHeader, InvalidResponseHeaderName) as error:
        return type(error), str(error)
    for part in parts:
        response.write(part)
    response.close()
    return re.sub(rb"\r\nDate: [^\r]*", b"", b"".join(wire.sent)), response.headers_sent, response.sent


ANSWERS = st.tuples(
    st.sampled_from(["200 OK", "204 NO CONTENT", "304 NOT MODIFIED", "404 NOT FOUND"]),
    st.lists(st.tuples(NAMES, VALUES.filter(lambda value: value.isascii())), max_size=6),
    st.lists(st.binary(max_size=12), max_size=3),
    st.sampled_from(["GET", "HEAD"]),
)


@given(st.lists(ANSWERS, min_size=1, max_size=4))
def test_written_as_gunicorn_does(answers):
    """It sends what gunicorn sends, byte for byte, also of headers that it remembers."""
    for answer in (*answers, *reversed(answers)):
        assert written(Response, *answer) == written(OWN, *answer)


@pytest.mark.parametrize(("length", "times"), [(1, 1), (AT_ONCE, 1), (AT_ONCE + 1, 2)])
def test_short_bodies_go_with_the_headers(length, times):
    """A body that is not long leaves in one go with its headers; a long one is not copied for that."""
    response, wire = started(Response, headers=[("Content-Length", str(length)), ("ETag", '"a"')])
    response.write(b"x" * length)
    response.close()
    assert len(wire.sent) == times
    assert b"".join(wire.sent).endswith(b"\r\n\r\n" + b"x" * length)


def test_nothing_is_sent_before_the_body():
    """Where the body is no bytes nothing has been sent yet, so that the fault can still be answered."""
    response, wire = started(Response, headers=[("Content-Length", "1")])
    with pytest.raises(TypeError):
        response.write("no bytes")
    assert (wire.sent, response.headers_sent) == ([], False)


def test_headers_go_before_a_file(tmp_path):
    """What gunicorn sends past the response comes after its headers."""
    (tmp_path / "file").write_bytes(b"file")
    for kind in (OWN, Response):
        response, wire = started(kind, headers=[("Content-Length", "4")])
        with (tmp_path / "file").open("rb") as file:
            response.write_file(wsgi.FileWrapper(file))
        assert b"".join(wire.sent).endswith(b"\r\n\r\nfile")


@pytest.mark.parametrize("timestamp", [0, 1_790_000_000.9, 1_790_000_000, 1_790_000_001])
def test_dates_are_gunicorns(timestamp):
    """The date of an answer is as gunicorn writes it."""
    assert util.http_date(timestamp) == formatdate(timestamp, localtime=False, usegmt=True)
    assert parsedate_to_datetime(util.http_date()).timestamp() == pytest.approx(time.time(), abs=2)


def test_a_second_start_is_as_gunicorns():
    """An application that starts again, because something failed, gets the headers that gunicorn makes of both."""
    found = []
    for kind in (OWN, Response, Response):
        response = kind(SimpleNamespace(method="GET", version=(1, 1)), None, SimpleNamespace(protocol="http"))
        response.start_response("200 OK", [("ETag", '"a"'), ("Vary", "Accept")])
        response.start_response("500 OOPS", [("ETag", '"b"'), ("Content-Length", "3")], (None, None, None))
        found.append((response.headers, response.response_length))
    assert found[0] == found[1] == found[2]


@pytest.fixture
def checked(monkeypatch):
    """The headers that gunicorn's own class was asked to check; nothing is remembered from before."""
    asked = []
    own = OWN.process_headers
    for name in ("_checked", "_blocks", "_met"):
        monkeypatch.setattr(Response, name, {})
    monkeypatch.setattr(OWN, "process_headers", lambda self, headers: (asked.extend(headers), own(self, headers))[1])
    return asked


def process(*headers):
    Response(None, None, None).process_headers(list(headers))


def test_checked_once(checked):
    """Of headers that come again nothing is checked again but the body's length, and from the third time on nothing."""
    headers = [("Vary", "Accept"), ("Content-Length", "2"), ("X-Trace", "1")]
    for _ in range(4):
        process(*headers)
    assert checked == [*headers, ("Content-Length", "2")]


def test_of_other_headers_only_the_new_ones_are_checked(checked):
    """Where one header is new, those that were met before are not checked again; a length, which is more, is."""
    first = [("X-A", "a"), ("Vary", "Accept"), ("Content-Length", "2"), ("X-Trace", "1")]
    process(*first)
    del checked[:]
    process(("X-A", "b"), *first[1:])
    assert checked == [("X-A", "b"), ("Content-Length", "2")]


@pytest.mark.parametrize("name", ["CoachKit-Request-Id", "ETag", "Surrogate-Key", "CoachKit-Edition"])
def test_what_is_plain_needs_no_check(checked, name):
    """What no two answers share is looked at once if it can break out of nothing; any other is gunicorn's to judge."""
    for value in ("0a", '"a"', "a b", "é", " a", ""):
        process((name, value))
    assert checked == [(name, value) for value in ("é", " a", "")]
    with pytest.raises(InvalidResponseHeader):
        process((name, "a\r\nSet-Cookie: b"))


def test_what_is_remembered_is_bounded(checked, monkeypatch):
    """However many different headers there are, no more than so many are remembered, alone and as blocks."""
    monkeypatch.setattr(gunicorn_worker, "CHECKED", 10)
    monkeypatch.setattr(gunicorn_worker, "BLOCKS", 7)
    for number in range(35):
        for _ in range(2):
            process(("X-A", str(number)), ("X-Trace", "1"))
        for remembered, bound in ((Response._checked, 10), (Response._met, 10), (Response._blocks, 7)):  # noqa: SLF001
            assert len(remembered) <= bound
    assert len(checked) >= 35


def test_halves_meet_in_any_pairs(checked):
    """An answer's two halves, each remembered, are put together anew, and the length is that of the answer."""
    alike = [[("Vary", "Accept")], [("Vary", "Accept"), ("content-length", "7")]]
    own = [[("ETag", '"a"')], [("ETag", '"b"'), ("Content-Length", "12")]]
    for _ in range(3):
        for first in alike:
            for second in own:
                headers = [*first, *second, ("CoachKit-Request-Id", "1")]
                assert outcome(Response, headers) == outcome(OWN, headers)
                assert written(Response, "200 OK", headers, [b"x"], "GET") == written(
                    OWN, "200 OK", headers, [b"x"], "GET"
                )
    del checked[:]
    process(*alike[0], *own[1], ("CoachKit-Request-Id", "2"))
    assert not checked


def test_gunicorn_takes_it():
    """Where gunicorn makes its own response it makes this one, in a process that has our worker."""
    assert wsgi.Response is Response


def test_a_header_that_breaks_out_is_refused():
    """No value can begin another header, on the first answer and on the next."""
    for _ in range(2):
        with pytest.raises(InvalidResponseHeader):
            Response(None, None, None).process_headers([("ETag", "a\r\nSet-Cookie: b")])
