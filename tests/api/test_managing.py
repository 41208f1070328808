"""An organisation runs itself over HTTP: its settings, drafts, editions, channels, schedules, keys and audit."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from appmaker import NORTHBRIDGE, eventually
from creating import rows

from coachkit.api import limiting
from coachkit.db import editions
from coachkit.db.scopes import ACROSS
from coachkit.editions.choices import SETTINGS_BYTES
from coachkit.editions.choices_schema import (
    OVERLAY_LENGTH,
    SECTION_LENGTH,
    SOURCE_LENGTH,
    SOURCES_LENGTH,
    overlay_length,
)
from coachkit.errors import InvalidBody
from coachkit.organisations import organisations

MANAGING = Path(__file__).parents[2] / "docs" / "managing.md"
ORG = "/v1/orgs/northbridge"
MODULE = f"{ORG}/modules/first-hour"


def changed(settings: dict[str, Any], **brand: Any) -> dict[str, Any]:
    return {**settings, "brand": {**settings["brand"], **brand}}


def voice(ask, text: str) -> str:
    """Change the draft, and give its new ETag."""
    found = ask("GET", "/settings")
    answer = ask("PUT", "/settings", changed(found.json["settings"], voice=text), match=found.headers["ETag"])
    assert answer.status_code == 200, answer.text
    return answer.headers["ETag"]


def draft(ask) -> str:
    """The draft's ETag as it is now."""
    return ask("GET", "/draft").headers["ETag"]


def codes(answer) -> list[tuple[str | None, str]]:
    return [
        (error.get("pointer") or error.get("header") or error.get("parameter"), error["code"])
        for error in answer.json["errors"]
    ]


def test_settings_are_changed_by_who_has_seen_them(ask):
    """A change names what it is based on: without it 428, after somebody else's change 412, and nothing is lost."""
    found = ask("GET", "/settings")
    new = changed(found.json["settings"], voice="Plain and kind")
    without = ask("PUT", "/settings", new)
    assert (without.status_code, codes(without)) == (428, [("If-Match", "missing")])
    first = ask("PUT", "/settings", new, match=found.headers["ETag"])
    assert (first.status_code, first.json["revision"]) == (200, found.json["revision"] + 1)
    late = ask("PUT", "/settings", changed(new, voice="Late"), match=found.headers["ETag"])
    assert (late.status_code, late.headers["ETag"]) == (412, first.headers["ETag"])
    assert ask("GET", "/settings").json["settings"]["brand"]["voice"] == "Plain and kind"


@pytest.mark.parametrize("estate", ["sqlite"], indirect=True)
def test_settings_as_they_are_shown(ask):
    """What is shown can be sent back as it is, however often, and stays the same."""
    whole = ask("GET", "/settings")
    for _ in range(3):
        whole = ask("PUT", "/settings", whole.json["settings"], match=whole.headers["ETag"])
        assert whole.status_code == 200, whole.text
    assert ask("GET", "/settings").json["settings"] == whole.json["settings"]


def test_settings_that_break_rules(ask):
    """Everything that is wrong is named by its place in the body, and nothing is stored."""
    found = ask("GET", "/settings")
    wrong = {**found.json["settings"], "packs": {"example": "latest"}, "colour": "red", "timezone": "Mars/Olympus"}
    answer = ask("PUT", "/settings", wrong, match=found.headers["ETag"])
    assert answer.status_code == 422
    assert {place for place, _ in codes(answer)} == {"/packs/example", "/colour", "/timezone"}
    assert ask("GET", "/settings").headers["ETag"] == found.headers["ETag"]


def test_large_settings(ask):
    """Settings may be larger than other bodies, and are bounded."""
    found = ask("GET", "/settings")
    part = {"op": "insert", "target": "example:module/first-hour", "locale": "en-GB", "after": "feel", "title": "More"}
    parts = [{**part, "section": f"more-{number}", "text": "word " * 3_900} for number in range(5)]
    large = {**found.json["settings"], "overlay": parts}
    assert ask("PUT", "/settings", large, match=found.headers["ETag"]).status_code == 200
    beyond = {**found.json["settings"], "values": {"x": "y" * SETTINGS_BYTES}}
    assert ask("PUT", "/settings", beyond, match="*").status_code == 413


