import stat
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachkit.errors import SettingsError
from coachkit.settings import Settings, load, write_config

KEY = "0f" * 32
NEEDED = {"COACHKIT_DATABASE_URL": "sqlite:////srv/coachkit.sqlite", "COACHKIT_SECRET_KEY": KEY}
EXAMPLES = {
    "database_url": ("postgresql://me:secret@db/coachkit", "postgresql://me:secret@db/coachkit"),
    "secret_key": (KEY, bytes.fromhex(KEY)),
    "key_peppers": (f"{'ab' * 32}, secret-key", (bytes.fromhex("ab" * 32), None)),
    "redis_url": ("redis://:secret@redis:6379/0", "redis://:secret@redis:6379/0"),
    "data_dir": ("/srv/data", Path("/srv/data")),
    "packs": ("/srv/a,/srv/b", (Path("/srv/a"), Path("/srv/b"))),
    "plugins": ("ats, feedback", ("ats", "feedback")),
    "public_url": ("https://coaching.example.org/", "https://coaching.example.org"),
    "trusted_proxies": ("2", 2),
    "cache_bytes": ("1048576", 1048576),
    "metrics_token": ("a-token", "a-token"),
    "metrics_dir": ("/srv/metrics", Path("/srv/metrics")),
    "log_hits": ("true", True),
    "max_keys": ("5", 5),
    "max_channels": ("6", 6),
    "max_editions": ("7", 7),
    "max_schedules": ("8", 8),
    "max_hostnames": ("9", 9),
    "max_resources": ("10", 10),
    "max_overlay": ("11", 11),
    "limit_reads": ("12", 12),
    "limit_misses": ("13", 13),
    "limit_keyless": ("0", 0),
    "limit_writes": ("14", 14),
    "limit_key_creations": ("15", 15),
    "limit_failed_keys": ("16", 16),
}


@pytest.fixture
def config(tmp_path):
    """Writes the file that COACHKIT_CONFIG names, and gives the environment that does."""

    def write(text):
        (tmp_path / "coachkit.toml").write_text(text, encoding="utf-8")
        return {"COACHKIT_CONFIG": str(tmp_path / "coachkit.toml")}

    return write


def test_every_setting_has_an_example():
    """The examples below cover every setting."""
    assert set(EXAMPLES) == {field.name for field in fields(Settings)}


@pytest.mark.parametrize("name", EXAMPLES)
def test_from_variable(name):
    """Every setting can be given as a variable, and has its type then."""
    text, value = EXAMPLES[name]
    assert getattr(load(NEEDED | {f"COACHKIT_{name.upper()}": text}), name) == value


def test_from_file(config):
    """Every setting can be given in the file, each with TOML's own type."""
    lines = [
        f'secret_key = "{KEY}"',
        'database_url = "postgresql://db/coachkit"',
        'packs = ["/srv/a"]',
        'plugins = ["ats"]',
        'public_url = "https://coaching.example.org"',
        "trusted_proxies = 1",
        "cache_bytes = 5",
        "log_hits = true",
        'data_dir = "/srv"',
        'metrics_dir = "/srv/m"',
        'metrics_token = "t"',
        'redis_url = "unix:///srv/redis.sock"',
    ]
    assert load(config("\n".join(lines))) == Settings(
        database_url="postgresql://db/coachkit",
        secret_key=bytes.fromhex(KEY),
        redis_url="unix:///srv/redis.sock",
        data_dir=Path("/srv"),
        packs=(Path("/srv/a"),),
        plugins=("ats",),
        public_url="https://coaching.example.org",
        trusted_proxies=1,
        cache_bytes=5,
        metrics_token="t",  # noqa: S106 — nobody's
        metrics_dir=Path("/srv/m"),
        log_hits=True,
    )


def test_defaults():
    """With what is needed and nothing else, nothing else is on."""
    assert load(NEEDED) == Settings("sqlite:////srv/coachkit.sqlite", bytes.fromhex(KEY))


def test_variable_beats_file(config):
    """A variable beats the file."""
    environ = config("trusted_proxies = 1\nlog_hits = true") | NEEDED | {"COACHKIT_TRUSTED_PROXIES": "3"}
    settings = load(environ)
    assert (settings.trusted_proxies, settings.log_hits) == (3, True)


def test_empty_variable(config):
    """An empty variable is as good as none."""
    environ = config("trusted_proxies = 1") | NEEDED | {"COACHKIT_TRUSTED_PROXIES": "", "COACHKIT_PACKS": ""}
    settings = load(environ)
    assert (settings.trusted_proxies, settings.packs) == (1, ())


