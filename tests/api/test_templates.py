"""Filling a template: what a reader gives is checked, escaped, used once and kept nowhere."""

import gc
import io
import json

import pytest
import sqlalchemy as sa
import structlog
from compiling import HOSTILE, offences
from markdown_it import MarkdownIt
from packmaker import PACK, replacing

from coachkit.api import logs
from coachkit.cache.frames import Frame
from coachkit.db.scopes import ACROSS

FILL = "/v1/orgs/northbridge/templates/everything/fill"
PLAIN = "/v1/orgs/northbridge/templates/thank-you/fill"
CANARY = "Xanthippe-Quillfeather"
TEMPLATE = """\
---
title: Everything
summary: One placeholder of each type.
topics: [feedback]
stages: [final]
last_reviewed: 2026-11-01
review_by: 2027-11-01
placeholders:
  who: {type: text, label: Who, required: true}
  mail: {type: email, label: Their e-mail, required: true}
  page: {type: url, label: Their page, required: false}
  call: {type: phone, label: Their number, required: false}
  day: {type: date, label: The day, required: true}
subject: About {{who}} on {{day}}
---
Dear {{who}},

we met on {{day}}. [Write]({{mail}}) to {{mail}}, [look]({{page}}) at {{page}} or [ring]({{call}}) {{call}}.
"""
VALUES = {
    "who": "Ms Rees",
    "mail": "rees@example.org",
    "page": "https://example.org/us?a=1&b=2",
    "call": "+44 29 2018 0000",
    "day": "2026-11-03",
}
FILLED = {"kind", "id", "pack", "version", "locale", "subject", "body"}


@pytest.fixture(scope="module")
def client(portal):
    """A client of the portal with a template that has a placeholder of each type."""
    portal.publish(**{PACK: replacing("1.0.0", "1.1.0"), "templates/everything.md": TEMPLATE})
    portal.edition("northbridge")
    return portal.client()


def fill(client, path=FILL, query="", **values):
    return client.post(path + query, json={"values": {**VALUES, **values}})


def errors(answer):
    assert answer.status_code == 422, answer.text
    return {error["pointer"]: error["code"] for error in answer.json["errors"]}


def test_filled(client):
    """A filled message is its kind, id, pack, version and locale, a subject and a body in HTML and Markdown."""
    answer = fill(client)
    assert answer.status_code == 200
    assert set(answer.json) == FILLED
    assert set(answer.json["body"]) == {"locale", "html", "markdown"}
    assert answer.json["subject"] == "About Ms Rees on 3 November 2026"
    assert '<a href="mailto:rees@example.org"' in answer.json["body"]["html"]
    assert '<a href="https://example.org/us?a=1&amp;b=2"' in answer.json["body"]["html"]
    assert '<a href="tel:+442920180000"' in answer.json["body"]["html"]


def test_matches_the_reference(client):
    """The answer is as the reference says."""
    from jsonschema import Draft202012Validator

    components = client.get("/openapi.json").json["components"]
    schema = {"$ref": "#/components/schemas/Filled", "components": components}
    Draft202012Validator(schema).validate(fill(client).json)


@pytest.mark.parametrize(
    ("query", "accept_language", "day"),
    [
        ("", None, "3 November 2026"),
        ("?locale=cy", None, "3 Tachwedd 2026"),
        ("", "cy-GB", "3 Tachwedd 2026"),
        ("?locale=en-GB", "cy", "3 November 2026"),
    ],
)
def test_dates(client, query, accept_language, day):
    """Days are written out as the reader's language does."""
    headers = {"Accept-Language": accept_language} if accept_language else {}
    answer = client.post(FILL + query, json={"values": VALUES}, headers=headers)
    assert answer.json["subject"].endswith(day)
    assert day in answer.json["body"]["html"]
    assert day in answer.json["body"]["markdown"]


