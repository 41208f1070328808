"""`coachkit doctor` on installations that are well, and on ones that are ill in one way each."""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
import sqlalchemy as sa
from appmaker import eventually, install_plugin
from packmaker import make_pack
from running import free_port

from coachkit.cli.checks import configured, engines, published
from coachkit.cli.doctor import counted
from coachkit.db import tables
from coachkit.db.scopes import ACROSS, OWNER
from coachkit.editions import inputs
from coachkit.settings import Settings, write_config

KEY = "8f1c0b5e7a92d4436ce81f7dbb0a95d23e4cf6170889ad52c3b7e1946f2d0a38"
PEPPER = KEY[::-1]
TOKEN = "5e0f7c9ab4d21836e7f05b9c2a4d8816"  # noqa: S105 of these tests alone
ONE_DATABASE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def well(furnished, durable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Runs a command where all is well: published, guarded, bounded."""
    monkeypatch.setenv("COACHKIT_SECRET_KEY", KEY)
    monkeypatch.setenv("COACHKIT_METRICS_DIR", str(tmp_path / "metrics"))
    furnished("pack", "publish", "--offered")
    return furnished


@pytest.fixture
def durable(database):
    """A PostgreSQL that does not lose what it has acknowledged, which the tests' own may otherwise."""
    if database.is_sqlite:
        yield
        return
    with closing(psycopg.connect(database.url, autocommit=True)) as conn:
        turn_fsync(conn, "on")
        yield
        turn_fsync(conn, "off")


def turn_fsync(conn: psycopg.Connection, value: str) -> None:
    conn.execute(f"ALTER SYSTEM SET fsync = {value}")
    conn.execute("SELECT pg_reload_conf()")
    eventually(lambda: conn.execute("SHOW fsync").fetchone() == (value,))


def codes(done) -> dict[str, str]:
    """What was found, by code, with its severity."""
    return {each["code"]: each["severity"] for each in done.json["problems"]}


def examined(run, code: str, severity: str) -> dict[str, Any]:
    """What doctor says of the one thing that is wrong, which must be this; and that it exits as it should."""
    done = run("doctor", "--json", status=1 if severity == "error" else 0)
    assert codes(done) == {code: severity}
    assert done.json["ok"] is (severity != "error")
    (found,) = done.json["problems"]
    assert found["message"]
    assert found["why"]
    assert found["hint"]
    return found


def code_of(findings) -> list[tuple[str, str]]:
    return [(finding.code, finding.severity) for finding in findings]


# --- all is well --------------------------------------------------------------------------------


def test_well(well, redis_url: str, monkeypatch: pytest.MonkeyPatch, bounded) -> None:
    """Nothing is found where nothing is wrong, on each database, with a Redis that is bounded."""
    monkeypatch.setenv("COACHKIT_REDIS_URL", redis_url)
    told = well("doctor", "--json").json
    assert (told["ok"], told["problems"]) == (True, [])
    assert told["database"]["kind"] in {"SQLite", "PostgreSQL"}
    assert told["redis"]["configured"] is True
    assert told["published"] == {"organisations": 1}
    assert well("doctor").out.endswith("Nothing is wrong.\n")


@ONE_DATABASE
def test_changes_nothing(well, database) -> None:
    """A look leaves every row as it was."""
    before = rows(database.url)
    well("doctor")
    assert rows(database.url) == before


def rows(url: str) -> dict[str, list[Any]]:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as conn:
        return {name: conn.execute(f"SELECT * FROM {name}").fetchall() for name in tables.metadata.tables}  # noqa: S608


@ONE_DATABASE
def test_settings_and_their_origins(well, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every setting is listed with its value and where it was given: a variable, the file, or nowhere."""
    config = tmp_path / "coachkit.toml"
    write_config(config, {"cache_bytes": 1_000_000, "log_hits": True})
    monkeypatch.setenv("COACHKIT_CONFIG", str(config))
    monkeypatch.setenv("COACHKIT_LOG_HITS", "false")
    listed = {each["name"]: each for each in well("doctor", "--json").json["settings"]}
    assert set(listed) == set(Settings.__dataclass_fields__)
    assert listed["cache_bytes"] == {"name": "cache_bytes", "value": "1000000", "from": str(config)}
    assert listed["log_hits"] == {"name": "log_hits", "value": "false", "from": "COACHKIT_LOG_HITS"}
    assert listed["trusted_proxies"]["from"] == "default"


@ONE_DATABASE
def test_words_for_people(well) -> None:
    """What people read has no notation of Python in it, and says of everything that is empty that it is."""
    told = well("doctor").out
    assert not re.search(r"\b(True|False|None)\b|[][{}']", told)
    assert re.search(r"^packs +none  \(default\)$", told, re.MULTILINE)
    assert re.search(r"^redis +configured no$", told, re.MULTILINE)
    assert re.search(r"^packs +releases \S+@\d", told, re.MULTILINE)


@pytest.mark.parametrize(("errors", "warnings", "said"), [(1, 1, "1 error, 1 warning"), (2, 0, "2 errors, 0 warnings")])
def test_the_sum(errors: int, warnings: int, said: str) -> None:
    """The last line counts in the singular where there is one."""
    assert counted(errors, warnings) == said


@ONE_DATABASE
@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_shows_no_secret(well, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]) -> None:
    """No secret is ever printed: not the key, not a token, no password in an address."""
    monkeypatch.setenv("COACHKIT_METRICS_TOKEN", TOKEN)
    monkeypatch.setenv("COACHKIT_REDIS_URL", f"redis://me:hidden@127.0.0.1:{free_port()}/0")
    monkeypatch.setenv(
        "COACHKIT_DATABASE_URL", f"postgresql://me:hidden@127.0.0.1:{free_port()}/coachkit?password=hidden"
    )
    done = well("doctor", *arguments, status=1)
    assert "hidden" not in done.out + done.err
    assert TOKEN not in done.out + done.err
    assert KEY not in done.out + done.err
    assert "127.0.0.1" in done.out


def test_wrong_settings(run) -> None:
    """Without settings that can be used there is nothing to examine: exit status 2, in words."""
    done = run("doctor", "--json")
    assert done.status == 2
    assert done.json["problems"][0]["code"] == "settings"


# --- the service --------------------------------------------------------------------------------


@ONE_DATABASE
def test_config_open(well, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A settings file that others may read is unsafe."""
    config = tmp_path / "coachkit.toml"
    write_config(config, {"log_hits": True})
    config.chmod(0o640)
    monkeypatch.setenv("COACHKIT_CONFIG", str(config))
    assert f"chmod 600 {config}" in examined(well, "config-open", "error")["hint"]


@ONE_DATABASE
@pytest.mark.parametrize("key", ["00" * 32, bytes(range(32)).hex(), "ab12" * 16])
def test_secret_weak(well, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    """A key that was typed and not drawn is unsafe."""
    monkeypatch.setenv("COACHKIT_SECRET_KEY", key)
    examined(well, "secret-weak", "error")


@ONE_DATABASE
def test_pepper_weak(well, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pepper that was typed and not drawn is unsafe; the one that the secret key makes is as good as that."""
    monkeypatch.setenv("COACHKIT_KEY_PEPPERS", f"secret-key,{'ab12' * 16}")
    examined(well, "pepper-weak", "error")


def test_secrets_that_are_drawn_are_strong() -> None:
    """No key and no pepper that was drawn at random is called weak."""
    for _ in range(2_000):
        settings = Settings("sqlite:///x", os.urandom(32), key_peppers=(None, os.urandom(32)))
        assert list(configured.secrets(settings)) == []


def test_peppers(well, monkeypatch: pytest.MonkeyPatch) -> None:
    """It tells how many keys hold, how many of them still need an older pepper, and how many have lost theirs."""
    monkeypatch.setenv("COACHKIT_KEY_PEPPERS", PEPPER)
    revoked = well("key", "create", "northbridge", "--name", "Old", "--scope", "content:read", "--json").json["id"]
    kept = well("key", "create", "--operator", "--name", "Rota", "--json").json["id"]
    well("key", "revoke", revoked)
    assert well("doctor", "--json").json["keys"] == {"holding": 1, "older_pepper": 0, "lost_pepper": 0}
    monkeypatch.setenv("COACHKIT_KEY_PEPPERS", f"secret-key, {PEPPER}")
    assert "by 1 key" in examined(well, "pepper-older", "warning")["message"]
    assert well("doctor", "--json").json["keys"] == {"holding": 1, "older_pepper": 1, "lost_pepper": 0}
    monkeypatch.delenv("COACHKIT_KEY_PEPPERS")
    assert "of 1 key is" in examined(well, "pepper-lost", "warning")["message"]
    assert well("doctor", "--json").json["keys"] == {"holding": 0, "older_pepper": 0, "lost_pepper": 1}
    assert f"{kept}  sec  has lost its pepper  Rota\n" == well("key", "list", "--operator").out


SERVICE = [
    ({"METRICS_TOKEN": "short"}, "token-short", "warning"),
    ({"PUBLIC_URL": "http://coaching.example.org"}, "public-url-insecure", "error"),
    ({"PUBLIC_URL": "https://coaching.example.org"}, "proxy-untrusted", "warning"),
    ({"TRUSTED_PROXIES": "1"}, "metrics-closed", "warning"),
    ({"METRICS_DIR": ""}, "metrics-apart", "warning"),
    ({"PACKS": "nowhere"}, "pack-folder-missing", "error"),
    ({"CACHE_BYTES": str(10**15)}, "cache-too-large", "warning"),
    ({"DATA_DIR": "a-file/below"}, "folder-unwritable", "error"),
]


@ONE_DATABASE
@pytest.mark.parametrize(("given", "code", "severity"), SERVICE, ids=[code for _, code, _ in SERVICE])
def test_service(well, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], code: str, severity: str) -> None:
    """Each setting that does not fit the others, or names what is not there, is found."""
    Path("a-file").write_text("", encoding="utf-8")
    for name, value in given.items():
        monkeypatch.setenv(f"COACHKIT_{name}", value)
    examined(well, code, severity)


@ONE_DATABASE
@pytest.mark.parametrize(
    "given",
    [
        {"PUBLIC_URL": "http://localhost:8000"},
        {"PUBLIC_URL": "https://coaching.example.org", "TRUSTED_PROXIES": "1", "METRICS_TOKEN": TOKEN},
    ],
)
def test_service_is_well(well, monkeypatch: pytest.MonkeyPatch, given: dict[str, str]) -> None:
    """A laptop, and an installation behind a proxy that is told of it, are well."""
    for name, value in given.items():
        monkeypatch.setenv(f"COACHKIT_{name}", value)
    assert codes(well("doctor", "--json")) == {}


@ONE_DATABASE
def test_folder_open(well, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder of data that others may write in is unsafe."""
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o777)
    monkeypatch.setenv("COACHKIT_DATA_DIR", str(folder))
    examined(well, "folder-open", "error")


@pytest.mark.parametrize(
    ("free", "found"), [(10 * 1024**2, ["disk-full"]), (300 * 1024**2, ["disk-low"]), (10 * 1024**3, [])]
)
def test_room_on_the_disk(free: int, found: list[str]) -> None:
    """Little room is a warning, hardly any an error."""
    assert [finding.code for finding in configured.room(Path("/"), free)] == found


# --- the database -------------------------------------------------------------------------------


def test_database_unreachable(well, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that does not answer is said, with what is still served and what its driver says."""
    monkeypatch.setenv("COACHKIT_DATABASE_URL", f"postgresql://me@127.0.0.1:{free_port()}/coachkit")
    assert "refused" in examined(well, "database-unreachable", "error")["message"]


def test_database_empty(run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A database that is not there yet is not made by looking, and the remedy is `coachkit migrate`."""
    monkeypatch.setenv("COACHKIT_SECRET_KEY", KEY)
    monkeypatch.setenv("COACHKIT_METRICS_DIR", str(tmp_path / "metrics"))
    monkeypatch.setenv("COACHKIT_DATABASE_URL", "sqlite:///new.sqlite")
    done = run("doctor", "--json")
    assert done.status == 1
    assert codes(done) == {"database-not-migrated": "error"}
    assert not Path("new.sqlite").exists()


@pytest.mark.parametrize(("revision", "code"), [("0000", "database-not-migrated"), ("9999", "database-newer")])
def test_database_of_another_version(well, database, revision: str, code: str) -> None:
    """A database that is behind wants migrating, and one that is ahead a newer CoachKit."""
    with database.write(OWNER) as conn:
        conn.execute(sa.text(f"UPDATE alembic_version SET version_num = '{revision}'"))  # noqa: S608
    examined(well, code, "error")


def test_database_read_only(well, database) -> None:
    """A database that cannot be written is found by trying; here each row refuses, as a root may write any file."""
    with database.write(OWNER) as conn:
        refuse = "BEGIN SELECT RAISE(ABORT, 'read-only'); END"
        if not database.is_sqlite:
            body = "$$ BEGIN RAISE EXCEPTION 'read-only'; END $$"
            conn.execute(sa.text(f"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS {body}"))
            refuse = "FOR EACH ROW EXECUTE FUNCTION refuse()"
        conn.execute(sa.text(f"CREATE TRIGGER refuse BEFORE UPDATE ON counters {refuse}"))
    examined(well, "database-read-only", "error")


@ONE_DATABASE
def test_database_open(well, database) -> None:
    """A database file that others may write is unsafe."""
    Path(database.url.removeprefix("sqlite:///")).chmod(0o666)
    examined(well, "database-open", "error")


MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw
30 22 0:40 / /srv rw,relatime shared:2 - nfs4 server:/export rw
31 30 8:2 / /srv/own\\040disk rw,relatime - xfs /dev/sdb rw
"""


@pytest.mark.parametrize(
    ("file", "kind", "found"),
    [
        ("/var/coachkit.sqlite", "ext4", []),
        ("/srv/coachkit.sqlite", "nfs4", ["database-on-network"]),
        ("/srv/own disk/coachkit.sqlite", "xfs", []),
    ],
)
def test_database_on_network(file: str, kind: str, found: list[str]) -> None:
    """A database file on a file system that machines share is found by the nearest mount above it."""
    assert engines.file_system(Path(file), MOUNTS) == kind
    assert [finding.code for finding in engines.shared(Path(file), kind)] == found


@pytest.mark.parametrize(("seconds", "found"), [(0.001, []), (0.5, [("database-slow", "warning")])])
def test_database_slow(seconds: float, found: list[tuple[str, str]]) -> None:
    """A database that takes long for the smallest question is worth a look."""
    assert code_of(engines.slow_database(seconds)) == found


@pytest.mark.parametrize(("seconds", "found"), [(0.5, []), (-0.5, []), (90, ["ahead of"]), (-90, ["behind"])])
def test_clock(seconds: float, found: list[str]) -> None:
    """A clock that differs from the database's is found, with the direction."""
    findings = list(engines.clock(timedelta(seconds=seconds)))
    assert [word in finding.what for finding in findings for word in found] == [True for _ in found]
    assert len(findings) == len(found)


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        ({"version": "16.4", "encoding": "UTF8", "fsync": "on"}, []),
        ({"version": "11.2 (Debian)", "encoding": "UTF8", "fsync": "on"}, [("database-old", "warning")]),
        ({"version": "16.4", "encoding": "SQL_ASCII", "fsync": "on"}, [("database-encoding", "error")]),
        ({"version": "16.4", "encoding": "UTF8", "fsync": "off"}, [("database-not-durable", "error")]),
    ],
)
def test_postgresql(facts: dict[str, str], found: list[tuple[str, str]]) -> None:
    """An old PostgreSQL, one that cannot store every text, and one that may lose what it has, are found."""
    assert code_of(engines.postgresql(facts)) == found


# --- Redis --------------------------------------------------------------------------------------


@pytest.fixture
def bounded(redis_url: str):
    """The tests' Redis with a bound, which is taken away again."""
    with redis.Redis.from_url(redis_url) as client:
        client.config_set("maxmemory", "64mb")
        client.config_set("maxmemory-policy", "allkeys-lru")
        yield client
        client.config_set("maxmemory", "0")
        client.config_set("maxmemory-policy", "noeviction")


def told(url: str | None) -> list[tuple[str, str]]:
    return code_of(engines.redis(url).findings)


def test_redis_is_not_needed() -> None:
    """Without a Redis nothing is missing."""
    assert told(None) == []


def test_redis_well(redis_url: str, bounded) -> None:
    """A Redis with a bound that drops what is old is well."""
    assert told(redis_url) == []


def test_redis_unreachable() -> None:
    """A Redis that is configured and does not answer is found."""
    assert told(f"redis://127.0.0.1:{free_port()}/0") == [("redis-unreachable", "error")]


@pytest.mark.parametrize("url", ["redis://:hid/den@127.0.0.1/0", "redis://[::1/0", "redis+sentinel://one:x/coachkit"])
def test_redis_unreadable(url: str) -> None:
    """An address that cannot be read is found like any other fault, and nothing of it is repeated."""
    report = engines.redis(url)
    assert code_of(report.findings) == [("redis-unreadable", "error")]
    assert "hid" not in str(report.findings)


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("redis_url", "redis://me:hid/den@127.0.0.1/0"),
        ("redis_url", "redis://:hid#den@127.0.0.1/0"),
        ("redis_url", "redis://:hid?den@127.0.0.1/0"),
        ("redis_url", "redis://[:hid/den@127.0.0.1/0?password=hidden"),
        ("redis_url", "redis+sentinel://me:hid/den@127.0.0.1/0"),
        ("database_url", "postgresql://me:hidden@den@127.0.0.1/0"),
    ],
)
def test_no_part_of_a_password_is_shown(name: str, url: str) -> None:
    """A password with characters that should have been escaped is hidden whole."""
    said = configured.shown(name, url)
    assert "hid" not in said
    assert "den" not in said
    assert said.endswith("127.0.0.1/0")


