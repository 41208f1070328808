"""Commands for keys. A token is printed once, when it is made, and read from standard input, where no `ps` shows it."""

from __future__ import annotations

import sys
from collections.abc import Container, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime

import click

from coachkit.cli.installation import Installation, installation, now
from coachkit.cli.output import FOUND, json_option, show, warn
from coachkit.db.scopes import ACROSS
from coachkit.errors import Problem
from coachkit.organisations import keys, peppers, tokens
from coachkit.organisations.audit import COMMAND
from coachkit.organisations.keys import Key, Wanted
from coachkit.organisations.organisations import enter
from coachkit.organisations.tokens import Fault

OPERATOR = click.option("--operator", is_flag=True, help="An operator's, which stands above organisations.")


@click.group()
def key() -> None:
    """Make and revoke keys, for the pages and programs that use the API."""


@key.command()
@click.argument("slug", required=False)
@OPERATOR
@click.option("--name", required=True, help="What it is for, so that whoever finds it knows what stops with it.")
@click.option("--publishable", is_flag=True, help="For pages, where anybody can read it; otherwise it is secret.")
@click.option("--scope", "scopes", multiple=True, metavar="SCOPE", help=f"One of {', '.join(keys.SCOPES)}; repeat it.")
@click.option("--origin", "origins", multiple=True, metavar="ORIGIN", help="A page that may use it; repeat it.")
@click.option("--expires", metavar="TIME", help="When it ends, with its zone: 2027-01-31T00:00Z.")
@json_option
def create(
    slug: str | None,
    name: str,
    scopes: Sequence[str],
    origins: Sequence[str],
    expires: str | None,
    *,
    operator: bool,
    publishable: bool,
    as_json: bool,
) -> None:
    """Make a key of organisation SLUG, or an operator's, and print its token: now, and never again."""
    _require_whose(slug, operator=operator)
    if operator and (publishable or scopes or origins):
        raise click.UsageError("An operator's key is secret and may do everything: give neither scope nor origin.")
    wanted = Wanted("pub" if publishable else "sec", name, scopes, origins, _moment(expires))
    with installation() as here, here.database.write(ACROSS) as conn:
        used, at = peppers.of(here.settings), now()
        if slug:
            most = here.settings.max_keys
            made, token = keys.create(conn, enter(conn, slug), wanted, peppers=used, most=most, actor=COMMAND, at=at)
        else:
            made, token = keys.create_operators(conn, name, wanted.expires_at, peppers=used, at=at)
    warn(f"This is the key {made.id}. Keep it now, where only those who need it can read it: it is not shown again.")
    show({**keys.shape(made), "token": token.text}, [token.text], as_json=as_json)


@key.command("list")
@click.argument("slug", required=False)
@OPERATOR
@json_option
def list_(slug: str | None, *, operator: bool, as_json: bool) -> None:
    """The keys of organisation SLUG, or the operator's, the oldest first; revoked and expired ones too."""
    _require_whose(slug, operator=operator)
    with installation() as here, here.database.read(ACROSS) as conn:
        listed = keys.listing(conn, enter(conn, slug).id if slug else None)
        found = sorted(listed, key=lambda each: (each.created_at, each.id))
        at, known = now(), _names(here)
    lines = [f"{each.id}  {each.kind}  {_state(each, at, known)}  {each.name}" for each in found]
    show({"organisation": slug, "keys": [keys.shape(each) for each in found]}, lines, as_json=as_json)


@key.command("show")
@click.argument("key_id", metavar="ID")
@json_option
def show_(key_id: str, *, as_json: bool) -> None:
    """What the key ID is for, and the day of its last use. Its token is not known to anybody but its holder."""
    with installation() as here, here.database.read(ACROSS) as conn:
        found = keys.anybodys(conn, key_id)
        lines = _lines(found, now(), _names(here))
    show(keys.shape(found), lines, as_json=as_json)


