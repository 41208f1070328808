"""`coachkit hostname …`, on both databases, with a DNS server of our own."""

from __future__ import annotations

import dnsserver
import pytest

NAME = "careers.northbridge.example"


@pytest.fixture
def organisation(installed, settings_file):
    """Runs a command where northbridge is, with nothing published."""
    installed("org", "create", "northbridge", settings_file(), "--demo")
    return installed


def test_claim_and_check(organisation) -> None:
    """A name is claimed, listed with its record, proved once that is there, and given up."""
    made = organisation("hostname", "claim", "northbridge", NAME.upper(), "--json").json
    assert (made["name"], made["verified"]) == (NAME, False)
    said = organisation("hostname", "claim", "northbridge", NAME).out
    assert f'_coachkit.{NAME} TXT "{made["record"]["value"]}"' in said
    with dnsserver.running() as zone:
        check = ("hostname", "check", "northbridge", "--server", "127.0.0.1", "--port", zone.port)
        assert "the record is not there" in organisation(*check, status=1).out
        assert made["record"]["value"] in organisation("hostname", "list", "northbridge").out
        zone.texts[made["record"]["name"]] = [made["record"]["value"]]
        assert organisation(*check, NAME).out == f"{NAME}  verified, the record is there\n"
    (listed,) = organisation("hostname", "list", "northbridge", "--json").json["hostnames"]
    assert (listed["verified"], listed["finding"]) == (True, "found")
    organisation("hostname", "release", "northbridge", NAME)
    assert organisation("hostname", "list", "northbridge").out == "There are none.\n"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_refused(organisation) -> None:
    """What is no name, and what was never claimed, is refused in words."""
    done = organisation("hostname", "claim", "northbridge", "127.0.0.1", "--json", status=1)
    assert "is an address" in done.json["problems"][0]["message"]
    organisation("hostname", "check", "northbridge", NAME, "--server", "127.0.0.1", status=1)
    organisation("hostname", "release", "northbridge", NAME, status=1)
    organisation("hostname", "check", "northbridge", "--server", "nowhere", status=2)