def test_relative_to_the_file(config, tmp_path):
    """Relative paths in the file, the database's too, are relative to the file's folder."""
    text = f'database_url = "sqlite:///a/db.sqlite"\nsecret_key = "{KEY}"\ndata_dir = "b"\npacks = ["../c"]'
    settings = load(config(text))
    assert settings.database_url == f"sqlite:///{tmp_path}/a/db.sqlite"
    assert settings.data_dir == tmp_path / "b"
    assert settings.packs == (tmp_path / "../c",)


def test_relative_variables(tmp_path, monkeypatch):
    """Relative paths in variables are relative to the working folder, and stay where they were when it changes."""
    monkeypatch.chdir(tmp_path)
    environ = NEEDED | {"COACHKIT_DATABASE_URL": "sqlite:///db.sqlite", "COACHKIT_DATA_DIR": "data"}
    settings = load(environ)
    assert (settings.database_url, settings.data_dir) == (f"sqlite:///{tmp_path}/db.sqlite", tmp_path / "data")


def test_unknown_variable():
    """A variable that is no setting is refused, with the nearest one."""
    with pytest.raises(SettingsError, match=r"COACHKIT_CACHE_BYTE: .*did you mean COACHKIT_CACHE_BYTES"):
        load(NEEDED | {"COACHKIT_CACHE_BYTE": "1"})


def test_unknown_key(config):
    """A key of the file that is no setting is refused, with the file and the nearest one."""
    with pytest.raises(SettingsError, match=r"plugin in .*coachkit\.toml: .*did you mean plugins\?"):
        load(config('plugin = ["ats"]') | NEEDED)


def test_nothing_near():
    """Where no setting is near, none is suggested."""
    with pytest.raises(SettingsError, match=r"COACHKIT_XYZZY: there is no such setting$"):
        load(NEEDED | {"COACHKIT_XYZZY": "1"})


def test_others_variables_are_left_alone():
    """Variables that do not begin with our name are nobody's business here."""
    assert load(NEEDED | {"PATH": "/bin", "CACHE_BYTES": "many"}) == load(NEEDED)


def test_secret_missing():
    """Without a secret key it refuses, and says what makes one and where to put it."""
    with pytest.raises(SettingsError, match=r"`coachkit secret` prints .*COACHKIT_SECRET_KEY.*COACHKIT_CONFIG"):
        load({"COACHKIT_DATABASE_URL": "sqlite:///x"})


def test_database_missing():
    """Without a database it refuses, and says what to write and where."""
    with pytest.raises(SettingsError, match=r"sqlite:///.*COACHKIT_DATABASE_URL.*COACHKIT_CONFIG"):
        load({"COACHKIT_SECRET_KEY": KEY})


def test_all_at_once():
    """Everything that is wrong is said at once."""
    with pytest.raises(SettingsError) as refused:
        load({"COACHKIT_LOG_HITS": "maybe", "COACHKIT_NONE": "1"})
    assert len(str(refused.value).splitlines()) == 4


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("trusted_proxies", "two"),
        ("trusted_proxies", "-1"),
        ("cache_bytes", "64MiB"),
        ("cache_bytes", "1.5"),
        ("cache_bytes", "٣"),
        ("limit_reads", "0"),
        ("limit_keyless", "-1"),
        ("limit_keyless", "none"),
        ("log_hits", "maybe"),
        ("public_url", "coaching.example.org"),
        ("public_url", "ftp://coaching.example.org"),
        ("public_url", "https://coaching.example.org/?a=b"),
        ("public_url", "https://[::1"),
    ],
)
def test_wrong_value(name, text):
    """A value that is not what the setting takes is refused with the setting's name and the value."""
    with pytest.raises(SettingsError) as refused:
        load(NEEDED | {f"COACHKIT_{name.upper()}": text})
    assert f"COACHKIT_{name.upper()}: {text!r}" in str(refused.value)