@key.command()
@click.argument("key_id", metavar="ID")
@json_option
def revoke(key_id: str, *, as_json: bool) -> None:
    """Let the key ID hold no more: within a second every worker refuses it. There is no way back."""
    with installation() as here, here.database.write(ACROSS) as conn:
        slug = keys.anybodys(conn, key_id).organisation
        revoked = keys.revoke(conn, enter(conn, slug) if slug else None, key_id, actor=COMMAND, at=now())
    show(keys.shape(revoked), [f"{revoked.id} is revoked: {revoked.name}"], as_json=as_json)


@key.command()
@json_option
def check(*, as_json: bool) -> None:
    """Say whose key a token is, and whether it holds. The token is read from standard input, or asked for.

    Exits with 1 if it does not hold.
    """
    token = tokens.parse(_asked_for())
    with installation() as here, here.database.read(ACROSS) as conn:
        found = token if isinstance(token, Fault) else keys.find(conn, token, peppers.of(here.settings))
        at, known = now(), _names(here)
    wrong = _wrong(found, at)
    shown = found if isinstance(found, Key) else None
    problems = [asdict(wrong) | {"file": None}] if wrong else []
    lines = [f"It does not hold: {wrong.message}."] if wrong else []
    value = {"ok": wrong is None, "problems": problems, "key": keys.shape(shown) if shown else None}
    show(value, [*lines, *(_lines(shown, at, known) if shown else [])], as_json=as_json)
    if wrong:
        sys.exit(FOUND)


def _require_whose(slug: str | None, *, operator: bool) -> None:
    if (slug is None) != operator:
        raise click.UsageError("Name an organisation, or give --operator: one of them.")


def _moment(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        raise click.BadParameter(f"“{text}” is not a time such as 2027-01-31T00:00Z", param_hint="--expires") from None


def _asked_for() -> str:
    if sys.stdin.isatty():
        text: str = click.prompt("Token", hide_input=True, err=True)
    else:
        text = sys.stdin.readline()
    return text.strip()


def _wrong(found: Key | Fault | None, at: datetime) -> Problem | None:
    """Why what a token stands for does not hold."""
    match found:
        case Fault.MISTYPED:
            code, reason = "mistyped", "it is mistyped; its checksum is not right"
        case Fault.NO_KEY:
            code, reason = "not-a-key", "it does not look like a key; they begin ck_pub_ or ck_sec_"
        case None:
            code, reason = "unknown", "no key here has this token, or its pepper is gone"
        case Key(revoked_at=datetime() as revoked):
            code, reason = "revoked", f"it was revoked at {revoked.isoformat()}"
        case Key(expires_at=datetime() as expired) if expired <= at:
            code, reason = "expired", f"it expired at {expired.isoformat()}"
        case _:
            return None
    return Problem("", None, None, code, reason)


def _names(here: Installation) -> frozenset[str]:
    """The short names of the peppers that there are."""
    return frozenset(pepper.name for pepper in peppers.of(here.settings))


def _state(key: Key, at: datetime, known: Container[str]) -> str:
    """Whether a key holds, in a word or two; `known` are the peppers that there are."""
    if key.revoked_at:
        return f"revoked {key.revoked_at:%Y-%m-%d}"
    if key.pepper not in known:
        return "has lost its pepper"
    if key.expires_at is None:
        return "holds"
    return f"{'expires' if key.holds(at) else 'expired'} {key.expires_at:%Y-%m-%d}"


def _lines(key: Key, at: datetime, known: Container[str]) -> Iterator[str]:
    yield f"{key.id}  {key.name}"
    yield f"whose      {key.organisation or 'an operator'}"
    yield f"kind       {'publishable' if key.kind == 'pub' else 'secret'}"
    yield f"state      {_state(key, at, known)}"
    yield f"scopes     {', '.join(key.scopes)}"
    if key.kind == "pub":
        yield f"origins    {', '.join(key.origins) or 'any'}"
    yield f"last used  {key.last_used_on or 'never'}"