def test_languages(client):
    """Content-Language says which languages the message is in."""
    answer = client.post(f"{PLAIN}?locale=cy", json={"values": {"interviewer_name": "Ms Rees"}})
    assert answer.headers["Content-Language"].split(", ")[0] == "cy"
    assert answer.json["locale"] == "cy"
    assert "Annwyl Ms Rees" in answer.json["body"]["markdown"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mail", "rees"),
        ("mail", "rees@localhost"),
        ("mail", "a@b.example\nBcc: c@d.example"),
        ("mail", "a b@example.org"),
        ("page", "http://example.org"),
        ("page", "javascript:alert(1)"),
        ("page", "//example.org"),
        ("page", "https://user:password@example.org"),
        ("page", "https:///path"),
        ("page", "https://example.org/a b"),
        ("call", "ring me"),
        ("call", "1"),
        ("call", "0800;ext=1"),
        ("day", "3 November 2026"),
        ("day", "2026-02-30"),
        ("day", "20261103"),
        ("day", "2026-11-3"),
        ("day", "2026-11-0\N{ARABIC-INDIC DIGIT THREE}"),
        ("who", " "),
        ("who", ""),
        ("who", "bell\u0007"),
        ("who", "line\u2028separator"),
        ("who", "private\ue000use"),
    ],
)
def test_wrong_values(client, name, value):
    """A value that is not of its placeholder's type is refused at its place."""
    assert errors(fill(client, **{name: value})) == {f"/values/{name}": "invalid-value"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("who", "Ms Rees & Mr O'Brien <both>"),
        ("who", "first line\nsecond line"),
        ("who", "陳 🙂"),
        ("mail", "o'brien+x@careers.example.org"),
        ("page", "https://example.org:8443/a/(b)?c=d#e"),
        ("page", "https://pâté.example/"),
        ("call", "(029) 2018-0000".removeprefix("(").replace(")", "")),
        ("call", "116 123"),
        ("day", "2024-02-29"),
    ],
)
def test_right_values(client, name, value):
    """A value of its placeholder's type is taken."""
    assert fill(client, **{name: value}).status_code == 200


def test_everything_at_once(client):
    """Missing, unknown and wrong values are all named in one answer, each by its pointer."""
    answer = client.post(FILL, json={"values": {"mail": "rees", "whom": "x", "a/b~c": "x", "call": "none"}})
    assert errors(answer) == {
        "/values/who": "missing",
        "/values/day": "missing",
        "/values/mail": "invalid-value",
        "/values/call": "invalid-value",
        "/values/whom": "unknown-field",
        "/values/a~1b~0c": "unknown-field",
    }
    details = {error["pointer"]: error["detail"] for error in answer.json["errors"]}
    assert "who" in details["/values/whom"]


def test_the_organisations_own_values(client):
    """A reader cannot give what the organisation gives."""
    assert errors(fill(client, careers_email="me@evil.example")) == {"/values/careers_email": "unknown-field"}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"values": {"who": 5}}, "/values/who"),
        ({"values": {"who": None}}, "/values/who"),
        ({"values": []}, "/values"),
        ({"values": {"who": "a" * 2001}}, "/values/who"),
        ({"values": {"who": "nul\u0000"}}, "/values/who"),
        ({"value": {}}, "/value"),
        ([], ""),
    ],
)
def test_wrong_bodies(client, body, pointer):
    """A body of another shape is refused where it differs."""
    assert pointer in errors(client.post(FILL, json=body))


def test_no_body(client):
    """Without a body every required value is missing."""
    assert errors(client.post(FILL)) == dict.fromkeys(("/values/who", "/values/mail", "/values/day"), "missing")


def test_too_many_values(client):
    """A body full of made-up names is refused for their number, not name by name."""
    answer = client.post(FILL, json={"values": {f"name_{number}": "x" for number in range(3000)}})
    assert errors(answer) == {"/values": "too-many"}


@pytest.mark.parametrize(
    ("query", "status"),
    [("?locale=fr", 400), ("?format=html", 400), ("?limit=1", 400), ("?channel=none", 404), ("?channel=live", 200)],
)
def test_queries(client, query, status):
    """A fill takes a locale and a channel, and nothing else."""
    assert fill(client, query=query).status_code == status


