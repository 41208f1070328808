"""Resources of an organisation's own over HTTP: made, changed, published, read and taken away."""

import pytest
from appmaker import eventually
from packmaker import module

ORG = "/v1/orgs/northbridge"
FUND = "/resources/modules/hardship-fund"


def fund(title: str = "The hardship fund", **more):
    return {"kind": "module", "id": "hardship-fund", "source": {"en-GB": module(title)}} | more


def errors(answer):
    return {(each.get("pointer") or each.get("header"), each["code"]) for each in answer.json["errors"]}


def published(ask) -> None:
    """Publish the draft, and wait until readers have it."""
    done = ask("POST", "/editions", {}, match=ask("GET", "/draft").headers["ETag"])
    assert done.status_code in {200, 201}, done.json
    eventually(lambda: ask.client.get(ORG).json["edition"] == done.json["edition"])


def test_from_the_first_word_to_readers(ask):
    """A resource is made where there is none, changed and taken away by who has seen it, and readers follow."""
    without = ask("PUT", FUND, fund())
    assert (without.status_code, errors(without)) == (428, {("If-None-Match", "missing")})
    assert ask("PUT", FUND, fund(), match='"seen"').status_code == 428
    made = ask("PUT", FUND, fund(), If_None_Match="*")
    assert (made.status_code, made.json) == (201, fund())
    again = ask("PUT", FUND, fund("Another's"), If_None_Match="*")
    assert (again.status_code, again.headers["ETag"]) == (412, made.headers["ETag"])
    found = ask("GET", FUND)
    assert (found.status_code, found.json, found.headers["ETag"]) == (200, fund(), made.headers["ETag"])
    assert ask("GET", "/resources").json["items"] == [fund()]
    reading = f"{ORG}/modules/hardship-fund"
    assert ask.client.get(reading).status_code == 404
    published(ask)
    answer = ask.client.get(reading)
    assert (answer.status_code, answer.json["title"], answer.json["pack"]) == (200, "The hardship fund", "own")

    assert ask("PUT", FUND, fund("New")).status_code == 428
    new = ask("PUT", FUND, fund("New"), match=made.headers["ETag"])
    assert (new.status_code, new.json) == (200, fund("New"))
    late = ask("PUT", FUND, fund("Late"), match=made.headers["ETag"])
    assert (late.status_code, errors(late), late.headers["ETag"]) == (
        412,
        {("If-Match", "changed")},
        new.headers["ETag"],
    )
    assert ask("GET", FUND).json == fund("New")
    published(ask)
    assert ask.client.get(reading).json["title"] == "New"

    assert ask("DELETE", FUND).status_code == 428
    assert ask("DELETE", FUND, match=made.headers["ETag"]).status_code == 412
    gone = ask("DELETE", FUND, match=new.headers["ETag"])
    assert (gone.status_code, gone.data) == (204, b"")
    assert {ask(method, FUND, match="*").status_code for method in ("GET", "DELETE")} == {404}
    published(ask)
    assert ask.client.get(reading).status_code == 404
    done = [(each["action"], each["subject"]) for each in ask("GET", "/audit?limit=100").json["items"]]
    ours = [action for action, subject in done if subject == "module/hardship-fund"]
    assert ours == ["resource.set", "resource.set", "resource.remove"]


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        (fund(id="other", kind="checklist"), {("/id", "invalid-value"), ("/kind", "invalid-value")}),
        (fund(kind="essay", source={}), {("/kind", "invalid-value"), ("/source", "invalid-value")}),
        (fund(source={"cy": module("Cronfa")}), {("/source", "invalid-value")}),
        (fund(source={"Welsh": "T"}, colour="red"), {("/source/Welsh", "invalid-value"), ("/colour", "unknown-field")}),
        ({"kind": "module"}, {("/id", "missing"), ("/source", "missing")}),
    ],
)
@pytest.mark.parametrize("estate", ["sqlite"], indirect=True)
def test_what_breaks_a_rule(ask, body, wrong):
    """Everything that is wrong with a resource is named by its place in the body, and nothing is stored."""
    answer = ask("PUT", FUND, body, If_None_Match="*")
    assert (answer.status_code, errors(answer)) == (422, wrong)
    assert ask("GET", "/resources").json["items"] == []


@pytest.mark.parametrize("estate", ["sqlite"], indirect=True)
def test_a_text_that_cannot_be_published(ask):
    """What is wrong within a text is said by the draft, at its place, and keeps it from being published."""
    assert ask("PUT", FUND, fund(source={"en-GB": "No front matter."}), If_None_Match="*").status_code == 201
    found = ask("GET", "/draft")
    assert found.json["ok"] is False
    assert {each["file"] for each in found.json["problems"]} == {"northbridge/resources/0/source/en-GB"}
    assert ask("POST", "/editions", {}, match=found.headers["ETag"]).status_code == 422


@pytest.mark.parametrize("estate", ["sqlite"], indirect=True)
def test_rules_hold_whatever_was_stored_before(ask):
    """A resource is held to all rules over settings that were sent whole, too, and have a value for every key."""
    found = ask("GET", "/settings")
    assert ask("PUT", "/settings", found.json["settings"], match=found.headers["ETag"]).status_code == 200
    answer = ask("PUT", FUND, fund(source={"cy": module("Cronfa")}), If_None_Match="*")
    assert (answer.status_code, errors(answer)) == (422, {("/source", "invalid-value")})


def test_no_more_than_the_operator_allows(ask, estate, key):
    """Beyond the limit there is no new one and the setting is named; one that is there may still be changed."""
    client, headers = estate.client(max_resources=1), key()
    put = lambda at, body, **match: client.put(ORG + at, json=body, headers={**headers, **match})  # noqa: E731
    assert put(FUND, fund(), **{"If-None-Match": "*"}).status_code == 201
    beyond = put("/resources/modules/second", fund(id="second"), **{"If-None-Match": "*"})
    assert (beyond.status_code, beyond.json["type"]) == (409, "/problems/limit-reached")
    assert "COACHKIT_MAX_RESOURCES" in beyond.json["detail"]
    assert put(FUND, fund("New"), **{"If-Match": "*"}).status_code == 200
    assert [each["id"] for each in ask("GET", "/resources").json["items"]] == ["hardship-fund"]
