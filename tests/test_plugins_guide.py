"""The guide for plugins is true: its example is a plugin that works, and its tables are the types."""

import ast
import importlib
import inspect
import re
import sys
import tomllib
from pathlib import Path

import pytest

from coachkit.cli import main
from coachkit.hooks import core, manager, types
from coachkit.hooks.dispatch import FAULTS_BEFORE_QUARANTINE, Dispatch
from coachkit.hooks.types import ContentPack, Document, Format
from coachkit.packs.check import check
from coachkit.packs.findings import Findings
from coachkit.packs.folder import read_folder

GUIDE = (Path(__file__).parents[1] / "plugins" / "README.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^`([^`\n]+)`:\n\n```\w+\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL))
PROJECT = tomllib.loads(FILES["pyproject.toml"])["project"]
ENTRY_POINTS = PROJECT["entry-points"][manager.GROUP]
((NAME, MODULE),) = ENTRY_POINTS.items()

DOCUMENT = Document(
    organisation="riverside",
    digest="sha256:0",
    kind="module",
    id="asking-why",
    pack="riverside",
    version="1.0.0",
    locale="en-GB",
    title="Asking why",
    summary=None,
    topics=(),
    stages=(),
    audience=(),
    fallback={},
    foreign_titles={},
    languages=("en-GB",),
    draft=False,
    body={"sections": [{"id": "ask", "title": "Ask once"}]},
)


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder on the import path in which the guide's example is installed."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    metadata = tmp_path / f"{MODULE}-{PROJECT['version']}.dist-info"
    metadata.mkdir()
    heads = {"Metadata-Version": "2.1", "Name": PROJECT["name"], "Version": PROJECT["version"]}
    (metadata / "METADATA").write_text("".join(f"{head}: {value}\n" for head, value in heads.items()))
    entries = "".join(f"{name} = {target}\n" for name, target in ENTRY_POINTS.items())
    (metadata / "entry_points.txt").write_text(f"[{manager.GROUP}]\n{entries}")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield tmp_path
    sys.modules.pop(MODULE, None)


@pytest.fixture
def dispatch(site):
    """CoachKit's own boxes and packs with those of the guide's example."""
    return Dispatch(manager.build([NAME], [(core.NAME, core)]))


def offered(dispatch, hook, expected):
    """What the example contributes to a hook."""
    return [value for plugin, value in dispatch.collect(hook, expected) if plugin.name == NAME]


def test_the_example_is_accepted(dispatch):
    """Whoever installs the guide's files has a plugin of that name and version, which nothing is held against."""
    assert dispatch.manager.unusable == ()
    assert f"{NAME}@{PROJECT['version']}" in [plugin.label for plugin in dispatch.manager.plugins]


def test_the_examples_boxes_render(dispatch):
    """The example's pack compiles without a word, with the box of its own HTML and the one without."""
    (pack,) = offered(dispatch, "coachkit_content_packs", ContentPack)
    findings = Findings()
    checked = check(read_folder(pack.path, findings), dispatch.directives(), findings)
    assert checked.problems == ()
    assert checked.compiled is not None
    (section,) = checked.compiled.resources["module", "asking-why"].sections["en-GB"]
    html = "".join(map(str, section.html))
    assert '<aside class="ck-box ck-insight"><h3>Did you know?</h3><p>Interviewers' in html
    assert '<aside class="ck-box ck-numbers"><p class="ck-box-title"><strong>In numbers: Two lines</strong></p>' in html


def test_the_examples_title_is_escaped(dispatch):
    """What an author writes as the box's title stays text."""
    (box,) = [each for _, each in dispatch.directives() if each.name == "insight"]
    assert "<h3>a &lt;b&gt;</h3>" in box.render(types.DirectiveCall("insight", "a <b>", "en-GB", "<p>c</p>"))


def test_the_examples_format_writes(dispatch):
    """The example's format makes its bytes from a document."""
    (written,) = offered(dispatch, "coachkit_formats", Format)
    assert written.render(DOCUMENT) == b"Asking why\n- Ask once\n"


def test_the_check_of_the_guide_passes(site, monkeypatch, capfd):
    """The guide's command for checking the pack, typed in the project's folder, finds nothing wrong."""
    monkeypatch.chdir(site)
    (line,) = re.findall(r"^    coachkit (pack check .+)$", GUIDE, re.MULTILINE)
    with pytest.raises(SystemExit) as ended:
        main(line.split())
    assert (ended.value.code or 0, "riverside@1.0.0: 1 resources, no errors" in capfd.readouterr().out) == (0, True)


@pytest.mark.parametrize("name", types.__all__)
def test_the_fields_are_those_of_the_type(name):
    """The rows are the fields in their order, each with the type and the default that the code has."""
    _, _, below = GUIDE.partition(f"<!-- fields: {name} -->\n")
    lines = below.split("\n\n", 1)[0].splitlines()[2:]
    rows = [[cell.strip().replace("\\|", "|").strip("`") for cell in re.split(r"(?<!\\)\|", line)] for line in lines]
    told = [
        (field, type_, default if default == "needed" else ast.literal_eval(default))
        for _, field, type_, default, *_ in rows
    ]
    parameters = inspect.signature(getattr(types, name)).parameters.values()
    assert told == [
        (each.name, written(each.annotation), "needed" if each.default is each.empty else each.default)
        for each in parameters
    ]


def written(annotation):
    """An annotation as the code has it: a named tuple keeps it as a reference."""
    return getattr(annotation, "__forward_arg__", annotation)


def test_the_number_of_faults_is_the_codes():
    """The guide's count of faults before quarantine is that of the code."""
    assert f"A plugin with {FAULTS_BEFORE_QUARANTINE} faults in one process is in *quarantine*" in GUIDE
