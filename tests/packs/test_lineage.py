from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from coachkit.packs.lineage import Earlier, carried


def test_first_release():
    """In a first release everything is new."""
    assert carried("1.0.0", {"module/a": "x"}, []) == {"module/a": "1.0.0"}


def test_unchanged_keeps_its_version():
    """What is as it was in the nearest lower release carries what that carries; the rest is of this release."""
    earlier = Earlier("1.1.0", {"module/a": "x", "module/b": "y"}, {"module/a": "1.0.0", "module/b": "1.1.0"})
    assert carried("1.2.0", {"module/a": "x", "module/b": "z", "module/c": "w"}, [earlier]) == {
        "module/a": "1.0.0",
        "module/b": "1.2.0",
        "module/c": "1.2.0",
    }


def test_content_that_came_back_is_new():
    """Content that was something else in the nearest lower release is of this release, even if it was here before."""
    first = Earlier("1.0.0", {"module/a": "x"}, {"module/a": "1.0.0"})
    second = Earlier("1.1.0", {"module/a": "y"}, {"module/a": "1.1.0"})
    assert carried("1.2.0", {"module/a": "x"}, [second, first]) == {"module/a": "1.2.0"}


def test_order_is_semver():
    """The nearest lower release is that by precedence: 1.10.0 is above 1.9.0, a pre-release below its release."""
    nine = Earlier("1.9.0", {"module/a": "x"}, {"module/a": "1.9.0"})
    ten = Earlier("1.10.0-rc.1", {"module/a": "y"}, {"module/a": "1.10.0-rc.1"})
    two = Earlier("2.0.0", {"module/a": "z"}, {"module/a": "2.0.0"})
    assert carried("1.10.0", {"module/a": "y"}, [ten, two, nine]) == {"module/a": "1.10.0-rc.1"}
    assert carried("1.9.1", {"module/a": "x"}, [ten, two, nine]) == {"module/a": "1.9.0"}


@given(st.lists(st.sampled_from("xyz"), min_size=1, max_size=6))
def test_a_version_names_a_run_of_equal_content(contents):
    """Two neighbouring releases carry one version exactly if their content is the same."""
    releases: list[Earlier] = []
    for minor, digest in enumerate(contents):
        version = f"1.{minor}.0"
        releases.append(Earlier(version, {"module/a": digest}, carried(version, {"module/a": digest}, releases)))
    for low, high in itertools.pairwise(releases):
        assert (low.versions == high.versions) == (low.digests == high.digests)
