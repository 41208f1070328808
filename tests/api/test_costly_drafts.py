"""Drafts whose own words cost too much to compile."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from appmaker import NORTHBRIDGE

from coachkit.db.scopes import ACROSS
from coachkit.editions import overlay
from coachkit.organisations import keys, peppers

TABLE = "|" + "a|" * 60 + "\n|" + "-|" * 60 + "\n" + "|x\n" * 6_000
PART = {"op": "replace", "target": "module/first-hour", "locale": "en-GB", "section": "feel", "text": TABLE}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("cache", ["memory"], indirect=True)
def test_refused(house, monkeypatch):
    """A text that costs too much is refused with its place and the bound, and what is live goes on."""
    monkeypatch.setattr(overlay, "LIMITS", replace(overlay.LIMITS, file_seconds=0.05))
    house.set("northbridge", {**NORTHBRIDGE, "overlay": [*NORTHBRIDGE["overlay"], PART]})
    with house.database.write(ACROSS) as conn:
        at = datetime.now(UTC)
        _, token = keys.create_operators(conn, "A key", None, peppers=peppers.of(house.settings), at=at)
    client, sent = house.client(), {"Authorization": f"Bearer {token.text}", "If-Match": "*"}
    for path, body in (("/editions", {}), ("/editions", {"dry_run": True}), ("/previews", {"hours": 1})):
        answer = client.post(f"/v1/orgs/northbridge{path}", json=body, headers=sent)
        assert (answer.status_code, answer.json["type"]) == (422, "/problems/publish-refused"), path
        (error,) = answer.json["errors"]
        assert (error["pointer"], error["code"]) == ("/northbridge/overlay/2", "too-slow")
        assert "more than 0.05 seconds" in error["detail"]
    assert client.get("/v1/orgs/northbridge/modules/first-hour").status_code == 200
