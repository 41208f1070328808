"""Plugins as people install them: a distribution with an entry point, in a folder of its own on the import path."""

import itertools
import sys
import textwrap

import pytest

_numbers = itertools.count(1)


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Installs a plugin: its entry point's name, its version and its source. Gives the name of its module."""
    modules = []

    def install(name, source, version="1.2.3", attribute=""):
        module = f"installed_plugin_{next(_numbers)}"
        folder = tmp_path / module
        metadata = folder / f"{module}-{version}.dist-info"
        metadata.mkdir(parents=True)
        header = "from coachkit import hookimpl\nfrom coachkit.hooks.types import ContentPack, Directive, Format\n"
        (folder / f"{module}.py").write_text(header + textwrap.dedent(source))
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: {version}\n")
        (metadata / "entry_points.txt").write_text(f"[coachkit.v1]\n{name} = {module}{attribute}\n")
        monkeypatch.syspath_prepend(folder)
        modules.append(module)
        return module

    yield install
    for module in modules:
        sys.modules.pop(module, None)
