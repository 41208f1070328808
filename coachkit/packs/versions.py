"""SemVer 2 versions and the ranges that packs ask for. Knows nothing of packs or of where versions come from."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from semver import Version

VERSION_LENGTH = 128
"""The most characters a version may have: room for any real one, and no work for a hostile one."""
RANGE_LENGTH = 512

_COMPARATOR = re.compile(r"(?P<op>>=|<=|==|!=|>|<|)\s*(?P<version>\S+)")
_COMPARE: Mapping[str, Callable[[Version, Version], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}


def parse(text: str) -> Version:
    """The SemVer 2 version that `text` is; ValueError, with a sentence that quotes it, if it is none."""
    if len(text) <= VERSION_LENGTH:
        try:
            return Version.parse(text)
        except ValueError:
            pass
    raise ValueError(f"“{text[:VERSION_LENGTH]}” is not a SemVer version such as 1.2.3")


def key(version: str) -> tuple[Version, str]:
    """What versions sort by: SemVer precedence, and the build metadata where that is equal. ValueError as `parse`."""
    parsed = parse(version)
    return parsed, parsed.build or ""


@dataclass(frozen=True)
class Comparator:
    """One bound of a range; `op` is one of >=, <=, ==, !=, > and <."""

    op: str
    version: Version

    def matches(self, version: Version) -> bool:
        """Whether the version is within this bound; an exact one with build metadata means that very build."""
        if self.version.build and self.op in ("==", "!="):
            same = version == self.version and version.build == self.version.build
            return same is (self.op == "==")
        return _COMPARE[self.op](version, self.version)

    def opens(self, version: Version) -> bool:
        """Whether this bound asks for pre-releases of the version's major.minor.patch."""
        named = self.op != "!=" and self.version.prerelease is not None
        return named and self.version.finalize_version() == version.finalize_version()


@dataclass(frozen=True)
class Range:
    """The versions that satisfy every one of the comparators; none at all (`*`) takes any but a pre-release.

    A pre-release matches only where a comparator other than `!=` names a pre-release of the same
    major.minor.patch, so that `>=1.0,<2` takes neither 1.4.0-rc.1 nor 2.0.0-alpha.
    """

    text: str
    comparators: tuple[Comparator, ...]

    @classmethod
    def parse(cls, text: str) -> Range:
        """Read `*`, one exact version, or comparators separated by commas; missing minor and patch are 0.

        ValueError, with a sentence that quotes the text, for anything else.
        """
        if len(text) > RANGE_LENGTH:
            raise ValueError(f"“{text[:40]}…” is too long for a range of versions ({RANGE_LENGTH} characters at most)")
        parts = [part.strip() for part in text.split(",")]
        if parts == ["*"]:
            return cls(text, ())
        return cls(text, tuple(_comparator(part, text, bare=len(parts) == 1) for part in parts))

    def matches(self, version: str) -> bool:
        """Whether this version satisfies the range; ValueError if it is no SemVer version."""
        parsed = parse(version)
        if parsed.prerelease is not None and not any(comparator.opens(parsed) for comparator in self.comparators):
            return False
        return all(comparator.matches(parsed) for comparator in self.comparators)

    def best(self, versions: Iterable[str]) -> str | None:
        """The highest of the versions that match, None if none does; ValueError if one is no SemVer version."""
        return max((version for version in versions if self.matches(version)), key=key, default=None)

    def __str__(self) -> str:
        """The range as written."""
        return self.text


def _comparator(part: str, text: str, *, bare: bool) -> Comparator:
    """One comparator of the range `text`; without an operator only where `bare`."""
    match = _COMPARATOR.fullmatch(part)
    if match is None or len(part) > VERSION_LENGTH or not (match["op"] or bare):
        raise ValueError(f"“{text}” is not a range of versions such as >=1.2,<2 or 1.2.3 or *")
    try:
        version = Version.parse(match["version"], optional_minor_and_patch=True)
    except ValueError:
        raise ValueError(
            f"“{text}” is not a range of versions: “{match['version']}” is not a version such as 1.2 or 1.2.3"
        ) from None
    return Comparator(match["op"] or "==", version)
