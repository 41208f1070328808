"""Holds everything an archive says against everything else that it says, before anything of it is stored.

Whoever wrote it may wish us ill: a digest proves only that two parts of the archive agree. So what was derived, the
compiled forms of releases and the manifests of editions, is made again here and compared.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson

from coachkit.confined.checking import checked
from coachkit.db import archives as rows
from coachkit.db.images import StoredImage
from coachkit.db.releases import ReleaseHead
from coachkit.editions import inputs, manifest
from coachkit.editions.choices import from_settings
from coachkit.editions.choices_schema import ChoicesSchema, wrong_in_stored
from coachkit.editions.publish import Tools
from coachkit.editions.releases import described
from coachkit.editions.remaking import edition_is_as_made, release_is_as_made
from coachkit.errors import ArchiveInvalid
from coachkit.organisations import archives, audit, audit_lines, bounded_json
from coachkit.organisations.archives import Archive, edition_member, release_member
from coachkit.packs import source as sources
from coachkit.packs import stored, versions
from coachkit.packs.compile import picture_name
from coachkit.packs.findings import Findings
from coachkit.packs.images import read_image
from coachkit.packs.model import NAME_LENGTH, NAME_PATTERN, Compiled, Place
from coachkit.packs.source import Source

DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
HOSTNAME: Final = re.compile(r"(?=.{1,253}\Z)[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+")
STATES: Final = {"pending", "done", "cancelled", "failed"}
_TRUST: Final = "import it with --trusted, if you trust whoever made the archive as you trust your own installation"
_AT_HAND: Final = 4
"""Releases that are in memory at once."""

Row = dict[str, Any]
Known = Callable[[ReleaseHead, bytes], bool]
"""Whether the installation has just this release already, compiled form and all."""


@dataclass(frozen=True)
class Maker:
    """What this installation makes releases and editions with, and whether it must be able to."""

    tools: Tools
    plugins: Sequence[str]
    """The names of the plugins that may be used in packs."""
    known: Known
    trusted: bool
    """Whether what cannot be made again is taken as it is."""


def read_rows(archive: Archive, name: str) -> Iterator[tuple[int, Row | ValueError]]:
    """The rows of a member by line; for a line that is none, why."""
    for line, data in enumerate(archive.lines(name), start=1):
        try:
            yield line, rows.row(archives.LISTS[name], bounded_json.parse_object(data))
        except ValueError as error:
            yield line, error


def check(archive: Archive, maker: Maker, begin: Callable[[str], None] = lambda _: None) -> None:
    """Raise ArchiveInvalid, with all that is wrong, unless everything in the archive may be stored as it is.

    `begin` is told what is looked at as its turn comes.
    """
    checking = _Checking(archive, maker)
    for name, step in checking.steps.items():
        begin(name)
        step(name)
    if checking.findings.failed:
        raise ArchiveInvalid(checking.findings.problems)


@dataclass
class _Checking:
    """One archive being looked through, and what has been found so far."""

    archive: Archive
    maker: Maker
    findings: Findings = field(default_factory=Findings)
    releases: dict[tuple[str, str], ReleaseHead] = field(default_factory=dict)
    editions: dict[str, bool] = field(default_factory=dict)
    """Digest → whether it was published."""
    uses: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    _loaded: OrderedDict[tuple[str, str], Compiled] = field(default_factory=OrderedDict)

    @property
    def steps(self) -> Mapping[str, Callable[[str], None]]:
        """What looks at each member, in an order in which each finds what it needs."""
        return {
            "organisation.json": self._organisation,
            "releases.jsonl": self._releases,
            "edition_releases.jsonl": self._uses,
            "editions.jsonl": self._editions,
            "channels.jsonl": self._channels,
            "channel_moves.jsonl": self._moves,
            "hostnames.jsonl": self._hostnames,
            "schedules.jsonl": self._schedules,
            archives.AUDIT: self._audit,
            archives.MANIFEST: self._members,
        }

    def _error(self, name: str, line: int | None, code: str, message: str, hint: str | None = None) -> None:
        self.findings.error(Place(name, line), code, message, hint)

    def _rows(self, name: str) -> Iterator[tuple[int, Row]]:
        """A member's rows, each once; what is none is told."""
        part = archives.LISTS[name]
        key = [column.name for column in part.table.primary_key if column.name not in part.without]
        met = set()
        for line, row in read_rows(self.archive, name):
            if isinstance(row, ValueError):
                self._error(name, line, "bad-row", str(row))
            elif key and (identity := tuple(row[column] for column in key)) in met:
                self._error(name, line, "bad-row", f"{' '.join(map(str, identity))[:200]} is there twice")
            else:
                met |= {identity} if key else set()
                yield line, row

    # --- the organisation -----------------------------------------------------------------------

    def _organisation(self, name: str) -> None:
        found = list(self._rows(name))
        if len(found) != 1:
            self._error(name, None, "bad-row", f"there is one organisation here, and these are {len(found)}")
            return
        (_, row) = found[0]
        if row["slug"] != self.archive.slug or not _is_name(row["slug"]):
            self._error(name, 1, "bad-row", f"its slug is not the manifest's, {self.archive.slug[:NAME_LENGTH]}")
        self._settings(name, 1, row["settings"])

    def _settings(self, name: str, line: int | None, settings: Any) -> bool:
        """Whether settings keep to their schema."""
        wrong = wrong_in_stored(settings) if isinstance(settings, dict) else {"settings": "not a mapping"}
        if wrong:
            said = orjson.dumps(wrong, option=orjson.OPT_NON_STR_KEYS).decode()
            self._error(name, line, "bad-settings", f"the settings break their rules: {said[:500]}")
        return not wrong

    # --- releases -------------------------------------------------------------------------------

    def _releases(self, name: str) -> None:
        for line, row in self._rows(name):
            wrong = _wrong_head(row)
            if wrong is not None:
                self._error(name, line, "bad-row", wrong)
                continue
            head = ReleaseHead(**row | {"directives": tuple(row["directives"])})
            self.releases[head.pack, head.version] = head
            self._release(head)

    def _release(self, head: ReleaseHead) -> None:
        member = release_member(head.digest, "source.tar")
        archive = self.archive.read(member)
        if sources.digest(archive) != head.digest:
            self._error(member, None, "wrong-digest", f"{head.pack}@{head.version} is {head.digest}, and this is not")
            return
        findings = Findings()
        source = sources.read_archive(archive, findings)
        if findings.failed:
            self._error(member, None, "bad-archive", f"it is no pack's: {findings.problems[0].message}")
            return
        self._compiled(head, source)

    def _compiled(self, head: ReleaseHead, source: Source) -> None:
        member = release_member(head.digest, "compiled")
        data = self.archive.read(member)
        try:
            compiled = stored.load(data)
        except ValueError as error:
            self._error(member, None, "bad-compiled", str(error))
            return
        if not _belongs(head, compiled):
            self._error(
                member, None, "bad-compiled", f"this is not what releases.jsonl says {head.pack}@{head.version} is"
            )
            return
        try:
            pictures(source, compiled)
        except ValueError as error:
            self._error(member, None, "bad-compiled", str(error))
            return
        if not self.maker.known(head, data):
            made = checked(source, self.maker.plugins).compiled
            self._made(member, release_is_as_made(head, data, made), "compiling its source")

    def _made(self, member: str, outcome: bool | None, how: str) -> None:
        if outcome is False:
            self._error(member, None, "not-as-made", f"this is not what {how} gives")
        elif outcome is None and not self.maker.trusted:
            message = f"this version of CoachKit, with these plugins, cannot say whether this is what {how} gave"
            self._error(member, None, "not-comparable", message, _TRUST)

    # --- editions -------------------------------------------------------------------------------

    def _uses(self, name: str) -> None:
        for line, row in self._rows(name):
            if (row["pack"], row["version"]) not in self.releases:
                self._error(name, line, "bad-row", f"{row['pack']}@{row['version']} is not in the archive"[:300])
            self.uses.setdefault(row["digest"], set()).add((row["pack"], row["version"]))

    def _editions(self, name: str) -> None:
        for line, row in self._rows(name):
            if not DIGEST.fullmatch(row["digest"]):
                self._error(name, line, "bad-row", "the digest is none")
                continue
            if row["settings"] is not None and not self._published_from(name, line, row["settings"]):
                continue
            self.editions[row["digest"]] = row["published"]
            self._edition(row["digest"])
        for digest in self.uses.keys() - self.editions.keys():
            self._error("edition_releases.jsonl", None, "bad-row", f"there is no edition {digest[:80]}")

    def _published_from(self, name: str, line: int, data: bytes) -> bool:
        """Whether the settings that an edition was published from are any."""
        try:
            settings = bounded_json.parse(data)
        except ValueError:
            self._error(name, line, "bad-settings", "the settings that it was published from cannot be read")
            return False
        return self._settings(name, line, settings)

    def _edition(self, digest: str) -> None:
        member = edition_member(digest, "inputs.json")
        data = self.archive.read(member)
        if inputs.digest(data) != digest:
            self._error(member, None, "wrong-digest", f"the edition is {digest}, and this is not")
            return
        try:
            parsed = self._inputs(data)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self._error(member, None, "bad-inputs", f"these are no edition's inputs: {str(error)[:200]}")
            return
        used = {(each.pack, each.version) for each in parsed.releases}
        if used != self.uses.get(digest, set()) or not used <= self.releases.keys():
            self._error(member, None, "bad-inputs", "its releases are not those of edition_releases.jsonl")
        elif any(not _names(each, self.releases[each.pack, each.version]) for each in parsed.releases):
            self._error(member, None, "bad-inputs", "it names other bytes of a release than the archive has")
        elif self._settings(member, None, _choices(parsed.settings)):
            self._manifest(digest, data, parsed)

    def _inputs(self, data: bytes) -> inputs.Inputs:
        value = bounded_json.parse(data)
        if value["organisation"] != self.archive.slug:
            raise ValueError(f"they are of the organisation {str(value['organisation'])[:NAME_LENGTH]}")
        return inputs.parse(data)

    def _manifest(self, digest: str, data: bytes, parsed: inputs.Inputs) -> None:
        member = edition_member(digest, "manifest")
        given = self.archive.read(member)
        try:
            compiled = {each.pack: self._load(each.pack, each.version) for each in parsed.releases}
            bounded_json.parse(manifest.inflated(given), manifest.SIZE_LIMIT)
            choices = from_settings({**parsed.settings, "overlay": ()})
            list(manifest.load(self.archive.slug, digest, choices, compiled, given).overlays.values())
            outcome = edition_is_as_made(self.archive.slug, data, given, compiled, self.maker.tools)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self._error(member, None, "bad-manifest", f"this is no edition's manifest: {str(error)[:200]}")
            return
        self._made(member, outcome, "settling its inputs")

    def _load(self, pack: str, version: str) -> Compiled:
        key = (pack, version)
        if key not in self._loaded:
            self._loaded[key] = stored.load(self.archive.read(release_member(self.releases[key].digest, "compiled")))
        self._loaded.move_to_end(key)
        while len(self._loaded) > _AT_HAND:
            self._loaded.popitem(last=False)
        return self._loaded[key]

    # --- what points at editions ----------------------------------------------------------------

    def _channels(self, name: str) -> None:
        for line, row in self._rows(name):
            self._pointing(name, line, row["name"], [row["digest"]])
            if row["public"] and not self.editions.get(row["digest"], True):
                self._error(name, line, "bad-row", "a public channel points at an edition that was never published")

    def _moves(self, name: str) -> None:
        for line, row in self._rows(name):
            self._pointing(name, line, row["name"], [row["from_digest"], row["to_digest"]])

    def _schedules(self, name: str) -> None:
        for line, row in self._rows(name):
            self._pointing(name, line, row["channel"], [row["digest"]])
            if row["state"] not in STATES:
                self._error(name, line, "bad-row", f"its state is none of {', '.join(sorted(STATES))}")
            elif row["state"] == "pending" and not _is_local_time(row["local_time"], row["zone"]):
                self._error(name, line, "bad-row", "its time is no local time, or its zone is not known here")

    def _pointing(self, name: str, line: int, channel: str, digests: Iterable[str | None]) -> None:
        if not _is_name(channel):
            self._error(name, line, "bad-row", "the channel's name is none")
        for digest in digests:
            if digest is not None and digest not in self.editions:
                self._error(name, line, "bad-row", f"there is no edition {digest[:80]} in the archive")

    def _hostnames(self, name: str) -> None:
        for line, row in self._rows(name):
            if not HOSTNAME.fullmatch(row["name"]):
                self._error(name, line, "bad-row", "this is not the name of a host")

    # --- the audit, and what nothing speaks of --------------------------------------------------

    def _audit(self, name: str) -> None:
        try:
            told = audit_lines.read(self.archive.lines(name))
            if told.organisation != self.archive.slug:
                self._error(name, 1, "audit-broken", "this is another organisation's audit")
            for each in audit.broken(told.entries, told.head):
                self._error(name, each.number + 1, "audit-broken", f"entry {each.number}: {each.reason}")
        except audit_lines.LineError as error:
            self._error(name, error.line, "audit-broken", error.reason)

    def _members(self, name: str) -> None:
        """Every member is spoken of by a row."""
        wanted = {*archives.LISTS, archives.AUDIT}
        wanted |= {
            release_member(e.digest, each) for e in self.releases.values() for each in ("source.tar", "compiled")
        }
        wanted |= {edition_member(digest, each) for digest in self.editions for each in ("inputs.json", "manifest")}
        for extra in sorted(self.archive.listed.keys() - wanted):
            self._error(name, None, "bad-archive", f"nothing speaks of its member {extra}")