@pytest.mark.parametrize("estate", ["sqlite"], indirect=True)
def test_largest_settings_are_put_back(ask):
    """The longest texts that there may be, in the characters that take most bytes, can be fetched and put back."""
    widest = "\U0001f33b"
    part = {"op": "insert", "target": "example:module/first-hour", "locale": "en-GB", "after": "feel", "title": "x"}
    parts = [{**part, "section": f"s-{n}", "text": widest * (SECTION_LENGTH - 1)} for n in range(50)]
    sources = [widest * SOURCE_LENGTH] * 16 + [widest * (SOURCES_LENGTH - 16 * SOURCE_LENGTH)]
    resources = [{"kind": "module", "id": f"m-{n}", "source": {"en-GB": text}} for n, text in enumerate(sources)]
    assert overlay_length(parts) == OVERLAY_LENGTH
    whole = {**NORTHBRIDGE, "overlay": parts, "resources": resources}
    first = ask("PUT", "/settings", data=orjson.dumps(whole), match="*")
    assert first.status_code == 200, first.text[:500]
    again = ask("PUT", "/settings", data=orjson.dumps(ask("GET", "/settings").json["settings"]), match="*")
    assert again.status_code == 200, again.text[:500]
    for name in ("overlay", "resources"):
        assert again.json["settings"][name] == first.json["settings"][name]
    assert SETTINGS_BYTES - len(again.data) > 512 * 1024


@pytest.mark.parametrize("estate", ["sqlite"], indirect=True)
def test_settings_that_could_not_be_put_back(ask):
    """What would make the settings larger than they may be is refused wherever it comes from, and nothing changes."""
    before = ask("GET", "/settings").json
    settings = {**NORTHBRIDGE, "brand": {**NORTHBRIDGE["brand"], "voice": "x" * SETTINGS_BYTES}}
    assert ask("PUT", "/settings", settings, match="*").status_code == 413
    with ask.house.database.write(ACROSS) as conn, pytest.raises(InvalidBody, match="may have 9,437,184"):
        organisations.change(conn, "northbridge", settings, datetime.now(UTC))
    assert ask("GET", "/settings").json == before


def test_publish(ask):
    """What is published is the draft that the caller saw: said beforehand, made once, and soon at its address."""
    shown = voice(ask, "Warm")
    dry = ask("POST", "/editions", {"dry_run": True}, match=shown)
    assert (dry.status_code, dry.json["new"], dry.json["channel"]) == (200, False, None)
    assert ask("GET", "/draft").json["edition"] == dry.json["edition"]
    done = ask("POST", "/editions", {"note": "Spring"}, match=shown)
    assert (done.status_code, done.json["edition"], done.json["new"]) == (201, dry.json["edition"], True)
    assert done.json["channel"]["name"] == "live"
    eventually(lambda: ask.client.get(ORG).json["edition"] == done.json["edition"])
    assert ask.client.get(ORG).json["brand"]["voice"] == "Warm"
    listed = ask("GET", "/editions").json["items"]
    assert (listed[0]["edition"], listed[0]["channels"], listed[0]["published"]) == (
        done.json["edition"],
        ["live"],
        True,
    )


def test_a_list_goes_on_where_an_edition_is_cleared(ask, estate):
    """Whoever is leafing through the editions misses none and sees none twice when the last one shown is cleared."""
    for text in ("First", "Second"):
        assert ask("POST", "/editions", {"channel": None}, match=voice(ask, text)).status_code == 201
    whole, first = [each["edition"] for each in ask("GET", "/editions").json["items"]], ask("GET", "/editions?limit=1")
    with estate.database.write(ACROSS) as conn:
        editions.delete(conn, organisations.find(conn, "northbridge").id, whole[0])
    following = first.headers["Link"].partition("<")[2].partition(">")[0].removeprefix(ORG)
    second = ask("GET", following)
    assert [each["edition"] for answer in (first, second) for each in answer.json["items"]] == whole[:2]


