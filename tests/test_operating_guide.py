"""The guide for operators is true: its tables are complete, and what it names is there."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from prometheus_client import REGISTRY

from coachkit.api import managing, metrics
from coachkit.cli import COMMANDS
from coachkit.cli.checks import configured, engines, keys, published, waiting
from coachkit.db.tables import OF_ORGANISATIONS, metadata
from coachkit.editions import choices_schema
from coachkit.editions.choices import SETTINGS_BYTES
from coachkit.organisations import files
from coachkit.organisations.keys import ORIGINS
from coachkit.settings import Settings

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
DASHBOARD = json.loads((ROOT / "docker" / "grafana-dashboard.json").read_text(encoding="utf-8"))
ALERTS = yaml.safe_load((ROOT / "docker" / "prometheus-alerts.yaml").read_text(encoding="utf-8"))
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
QUERIES = {target["expr"]: panel["title"] for panel in DASHBOARD["panels"] for target in panel["targets"]}
SUFFIXES = ("_bucket", "_count", "_sum", "_total", "_created")


def section(heading: str) -> str:
    return re.search(rf"^## {re.escape(heading)}$(.*?)(?=^## |\Z)", GUIDE, re.MULTILINE | re.DOTALL)[1]


def exposed() -> dict[str, set[str]]:
    """The metrics of CoachKit's own that `/metrics` shows, each with its labels."""
    collectors = {each for each in vars(metrics).values() if hasattr(each, "_labelnames")}
    shown = {name for name in REGISTRY._names_to_collectors if name.startswith("coachkit_")}  # noqa: SLF001
    named = {each._name: set(each._labelnames) for each in collectors}  # noqa: SLF001
    assert {name for name in shown if not name.endswith(SUFFIXES)} == set(named)
    looked_at = metrics.of_jobs((), datetime.now(UTC))
    return named | {each.name: set(each._labelnames) for each in looked_at}  # noqa: SLF001


def bare(metric: str) -> str:
    """A metric's name without what Prometheus adds to it."""
    return re.sub(rf"({'|'.join(SUFFIXES)})$", "", metric)


def used(expression: str) -> set[str]:
    return {bare(name) for name in re.findall(r"\bcoachkit_[a-z_]+", expression)}


def test_every_finding_is_documented() -> None:
    """The guide lists every code that `doctor` can give, with its severity, and no other."""
    listed = dict(re.findall(r"^\| `([a-z-]+)` \| (error|warning) \|", section("What `doctor` says"), re.MULTILINE))
    given: dict[str, str] = {"contact-unverified": "error", "overdue": "warning"}
    assert set(published.AGED) == set(given)
    for module in (configured, engines, keys, published, waiting):
        for call in ast.walk(ast.parse(Path(module.__file__).read_text("utf-8"))):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Finding":
                severities = values(call.args[5]) if len(call.args) > 5 else ["error"]
                given.update(zip(values(call.args[1]), severities, strict=True))
    assert listed == given


def values(node: ast.expr) -> list[str]:
    """The text that an argument is, or both that it can be."""
    return [*values(node.body), *values(node.orelse)] if isinstance(node, ast.IfExp) else [ast.literal_eval(node)]


def test_every_metric_is_documented() -> None:
    """The guide lists every metric with its labels, and no other."""
    rows = re.findall(r"^\| `(coachkit_\w+)` \| (.*?) \|", section("What is watched"), re.MULTILINE)
    assert {bare(name): set(re.findall(r"`(\w+)`", labels)) for name, labels in rows} == exposed()


def test_dashboard_asks_for_what_there_is() -> None:
    """Every metric and every label in the dashboard is one that `/metrics` has, and every metric is shown."""
    there = exposed()
    asked = {name for query in QUERIES for name in used(query)}
    assert asked == set(there)
    added = {"le", "instance"}  # by histograms, and by whoever scrapes
    for query in QUERIES:
        labels = {label for inside in re.findall(r"\{(.*?)\}", query) for label in re.findall(r"(\w+)[=!]", inside)}
        labels |= {each for inside in re.findall(r"by \((.*?)\)", query) for each in inside.split(", ")}
        assert labels <= added | {label for name in used(query) for label in there[name]}, query


