"""`coachkit doctor`: what is configured, reachable, stale and unsafe, and what to do about it. It changes nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import click

from coachkit import settings as settings_module
from coachkit.cli.checks import configured, engines, keys, published, waiting
from coachkit.cli.checks.findings import Report
from coachkit.cli.installation import Installation, installation, now
from coachkit.cli.output import FOUND, json_option, show
from coachkit.db import migrate


@click.command()
@json_option
def doctor(*, as_json: bool) -> None:
    """Say what is configured, reachable, stale and unsafe here, and what to do. Nothing is changed.

    Exits with 1 if something is unsafe or keeps this installation from serving; warnings do not count.
    """
    settings = settings_module.load()
    with installation(settings, migrated=False) as here:
        reports = examine(here)
    findings = [finding for report in reports.values() for finding in report.findings]
    failed = any(finding.severity == "error" for finding in findings)
    value = {
        "ok": not failed,
        "problems": [finding.value for finding in findings],
        "settings": configured.origins(settings),
        **{name: dict(report.facts) for name, report in reports.items()},
    }
    show(value, _lines(value, reports), as_json=as_json)
    if failed:
        sys.exit(FOUND)


def examine(here: Installation) -> dict[str, Report]:
    """Each part's report, by its name; what is published is looked at only where the database is up to date."""
    database = engines.database(here.database)
    reports = {
        "service": configured.check(here.settings),
        "database": database,
        "redis": engines.redis(here.settings.redis_url),
        "plugins": published.plugins(here),
    }
    if database.facts.get("migration") == migrate.expected():
        reports["keys"] = keys.check(here, now())
        reports["packs"] = published.packs(here)
        reports["published"] = published.organisations(here, now().date())
        reports["background"] = waiting.background(here, now())
    return reports


def _lines(value: dict[str, Any], reports: dict[str, Report]) -> Iterator[str]:
    for setting in value["settings"]:
        yield f"{setting['name']:15} {setting['value']}  ({setting['from']})"
    for name, report in reports.items():
        yield f"{name:15} " + ", ".join(f"{fact} {_words(value)}" for fact, value in report.facts.items())
    findings = [finding for report in reports.values() for finding in report.findings]
    for finding in findings:
        yield ""
        yield from finding.lines
    errors = sum(finding.severity == "error" for finding in findings)
    yield ""
    yield counted(errors, len(findings) - errors) if findings else "Nothing is wrong."


def counted(errors: int, warnings: int) -> str:
    """How many there are of each, in words."""
    return f"{errors} error{'s' * (errors != 1)}, {warnings} warning{'s' * (warnings != 1)}"


def _words(fact: Any) -> str:
    """A fact as people write it."""
    if isinstance(fact, bool):
        return "yes" if fact else "no"
    if isinstance(fact, dict):
        fact = [f"{name} {_words(value)}" for name, value in fact.items()]
    if isinstance(fact, list):
        return " ".join(fact) or "none"
    return "none" if fact is None else str(fact)
