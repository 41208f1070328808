"""Hostile words in every field that somebody can fill, through every format: what leaves holds to the oracle's lists.

Texts with characters that no pack may have are refused by the check; those of `WORDS` it lets pass. Whoever writes
them is a pack's author, an organisation, a plugin's author or a reader.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from appmaker import HARBOUR, NORTHBRIDGE, House, furnish, house_in, house_over, install_plugin
from flask.testing import FlaskClient
from hostile import ADDRESSES, STRINGS
from html_oracle import DOCUMENT, in_answer, in_email, offences, unseen

from coachkit.errors import PackInvalid, PublishRefused
from coachkit.packs.findings import Findings
from coachkit.packs.model import FOLDERS
from coachkit.packs.reader import read_pack
from coachkit.packs.source import Source

# What is run here is counted elsewhere; to count every one of so many runs would take longer than they do.
pytestmark = pytest.mark.no_cover

WORDS = tuple(text for text in STRINGS if text.strip() and not unseen(text) and "\n" not in text and len(text) <= 150)
"""Attempts that fit into a title."""
FORMATS: Mapping[str, Callable[[str], Sequence[str]]] = {
    "json": lambda text: list(in_answer(json.loads(text))),
    "html": lambda text: offences(text, DOCUMENT),
    "email": in_email,
    "markdown": unseen,
    "text": unseen,
}
"""Every format, and what finds its offences."""
PLUGIN = "acme-hostile"
SOURCE = '''
"""A plugin whose box and formats do what no plugin should."""
from coachkit import hookimpl
from coachkit.hooks.types import Directive, Format
from hostile import STRINGS

@hookimpl
def coachkit_directives():
    return [
        Directive("numbered", {}, lambda call: STRINGS[int(call.title)]),
        Directive("labelled", {"en": "<img src=x onerror=alert(1)>", "cy": "</strong><script>x</script>"}),
    ]

@hookimpl
def coachkit_formats():
    return [
        Format("page", "text/html", lambda document: b"<script>alert(1)</script><form action=//evil.example>"),
        Format("drawing", "image/svg+xml", lambda document: b"<svg xmlns='http://www.w3.org/2000/svg' onload='x'/>"),
        Format("xhtml", "application/xhtml+xml", lambda document: b"<html xmlns='http://www.w3.org/1999/xhtml'/>"),
    ]
'''


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder on the path with the plugin installed in it."""
    site = tmp_path_factory.mktemp("site")
    install_plugin(site, PLUGIN, SOURCE)
    sys.path.insert(0, str(site))
    yield site
    sys.path.remove(str(site))
    sys.modules.pop("acme_hostile", None)


