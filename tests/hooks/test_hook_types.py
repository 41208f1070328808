"""The values of hooks check themselves when they are made: in the plugin's own code, so that it alone is at fault."""

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from coachkit.hooks.types import ContentPack, Directive, Format


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ContentPack("packs/notes"), "path"),
        (lambda: ContentPack(None), "path"),
        (lambda: Directive(None, {}), "name"),
        (lambda: Directive("Two words", {}), "name"),
        (lambda: Directive("note", "Note"), "labels"),
        (lambda: Directive("note", {"en": 5}), "labels"),
        (lambda: Directive("note", {"en": "Red\x1b[31m"}), "label"),
        (lambda: Directive("note", {"en": "Two\nlines"}), "label"),
        (lambda: Directive("note", {}, "<p>"), "render"),
        (lambda: Format("", "text/plain", bytes), "name"),
        (lambda: Format(5, "text/plain", bytes), "name"),
        (lambda: Format("text", None, bytes), "media_type"),
        (lambda: Format("text", "plain", bytes), "media_type"),
        (lambda: Format("text", "text/plain", b""), "render"),
        (lambda: Format("text", "text/plain", bytes, kinds=("book",)), "kinds"),
        (lambda: Format("text", "text/plain", bytes, kinds="module"), "kinds"),
    ],
)
def test_garbage_is_refused(make, words):
    """A value whose fields have the wrong type or shape cannot be made, and the error names the field."""
    with pytest.raises((TypeError, ValueError), match=words):
        make()


def test_good_values():
    """Values whose fields are right are made."""
    ContentPack(Path("packs/notes"))
    Directive("two-words", {"en": "Two", "cy": "Dau"}, lambda call: call.html)
    Format("text", "text/plain", lambda _: b"", kinds=("module", "template"), negotiable=False)


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (ContentPack(Path()), "path"),
        (Directive("note", {}), "labels"),
        (Format("text", "text/plain", lambda _: b""), "render"),
    ],
)
def test_frozen(value, field):
    """What a plugin gives cannot be changed once it is given."""
    with pytest.raises(FrozenInstanceError):
        setattr(value, field, None)