def test_dashboard_is_one_that_grafana_imports() -> None:
    """Panels have numbers and places of their own on a grid of 24, a title, words, and a query with a letter each."""
    assert DASHBOARD["schemaVersion"] >= 36
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(x + place["x"], y + place["y"]) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells
        assert panel["description"]
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
    variables = {each["name"] for each in DASHBOARD["templating"]["list"]}
    assert set(re.findall(r"\$\{?(\w+)", json.dumps(DASHBOARD))) - variables == {"__rate_interval", "__all"}


@pytest.mark.parametrize("query", [*QUERIES, *(rule["expr"] for rule in RULES)])
def test_queries_are_balanced(query: str) -> None:
    """Every bracket of a query is closed."""
    for opening, closing in ("()", "[]", "{}"):
        assert query.count(opening) == query.count(closing)


def test_alerts_ask_for_what_there_is() -> None:
    """Every alert is about a metric that there is, has a severity and words, and is in the guide."""
    there = exposed()
    for rule in RULES:
        assert used(rule["expr"]) <= set(there)
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"]
    rows = re.findall(r"^\| `(CoachKit\w+)` \|", section("What is watched"), re.MULTILINE)
    assert rows == [rule["alert"] for rule in RULES]


def test_settings_are_there() -> None:
    """Every variable that the guide names is a setting."""
    known = {f"COACHKIT_{field.name.upper()}" for field in fields(Settings)} | {"COACHKIT_CONFIG"}
    assert set(re.findall(r"COACHKIT_[A-Z_]+", GUIDE)) <= known


def test_commands_are_there() -> None:
    """Every command that the guide names is one."""
    named = set(re.findall(r"(?:`|^|\s)coachkit ([a-z]+)", GUIDE, re.MULTILINE))
    assert {"migrate", "doctor", "web"} <= named
    assert named <= set(COMMANDS)


def test_files_are_there() -> None:
    """Every file of the checkout that the guide names is there."""
    named = re.findall(r"\b((?:docker|coachkit)/[\w./-]+\w)", GUIDE)
    assert len(named) > 5
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_bounds_are_the_codes() -> None:
    """The bounds that no setting moves are as the guide says, in its order."""
    listed = re.findall(r"^\| [^|]+ \| ([\d,]+)( MiB)? \|$", section("Bounds without a setting"), re.MULTILINE)
    shape = choices_schema
    assert [int(number.replace(",", "")) * (1024**2 if unit else 1) for number, unit in listed] == [
        SETTINGS_BYTES,
        shape.OVERLAY_LENGTH,
        shape.SECTION_LENGTH,
        shape.SOURCES_LENGTH,
        shape.SOURCE_LENGTH,
        shape.TEXT_LENGTH,
        shape.ENTRIES,
        shape.SECTIONS,
        shape.LOCALES,
        shape.PACKS,
        shape.PLUGINS,
        shape.ORIGINS,
        ORIGINS,
        shape.BANNED_WORDS,
    ]
    assert SETTINGS_BYTES == managing.LARGEST == files.FILE_SIZE
    assert SETTINGS_BYTES >= 4 * (shape.OVERLAY_LENGTH + shape.SOURCES_LENGTH) + 1024**2


def test_tables_without_row_level_security() -> None:
    """The tables that the guide says have no row-level security are those without rows of organisations."""
    (said,) = re.findall(r"forced on its owner too\.(.*?)Work for one", GUIDE, re.DOTALL)
    assert set(re.findall(r"`([a-z]+)`", said)) == set(metadata.tables) - set(OF_ORGANISATIONS)
