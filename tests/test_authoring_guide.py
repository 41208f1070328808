"""The guide for authors is true: its examples are right, its tables are complete and its numbers are the code's."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from coachkit.confined.checking import LIMITS
from coachkit.errors import Problem
from coachkit.hooks.core import DIRECTIVES
from coachkit.packs import images, markdown, source, yaml_source
from coachkit.packs.check import Checked, check
from coachkit.packs.findings import Findings
from coachkit.packs.folder import read_folder
from coachkit.packs.json_schemas import json_schemas
from coachkit.packs.model import KINDS
from coachkit.packs.schemas import fields
from coachkit.packs.schemas.questionnaire import TYPE_KEYS

ROOT = Path(__file__).parents[1]
SOURCES = [ROOT / "coachkit" / room for room in ("packs", "confined")]
"""Where problems of packs are found."""
GUIDE = (ROOT / "docs" / "authoring.md").read_text(encoding="utf-8")
SCHEMAS = json_schemas()

_FILE = re.compile(r"^`([^`\n]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
EXAMPLES: Mapping[str, str] = dict(_FILE.findall(GUIDE))


# --- the examples ---------------------------------------------------------------------------------


def checked(folder: Path, files: Mapping[str, str]) -> Checked:
    """What the check says of these files, once they are in the folder."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    findings = Findings()
    return check(read_folder(folder, findings), [("core@1", each) for each in DIRECTIVES], findings)


def printed(problem: Problem) -> str:
    """A block of the guide that shows this problem as the command prints it."""
    return f"```text\n{problem}\n```"


def test_the_examples_make_a_pack_without_a_word(tmp_path: Path) -> None:
    """Whoever types the guide's files in has a pack with every kind, no error and no warning."""
    result = checked(tmp_path, EXAMPLES)
    assert result.problems == ()
    assert result.compiled is not None
    assert {kind for kind, _ in result.compiled.resources} == set(KINDS)
    manifest = result.compiled.manifest
    said = f"{manifest.id}@{manifest.version}: {len(result.compiled.resources)} resources, no errors"
    assert f"```text\n{said}\n```" in GUIDE


def test_the_examples_are_translated_in_part(tmp_path: Path) -> None:
    """The guide's Welsh has some of a module's sections and of a list's entries, and is a draft."""
    compiled = checked(tmp_path, EXAMPLES).compiled
    assert compiled is not None
    module, items = compiled.resources["module", "after-the-news"], compiled.resources["checklist", "reply-check"]
    assert len(module.sections["cy"]) < len(module.sections["en-GB"])
    assert items.lines["cy"].keys() < items.lines["en-GB"].keys()
    assert module.drafts == items.drafts == {"cy"}


def test_the_mistake_is_reported_as_the_guide_shows(tmp_path: Path) -> None:
    """The misspelt link gives the very line that the guide prints."""
    name = "modules/after-the-news.md"
    wrong = EXAMPLES[name].replace("(checklist/reply-check)", "(checklist/reply-chek)")
    (problem,) = checked(tmp_path, {**EXAMPLES, name: wrong}).problems
    assert printed(problem) in GUIDE


# --- the tables -----------------------------------------------------------------------------------


class Key(NamedTuple):
    """What the guide, or a schema, says of one key: `length` is None unless it is translated."""

    needed: bool
    length: int | None
    leads: bool
    """Whether a translation needs it to find the entry."""


def rows(marker: str) -> list[list[str]]:
    """The cells of each row of the table below a comment of the guide."""
    _, _, below = GUIDE.partition(f"<!-- {marker} -->\n")
    assert below, f"the guide has no table “{marker}”"
    lines = below.split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in lines]


def first_of(marker: str) -> list[str]:
    """The names in a table's first column."""
    return [row[0].strip("`") for row in rows(marker)]