def test_publish_after_somebody_changed_the_draft(ask):
    """Whoever publishes what somebody else has changed meanwhile is told so, and nothing is published."""
    before = ask.client.get(ORG).json["edition"]
    shown = ask("GET", "/draft").headers["ETag"]
    voice(ask, "Another's")
    assert ask("POST", "/editions", {}, match=shown).status_code == 412
    assert ask("POST", "/editions", {}).status_code == 428
    assert ask("GET", "/channels/live").json["edition"] == before


def test_publish_refused(ask):
    """A draft that cannot be published says why, all at once, and stays."""
    found = ask("GET", "/settings")
    wrong = {**found.json["settings"], "packs": {"example": ">=7"}}
    shown = ask("PUT", "/settings", wrong, match=found.headers["ETag"]).headers["ETag"]
    draft = ask("GET", "/draft").json
    assert (draft["ok"], draft["edition"], [each["code"] for each in draft["problems"]]) == (
        False,
        None,
        ["no-version"],
    )
    answer = ask("POST", "/editions", {}, match=shown)
    assert (answer.status_code, answer.json["type"]) == (422, "/problems/publish-refused")


def test_once(ask):
    """A request to publish that is sent again with its key is answered as before, and publishes nothing more."""
    shown = voice(ask, "Once")
    first, second = (ask("POST", "/editions", {}, match=shown, Idempotency_Key="publish-1") for _ in range(2))
    assert (first.status_code, second.status_code, second.headers["Idempotent-Replayed"]) == (201, 201, "true")
    assert first.data == second.data
    moves = ask("GET", "/channels/live/moves").json["items"]
    assert [move["to"] for move in moves].count(first.json["edition"]) == 1


def test_channels(ask):
    """A channel is made, moved, looked at and rolled back, each by who has seen where it points."""
    live = ask("GET", "/channels/live")
    new = {"edition": live.json["edition"], "public": True}
    assert ask("PUT", "/channels/autumn", new).status_code == 428
    assert ask("PUT", "/channels/autumn", new, If_None_Match="*").status_code == 201
    assert ask("PUT", "/channels/autumn", new, If_None_Match="*").status_code == 412
    eventually(lambda: ask.client.get(f"{MODULE}?channel=autumn").status_code == 200)
    assert [each["name"] for each in ask("GET", "/channels").json["items"]] == ["autumn", "live"]
    shown = voice(ask, "Second")
    second = ask("POST", "/editions", {}, match=shown).json["edition"]
    assert ask("POST", "/channels/live/rollback", match=live.headers["ETag"]).status_code == 412
    now = ask("GET", "/channels/live")
    back = ask("POST", "/channels/live/rollback", match=now.headers["ETag"])
    assert (back.status_code, back.json["edition"]) == (200, live.json["edition"])
    moves = ask("GET", "/channels/live/moves?limit=2")
    assert [(each["from"], each["to"]) for each in moves.json["items"]] == [
        (second, live.json["edition"]),
        (live.json["edition"], second),
    ]
    following = moves.headers["Link"].partition("<")[2].partition(">")[0]
    assert ask("GET", following.removeprefix(ORG)).json["items"][-1]["from"] is None
    nothing = ask("PUT", "/channels/autumn", {"edition": f"sha256:{'0' * 64}"}, match="*")
    assert (nothing.status_code, codes(nothing)) == (422, [("/edition", "unknown-edition")])


def test_preview(ask):
    """A draft is shown to whoever has its address, for a time, and to no search engine, cache or list."""
    shown = voice(ask, "In preview only")
    made = ask("POST", "/previews", {"hours": 3}, match=shown)
    assert made.status_code == 201
    at = made.json["address"]
    assert made.headers["Location"] == at
    whole = ask.client.get(at)
    assert (whole.status_code, whole.json["brand"]["voice"]) == (200, "In preview only")
    for path in ("", "/modules", "/modules/first-hour", "/modules/first-hour?format=html&locale=cy"):
        answer = ask.client.get(at + path)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store"), path
        assert "noindex" in answer.headers["X-Robots-Tag"]
        assert "ETag" not in answer.headers
        assert "Surrogate-Key" not in answer.headers
    assert ask.client.get(f"{at}/modules/none").status_code == 404
    assert ask.client.get(at.replace("northbridge", "harbour")).status_code == 404
    assert ask.client.get(at[:-9] + ("A" if at[-9] != "A" else "B") + at[-8:]).status_code == 404
    assert ask.client.get(f"{ORG}/editions/{made.json['edition']}").status_code == 404
    assert ask.client.get(ORG).json["brand"]["voice"] != "In preview only"
    for hours in (0, 721):
        assert codes(ask("POST", "/previews", {"hours": hours}, match="*")) == [("/hours", "out-of-range")]


