"""Whether the service can serve, as `/readyz` says it."""

from contextlib import closing, contextmanager
from urllib.parse import urlsplit

import psycopg
import pytest
from appmaker import eventually

MODULE = "/v1/orgs/northbridge/modules/first-hour"


@contextmanager
def silenced(house, postgres):
    """While it lasts, the house's database answers nobody."""
    name = urlsplit(house.settings.database_url).path.lstrip("/")
    with closing(psycopg.connect(postgres("postgres"), autocommit=True)) as conn:
        conn.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        try:
            yield
        finally:
            conn.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


def test_ready(house):
    """With a database that answers and is up to date the service is ready, and says so of each part."""
    client = house.client()
    client.get(MODULE)
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json["status"] == "ok"
    wanted = ["database", "pointers", *(["redis"] if house.settings.redis_url else [])]
    assert {name: each["status"] for name, each in answer.json["checks"].items()} == dict.fromkeys(wanted, "ok")


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_silent_database(house, postgres):
    """A database that does not answer is down, with nothing of where it is; what is kept is served all the same."""
    client = house.client()
    client.get(MODULE)
    with silenced(house, postgres):
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json["checks"]["database"]["status"]) == (503, "down")
        assert int(answer.headers["Retry-After"]) > 0
        assert "test_" not in answer.text
        assert client.get(MODULE).status_code == 200
        eventually(lambda: client.get("/readyz").json["checks"]["pointers"]["status"] == "degraded")
    eventually(lambda: client.get("/readyz").json["status"] == "ok")


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_silent_database_and_nothing_kept(house, postgres):
    """What would need the database while it is silent is 503 with a time to try again, and nothing of it is told."""
    client = house.client()
    client.get(MODULE)
    with silenced(house, postgres):
        for path in ("/v1/orgs/harbour", "/v1/packs", "/v1/orgs/nobody"):
            answer = client.get(path)
            assert (answer.status_code, answer.json["type"]) == (503, "/problems/unavailable"), path
            assert int(answer.headers["Retry-After"]) > 0
            assert "psycopg" not in answer.text
            assert "test_" not in answer.text
    eventually(lambda: client.get("/v1/orgs/harbour").status_code == 200)
