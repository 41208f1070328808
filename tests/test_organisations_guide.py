"""The guide for organisations is true: its example publishes, its tables are complete, its numbers are the code's."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import marshmallow as ma
import pytest
from appmaker import House, house_over

from coachkit.db.database import Database
from coachkit.db.scopes import ACROSS
from coachkit.editions import choices_schema
from coachkit.editions.contrast import DEFAULTS, PAIRS
from coachkit.editions.validate import CONTACT_AGE
from coachkit.errors import PublishRefused
from coachkit.organisations import files, organisations
from coachkit.settings import Settings

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "organisations.md").read_text(encoding="utf-8")
EDITIONS = ROOT / "coachkit" / "editions"
CHECKS = ("validate.py", "publish.py", "overlay.py", "own.py", "banned.py", "parity.py")
CODE_AT = {"problem": 2, "error": 1}
"""The calls that report a problem, and which of their arguments is its code."""
SCHEMAS: Mapping[str, type[ma.Schema]] = {
    name: each
    for name, each in vars(choices_schema).items()
    if isinstance(each, type) and issubclass(each, ma.Schema) and not name.startswith("_")
}
DAY = "2026-11-01"
SLUG = "riverside"

_FILE = re.compile(r"^`riverside\.yaml`:\n\n```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


# --- the example ----------------------------------------------------------------------------------


def example() -> str:
    """The guide's file, as it stands."""
    (text,) = _FILE.findall(GUIDE)
    return str(text)


def read(folder: Path, text: str) -> dict[str, Any]:
    """A file's settings, as the commands read them."""
    path = folder / "riverside.yaml"
    path.write_text(text, encoding="utf-8")
    return files.read(path)


def verified(text: str, day: datetime) -> str:
    """The file as somebody writes it who checked the contacts on that day."""
    return text.replace(DAY, day.date().isoformat())


@pytest.fixture
def house(settings: Settings, database: Database, tmp_path: Path) -> Iterator[House]:
    """An installation with the core pack."""
    with house_over(settings, database, tmp_path) as house:
        house.publish_core()
        yield house


def make(house: House, text: str) -> None:
    """Make the organisation of a file, which is no demo."""
    with house.database.write(ACROSS) as conn:
        organisations.create(conn, SLUG, read(house.folder, text), datetime.now(UTC))


def test_the_example_uses_every_key(tmp_path: Path) -> None:
    """The file is read without a word, and whoever looks for a key finds it used, whether or not it is needed."""
    settings = read(tmp_path, example())
    brand, overlay = settings["brand"], settings["overlay"]
    unused = {"ChoicesSchema": {"parity"}}  # which the Welsh of the core pack, a beginning, would not stand
    contacts = [each for slot in brand["support"].values() for local in slot.values() for each in local]
    used = {
        "ChoicesSchema": set(settings),
        "BrandSchema": set(brand),
        "LogoSchema": set(brand["logo"]),
        "ContactSchema": set().union(*contacts),
        "OverlaySchema": set().union(*overlay),
        "OverSchema": set(overlay[0]["over"]),
        "ResourceSchema": set().union(*settings["resources"]),
        "AccessSchema": set(settings["access"]),
    }
    assert used == {name: set(schema().fields) - unused.get(name, set()) for name, schema in SCHEMAS.items()}
    assert {part["op"] for part in overlay} == {"replace", "hide", "insert", "reorder"}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_example_publishes_for_readers(house: House) -> None:
    """Whoever checks the contacts today publishes the file with the core pack, and is no demo."""
    make(house, verified(example(), datetime.now(UTC)))
    house.edition(SLUG)
    client = house.client()
    module = f"/v1/orgs/{SLUG}/modules/first-hour"
    assert "Our door in the library" in client.get(module).text
    assert "Mae ein drws yn y llyfrgell" in client.get(f"{module}?locale=cy").text
    assert "01632 960102" in client.get(f"{module}?locale=cy").text
    assert "The odds, seen plainly" not in client.get(f"/v1/orgs/{SLUG}/modules/what-a-no-means").text
    assert "careers@riverside.example" in client.get(f"/v1/orgs/{SLUG}/modules/ask-for-feedback").text
    assert "up to 200 pounds" in client.get(f"/v1/orgs/{SLUG}/modules/hardship-fund").text
    assert "hyd at 200 punt" in client.get(f"/v1/orgs/{SLUG}/modules/hardship-fund?locale=cy").text


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_example_has_every_contact_that_is_asked_for(house: House) -> None:
    """Were none verified within the days the guide names, each slot in each locale would be refused, and no more."""
    assert f"verified for {CONTACT_AGE.days} days" in " ".join(GUIDE.split())
    make(house, verified(example(), datetime.now(UTC) - CONTACT_AGE - timedelta(days=2)))
    with pytest.raises(PublishRefused) as caught:
        house.edition(SLUG)
    where = {(problem.file, problem.code) for problem in caught.value.problems}
    slots = [f"{slot}/{locale}" for slot in ("listening", "urgent", "money") for locale in ("en-GB", "cy")]
    assert where == {(f"{SLUG}/brand/support/{each}", "contact-unverified") for each in slots}