@pytest.fixture(scope="module")
def house(make_database: Any, site: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A furnished house where the plugin may run."""
    folder = tmp_path_factory.mktemp("hostile")
    with make_database("sqlite", folder) as database, house_in(folder, database) as house:
        house.settings = replace(house.settings, plugins=(PLUGIN,))
        yield furnish(house)


def share(every: Sequence[str], part: int, parts: int) -> Sequence[str]:
    """One of so many parts of the attempts, of every sort some."""
    return every[part::parts]


def assert_harmless(client: FlaskClient, organisation: str, locales: Sequence[str]) -> int:
    """Every document of an organisation in every format and locale, and what is said of it; gives how many."""
    read = 0
    for locale in locales:
        address = f"/v1/orgs/{organisation}?locale={locale}"
        assert list(in_answer(client.get(address).json)) == [], address
        for folder in FOLDERS.values():
            listed = client.get(f"/v1/orgs/{organisation}/{folder}?limit=100&locale={locale}").json
            assert list(in_answer(listed)) == []
            for item in listed["items"]:
                for format_, find in FORMATS.items():
                    address = f"/v1/orgs/{organisation}/{folder}/{item['id']}?locale={locale}&format={format_}"
                    answer = client.get(address)
                    assert answer.status_code == 200, address
                    assert answer.headers["X-Content-Type-Options"] == "nosniff"
                    assert find(answer.text) == [], (address, item["title"])
                    read += 1
    return read


# --- authors ------------------------------------------------------------------------------------

_HEAD = """\
id: hostile
version: 1.0.0
title: {0}
description: {0}
licence: CC-BY-4.0
authors: [{{role: {0}, organisation: {0}}}]
default_locale: en-GB
locales: [en-GB, cy]
coachkit: ">=0.1,<1"
placeholders:
  org_text: {{type: text, label: {{en-GB: {0}, cy: {0}}}, required: false}}
  org_site: {{type: url, label: {{en-GB: {0}}}, required: false}}
support:
  listening:
    description: {0}
    contacts:
      en-GB: [{{name: {0}, phone: "116 123", hours: {0}, url: "https://a.example/", verified_on: 2026-11-01}}]
"""
_FRONT = """\
title: {0}
summary: {0}
topics: [one]
stages: [applied]
last_reviewed: 2026-11-01
review_by: 2027-11-01
"""
_KINDS = {
    "modules": "---\n{front}sensitive: true\nsupport: [listening]\n---\n## {bare} {{#one}}\n\n{{{{org_text}}}} "
    "[x]({{{{org_site}}}})\n\n:::numbered {index}\nx\n:::\n\n:::labelled\nx\n:::\n\n## Two {{#two}}\n\n"
    ":::tip {bare}\nx\n:::\n\n![{bare}](images/breathe.svg)\n",
    "templates": "---\n{front}placeholders: {{who: {{type: text, label: {0}, example: {0}}}}}\nsubject: {0}\n---\n"
    "{{{{who}}}} {{{{org_text}}}}\n",
    "checklists": "{front}intro: {0}\nitems: [{{id: a, text: {0}, reason: {0}, resource: module/{id}}}]\n",
    "pathways": "{front}intro: {0}\nsteps:\n  - {{id: a, day: 0, title: {0}, text: {0}, resource: module/{id},"
    " branches: [{{id: b, text: {0}, to: end}}]}}\n",
    "questionnaires": "{front}intro: {0}\noptions: {{s: {{type: likert, from: 1, to: 5, low: {0}, high: {0}}}}}\n"
    "sections: [{{id: a, title: {0}, items: [{{id: b, use: s, text: {0}, help: {0}, optional: true}},"
    " {{id: c, type: choice, text: {0}, options: [{{id: d, text: {0}}}, {{id: e, text: {0}}}]}}]}}]\n"
    "checks: [{{id: f, when: b == 1, message: {0}}}]\n"
    "recommend: [{{id: g, when: b == 1, module: {id}, because: {0}}}]\n",
}
_WELSH = {
    "modules": "---\ntitle: {0}\nsummary: {0}\n---\n## {bare} {{#two}}\n\n:::labelled\nx\n:::\n",
    "checklists": "title: {0}\nitems: [{{id: a, text: {0}}}]\n",
    "questionnaires": "title: {0}\nsections: [{{id: a, title: {0}, items: [{{id: b, text: {0}}}]}}]\n",
}
_IMAGE = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1" width="1" height="1"><path d="M0 0"/></svg>'


def pack_of(words: Sequence[str], directory: Mapping[str, int]) -> dict[str, str]:
    """The files of a pack with a resource of each kind for each attempt, which stands in every text of it."""
    files = {"pack.yaml": _HEAD.format(quoted(words[0])), "images/breathe.svg": _IMAGE}
    for number, word in enumerate(words):
        for root, kinds in (("", _KINDS), ("locales/cy/", _WELSH)):
            for folder, text in kinds.items():
                values = {"front": _FRONT.format(quoted(word)), "id": f"r{number}", "index": directory[word]}
                name = f"{root}{folder}/r{number}.{'md' if text.startswith('---') else 'yaml'}"
                files[name] = text.format(quoted(word), bare=word, **values)
    return files


def quoted(word: str) -> str:
    """A text for YAML, where a placeholder's braces are only braces."""
    return json.dumps(word.replace("{{", "\\{{"))


def publish(house: House, words: Sequence[str], version: str) -> list[str]:
    """Publish a pack of these attempts, without the resources that the check refuses; gives the attempts in it."""
    kept = list(words)
    while True:
        folder = house.folder / f"hostile-{version}-{len(kept)}"
        for name, text in pack_of(kept, {word: number for number, word in enumerate(STRINGS)}).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text.replace("version: 1.0.0", f"version: {version}"), encoding="utf-8")
        try:
            house.publish_folder(folder)
        except PackInvalid as refused:
            errors = [problem for problem in refused.problems if problem.severity == "error"]
            wrong = {Path(problem.file).stem for problem in errors} - {"pack"}
            assert wrong, errors
            kept = [word for number, word in enumerate(kept) if f"r{number}" not in wrong]
        else:
            return kept


