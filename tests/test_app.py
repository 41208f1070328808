"""The application as a whole: it opens nothing until it is asked, and works in the children of who made it."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from appmaker import HARBOUR, House, eventually, furnish, house_over, services_of

from coachkit.app import create_app
from coachkit.errors import SettingsError
from coachkit.packs.model import FOLDERS
from coachkit.settings import Settings

MODULE = "/v1/orgs/northbridge/modules/first-hour"

PRELOADED = """
    import json, os, sys, threading
    from coachkit.app import create_app
    from coachkit.settings import Settings

    def files():
        found = set()
        for number in os.listdir("/proc/self/fd"):
            try:
                found.add(os.readlink(f"/proc/self/fd/{number}"))
            except FileNotFoundError:
                pass  # the one that the listing itself had open
        return found

    before, threads = files(), threading.active_count()
    app = create_app(Settings(sys.argv[1], bytes(range(32))))
    print(json.dumps({"files": sorted(files() - before), "threads": threading.active_count() - threads}), flush=True)

    def child(commands, answers):
        client = app.test_client()
        for path in os.fdopen(commands):
            answer = client.get(path.strip())
            line = [answer.status_code, answer.headers["CoachKit-Edition"], answer.headers["Cache-Status"]]
            os.write(answers, (json.dumps(line) + chr(10)).encode())
        os._exit(0)

    pipes = []
    for _ in range(2):
        commands, answers = os.pipe(), os.pipe()
        if os.fork() == 0:
            os.close(commands[1])
            for other in pipes:
                other[0].close()
            child(commands[0], answers[1])
        pipes.append((os.fdopen(commands[1], "w"), os.fdopen(answers[0])))
        os.close(commands[0])
        os.close(answers[1])
    for line in sys.stdin:
        for commands, _ in pipes:
            print(line, end="", file=commands, flush=True)
        print(json.dumps([json.loads(answers.readline()) for _, answers in pipes]), flush=True)
"""


@pytest.fixture
def house(database, settings, tmp_path):
    with house_over(settings, database, tmp_path) as house:
        yield furnish(house)


@pytest.fixture
def preloaded(house):
    """A process that made the app and forked two children that answer: what it says, and a way to ask both."""
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(PRELOADED), house.settings.database_url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        opened = json.loads(process.stdout.readline())

        def ask(path):
            print(path, file=process.stdin, flush=True)
            return json.loads(process.stdout.readline())

        yield opened, ask
        process.stdin.close()
    assert process.returncode == 0


def test_nothing_is_opened(preloaded):
    """Making the application opens no file and no socket and starts no thread."""
    opened, _ = preloaded
    assert opened == {"files": [], "threads": 0}


def test_children_answer(house: House, preloaded):
    """Children of a process that made the app before it forked answer, each from its own store, and see moves."""
    _, ask = preloaded
    live = house.client().get(MODULE).headers["CoachKit-Edition"]
    assert ask(MODULE) == [[200, live, "CoachKit; fwd=miss"]] * 2
    assert ask(MODULE) == [[200, live, "CoachKit; hit; detail=memory"]] * 2
    house.set("northbridge", HARBOUR)
    edition = house.edition("northbridge")
    assert edition != live
    eventually(lambda: [found for _, found, _ in ask(MODULE)] == [edition] * 2)


def test_no_database_file_is_made(tmp_path):
    """An app over a database that is not there yet does not make it, not even by being asked how it is."""
    path = tmp_path / "none.sqlite"
    app = create_app(Settings(f"sqlite:///{path}", bytes(32)))
    assert list(tmp_path.iterdir()) == []
    assert app.test_client().get("/healthz").status_code == 200
    assert list(tmp_path.iterdir()) == []


def test_not_migrated(tmp_path):
    """Over a database without tables the app is not ready, and says what to do."""
    app = create_app(Settings(f"sqlite:///{tmp_path / 'empty.sqlite'}", bytes(32)))
    ready = app.test_client().get("/readyz")
    services_of(app).database.dispose()
    assert ready.status_code == 503
    assert "coachkit migrate" in ready.text


def test_apps_share_nothing(house: House):
    """Two apps of one process have each a store and a secret of their own."""
    first, second = house.client(), house.client(secret_key=bytes(reversed(range(32))))
    first.get(MODULE)
    answer = second.get(MODULE)
    assert answer.headers["Cache-Status"] == "CoachKit; fwd=miss"
    assert answer.headers["ETag"] != first.get(MODULE).headers["ETag"]


def test_settings_of_the_environment(house: House, monkeypatch):
    """Without settings the app takes those of the environment."""
    monkeypatch.setenv("COACHKIT_DATABASE_URL", house.settings.database_url)
    monkeypatch.setenv("COACHKIT_SECRET_KEY", house.settings.secret_key.hex())
    app = create_app()
    house.apps.append(app)
    assert app.test_client().get(MODULE).status_code == 200


def test_no_settings(monkeypatch):
    """Where there are none it is refused, with what is missing."""
    for name in [name for name in os.environ if name.startswith("COACHKIT_")]:
        monkeypatch.delenv(name)
    with pytest.raises(SettingsError, match="secret_key"):
        create_app()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_behind_a_trusted_proxy(house: House):
    """With a trusted proxy its word about the client is taken, and still no answer changes for it."""
    plain = house.client().get(MODULE)
    behind = house.client(trusted_proxies=1).get(
        MODULE,
        headers={"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"},
    )
    assert behind.data == plain.data
    assert behind.headers["ETag"] == plain.headers["ETag"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_wsgi_module(house: House, tmp_path: Path):
    """`coachkit.wsgi:app` is the whole application, fast lane included."""
    script = (
        "from coachkit.wsgi import app\n"
        f"client = app.test_client()\n"
        f"print([client.get('{MODULE}').headers['Cache-Status'] for _ in range(2)])\n"
    )
    environ = {
        "COACHKIT_DATABASE_URL": house.settings.database_url,
        "COACHKIT_SECRET_KEY": house.settings.secret_key.hex(),
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env={**environ, "PATH": os.environ["PATH"]},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "['CoachKit; fwd=miss', 'CoachKit; hit; detail=memory']"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_first_party_content(database, settings, tmp_path):
    """The library that comes with CoachKit can be published and every document of it read in every format."""
    with house_over(settings, database, tmp_path) as house:
        house.publish_core()
        choices = {**HARBOUR, "packs": {"core": "*"}, "values": {"booking_url": "https://harbour.example/talk"}}
        house.organisation("harbour", choices)
        house.edition("harbour")
        client = house.client()
        read = 0
        for folder in FOLDERS.values():
            for item in client.get(f"/v1/orgs/harbour/{folder}?limit=100").json["items"]:
                for format_ in ("json", "html"):
                    path = f"/v1/orgs/harbour/{folder}/{item['id']}?format={format_}"
                    assert client.get(path).status_code == 200, path
                    read += 1
        assert read >= 20