def test_preview_is_not_stored(ask, estate):
    """Asked for again the address is the same, though nothing that is stored opens the preview."""
    shown = voice(ask, "In preview only")
    first, again = (ask("POST", "/previews", {}, match=shown, Idempotency_Key="preview-1") for _ in range(2))
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
    assert (again.data, again.headers["Location"]) == (first.data, first.headers["Location"])
    assert ask.client.get(again.json["address"]).status_code == 200
    (row,) = rows(estate.database)
    assert "/previews/" not in str(row)
    assert first.json["address"].rpartition("/")[2] not in str(row)


def test_discard(ask):
    """A draft that is let go leaves the settings that the live edition was published from."""
    before = ask("GET", "/settings").json["settings"]
    shown = voice(ask, "Not this")
    done = ask("DELETE", "/draft", match=shown)
    assert (done.status_code, done.json["changed"]) == (200, True)
    assert ask("GET", "/settings").json["settings"]["brand"] == before["brand"]


def test_schedules(ask):
    """A schedule freezes the draft, says what it will change, and is called off by who has seen it."""
    shown = voice(ask, "From June on")
    wanted = {"local_time": "2027-06-01T09:00", "note": "Summer"}
    made = ask("POST", "/schedules", wanted, match=shown)
    assert (made.status_code, made.json["state"], made.json["timezone"]) == (201, "pending", "UTC")
    at = made.headers["Location"].removeprefix(ORG)
    found = ask("GET", at)
    assert (found.json["edition"], found.headers["ETag"]) == (made.json["edition"], made.headers["ETag"])
    assert [each["id"] for each in ask("GET", "/schedules").json["items"]] == [made.json["id"]]
    past = ask("POST", "/schedules", {"local_time": "2020-01-01T09:00"}, match=shown)
    assert (past.status_code, codes(past)) == (422, [("/local_time", "out-of-range")])
    assert ask("DELETE", at).status_code == 428
    assert ask("DELETE", at, match=found.headers["ETag"]).json["state"] == "cancelled"
    assert ask("DELETE", at, match="*").status_code == 409


def test_keys(ask):
    """A key is shown once, may no more than who made it, and holds nowhere once it is revoked."""
    made = ask("POST", "/keys", {"kind": "sec", "name": "Portal", "scopes": ["content:write"]}, Idempotency_Key="k-1")
    assert made.status_code == 201
    again = ask("POST", "/keys", {"kind": "sec", "name": "Portal", "scopes": ["content:write"]}, Idempotency_Key="k-1")
    assert again.json == made.json
    at = made.headers["Location"].removeprefix(ORG)
    portal = {"Authorization": f"Bearer {made.json['token']}"}
    assert ask.client.get(f"{ORG}/channels", headers=portal).status_code == 200
    assert ask.client.get(f"{ORG}/keys", headers=portal).status_code == 403
    assert "token" not in ask("GET", at).json
    assert made.json["token"] not in ask("GET", "/keys").text + ask("GET", "/audit?limit=100").text
    gone = ask("DELETE", at, match=ask("GET", at).headers["ETag"])
    assert gone.json["revoked_at"] is not None
    eventually(lambda: ask.client.get(f"{ORG}/channels", headers=portal).status_code == 401, 1.0)
    assert ask.client.get(MODULE, headers=portal).status_code == 401


def test_a_key_gives_no_more_than_it_has(estate, key):
    """A key that may make keys makes none that may do what it may not."""
    client, giver = estate.client(), key(scopes=("keys:write", "content:write"))
    wanted = {"kind": "sec", "name": "More", "scopes": ["content:write", "audit:read"]}
    assert client.post(f"{ORG}/keys", json=wanted, headers=giver).status_code == 403
    assert client.post(f"{ORG}/keys", json={**wanted, "scopes": ["content:write"]}, headers=giver).status_code == 201


