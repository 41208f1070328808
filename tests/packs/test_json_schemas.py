from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator
from packmaker import FILES, PACK, replacing

from coachkit.packs.findings import Findings
from coachkit.packs.json_schemas import json_schemas
from coachkit.packs.markdown_source import split
from coachkit.packs.model import KINDS
from coachkit.packs.source import kind_and_id
from coachkit.packs.yaml_source import load

SCHEMAS = json_schemas()


def name_of(path: str) -> str | None:
    if path == PACK:
        return "pack"
    known = kind_and_id(path)
    if known is None:
        return None
    return f"{known[1]}.translation" if known[0] else known[1]


AUTHORED = [path for path in FILES if name_of(path)]


def errors(path: str, text: str) -> list[str]:
    findings = Findings()
    loaded = split(text, path, findings).front if path.endswith(".md") else load(text, path, findings)
    assert loaded is not None
    assert findings.problems == ()
    return [error.message for error in Draft202012Validator(SCHEMAS[name_of(path) or ""]).iter_errors(loaded.data)]


def test_there_is_a_schema_for_every_authoring_file():
    """pack.yaml, each kind and the translation of each kind."""
    assert set(SCHEMAS) == {"pack", *KINDS, *(f"{kind}.translation" for kind in KINDS)}


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_is_a_closed_and_described_schema_of_2020_12(name):
    """Every mapping in it with known keys refuses others, and every property says what it is."""
    schema = SCHEMAS[name]
    Draft202012Validator.check_schema(schema)
    json.dumps(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"

    def walk(part: dict) -> None:
        for each in part.get("properties", {}).values():
            assert each["description"]
            walk(each)
        if "properties" in part:
            assert part["additionalProperties"] is False
        for key in ("items", "additionalProperties"):
            if isinstance(part.get(key), dict):
                walk(part[key])

    walk(schema)


@pytest.mark.parametrize("path", AUTHORED)
def test_the_valid_packs_files_keep_to_their_schemas(path):
    """What the reader takes an editor does not underline."""
    assert errors(path, FILES[path]) == []


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        (PACK, "visibility: public", "visibilty: public"),
        (PACK, "version: 1.0.0", "version: 1.0"),
        (PACK, "title: Example library\n", ""),
        (PACK, "careers_email:", "careers-email:"),
        ("modules/first-hour.md", "sensitive: true", "sensitive: no"),
        ("modules/first-hour.md", "applied", "aplied"),
        ("modules/first-hour.md", "jurisdiction: null", "jurisdiction: Wales"),
        ("modules/first-hour.md", "jurisdiction: null", "jurisdiction: 7"),
        ("templates/thank-you.md", "type: text", "type: words"),
        ("checklists/before-you-reply.yaml", "{id: wait,", "{id: wait, colour: red,"),
        ("checklists/before-you-reply.yaml", "[first-response]", "[]"),
        ("checklists/before-you-reply.yaml", "ask-for-feedback#what", "Ask for it"),
        ("pathways/first-week.yaml", "day: 2", "day: two"),
        ("pathways/first-week.yaml", "day: 2", "day: 2.5"),
        ("questionnaires/after-the-interview.yaml", "[70, strong]", "[70]"),
        ("questionnaires/after-the-interview.yaml", "[70, strong]", "[strong, 70]"),
        ("questionnaires/after-the-interview.yaml", "method: mean", "method: median"),
        ("questionnaires/after-the-interview.yaml", "min_answered: 1", "min_answered: most"),
        ("locales/cy/checklists/before-you-reply.yaml", "title:", "topics: [a]\ntitle:"),
        ("locales/cy/checklists/before-you-reply.yaml", "{id: wait, ", "{"),
        ("locales/cy/modules/first-hour.md", "signed", "done"),
    ],
)
def test_a_mistake_that_shape_alone_shows_is_underlined(path, old, new):
    """What the reader refuses for its shape, the schema refuses too."""
    assert errors(path, replacing(old, new)(FILES[path])) != []


def test_what_may_be_written_in_two_ways_is_accepted_in_both():
    """One country or a list; a number of answers or all of them."""
    path = "modules/first-hour.md"
    for value in ("GB", "[GB-WLS, NO]", "null"):
        assert errors(path, replacing("jurisdiction: null", f"jurisdiction: {value}")(FILES[path])) == []
    path = "questionnaires/after-the-interview.yaml"
    assert errors(path, replacing("min_answered: 1", "min_answered: all")(FILES[path])) == []