@pytest.mark.soak
def test_what_authors_write(house: House, repeats: Callable[..., int]) -> None:
    """Words that the check lets pass are words in every field of every kind, in every format and locale."""
    parts = repeats(small=100, full=5)
    for number in range(1 if parts == 100 else parts):
        kept = publish(house, share(WORDS, number, parts), f"1.0.{number}")
        assert kept
        house.organisation(
            f"reader{number}",
            {
                **HARBOUR,
                "locales": {"en-GB": ["en-GB"], "cy": ["cy", "en-GB"]},
                "packs": {"hostile": f"==1.0.{number}"},
                "values": {"org_text": kept[-1]},
                "plugins": [PLUGIN],
            },
        )
        house.edition(f"reader{number}")
        read = assert_harmless(house.client(), f"reader{number}", ("en-GB", "cy"))
        assert list(in_answer(house.client().get("/v1/packs").json)) == []
        assert read == len(kept) * len(FOLDERS) * len(FORMATS) * 2


@pytest.mark.parametrize("word", [text for text in STRINGS if unseen(text)], ids=ascii)
def test_what_nobody_sees_is_refused(word: str) -> None:
    """A text with a character that nobody sees is refused in every field, however the file spells it."""
    for spelled in (json.dumps(word), *([f'"{word}"'] if "\r\n" not in word else [])):
        findings = Findings()
        head = _HEAD.format(spelled).encode("utf-8", "surrogatepass")
        read_pack(Source({"pack.yaml": head, "modules/a.md": _KINDS["modules"].encode()}), findings)
        codes = {problem.code for problem in findings.problems if problem.file == "pack.yaml"}
        assert codes & {"control-character", "not-utf-8", "bom", "yaml-syntax"}


# --- organisations ------------------------------------------------------------------------------

_SECTION = NORTHBRIDGE["overlay"][0]
ORGANISATIONS: Mapping[str, Callable[[str], Mapping[str, Any]]] = {
    "brand.name": lambda word: {"brand": {**HARBOUR["brand"], "name": word}},
    "brand.name by locale": lambda word: {"brand": {**HARBOUR["brand"], "name": {"en-GB": word}}},
    "brand.voice": lambda word: {"brand": {**HARBOUR["brand"], "voice": word}},
    "brand.careers_email": lambda word: {"brand": {**HARBOUR["brand"], "careers_email": word}},
    "brand.logo.url": lambda word: {"brand": {**HARBOUR["brand"], "logo": {"url": word, "alt": "x"}}},
    "brand.logo.alt": lambda word: {
        "brand": {**HARBOUR["brand"], "logo": {"url": "https://a.example/l.png", "alt": word}}
    },
    "brand.colours": lambda word: {"brand": {**HARBOUR["brand"], "colours": {"link": word}}},
    "brand.fonts": lambda word: {"brand": {**HARBOUR["brand"], "fonts": {"body": word, "heading": word}}},
    "contact.name": lambda word: _contact(name=word, url="https://a.example/"),
    "contact.hours": lambda word: _contact(name="x", url="https://a.example/", hours=word),
    "contact.url": lambda word: _contact(name="x", url=word),
    "contact.phone": lambda word: _contact(name="x", phone=word),
    "values": lambda word: {"values": {"careers_email": word}},
    "overlay.section.title": lambda word: {"overlay": [{**_SECTION, "title": word}]},
    "overlay.section.text": lambda word: {"overlay": [{**_SECTION, "text": word}]},
    "overlay.field": lambda word: {
        "overlay": [
            _replaced("module/first-hour", "title", word),
            _replaced("checklist/before-you-reply", "intro", word),
        ]
    },
    "overlay.subject": lambda word: {"overlay": [_replaced("template/thank-you", "subject", word)]},
}
"""Where an organisation's settings have a text, and settings with an attempt in it."""


