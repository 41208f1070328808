from __future__ import annotations

import itertools
import zlib
from dataclasses import replace
from datetime import date

import orjson
import pytest
from compiling import compiled, resource
from hypothesis import given
from hypothesis import strategies as st

from coachkit.packs import parts, stored
from coachkit.packs.model import Contact, Fill, Link, Picture, Reference, SupportSlot

SLOT = SupportSlot(
    "listening",
    "Somebody",
    {"en-GB": (Contact("S", "116 123", verified_on=date(2026, 1, 5)), Contact("T", hours="all day"))},
)
TEXT = ":::tip Two\nHello {{name}}, [a]({{mail}}) [b](#feel) ![c](images/calm.png)\n:::"


def release():
    one = replace(
        resource(text=TEXT, cy="Helo {{name}}", facts={"n": 1.5, "support": ["listening"]}), drafts=frozenset({"cy"})
    )
    return compiled(
        one, resource("checklist", "list", ""), change=lambda plain: replace(plain, support={"listening": SLOT})
    )


def without_bytes(one):
    return replace(one, images={name: replace(image, data=b"") for name, image in one.images.items()})


def test_round_trip():
    """What is loaded equals what was dumped, but for the bytes of images."""
    assert stored.load(stored.dump(release())) == without_bytes(release())


def test_deterministic():
    """Equal releases give equal bytes, whatever order their mappings are in."""
    one = release()
    turned = replace(one, resources=dict(reversed(one.resources.items())), images=dict(reversed(one.images.items())))
    assert stored.dump(turned) == stored.dump(one)
    assert stored.dump(stored.load(stored.dump(one))) == stored.dump(one)


PART = st.one_of(
    st.text(max_size=9),
    st.builds(Fill, st.text(max_size=5), st.sampled_from(["text", "href"])),
    st.builds(
        Link, st.builds(Reference, st.none() | st.text(max_size=3), st.sampled_from(["module", "template"]), st.text())
    ),
    st.builds(Picture, st.text(max_size=5)),
)


@given(st.lists(PART, max_size=6).map(tuple))
def test_parts_round_trip(text):
    """Any text in parts comes back from its JSON."""
    assert parts.from_json(orjson.loads(orjson.dumps(parts.to_json(text)))) == text


@given(st.lists(PART, max_size=6))
def test_merged(text):
    """Merging changes no text and leaves no two strings side by side and none empty."""
    merged = parts.merged(text)
    assert "".join(map(str, merged)) == "".join(map(str, text))
    assert "" not in merged
    assert not any(isinstance(a, str) and isinstance(b, str) for a, b in itertools.pairwise(merged))


@given(st.binary(max_size=60))
def test_garbage(data):
    """Bytes that are no release are a ValueError."""
    with pytest.raises(ValueError):  # noqa: PT011 the words differ with the damage
        stored.load(data)


@given(st.integers(0, 10_000), st.sampled_from([None, 5, "x", [], {}]))
def test_damage(at, value):
    """A release in which any one value was replaced loads to something or is a ValueError."""
    whole = orjson.loads(zlib.decompress(stored.dump(release())))
    spots = list(_spots(whole))
    holder, key = spots[at % len(spots)]
    holder[key] = value
    try:
        stored.load(zlib.compress(orjson.dumps(whole)))
    except ValueError as error:
        assert str(error)  # noqa: PT017 most damage raises, some does not


def _spots(value):
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield value, key
            yield from _spots(inner)


def test_bomb():
    """Bytes that would inflate without end are refused before they do."""
    bomb = zlib.compress(b" " * (stored.SIZE_LIMIT + 1))
    with pytest.raises(ValueError, match="too long"):
        stored.load(bomb)


def test_too_large(monkeypatch):
    """What would not be loaded is not written either, and what just fits is both."""
    size = len(zlib.decompress(stored.dump(release())))
    monkeypatch.setattr(stored, "SIZE_LIMIT", size)
    assert stored.load(stored.dump(release())).manifest == release().manifest
    monkeypatch.setattr(stored, "SIZE_LIMIT", size - 1)
    with pytest.raises(stored.TooLargeError):
        stored.dump(release())


def test_cut_off():
    """A release that lost its end, or has something behind it, is refused."""
    for data in (stored.dump(release())[:-3], stored.dump(release()) + b"x"):
        with pytest.raises(ValueError, match="cut off"):
            stored.load(data)