def _is_name(text: str) -> bool:
    return len(text) <= NAME_LENGTH and re.fullmatch(NAME_PATTERN, text) is not None


def _is_local_time(text: str, zone: str) -> bool:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).utcoffset() is not None
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return False


def _wrong_head(row: Row) -> str | None:
    """What is wrong with a release's row by itself."""
    try:
        versions.parse(row["version"])
    except ValueError as error:
        return str(error)
    if not _is_name(row["pack"]) or not DIGEST.fullmatch(row["digest"]):
        return "a release has a pack's id, a version and a digest"
    texts = isinstance(row["directives"], list) and all(isinstance(each, str) for each in row["directives"])
    maps = all(isinstance(row[each], dict) for each in ("manifest", "resources", "versions"))
    if not texts or not maps or row["visibility"] not in {"public", "private"}:
        return "its visibility, directives, manifest, resources or versions are none"
    return None


def _belongs(head: ReleaseHead, compiled: Compiled) -> bool:
    """Whether a release's row says what its compiled form says."""
    resources = {f"{kind}/{name}": each for (kind, name), each in compiled.resources.items()}
    said = (head.pack, head.version, head.title, head.visibility, head.compiler, head.directives)
    found = compiled.manifest
    return (
        said == (found.id, found.version, found.title, found.visibility, compiled.compiler, compiled.directives)
        and dict(head.resources) == {name: each.digest for name, each in resources.items()}
        and dict(head.versions) == {name: each.version for name, each in resources.items()}
        and orjson.loads(orjson.dumps(described(compiled))) == head.manifest
    )


def _names(used: inputs.ReleaseInput, head: ReleaseHead) -> bool:
    return (used.digest, used.compiler, used.directives) == (head.digest, head.compiler, head.directives)


def _choices(settings: Mapping[str, Any]) -> Row:
    """What an edition's inputs have of settings, without what was worked out."""
    return {key: value for key, value in settings.items() if key in ChoicesSchema().fields}


def pictures(source: Source, compiled: Compiled) -> list[StoredImage]:
    """The images of a release, from its source. Raises ValueError where its compiled form names others."""
    found = []
    for name, image in compiled.images.items():
        read = read_image(image.path, source.files.get(image.path, b""), Findings())
        if read is None or read.media_type != image.media_type or picture_name(read) != name:
            raise ValueError(f"its source has no image {name[:80]}")
        found.append(StoredImage(name, read.media_type, read.data))
    return found
