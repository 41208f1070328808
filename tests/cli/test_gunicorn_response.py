"""gunicorn's response as our worker has it: the same headers as gunicorn's own, whatever it remembers."""

import pytest
from gunicorn.http import wsgi
from gunicorn.http.errors import InvalidResponseHeader, InvalidResponseHeaderName
from hypothesis import given
from hypothesis import strategies as st

from coachkit.cli import gunicorn_worker
from coachkit.cli.gunicorn_worker import Response

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


def test_checked_once(monkeypatch):
    """A header that was checked is not checked again, but for those that no two answers share."""
    checked = []
    monkeypatch.setattr(Response, "_checked", {})
    monkeypatch.setattr(OWN, "process_headers", lambda _, headers: checked.extend(headers))
    headers = [("ETag", '"a"'), ("CoachKit-Request-Id", "1"), ("Content-Length", "2")]
    for _ in range(2):
        Response(None, None, None).process_headers(headers)
    assert checked == [*headers, *headers[1:]]


def test_what_is_remembered_is_bounded(monkeypatch):
    """However many different headers there are, no more than so many are remembered."""
    monkeypatch.setattr(Response, "_checked", {})
    monkeypatch.setattr(gunicorn_worker, "CHECKED", 10)
    for number in range(35):
        Response(None, None, None).process_headers([("ETag", f'"{number}"')])
    assert len(Response._checked) <= 10  # noqa: SLF001


def test_gunicorn_takes_it():
    """Where gunicorn makes its own response it makes this one, in a process that has our worker."""
    assert wsgi.Response is Response


def test_a_header_that_breaks_out_is_refused():
    """No value can begin another header, on the first answer and on the next."""
    for _ in range(2):
        with pytest.raises(InvalidResponseHeader):
            Response(None, None, None).process_headers([("ETag", "a\r\nSet-Cookie: b")])