# --- the tables -----------------------------------------------------------------------------------


def rows(marker: str) -> list[list[str]]:
    """The cells of each row of the table below a comment of the guide."""
    _, _, below = GUIDE.partition(f"<!-- {marker} -->\n")
    assert below, f"the guide has no table “{marker}”"
    lines = below.split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip().strip("`") for cell in line[1:-1].split("|")] for line in lines]


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_key_is_in_the_guide_and_nothing_else(name: str) -> None:
    """Each key of the settings has one row, which says truly whether it is needed."""
    told = [(key, said) for key, said, _ in rows(f"keys: {name}")]
    assert told == [(key, "needed" if field.required else "") for key, field in SCHEMAS[name]().fields.items()]


def test_the_colours_are_in_the_guide() -> None:
    """Each role is there with its default and the contrast it must have."""
    least = {pair.role: f"{pair.least:g}" for pair in PAIRS}
    assert rows("roles") == [[role, colour, least.get(role, "")] for role, colour in DEFAULTS.items()]


def test_every_problem_code_is_in_the_guide_and_nothing_else() -> None:
    """Whatever publishing may report has its row, once and by the alphabet, and no other code is explained."""
    trees = [ast.parse((EDITIONS / name).read_text(encoding="utf-8")) for name in CHECKS]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    codes = {ast.literal_eval(call.args[CODE_AT[called(call)]]) for call in calls if called(call) in CODE_AT}
    assert [row[0] for row in rows("codes")] == sorted(codes)


def called(call: ast.Call) -> str:
    """The name of what is called, without what it belongs to."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def test_the_limits_are_those_of_the_code() -> None:
    """A number in the guide is the number that the code holds files to."""
    support: Any = choices_schema.BrandSchema().fields["support"]
    (contacts,) = support.value_field.value_field.validators
    assert f"at most {files.FILE_SIZE // 1024**2} MiB" in GUIDE
    assert f"at most {choices_schema.SECTION_LENGTH:,} characters, and all of them" in GUIDE
    assert f"together {choices_schema.OVERLAY_LENGTH:,}" in GUIDE
    assert f"{choices_schema.SOURCE_LENGTH:,} characters in each locale" in GUIDE
    assert f"{choices_schema.SOURCES_LENGTH:,} in all" in GUIDE
    assert f"At most {choices_schema.ORIGINS} of each" in GUIDE
    assert f"then {contacts.min} to {contacts.max} contacts" in GUIDE


def test_links_lead_somewhere() -> None:
    """Each link of the guide is to a heading of its own or of another guide, and the README leads here."""
    prose = " ".join(_FILE.sub("", GUIDE).split())
    for name, anchor in re.findall(r"\]\(([a-z.]*)#([a-z-]+)\)", prose):
        text = (ROOT / "docs" / (name or "organisations.md")).read_text(encoding="utf-8")
        headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        anchors = {re.sub(r"[^a-z0-9 -]", "", each.lower()).replace(" ", "-") for each in headings}
        assert anchor in anchors | set(re.findall(r'<a id="([^"]+)">', text)), f"{name}#{anchor}"
    assert "](docs/organisations.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