def _contact(**contact: str) -> Mapping[str, Any]:
    contacts = {"listening": {"en-GB": [{**contact, "verified_on": "2026-11-01"}]}}
    return {"brand": {**HARBOUR["brand"], "support": contacts}}


def _replaced(target: str, field: str, text: str) -> Mapping[str, str]:
    return {"op": "replace", "target": f"example:{target}", "locale": "en-GB", "field": field, "text": text}


@pytest.mark.soak
@pytest.mark.parametrize("field", ORGANISATIONS)
def test_what_organisations_write(house: House, field: str, repeats: Callable[..., int]) -> None:
    """What an organisation may put into its settings is words in every format; anything else is refused."""
    parts = repeats(small=1_000, full=8)
    part = list(ORGANISATIONS).index(field)
    slug = "org-" + field.replace(".", "-").replace("_", "-").replace(" ", "-")
    house.organisation(slug, HARBOUR)
    for word in (*share(STRINGS, part % parts, parts), *share(ADDRESSES, part % parts, parts), WORDS[19 * part]):
        try:
            house.set(slug, {**HARBOUR, **ORGANISATIONS[field](word)})
            house.edition(slug)
        except (PackInvalid, PublishRefused):
            continue
        with house_over(house.settings, house.database, house.folder) as reading:
            assert_harmless(reading.client(), slug, ("en-GB",))


# --- plugins and readers ------------------------------------------------------------------------


@pytest.mark.parametrize("format_", ["page", "drawing", "xhtml"])
def test_plugins_formats_run_nothing(house: House, format_: str) -> None:
    """What a plugin's format holds is the plugin's; but opened by itself it runs nothing and sends nothing anywhere."""
    house.set("northbridge", {**NORTHBRIDGE, "plugins": [PLUGIN]})
    house.edition("northbridge")
    answer = house.client().get(f"/v1/orgs/northbridge/modules/first-hour?format={format_}")
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert not {"script-src", "'unsafe-eval'", "object-src"} & set(policy.replace(";", " ").split())
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    if format_ == "page":
        assert {"base-uri 'none'", "form-action 'none'"} <= {each.strip() for each in policy.split(";")}


@pytest.mark.soak
def test_what_readers_fill_in(house: House, repeats: Callable[..., int]) -> None:
    """A reader's value is refused with a problem, or is words in the message and in its subject."""
    client = house.client()
    for word in STRINGS[:: repeats(small=10, full=1)]:
        values = {"interviewer_name": word, "interview_date": "2026-11-01"}
        answer = client.post("/v1/orgs/northbridge/templates/thank-you/fill", json={"values": values})
        assert answer.status_code in {200, 400, 422}, ascii(word)
        if answer.status_code == 200:
            assert list(in_answer(answer.json)) == []


@pytest.mark.soak
def test_what_readers_ask_for(house: House, repeats: Callable[..., int]) -> None:
    """Whatever a request holds, the answer that says it is wrong is JSON that no browser takes for a page."""
    client = house.client()
    base = "/v1/orgs/northbridge/modules"
    for word in WORDS[:: repeats(small=40, full=1)]:
        for answer in (
            client.get(base, query_string={"topic": word}),
            client.get(base, query_string={word: word}),
            client.get(f"{base}/first-hour", query_string={"locale": word}),
            client.get(f"{base}/first-hour", query_string={"format": word}),
            client.get(f"{base}/{word.replace('/', '-')}"),
            client.post("/v1/orgs/northbridge/templates/thank-you/fill", json={word: word}),
            client.post("/v1/orgs/northbridge/templates/thank-you/fill", data=word),
        ):
            assert answer.content_type in {"application/json", "application/problem+json"}
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
            assert unseen(answer.text) == []


def test_pages_say_nothing_back(house: House) -> None:
    """The pages that people open are the same bytes whatever the request holds."""
    client = house.client()
    for page in ("/", "/problems", "/problems/not-found", "/docs"):
        plain = client.get(page)
        for word in WORDS[::40]:
            sent = {"Referer": "https://a.example/" + ascii(word), "User-Agent": ascii(word)}
            assert client.get(page, query_string={"x": word}, headers=sent).data == plain.data