@pytest.mark.parametrize(
    "path",
    [
        "/v1/orgs/northbridge/templates/none/fill",
        "/v1/orgs/nobody/templates/everything/fill",
        "/v1/orgs/northbridge/modules/first-hour/fill",
    ],
)
def test_nothing_to_fill(client, path):
    """Only a template that is served can be filled."""
    assert client.post(path, json={"values": VALUES}).status_code == 404


def test_only_posted(client):
    """Values are never in an address: a fill is a POST."""
    answer = client.get(FILL)
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


def test_json_only(client):
    """The answer is JSON; a caller who takes only something else is told."""
    assert client.post(FILL, json={"values": VALUES}, headers={"Accept": "text/html"}).status_code == 406


def test_not_kept(client):
    """Nobody may keep a filled message, and it has nothing to ask after it by."""
    answer = fill(client)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "ETag" not in answer.headers
    assert "Cache-Status" not in answer.headers


def test_hostile_values(client):
    """Markup in a value is text: the HTML has nothing outside the list, the Markdown reads as the value."""
    body = fill(client, who=HOSTILE).json["body"]
    assert offences(body["html"]) == []
    assert "&lt;script&gt;" in body["html"]
    rendered = MarkdownIt("commonmark").render(body["markdown"])
    assert "<script" not in rendered
    assert "Dear &quot;'&gt;&lt;script&gt;alert(1)&lt;/script&gt;" in rendered


def test_braces_in_a_value(client):
    """`{{` in a value is text, and fills nothing."""
    answer = fill(client, who="{{mail}} {{careers_email}}")
    assert answer.json["subject"].startswith("About {{mail}} {{careers_email}} on")
    assert "Dear {{mail}} {{careers_email}}," in answer.json["body"]["html"]


def test_subject_is_one_line(client):
    """A value with a line break cannot add a line to the subject, which goes into a header."""
    subject = fill(client, who="Ms Rees\nBcc: all@example.org").json["subject"]
    assert subject == "About Ms Rees Bcc: all@example.org on 3 November 2026"


def test_optional_values(client):
    """What need not be given stands in square brackets when it is not."""
    given = {name: value for name, value in VALUES.items() if name not in {"page", "call"}}
    body = client.post(FILL, json={"values": given}).json["body"]
    assert "[Their page]" in body["html"]
    assert 'href="#"' in body["html"]


def test_the_same_fill_twice(client):
    """One reader's values are never in the next one's message."""
    fill(client, who=CANARY)
    assert CANARY not in fill(client).text
    assert CANARY not in client.get(FILL.removesuffix("/fill")).text


def test_canary_leaves_no_trace(house):
    """A reader's values, right or wrong, are in no log line, no table, no kept answer and no metric."""
    before = structlog.get_config()
    stream = io.BytesIO()
    logs.configure(stream)
    try:
        client = house.client(log_hits=True)
        right = client.post(PLAIN, json={"values": {"interviewer_name": CANARY}})
        client.get(PLAIN.removesuffix("/fill"))
        client.post(PLAIN, json={"values": {"interviewer_name": CANARY + "\u0007", "interview_date": CANARY}})
        client.post(PLAIN, json={"values": {"interviewer_name": 1, CANARY: CANARY}})
        client.post(PLAIN, data=f'{{"values": {{"{CANARY}', headers={"Content-Type": "application/json"})
        client.post(PLAIN, data=CANARY, headers={"Content-Type": f"text/{CANARY}", "User-Agent": CANARY})
        client.post(f"{PLAIN}?{CANARY}={CANARY}", json={})
    finally:
        structlog.configure(**before)
    assert right.status_code == 200
    assert CANARY in right.text
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert len(lines) == 7
    assert CANARY not in str(lines)
    assert CANARY not in str(_everything(house))
    assert CANARY not in client.get("/metrics").text
    kept = [each for each in gc.get_objects() if isinstance(each, Frame)]
    assert kept
    assert not any(CANARY.encode() in each.body or CANARY in each.key for each in kept)


def _everything(house):
    """Every value of every row of every table."""
    with house.database.read(ACROSS) as conn:
        names = sa.inspect(conn).get_table_names()
        assert names
        return [tuple(row) for name in names for row in conn.execute(sa.text(f'SELECT * FROM "{name}"'))]  # noqa: S608