@pytest.mark.parametrize(
    "line",
    ["cache_bytes = true", "cache_bytes = 1.5", "packs = [1]", "packs = {a = 1}", 'log_hits = "maybe"', "data_dir = 5"],
)
def test_wrong_type_in_file(config, line):
    """A value of another TOML type is refused with the setting's name and the file."""
    with pytest.raises(SettingsError, match=rf"{line.split()[0]} in .*coachkit\.toml: .* is not "):
        load(config(line) | NEEDED)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("secret_key", "hunter2"),
        ("secret_key", "0f" * 31),
        ("secret_key", "0f" * 65),
        ("secret_key", "0f" * 32 + "\n"),
        ("database_url", "mysql://me:hunter2@db/x"),
        ("database_url", "sqlite:///:memory:"),
        ("database_url", "sqlite:///"),
        ("redis_url", "http://hunter2@redis"),
        ("redis_url", "redis://"),
        ("redis_url", "unix://hunter2"),
        ("redis_url", "redis+sentinel://hunter2@one:26379"),
        ("metrics_token", "hunter2 é"),
    ],
)
def test_secrets_are_not_quoted(name, text):
    """A wrong value that may hold a secret is refused by name and not shown."""
    with pytest.raises(SettingsError) as refused:
        load(NEEDED | {f"COACHKIT_{name.upper()}": text})
    assert f"COACHKIT_{name.upper()}: " in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("text", [",", "ab", "g" * 64, f"{KEY},", f"{KEY},{KEY[:-1]}", "secret_key", "0" * 129])
def test_wrong_pepper(text):
    """Peppers that are not all long hexadecimal ones are refused, and not shown."""
    with pytest.raises(SettingsError, match=r"COACHKIT_KEY_PEPPERS: the value given \(not shown\)") as refused:
        load(NEEDED | {"COACHKIT_KEY_PEPPERS": text})
    assert KEY not in str(refused.value)


@pytest.mark.parametrize("value", ["5", "[]", "[5]", "true", "{a = 1}"])
def test_wrong_peppers_in_file(config, value):
    """In the file too, whatever the type."""
    with pytest.raises(SettingsError, match=r"key_peppers in .*coachkit\.toml: the value given \(not shown\)"):
        load(config(f"key_peppers = {value}") | NEEDED)


def test_peppers_in_file(config):
    """In the file peppers are a list, or one text as in a variable."""
    both = (bytes.fromhex(KEY), None)
    assert load(config(f'key_peppers = ["{KEY}", "secret-key"]') | NEEDED).key_peppers == both
    assert load(config(f'key_peppers = "{KEY},secret-key"') | NEEDED).key_peppers == both


def test_repr_shows_no_secret():
    """What is printed of the settings holds no secret."""
    secrets = {"DATABASE_URL": "postgresql://u:pw1@d/x", "METRICS_TOKEN": "tok1", "KEY_PEPPERS": "ab" * 32}
    settings = load(NEEDED | {f"COACHKIT_{name}": value for name, value in secrets.items()})
    hidden = ("pw1", "tok1", repr(settings.secret_key), repr(settings.key_peppers[0]))
    assert not any(secret in repr(settings) for secret in hidden)


@pytest.mark.parametrize("text", ["not toml", "a = 1\na = 2"])
def test_file_is_no_toml(config, text):
    """A file that is not TOML is refused by its name."""
    with pytest.raises(SettingsError, match=r"coachkit\.toml is not a TOML file"):
        load(config(text))


def test_file_is_missing(tmp_path):
    """A file that is not there is refused by its name and with the reason."""
    with pytest.raises(SettingsError, match=r"COACHKIT_CONFIG names .*none\.toml, which cannot be read: No such file"):
        load({"COACHKIT_CONFIG": str(tmp_path / "none.toml")})


def test_written_config_is_private(tmp_path):
    """A written file is readable by its owner alone, even where a more open one was, and nothing else is left."""
    path = tmp_path / "coachkit.toml"
    path.touch(mode=0o644)
    write_config(path, {"secret_key": KEY})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_failed_write_leaves_the_old_file(tmp_path):
    """A file that cannot be written leaves the one before it as it was."""
    path = tmp_path / "coachkit.toml"
    write_config(path, {"secret_key": KEY})
    with pytest.raises(UnicodeEncodeError):
        write_config(path, {"secret_key": "\ud800"})
    assert path.read_text() == f'secret_key = "{KEY}"\n'
    assert list(tmp_path.iterdir()) == [path]


texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(data_dir=texts.filter(lambda text: text and "\0" not in text), hits=st.booleans(), proxies=st.integers(0, 10**9))
def test_written_config_reads_back(tmp_path_factory, data_dir, hits, proxies):
    """What is written is what is read, whatever characters it holds."""
    path = tmp_path_factory.mktemp("config") / "coachkit.toml"
    write_config(path, {"data_dir": data_dir, "log_hits": hits, "trusted_proxies": proxies, "packs": ["a", "b"]})
    settings = load(NEEDED | {"COACHKIT_CONFIG": str(path)})
    assert (settings.log_hits, settings.trusted_proxies) == (hits, proxies)
    assert settings.data_dir == path.parent / data_dir
    assert settings.packs == (path.parent / "a", path.parent / "b")
