"""Makes small indexes and asks them: `found(index_of(doc("a", title="…"), doc("b", text="…")), "words")`.

`ask(client, "words")` asks a whole installation over HTTP.
"""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from coachkit.search.entries import ROLES, Entry, Text
from coachkit.search.index import Index, build
from coachkit.search.query import Wanted, understand
from coachkit.search.ranking import ranked
from coachkit.search.snippets import Run, snippet

FILLER = "Green grass grows beside old rivers, and small birds drink there on quiet mornings in spring."


def doc(name: str, locale: str = "en-GB", kind: str = "module", **texts: str) -> Entry:
    """A document with one text for each role that is named, in the order of the roles."""
    return Entry(kind, name, tuple(Text(role, locale, texts[role]) for role in ROLES if role in texts))


def filler(many: int = 20) -> list[Entry]:
    """Documents that are never asked for, so that what is asked for is rare."""
    return [doc(f"filler-{number:02}", title="Filler", summary=FILLER, text=FILLER) for number in range(many)]


def index_of(*entries: Entry) -> Index:
    """The index of these documents among others that are never asked for."""
    return build([*entries, *filler()])


def found(index: Index, question: str) -> list[str]:
    """The ids of what answers, in order."""
    return [hit.id for hit in ranked(index, understand(index, question))]


def scores(index: Index, question: str) -> dict[str, float]:
    """The score of each that answers."""
    return {hit.id: hit.score for hit in ranked(index, understand(index, question))}


def cut(index: Index, question: str) -> tuple[Run, ...]:
    """The snippet of the best answer."""
    wanted: tuple[Wanted, ...] = understand(index, question)
    best = ranked(index, wanted)[0]
    return snippet(index.texts(best.document), wanted).runs


def text_of(runs: tuple[Run, ...]) -> str:
    """A snippet as one text."""
    return "".join(run.text for run in runs)


def hits_of(runs: tuple[Run, ...]) -> list[str]:
    """What a snippet marks."""
    return [run.text for run in runs if run.hit]


def ask(client: FlaskClient, question: str, organisation: str = "northbridge", **more: Any) -> TestResponse:
    """The answer of an organisation to a question, which must be one."""
    answer = client.get(f"/v1/orgs/{organisation}/search", query_string={"q": question, **more})
    assert answer.status_code == 200, answer.text
    return answer


def ids(answer: TestResponse) -> list[str]:
    """The ids of what an answer has, in order."""
    items: list[dict[str, Any]] = (answer.json or {})["items"]
    return [item["id"] for item in items]