def test_audit(ask):
    """Whatever is done says which key did it, and the chain can be followed from either end."""
    voice(ask, "Audited")
    whole = ask("GET", "/audit?limit=100").json
    assert [each["number"] for each in whole["items"]] == list(range(1, whole["length"] + 1))
    assert whole["items"][-1]["hash"] == whole["head"]
    last = ask("GET", "/audit?order=newest&limit=1").json["items"][0]
    assert (last["action"], last["actor"].split()[0]) == ("settings.change", "key")
    for before, after in zip(whole["items"], whole["items"][1:], strict=False):
        assert after["previous"] == before["hash"]


def test_hostnames(ask):
    """A hostname is claimed with the record that proves it, and let go by who has seen it."""
    made = ask("POST", "/hostnames", {"name": "Coaching.Northbridge.example"})
    assert (made.status_code, made.json["name"], made.json["verified"]) == (201, "coaching.northbridge.example", False)
    assert made.json["record"]["name"] == "_coachkit.coaching.northbridge.example"
    at = f"/hostnames/{made.json['name']}"
    assert ask("GET", "/hostnames").json["items"] == [made.json]
    assert codes(ask("POST", "/hostnames", {"name": "127.0.0.1"})) == [("/name", "invalid-value")]
    assert ask("DELETE", at).status_code == 428
    assert ask("DELETE", at, match=ask("GET", at).headers["ETag"]).status_code == 204
    assert ask("GET", at).status_code == 404


def test_nobody_keeps_what_is_managed(ask):
    """No answer of the managing side may be kept, and no page of another site may read one."""
    for path in ("/settings", "/draft", "/editions", "/channels", "/keys", "/schedules", "/audit", "/hostnames"):
        answer = ask("GET", path, Origin="https://portal.example")
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert "RateLimit" in answer.headers


def test_without_a_key(ask):
    """The managing side wants a key and says so, whether there is such an organisation or not."""
    for slug in ("northbridge", "nowhere"):
        answer = ask.client.get(f"/v1/orgs/{slug}/settings")
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_overlay(ask):
    """A text is worded, worded otherwise and given up part by part, each by who has seen it."""
    part = {"op": "replace", "target": "example:module/first-hour", "locale": "en-GB", "field": "title", "text": "Now"}
    assert ask("POST", "/overlay", part).status_code == 428
    shown = draft(ask)
    made = ask("POST", "/overlay", part, match=shown)
    assert (made.status_code, made.json["part"]["text"], made.json["part"]["over"]["pack"]) == (201, "Now", "example")
    assert ask("POST", "/overlay", {**part, "field": "summary"}, match=shown).status_code == 412
    assert ask("POST", "/overlay", part, match=draft(ask)).status_code == 409
    at = f"/overlay/{made.json['id']}"
    assert ask("GET", at).headers["ETag"] == made.headers["ETag"]
    assert ask("PUT", at, {**part, "text": "Later"}).status_code == 428
    other = ask("PUT", at, {**part, "text": "Later"}, match=made.headers["ETag"])
    assert (other.status_code, other.json["part"]["text"]) == (200, "Later")
    assert ask("PUT", at, {**part, "field": "summary"}, match="*").status_code == 422
    assert ask("DELETE", at, match=made.headers["ETag"]).status_code == 412
    assert made.json["id"] in [each["id"] for each in ask("GET", "/overlay").json["items"]]
    assert ask("DELETE", at, match=other.headers["ETag"]).status_code == 204
    assert ask("GET", at).status_code == 404
    actions = [each["action"] for each in ask("GET", "/audit?limit=100").json["items"][-3:]]
    assert actions == ["overlay.set", "overlay.set", "overlay.remove"]


