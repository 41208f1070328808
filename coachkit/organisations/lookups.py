"""Asks the DNS for the records that prove hostnames. Waits for strangers' servers, so never while a request waits.

What an answer means for a claim is `hostnames.py`'s business.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import dns.exception
import dns.rdatatype
import dns.resolver

from coachkit.db.database import Database
from coachkit.db.hostnames import Hostname
from coachkit.db.scopes import only
from coachkit.errors import SettingsError
from coachkit.organisations.audit import Actor
from coachkit.organisations.hostnames import FOUND, MISSING, SILENT, record_name, record_value, settle

_TRY_SECONDS: Final = 2.0
_WAIT_SECONDS: Final = 5.0


def resolver(server: str | None = None, port: int = 53) -> dns.resolver.Resolver:
    """What asks the DNS, by the machine's own settings or one server. Raises SettingsError where there are none."""
    try:
        made = dns.resolver.Resolver(configure=server is None)
        if server is not None:
            made.nameservers, made.port = [server], port
    except (dns.exception.DNSException, ValueError) as error:
        raise SettingsError(f"Nobody can be asked for names: {error}") from None
    made.timeout, made.lifetime = _TRY_SECONDS, _WAIT_SECONDS
    return made


def ask(hostname: Hostname, asked: dns.resolver.Resolver) -> str:
    """Whether the record is there, by the DNS: FOUND, MISSING or SILENT. Takes a few seconds at most."""
    try:
        answer = asked.resolve(record_name(hostname), dns.rdatatype.TXT, search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return MISSING
    except (dns.exception.DNSException, OSError):
        return SILENT
    wanted = record_value(hostname).encode()
    return FOUND if any(b"".join(each.strings) == wanted for each in answer) else MISSING


def look(
    database: Database, hostname: Hostname, asked: dns.resolver.Resolver, *, actor: Actor, at: datetime
) -> Hostname | None:
    """Ask the DNS for a claim's record and keep what comes of it; None where the claim is gone."""
    finding = ask(hostname, asked)
    with database.write(only(hostname.organisation_id)) as conn:
        return settle(conn, hostname, finding, actor=actor, at=at)
