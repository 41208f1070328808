"""The hooks' reference for authors: one heading for each hook, with its exact signature."""

import inspect
import re
from pathlib import Path

from coachkit.hooks import specs

REFERENCE = (Path(__file__).parents[2] / "plugins" / "README.md").read_text(encoding="utf-8")


def test_every_hook_has_its_heading():
    """The headings under Hooks are the hooks there are, in their order, with their signatures."""
    signatures = [f"{name}{inspect.signature(getattr(specs, name))}" for name in specs.HOOKS]
    assert re.findall(r"^### `(.+)`$", REFERENCE, re.MULTILINE) == [each.replace("'", "") for each in signatures]


def test_every_hook_says_its_scope():
    """Each hook's docstring says its scope and since when it is there, and the reference says the same scope."""
    for name in specs.HOOKS:
        scope = "installation" if name in specs.INSTALLATION else "organisation"
        doc = inspect.getdoc(getattr(specs, name)) or ""
        assert f"Scope: {scope}." in doc
        assert re.search(r"Since \d+\.\d+\.", doc)
        assert re.search(rf"^### `{name}.*`\n\n{scope.capitalize()}\. ", REFERENCE, re.MULTILINE)