def test_three_texts(ask, estate):
    """What a new release says under an overlay is shown beside the old and the own text, and decided upon."""
    part = {"op": "replace", "target": "example:module/first-hour", "locale": "en-GB", "field": "title", "text": "Ours"}
    part_id = ask("POST", "/overlay", part, match=draft(ask)).json["id"]
    assert ask("GET", "/merges").json["items"] == []
    titled(estate, "1.1.0", "A newer title")
    (merge,) = ask("GET", "/merges").json["items"]
    assert (merge["id"], merge["over"], merge["now"]) == (part_id, "example@1.0.0", "example@1.1.0")
    assert (merge["new"]["text"], merge["theirs"]["text"]) == ("A newer title", "Ours")
    found = ask("GET", "/draft")
    assert (found.json["ok"], {each["code"] for each in found.json["problems"]}) == (False, {"overlay-undecided"})
    assert ask("POST", "/editions", {}, match=found.headers["ETag"]).status_code == 422
    shown = ask("GET", f"/overlay/{part_id}").headers["ETag"]
    decision = {"decision": "keep", "seen": merge["now"]}
    assert ask("PUT", f"/overlay/{part_id}/decision", decision).status_code == 428
    assert ask("PUT", f"/overlay/{part_id}/decision", decision, match=shown).status_code == 204
    assert ask("GET", "/merges").json["items"] == []
    assert ask("POST", "/editions", {}, match=draft(ask)).status_code == 201


def titled(estate, version: str, title: str) -> None:
    """Publish another release, whose first module has another title."""
    estate.publish(
        **{
            "pack.yaml": lambda text: text.replace("version: 1.0.0", f"version: {version}", 1),
            "modules/first-hour.md": lambda text: re.sub(r"(?m)^title: .*$", f"title: {title}", text, count=1),
        }
    )


@pytest.mark.parametrize("decision", ["keep", "take"])
def test_a_release_between_looking_and_deciding(ask, estate, decision):
    """A decision is about the release that was looked at: where there is another by now, nothing is kept or taken."""
    part = {"op": "replace", "target": "example:module/first-hour", "locale": "en-GB", "field": "title", "text": "Ours"}
    part_id = ask("POST", "/overlay", part, match=draft(ask)).json["id"]
    at, shown = f"/overlay/{part_id}/decision", ask("GET", f"/overlay/{part_id}").headers["ETag"]
    titled(estate, "1.1.0", "A newer title")
    (looked_at,) = ask("GET", "/merges").json["items"]
    titled(estate, "1.2.0", "The newest title")
    unseen = ask("PUT", at, {"decision": decision}, match=shown)
    assert (unseen.status_code, codes(unseen)) == (422, [("/seen", "missing")])
    late = ask("PUT", at, {"decision": decision, "seen": looked_at["now"]}, match=shown)
    assert (late.status_code, codes(late)) == (412, [("/seen", "changed")])
    assert "example@1.2.0" in late.json["detail"]
    (merge,) = ask("GET", "/merges").json["items"]
    assert (merge["new"]["text"], merge["theirs"]["text"]) == ("The newest title", "Ours")
    assert ask("PUT", at, {"decision": decision, "seen": merge["now"]}, match=shown).status_code == 204
    assert ask("GET", f"/overlay/{part_id}").status_code == (200 if decision == "keep" else 404)


# --- keyed content ------------------------------------------------------------------------------

PORTAL = "https://portal.northbridge.example"


@pytest.fixture
def keyed(estate, key):
    """Northbridge, whose content wants a key and may be read by its portal's pages."""
    estate.set("northbridge", {**NORTHBRIDGE, "access": {"content": "keyed", "origins": [PORTAL]}})
    return estate.client()


