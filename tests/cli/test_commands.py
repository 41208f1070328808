"""What holds for every command: streams, exit statuses, words about what went wrong, and what is imported."""

from __future__ import annotations

import gc
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import click
import pytest
from appmaker import install_plugin
from packmaker import PACK, make_pack, replacing

from coachkit import __version__
from coachkit.cli import COMMANDS, cli

COACHKIT = (sys.executable, "-c", "from coachkit.cli import main; main()")
PROBLEM = {"file", "line", "column", "code", "severity", "message", "hint"}
HEAVY = ("flask", "sqlalchemy", "marshmallow", "jinja2", "alembic", "structlog", "yaml")


def leaves(command=cli, path=()):
    """Every command that does something, with the words that name it."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        yield from leaves(command.get_command(context, name), (*path, name))


def with_settings(**more: str) -> dict[str, str]:
    others = {name: value for name, value in os.environ.items() if not name.startswith("COACHKIT_")}
    return others | more


def test_help_is_light() -> None:
    """`coachkit --help` lists every command and imports neither the web framework nor the database's."""
    script = "try: main(['--help'])\nfinally: print(*sys.modules, file=sys.stderr)"
    script = f"import sys\nfrom coachkit.cli import main\n{script}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert [line.split()[0] for line in done.stdout.splitlines()[-len(COMMANDS) :]] == sorted(COMMANDS)
    assert not set(done.stderr.split()) & set(HEAVY)


def test_garbage_is_looked_for(run) -> None:
    """A process that is a command's own leaves out what was imported; where others use the process, nothing changes."""
    script = "try: main()\nfinally: print(gc.isenabled(), gc.get_freeze_count() > 1_000, file=sys.stderr)"
    script = f"import gc, sys\nfrom coachkit.cli import main\nsys.argv = ['coachkit', 'secret']\n{script}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == "True True\n"
    before = gc.get_freeze_count()
    run("secret")
    assert (gc.isenabled(), gc.get_freeze_count()) == (True, before)


def test_secret_is_light() -> None:
    """`coachkit secret` needs no installation, and imports nothing of one."""
    script = "import sys; import coachkit.cli.secret; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & set(HEAVY)


def test_check_is_light() -> None:
    """Checking a pack, which authors do all day, imports no web framework."""
    script = "import sys; import coachkit.cli.pack; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {"flask", "flask_smorest", "jinja2"}


def test_looking_is_light() -> None:
    """Commands that only look at what is stored import neither what migrates nor what reads packs."""
    script = "import sys; import coachkit.cli.audit, coachkit.cli.backup, coachkit.cli.key; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {"alembic", "coachkit.packs.reader", "marshmallow", "flask"}


@pytest.mark.parametrize("command", [pytest.param(leaf, id=" ".join(path)) for path, leaf in leaves()])
def test_every_command_has_json(command: click.Command) -> None:
    """Every command has --json."""
    assert any("--json" in parameter.opts for parameter in command.params)


def test_version(run) -> None:
    """`--version` prints the version."""
    assert run("--version").out == f"coachkit, version {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["pack", "nonsense"],
        ["pack", "check"],
        ["pack", "check", "no-such-folder"],
        ["secret", "--bad"],
        ["secret", "superfluous"],
        ["demo", "--port", "0"],
        ["demo", "--port", "65536"],
        ["pack", "show", "core"],
        ["pack", "show", "@1.0.0"],
        [],
    ],
    ids=" ".join,
)
def test_wrong_usage(run, arguments: list[str]) -> None:
    """Wrong usage is said on stderr and ends with 2; with --json stdout has it as one problem, else nothing."""
    done = run(*arguments)
    assert (done.status, done.out, bool(done.err)) == (2, "", True)
    with_json = run(*arguments, "--json")
    assert with_json.status == 2
    (problem,) = with_json.json["problems"]
    assert problem.keys() == PROBLEM
    assert problem["message"] in with_json.err


def test_group_without_command(run) -> None:
    """A group alone shows its help, on stderr since nothing was done."""
    done = run("pack")
    assert (done.status, done.out) == (2, "")
    assert "withdraw" in done.err


@pytest.mark.parametrize(
    "arguments",
    [["pack", "list"], ["pack", "publish", "."], ["org", "show", "x"], ["migrate"], ["web"], ["serve"]],
    ids=" ".join,
)
def test_missing_settings(run, arguments: list[str]) -> None:
    """Without settings nothing starts: exit 2, and words about every missing one and how to make the secret."""
    done = run(*arguments, "--json")
    assert done.status == 2
    (problem,) = done.json["problems"]
    assert problem["code"] == "settings"
    assert "COACHKIT_DATABASE_URL" in problem["message"]
    assert "`coachkit secret` prints a new one" in problem["message"]
    assert run(*arguments).out == ""


