"""The walk: a pack becomes releases, editions and answers, and everything that should stay does.

Over HTTP against the service that `coachkit demo` starts, with the commands that an operator gives meanwhile.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from running import Service, clean_environment, free_port, running

from coachkit.hooks.core import content_folder

COACHKIT = Path(sys.executable).with_name("coachkit")
ORGANISATION = "/v1/orgs/northbridge"
EDITED, UNTOUCHED = "modules/first-hour", "modules/what-a-no-means"
OLD, NEW = "Choose one of these. One is enough.", "Pick any one of these."
SEEN_WITHIN = 1.0


@dataclass(frozen=True)
class Portal:
    """An installation of the demo: its service while it runs, and its commands."""

    service: Service
    folder: Path

    def get(self, path: str) -> tuple[Any, Any]:
        """The headers and the JSON of what is at a path below the organisation, which must be there."""
        status, headers, body = self.service.get(f"{ORGANISATION}/{path}")
        assert status == 200, body
        return headers, json.loads(body)

    def bytes(self, path: str) -> tuple[bytes, str]:
        """The body and the ETag of what is at a path below the organisation."""
        status, headers, body = self.service.get(f"{ORGANISATION}/{path}")
        assert status == 200, body
        return body, headers["ETag"]

    def command(self, *arguments: object) -> Any:
        """What a command prints with --json, given in another terminal after the line that `demo` prints."""
        environ = {**clean_environment(self.folder), "COACHKIT_CONFIG": str(self.folder / "var" / "coachkit.toml")}
        command = [COACHKIT, *map(str, arguments), "--json"]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def soon(self, holds: Callable[[], bool]) -> None:
        """Wait until it holds, which it must within a second from now, and then in every one of many answers."""
        until = time.monotonic() + SEEN_WITHIN
        while not all(holds() for _ in range(10)):
            assert time.monotonic() < until


def text_of(module: dict[str, Any]) -> str:
    return "\n".join(section["markdown"] for section in module["sections"])


def start(folder: Path) -> Any:
    port = free_port()
    command = [COACHKIT, "demo", "--port", str(port), "--data", folder / "var"]
    return running(command, port=port, cwd=folder, home=folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("portal")


@pytest.fixture(scope="module")
def portal(folder: Path) -> Iterator[Portal]:
    with start(folder) as service:
        yield Portal(service, folder)


def test_welsh_module_with_english_sections(portal: Portal) -> None:
    """A branded module comes in Welsh, with each section that is not translated in English and marked so, from cache.

    The page says the same to a browser, and the organisation's own name and address stand in it.
    """
    asked = f"{ORGANISATION}/modules/ask-for-feedback?locale=cy"
    headers, module = portal.get("modules/ask-for-feedback?locale=cy")
    locales = {section["id"]: section["locale"] for section in module["sections"]}
    assert module["locale"] == "cy"
    assert headers["Content-Language"] == "cy, en-GB"
    english = {id_ for id_, locale in locales.items() if locale == "en-GB"}
    assert english
    assert english < set(locales)
    assert module["fallback"] == {f"sections/{id_}": "en-GB" for id_ in english}
    assert "careers@northbridge.example" in json.dumps(module)
    page = portal.service.get(f"{asked}&format=html")[2].decode()
    assert page.startswith("<article")
    assert page.count('lang="cy"') >= 1
    assert page.count('lang="en-GB"') >= len(english)
    found = [portal.service.get(asked)[1]["Cache-Status"] for _ in range(20)]
    assert any(each.startswith("CoachKit; hit") for each in found)


def test_walk(portal: Portal, folder: Path) -> None:
    """A new version of a pack reaches readers when an edition is published, and only what changed changes.

    The old edition's address stays byte for byte, an untouched module keeps its bytes and its ETag, and after a
    rollback readers see the old text again, under the ETag it had.
    """
    before = json.loads(portal.service.get(ORGANISATION)[2])["edition"]
    edited, untouched = portal.bytes(EDITED), portal.bytes(UNTOUCHED)
    archived = portal.bytes(f"editions/{before}/{EDITED}")
    assert OLD in text_of(json.loads(edited[0]))

    pack = folder / "core"
    shutil.copytree(content_folder() / "core", pack)
    replace(pack / "pack.yaml", "version: 1.0.0", "version: 1.0.1")
    replace(pack / f"{EDITED}.md", OLD, NEW)
    assert portal.command("pack", "diff", "core@1.0.0", pack)["step"] == "patch"
    portal.command("pack", "publish", pack)
    assert portal.bytes(EDITED) == edited, "a release alone changes nothing for readers"

    after = portal.command("edition", "publish", "northbridge")["edition"]
    portal.soon(lambda: portal.get(EDITED)[0]["CoachKit-Edition"] == after)
    assert NEW in text_of(portal.get(EDITED)[1])
    assert portal.bytes(EDITED)[1] != edited[1]
    assert portal.bytes(f"editions/{before}/{EDITED}") == archived
    assert portal.bytes(UNTOUCHED) == untouched
    assert portal.bytes(f"editions/{after}/{UNTOUCHED}")[0] == untouched[0]
    changed = portal.command("edition", "diff", "northbridge", before)["changes"]
    assert {(each["op"], each["kind"], each["id"]) for each in changed} == {("changed", "module", "first-hour")}

    assert portal.command("channel", "rollback", "northbridge")["edition"] == before
    portal.soon(lambda: portal.get(EDITED)[0]["CoachKit-Edition"] == before)
    assert portal.bytes(EDITED) == edited
    assert NEW in text_of(portal.get(f"editions/{after}/{EDITED}")[1])


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_same_in_another_installation(portal: Portal, tmp_path: Path) -> None:
    """An installation elsewhere, with a secret of its own, gives the same editions and bodies under other ETags."""
    paths = [EDITED, UNTOUCHED, "modules/ask-for-feedback?locale=cy", "modules"]
    first = [portal.bytes(path) for path in paths]
    with start(tmp_path) as service:
        other = Portal(service, tmp_path)
        found = [other.bytes(path) for path in paths]
        assert other.get(EDITED)[0]["CoachKit-Edition"] == portal.get(EDITED)[0]["CoachKit-Edition"]
    assert [body for body, _ in found] == [body for body, _ in first]
    assert not {etag for _, etag in found} & {etag for _, etag in first}
