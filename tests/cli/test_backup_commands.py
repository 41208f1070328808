"""`coachkit backup` and `restore`: by commands alone, from one database into the other."""

import pytest


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_backup_and_restore(furnished, make_database, monkeypatch, tmp_path):
    """What is backed up here is restored there: who is there, what they serve, their audit; the file is its owner's."""
    file, elsewhere = tmp_path / "backup.gz", tmp_path / "elsewhere"
    done = furnished("backup", file, "--json").json
    assert (file.stat().st_mode & 0o777, file.stat().st_size) == (0o600, done["bytes"])
    assert "secret_key" in furnished("backup", file).out
    shown = furnished("org", "show", "northbridge", "--json").json
    furnished("restore", file, status=1)
    elsewhere.mkdir()
    with make_database("postgres", elsewhere) as other:
        monkeypatch.setenv("COACHKIT_DATABASE_URL", other.url)
        assert furnished("restore", file, "--json").json["rows"] == done["rows"]
        assert furnished("org", "show", "northbridge", "--json").json == shown
        furnished("audit", "verify", "northbridge")
        furnished("edition", "publish", "northbridge")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_goes_wrong_leaves_the_file(installed, database, tmp_path, monkeypatch):
    """A backup that fails leaves the one before as it was; what is no backup is refused by name."""
    file = tmp_path / "backup.gz"
    file.write_bytes(b"the one before")
    assert "damaged" in installed("restore", file, status=1).err
    monkeypatch.setenv("COACHKIT_DATABASE_URL", "sqlite:///not-there.sqlite")
    installed("backup", file, status=2)
    assert file.read_bytes() == b"the one before"
    assert not [each.name for each in tmp_path.iterdir() if each.name.startswith(".")]