def test_secret_alone_missing(run, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation with a database and no secret refuses to work, and never makes up a secret."""
    monkeypatch.setenv("COACHKIT_DATABASE_URL", "sqlite:///x.sqlite")
    done = run("migrate")
    assert (done.status, done.out) == (2, "")
    assert "coachkit secret" in done.err
    assert list(Path.cwd().iterdir()) == []


def test_unknown_setting(run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting that does not exist is refused, with the nearest one that does."""
    monkeypatch.setenv("COACHKIT_SECRET_KEYS", "x")
    done = run("pack", "list")
    assert done.status == 2
    assert "COACHKIT_SECRET_KEYS" in done.err
    assert "did you mean COACHKIT_SECRET_KEY?" in done.err


def test_database_not_migrated(run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command on a database that is not up to date says which command mends that."""
    monkeypatch.setenv("COACHKIT_DATABASE_URL", "sqlite:///new.sqlite")
    monkeypatch.setenv("COACHKIT_SECRET_KEY", bytes(32).hex())
    done = run("pack", "list", "--json")
    assert done.status == 2
    assert "coachkit migrate" in done.json["problems"][0]["message"]
    assert not Path("new.sqlite").exists(), "a mistyped address leaves nothing behind"


def test_what_concerns_no_file_names_none(run) -> None:
    """A refusal that is about no file says so with null, as everything absent is said."""
    for arguments in [("bogus",), ("pack", "list"), ("pack", "show", "garbage")]:
        (problem,) = run(*arguments, "--json").json["problems"]
        assert (problem.keys(), problem["file"]) == (PROBLEM, None)


@pytest.mark.parametrize("option", ["/nonexistent/archive.tar", "/"])
def test_file_that_cannot_be_written(run, tmp_path: Path, option: str) -> None:
    """A file that cannot be written is named with the system's reason, and no trace."""
    done = run("pack", "build", make_pack(tmp_path), "--output", option, "--json")
    assert done.status == 2
    assert done.json["problems"][0]["message"].startswith(f"{option}: ")
    assert "Traceback" not in done.err


def test_problems_for_people(run, tmp_path: Path) -> None:
    """For people each problem is a line `file:line:column: severity: message [code]`, and the exit status is 1."""
    done = run("pack", "check", make_pack(tmp_path, **{PACK: replacing("licence:", "license:")}))
    assert done.status == 1
    assert "pack.yaml:5:1: error: " in done.out
    assert all(line.endswith("]") and ": error: " in line for line in done.out.splitlines())


def test_problems_for_machines(run, tmp_path: Path) -> None:
    """With --json a check prints whether all is well and each problem with every key."""
    done = run("pack", "check", make_pack(tmp_path, **{PACK: replacing("licence:", "license:")}), "--json")
    assert done.status == 1
    assert done.json["ok"] is False
    assert all(problem.keys() == PROBLEM for problem in done.json["problems"])
    places = [(one["file"], one["line"], one["column"], one["severity"]) for one in done.json["problems"]]
    assert ("pack.yaml", 5, 1, "error") in places


def test_warnings_are_no_failure(run, tmp_path: Path) -> None:
    """A pack with warnings only is fine: exit 0, `ok` is true, and the warnings are there."""
    folder = make_pack(tmp_path, **{"stray.txt": "?"})
    done = run("pack", "check", folder, "--json")
    assert done.status == 0
    assert done.json["ok"] is True
    assert [problem["severity"] for problem in done.json["problems"]] == ["warning"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_faults_of_plugins_go_to_stderr(database, tmp_path: Path) -> None:
    """A plugin that fails, and one that is not installed, are logged on stderr; stdout stays one document."""
    install_plugin(
        tmp_path,
        "broken-plugin",
        "from coachkit import hookimpl\n@hookimpl\ndef coachkit_directives(): raise RuntimeError('boom')\n",
    )
    environ = with_settings(
        PYTHONPATH=str(tmp_path),
        COACHKIT_DATABASE_URL=database.url,
        COACHKIT_SECRET_KEY=bytes(32).hex(),
        COACHKIT_PLUGINS="broken-plugin,absent-plugin",
    )
    command = [*COACHKIT, "pack", "publish", str(make_pack(tmp_path)), "--json"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["releases"][0]["pack"] == "example"
    assert "boom" in done.stderr
    assert "absent-plugin" in done.stderr


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_interrupted(installed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends a command with a word, no trace, and nothing half done."""
    source = "from coachkit import hookimpl\n@hookimpl\ndef coachkit_content_packs(): raise KeyboardInterrupt\n"
    install_plugin(tmp_path, "interrupting-plugin", source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("COACHKIT_PLUGINS", "interrupting-plugin")
    done = installed("pack", "publish", make_pack(tmp_path), "--offered", status=1)
    assert (done.out, done.err.strip()) == ("", "Stopped.")
    assert installed("pack", "list", "--json").json == {"releases": []}


@pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal of Unix")
def test_no_colour(tmp_path: Path) -> None:
    """On a terminal too, with NO_COLOR, no colour is written."""
    folder = make_pack(tmp_path, **{PACK: replacing("licence:", "license:")})
    ours, theirs = pty.openpty()
    environ = with_settings(NO_COLOR="1", TERM="xterm-256color")
    done = subprocess.run([*COACHKIT, "pack", "check", folder], env=environ, stdout=theirs, stderr=theirs, check=False)
    os.close(theirs)
    said = b""
    try:
        while chunk := os.read(ours, 65_536):
            said += chunk
    except OSError:  # how Linux says that the other side is closed
        pass
    os.close(ours)
    assert done.returncode == 1
    assert b"pack.yaml:5:1: error" in said
    assert b"\x1b[" not in said.replace(b"\x1b[?25l", b"").replace(b"\x1b[?25h", b"").replace(b"\x1b[K", b"")


def test_closed_pipe(tmp_path: Path) -> None:
    """Output that nobody reads to its end, as before `head`, ends the command without a trace."""
    with subprocess.Popen(
        [*COACHKIT, "pack", "schema", "module"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as done:
        done.stdout.close()
        assert b"Traceback" not in done.stderr.read()