def test_redis_unbounded(redis_url: str) -> None:
    """A Redis that may take all memory is found."""
    assert told(redis_url) == [("redis-unbounded", "warning")]


def test_redis_keeps_all(redis_url: str, bounded) -> None:
    """A bounded Redis that drops nothing is found."""
    bounded.config_set("maxmemory-policy", "noeviction")
    assert told(redis_url) == [("redis-keeps-all", "error")]


def test_redis_replica(redis_url: str, bounded) -> None:
    """A replica, where nothing can be kept, is found."""
    bounded.replicaof("127.0.0.1", free_port())
    try:
        assert told(redis_url) == [("redis-read-only", "error")]
    finally:
        bounded.replicaof("NO", "ONE")


@pytest.mark.parametrize(("seconds", "found"), [(0.001, []), (0.1, [("redis-slow", "warning")])])
def test_redis_slow(seconds: float, found: list[tuple[str, str]]) -> None:
    """A Redis slower than a request waits for is found."""
    assert code_of(engines.slow_redis(seconds)) == found


# --- what is published --------------------------------------------------------------------------


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    return folder


@ONE_DATABASE
def test_plugin_not_allowed(well, site: Path) -> None:
    """A plugin that is installed and not allowed is said."""
    install_plugin(site, "echo", "")
    assert examined(well, "plugin-not-allowed", "warning")["file"] == "plugin echo"