def test_keyed_content(keyed, key):
    """Content that wants a key is 404 without one, and for its holders private, on hits and misses alike."""
    page = key("pub")
    for _ in ("miss", "hit"):
        assert keyed.get(MODULE).status_code == 404
        answer = keyed.get(MODULE, headers=page)
        assert (answer.status_code, answer.headers["Cache-Control"].split(",")[0]) == (200, "private")
        assert "Access-Control-Allow-Origin" not in answer.headers
    assert "hit" in answer.headers["Cache-Status"]
    assert keyed.get(MODULE, headers={**page, "If-None-Match": answer.headers["ETag"]}).status_code == 304
    assert keyed.get(MODULE, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 404
    fill = keyed.post(f"{ORG}/templates/thank-you/fill", json={"values": {}})
    assert fill.status_code == 404


def test_pages_that_may_read_keyed_content(keyed, key):
    """A browser lets the portal's pages read it and no others; a key may be for fewer."""
    page = key("pub", origins=("https://kiosk.northbridge.example",))
    allowed = keyed.get(MODULE, headers={**key("pub"), "Origin": PORTAL})
    assert allowed.headers["Access-Control-Allow-Origin"] == PORTAL
    assert "Origin" in allowed.headers["Vary"]
    other = keyed.get(MODULE, headers={**key("pub"), "Origin": "https://elsewhere.example"})
    assert "Access-Control-Allow-Origin" not in other.headers
    assert keyed.get(MODULE, headers={**page, "Origin": PORTAL}).status_code == 403
    kiosk = keyed.get(MODULE, headers={**page, "Origin": "https://kiosk.northbridge.example"})
    assert kiosk.headers["Access-Control-Allow-Origin"] == "https://kiosk.northbridge.example"


def test_access_holds_at_once(estate, key):
    """Content that is made to want a key does so in every worker within a second, without publishing."""
    client = estate.client()
    assert client.get(MODULE).status_code == 200
    estate.set("northbridge", {**NORTHBRIDGE, "access": {"content": "keyed"}})
    eventually(lambda: client.get(MODULE).status_code == 404, 1.0)
    estate.set("northbridge", NORTHBRIDGE)
    eventually(lambda: client.get(MODULE).status_code == 200, 1.0)
    assert client.get(MODULE).headers["Cache-Control"].startswith("public")


def test_who_may_frame_it(estate):
    """HTML may be framed by whom the organisation names, and by anybody where it names none."""
    client = estate.client()
    page = f"{MODULE}?format=html"
    assert client.get(page).headers["Content-Security-Policy"].endswith("frame-ancestors *")
    estate.set("northbridge", {**NORTHBRIDGE, "access": {"frame_ancestors": [PORTAL]}})
    eventually(lambda: client.get(page).headers["Content-Security-Policy"].endswith(f"frame-ancestors {PORTAL}"), 1.0)


def test_a_key_of_its_own_count(estate, key):
    """A key that asks more than it may is told when to come again; others are not."""
    client = estate.client(limit_reads=3)
    page, other = key("pub"), key("pub")
    answers = [client.get(MODULE, headers=page) for _ in range(12)]
    assert {each.status_code for each in answers} == {200, 429}
    refused = next(each for each in answers if each.status_code == 429)
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.headers["RateLimit-Policy"].startswith('"read";q=3')
    assert client.get(MODULE, headers=other).status_code == 200
    assert client.get(MODULE).status_code == 200


@pytest.mark.parametrize("estate", ["sqlite"], indirect=True)
def test_what_draws_on_which_limit(ask, key):
    """Answers to a key tell of the limits that the guide's table names for them, and the others of none."""
    everything = key()

    def told(path: str, method: str = "GET", body: Any = None) -> str:
        based = {} if method == "GET" else {"If-Match": "*"}
        answer = ask.client.open(path, method=method, json=body, headers={**everything, **based})
        assert answer.status_code < 300, answer.text
        assert len(answer.headers.getlist("RateLimit")) == len(answer.headers.getlist("RateLimit-Policy"))
        return " ".join(sorted(re.findall(r'"([a-z-]+)";q=', " ".join(answer.headers.getlist("RateLimit-Policy")))))

    preview = ask("POST", "/previews", {"hours": 2}, match="*").json["address"].partition("/v1")[2]
    table = MANAGING.read_text("utf-8").partition("## How often")[2].partition("##")[0]
    draws = re.findall(r"^\| [^|]+ \| (`.*|none) \|$", table, re.MULTILINE)
    named = [re.findall(r"`([a-z-]+)`", each) for each in draws]
    assert named == [["read"], ["write", "key-creation"], ["read", "miss"], ["keyless"], [], ["failed-key"]]
    assert {name for row in named for name in row} == {each.name for each in limiting.POLICIES}
    assert told(f"{ORG}/settings") == told(MODULE) == told(f"{ORG}/search?q=hour") == "read"
    assert told(f"{ORG}/settings", "PUT", NORTHBRIDGE) == "write"
    assert told(f"{ORG}/keys", "POST", {"kind": "pub", "name": "A page"}) == "write"
    assert told("/v1/packs") == told(f"/v1{preview}") == ""