def told_of(kind: str) -> dict[str, Key]:
    """Every key that the guide has for a file of this kind, by path."""
    found: dict[str, Key] = {}
    for marker in re.findall(r"<!-- (keys: [^>]+) -->", GUIDE):
        kinds, _, prefixes = marker.removeprefix("keys: ").partition(" at ")
        if kind not in kinds.split():
            continue
        for name, said, *_ in rows(marker):
            for prefix in prefixes.split() or [""]:
                path = "/".join(part for part in (prefix, name.strip("`")) if part)
                assert path not in found, f"{path} of {kind} is in the guide twice"
                found[path] = _key(said, kind)
    return found


def _key(said: str, kind: str) -> Key:
    """What a cell such as `needed, text 200` says."""
    words = [word.strip() for word in said.split(",") if word.strip()]
    known = {"needed", "needed in modules", "id"}
    assert all(word in known or re.fullmatch(r"text \d+", word) for word in words), said
    length = next((int(word.split()[1]) for word in words if word.startswith("text ")), None)
    needed = "needed" in words or ("needed in modules" in words and kind == "module")
    return Key(needed, length, "id" in words)


def keys(schema: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, bool, Mapping[str, Any]]]:
    """Every key of a JSON Schema: its path, whether it is required, and its own schema."""
    for name, below in schema.get("properties", {}).items():
        yield f"{prefix}{name}", name in schema.get("required", ()), below
        yield from keys(below, f"{prefix}{name}/")
    for inside in (schema.get("items"), schema.get("additionalProperties")):
        if isinstance(inside, dict):
            yield from keys(inside, f"{prefix}*/")


def true_of(name: str) -> dict[str, Key]:
    """Every key that a file has, as its JSON Schema and that of its translation say."""
    translated = {path: schema for path, _, schema in keys(SCHEMAS.get(f"{name}.translation", {}))}
    return {path: Key(needed, *_in_translation(path, translated)) for path, needed, _ in keys(SCHEMAS[name])}


def _in_translation(path: str, translated: Mapping[str, Mapping[str, Any]]) -> tuple[int | None, bool]:
    schema = translated.get(path, {})
    leads = path.endswith("/id") and path in translated
    of_each = schema.get("additionalProperties")
    text = of_each if isinstance(of_each, dict) and "properties" not in of_each else schema
    return (text.get("maxLength") if text.get("type") == "string" and not leads else None), leads


