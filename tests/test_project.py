"""Cheap facts about the tree: what is public, what is pinned, what the papers say."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import pytest

import coachkit
from coachkit.settings import Settings

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PINS = ("serve.txt", "dev.txt", "bench.txt")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def pins(name: str) -> dict[str, list[str]]:
    """The pinned projects of a requirements file, each with its hashes."""
    entries = read(f"requirements/{name}").replace("\\\n", " ").splitlines()
    lines = [line for line in entries if line and not line.lstrip().startswith("#")]
    return {line.split("==")[0]: re.findall(r"--hash=sha256:([0-9a-f]{64})\b", line) for line in lines}


@pytest.mark.parametrize("name", coachkit.__all__)
def test_public_names_are_there(name: str) -> None:
    """Whatever the package says is public can be imported from it."""
    assert getattr(coachkit, name) is not None


def test_nothing_else_is_public() -> None:
    """What the package shows beside its public names is its own modules, and what it needs to make those names."""
    borrowed = {"TYPE_CHECKING", "Any", "annotations", "pluggy"}
    shown = {
        name
        for name, value in vars(coachkit).items()
        if not name.startswith("_") and not (isinstance(value, ModuleType) and value.__name__.startswith("coachkit."))
    }
    assert shown - set(coachkit.__all__) <= borrowed


def test_unknown_names_are_refused() -> None:
    """Asking the package for a name it has not says which name."""
    with pytest.raises(AttributeError, match="nonesuch"):
        _ = coachkit.nonesuch


@pytest.mark.parametrize("name", PINS)
def test_pins_name_no_address(name: str) -> None:
    """Whoever installs chooses the registry: the pins name no index, no address and no path."""
    pattern = r"://|^\s*-(?!-hash)|--(?!hash=)|^\s*\.{0,2}/|@"
    assert [line for line in read(f"requirements/{name}").splitlines() if re.search(pattern, line)] == []


@pytest.mark.parametrize("name", PINS)
def test_every_pin_has_hashes(name: str) -> None:
    """Each pinned project is pinned to files that are known, which pip then insists on."""
    assert {project for project, hashes in pins(name).items() if not hashes} == set()


def test_pins_cover_what_is_asked_for() -> None:
    """Every dependency in pyproject.toml is pinned: a new one without `make pins` would not be installed."""
    project = PYPROJECT["project"]
    extras = project["optional-dependencies"]
    serve = [*project["dependencies"], *extras["postgres"], *extras["redis"], *PYPROJECT["build-system"]["requires"]]
    everything = [*serve, *extras["granian"], *extras["dev"]]
    assert names(serve) - set(pins("serve.txt")) == set()
    assert names(everything) - set(pins("dev.txt")) == {"coachkit"}


def test_pins_agree() -> None:
    """A service and the tests of it run with the same versions."""
    versions = {name: set(re.findall(r"^[a-z0-9-]+==\S+", read(f"requirements/{name}"), re.MULTILINE)) for name in PINS}
    assert versions["serve.txt"] <= versions["dev.txt"]


@pytest.mark.parametrize("name", ["flask", "gunicorn", "redis"])
def test_peers_run_on_the_same(name: str) -> None:
    """What CoachKit is measured beside runs on the same versions of what they share."""
    pinned = [re.findall(rf"^{name}==(\S+)", read(f"requirements/{file}"), re.MULTILINE) for file in PINS[1:]]
    assert pinned[0] == pinned[1]


def test_build_needs_are_pinned() -> None:
    """What builds the package is in the group that `make pins` pins, as make installs without build isolation."""
    assert set(PYPROJECT["build-system"]["requires"]) <= set(PYPROJECT["dependency-groups"]["build"])


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=~!; ]", requirement)[0].lower().replace("_", "-") for requirement in requirements}


@pytest.mark.parametrize("name", [field.name for field in fields(Settings)])
def test_settings_are_documented(name: str) -> None:
    """The README names every setting as its environment variable."""
    assert re.search(rf"\bCOACHKIT_{name.upper()}\b", read("README.md"))


def test_readme_names_no_unknown_setting() -> None:
    """Every variable the README names is a setting, or COACHKIT_CONFIG."""
    known = {f"COACHKIT_{field.name.upper()}" for field in fields(Settings)} | {"COACHKIT_CONFIG"}
    assert set(re.findall(r"\bCOACHKIT_[A-Z_]*[A-Z]\b", read("README.md"))) <= known


def test_readme_names_make_targets() -> None:
    """Every `make …` in the papers is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    papers = read("README.md") + read("CONTRIBUTING.md")
    named = set(re.findall(r"(?:`|^ {4}|^\$ |^)make ([a-z]+)\b", papers, re.MULTILINE))
    assert {"serve", "test"} <= named
    assert named <= targets


def test_changelog_speaks_to_plugin_authors() -> None:
    """Every version in the changelog that has changes has the heading Hooks."""
    versions = re.split(r"^## ", read("CHANGELOG.md"), flags=re.MULTILINE)[1:]
    assert versions
    assert [version.splitlines()[0] for version in versions if "\n### Hooks\n" not in version] == []


def test_this_version_is_announced() -> None:
    """The changelog has the package's version, or what is not released yet."""
    headings = re.findall(r"^## (\S+)", read("CHANGELOG.md"), re.MULTILINE)
    assert headings[0] in {"Unreleased", coachkit.__version__}