@ONE_DATABASE
@pytest.mark.parametrize("source", [None, "import nonesuch"], ids=["unknown", "broken"])
def test_plugin_unusable(well, site: Path, monkeypatch: pytest.MonkeyPatch, source: str | None) -> None:
    """A plugin that is allowed and not installed, or does not import, is said with the reason."""
    if source is not None:
        install_plugin(site, "echo", source)
    monkeypatch.setenv("COACHKIT_PLUGINS", "echo")
    examined(well, "plugin-unusable", "error")


@pytest.mark.parametrize(
    ("installed", "found"),
    [
        ({"echo": "1.0.0"}, []),
        ({}, [("plugin-missing", "error")]),
        ({"echo": "1.0.1"}, [("plugin-other-version", "warning")]),
    ],
)
def test_plugins_of_an_edition(installed: dict[str, str], found: list[tuple[str, str]]) -> None:
    """An edition whose plugin is gone, or has another version, is found."""
    assert code_of(published.plugins_of("northbridge", [inputs.PluginInput("echo", "1.0.0")], installed)) == found


@ONE_DATABASE
def test_pack_not_published(well, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A pack on offer that is not published as it is, is said."""
    folder = tmp_path / "offered"
    folder.mkdir()
    monkeypatch.setenv("COACHKIT_PACKS", str(make_pack(folder, **{"pack.yaml": lambda text: text + "\n# more\n"})))
    examined(well, "pack-not-published", "warning")


@ONE_DATABASE
def test_nothing_live(well, settings_file) -> None:
    """An organisation that serves nothing is said."""
    well("org", "create", "harbour", settings_file())
    assert examined(well, "nothing-live", "warning")["file"] == "harbour"


def test_release_withdrawn(well, database) -> None:
    """An organisation that serves a withdrawn release is said, with the release."""
    with database.write(ACROSS) as conn:
        withdrawn = sa.update(tables.releases).where(tables.releases.c.pack == "example")
        conn.execute(withdrawn.values(withdrawn_at=sa.func.current_timestamp(), withdrawn_because="wrong"))
    assert "example@1.0.0" in examined(well, "release-withdrawn", "error")["message"]


@ONE_DATABASE
@pytest.mark.parametrize(
    ("number", "code"),
    [((published, "COMPILER"), "compiler-outdated"), ((inputs, "RENDER"), "render-outdated")],
)
def test_outdated(well, monkeypatch: pytest.MonkeyPatch, number: tuple[Any, str], code: str) -> None:
    """After an upgrade of CoachKit, editions that an older one compiled or would render otherwise are said."""
    monkeypatch.setattr(*number, 10_000)
    examined(well, code, "warning")


@ONE_DATABASE
def test_contact_unverified(well, database) -> None:
    """A support contact that nobody has verified within a year is said, for all but demo organisations."""
    with database.write(ACROSS) as conn:
        conn.execute(sa.update(tables.organisations).values(demo=False))
    found = examined(well, "contact-unverified", "error")
    assert found["file"].startswith("northbridge/brand/support/")