@pytest.mark.parametrize("kind", ["pack", *KINDS])
def test_every_key_is_in_the_guide_and_nothing_else(kind: str) -> None:
    """Each key has one row, which says truly whether it is needed and whether, and how long, it is a text."""
    assert told_of(kind) == true_of(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_what_translations_say_of_themselves_is_in_the_guide(kind: str) -> None:
    """The keys that only a translation has are those of the guide."""
    originals = true_of(kind)
    own = {path: Key(needed, None, leads=False) for path, needed, _ in keys(SCHEMAS[f"{kind}.translation"])}
    assert told_of("translation") == {path: key for path, key in own.items() if path not in originals}


def test_the_types_of_items_are_in_the_guide() -> None:
    """Each type is there with the keys it needs and those it may have."""
    told = {
        name.strip("`"): tuple(frozenset(re.findall(r"`([^`]+)`", cell)) for cell in cells)
        for name, *cells in rows("types")
    }
    assert told == TYPE_KEYS


def test_the_boxes_are_in_the_guide() -> None:
    """The guide names the directives that CoachKit has, in their order."""
    assert first_of("boxes") == [f":::{directive.name}" for directive in DIRECTIVES]


@pytest.mark.parametrize(
    "said",
    [
        f"{source.MAX_FILES:,} files",
        f"{source.MAX_TOTAL // 1024**2} MiB in all",
        f"{source.MAX_IMAGE // 1024**2} MiB for an image and {images.MAX_SIDE:,} pixels a side",
        f"{source.MAX_TEXT // 1024} KiB for any other file",
        f"{markdown.SOURCE_LIMIT // 1024} KiB and {markdown.LINES_LIMIT:,} lines for a section",
        f"{yaml_source.MAX_NODES:,} keys and values in a YAML file",
        f"{yaml_source.MAX_DEPTH} levels deep",
        f"up to {fields.EXPRESSION_LENGTH} characters",
        f"{LIMITS.file_seconds:g} seconds of computing and {LIMITS.file_bytes // 1024**2} MiB of memory",
        f"the pack {LIMITS.pack_seconds:g} seconds of computing, {LIMITS.patience / 60:g} minutes in all",
        f"and {LIMITS.pack_bytes // 1024**2:,} MiB",
    ],
)
def test_the_limits_are_those_of_the_code(said: str) -> None:
    """A number in the guide is the number that the code holds files to."""
    assert said in " ".join(GUIDE.split())


# --- the problem codes ----------------------------------------------------------------------------

REPORTING = {"error", "_error", "_stop", "warning", "refuse", "Fault", "Problem"}
"""The calls that report a problem; its code is the one argument that is a slug."""
SEVERITIES = {"warning", "error"}


def slugs(node: ast.expr) -> set[str]:
    """The slugs that an expression may be."""
    if isinstance(node, ast.IfExp):
        return slugs(node.body) | slugs(node.orelse)
    text = node.value if isinstance(node, ast.Constant) else None
    return {text} if isinstance(text, str) and _SLUG.fullmatch(text) else set()


def reported(node: ast.AST) -> set[str]:
    """The problem codes that one piece of the source reports, or hands to what does as part of a tuple."""
    if isinstance(node, ast.Call):
        return set().union(*map(slugs, node.args)) - SEVERITIES if called(node) in REPORTING else set()
    if isinstance(node, ast.Return | ast.Assign) and node.value is not None:
        inside = ast.walk(node.value) if isinstance(node, ast.Return) else [node.value]
        tuples = [each for each in inside if isinstance(each, ast.Tuple)]
        return {slug for each in tuples for part in each.elts[:2] for slug in slugs(part) if "-" in slug}
    return set()


def called(call: ast.Call) -> str:
    """The name of what is called, without what it belongs to."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def nodes() -> Iterator[ast.AST]:
    """Everything in the source of what checks packs."""
    for path in (path for room in SOURCES for path in sorted(room.rglob("*.py"))):
        yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def test_every_problem_code_is_in_the_guide_and_nothing_else() -> None:
    """Whatever code the check may report has its row, and the guide explains none that there is not."""
    codes = set().union(*map(reported, nodes())) | set(fields._MESSAGES.values())  # noqa: SLF001 no other list of them
    assert set(first_of("codes")) == codes


def test_problem_codes_stand_in_order() -> None:
    """A reader who has a code finds it by the alphabet, once."""
    assert first_of("codes") == sorted(set(first_of("codes")))


def test_the_guide_says_which_problems_are_warnings() -> None:
    """The sentence above the table names the codes that are reported as warnings, and no other."""
    calls = [node for node in nodes() if isinstance(node, ast.Call) and called(node) == "warning"]
    codes = set().union(*(slugs(argument) for call in calls for argument in call.args)) | {"too-many-problems"}
    sentence = GUIDE.partition("## Problem codes")[2].partition("<!-- codes -->")[0]
    assert set(re.findall(r"`([a-z-]+)`", sentence)) == codes


# --- the way through it ---------------------------------------------------------------------------


def test_links_inside_the_guide_lead_somewhere() -> None:
    """Each `#anchor` is a heading or a named place, and each path a file."""
    headings = re.findall(r"^#+ (.+)$", _FILE.sub("", GUIDE), re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    anchors |= set(re.findall(r'<a id="([^"]+)">', GUIDE))
    prose = re.sub(r"```.*?```|`[^`\n]+`", "code", GUIDE, flags=re.DOTALL)
    targets = re.findall(r"\[[^\]]+\]\(([^)\s]+)\)", prose)
    assert {target[1:] for target in targets if target.startswith("#")} <= anchors
    files = [target for target in targets if not target.startswith(("#", "https:"))]
    assert [name for name in files if not (ROOT / "docs" / name).exists()] == []
