"""?facets=true: beside a page, how many resources each value of each filter would leave."""

import pytest
from appmaker import NORTHBRIDGE
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from packmaker import PACK, module, replacing

LIST = "/v1/orgs/northbridge/modules"
FACTS = {"topic": "topics", "stage": "stages", "audience": "audience"}
TOPICS = ("feedback", "interviews", "energy")
STAGES = ("applied", "screened", "interviewed", "final")
MADE = 18


def numbered(number):
    """A module with one or two topics, a stage and an audience that follow from its number."""
    topics = {TOPICS[number % 3], TOPICS[number % 2]}
    return (
        module(f"Module {number}", extra=f"audience: [{'graduates' if number % 2 else 'everyone'}]\n")
        .replace("topics: [first-response]", f"topics: [{', '.join(sorted(topics))}]")
        .replace("stages: [applied]", f"stages: [{STAGES[number % 4]}]")
    )


@pytest.fixture(scope="module")
def client(portal):
    """A client of the portal with many modules in it, from two packs."""
    more = {f"modules/number-{number:02}.md": numbered(number) for number in range(MADE)}
    portal.publish(**{PACK: replacing("1.0.0", "1.1.0"), **more})
    portal.publish_small("other", elsewhere=module("From elsewhere"))
    portal.set("northbridge", {**NORTHBRIDGE, "packs": {"example": ">=1.0,<2", "other": "*"}})
    portal.edition("northbridge")
    return portal.client()


def values(item, name):
    """The values that an item has of a filter."""
    return [item["pack"]] if name == "pack" else item[FACTS[name]]


def counted(client, query=""):
    """The facets of a list as value → count, which must be there."""
    answer = client.get(f"{LIST}?facets=true&{query}")
    assert answer.status_code == 200, answer.text
    return {name: {each["value"]: each["count"] for each in found} for name, found in answer.json["facets"].items()}


def length(client, query):
    """How many resources a filtered list has."""
    answer = client.get(f"{LIST}?limit=100&{query}")
    assert "Link" not in answer.headers
    return len(answer.json["items"])


def test_the_whole_list(client):
    """Without a filter each value is counted over the whole list, however short the page is."""
    everything = client.get(f"{LIST}?limit=100").json["items"]
    expected = {
        name: {
            value: sum(value in values(item, name) for item in everything)
            for item in everything
            for value in values(item, name)
        }
        for name in (*FACTS, "pack")
    }
    assert counted(client) == expected
    assert counted(client, "limit=1") == expected


def test_order(client):
    """Values come with those first that most resources have, and by their names where as many do."""
    for found in client.get(f"{LIST}?facets=true").json["facets"].values():
        pairs = [(-each["count"], each["value"]) for each in found]
        assert pairs == sorted(pairs)
        assert all(set(each) == {"value", "count"} and each["count"] > 0 for each in found)


chosen = st.fixed_dictionaries(
    {},
    optional={
        "topic": st.sampled_from([*TOPICS, "first-response", "none"]),
        "stage": st.sampled_from(STAGES),
        "audience": st.sampled_from(["graduates", "everyone"]),
        "pack": st.sampled_from(["example", "other"]),
    },
)


@settings(deadline=None, max_examples=20)
@given(wanted=chosen)
def test_what_choosing_it_would_give(client, wanted):
    """Each count is the length of the list were that value chosen for its filter, with all other filters as they are.

    So a filter's own choice says nothing about its own facet, and a value that is not there would leave nothing.
    """
    for name, found in counted(client, "&".join(f"{key}={value}" for key, value in wanted.items())).items():
        others = [f"{key}={value}" for key, value in wanted.items() if key != name]
        for value, count in found.items():
            assert length(client, "&".join([*others, f"{name}={value}"])) == count
        assert sum(found.values()) >= length(client, "&".join(others))


def test_any_of(client):
    """Several values of one filter widen what the other facets count."""
    one, both = counted(client, "topic=energy"), counted(client, "topic=energy&topic=feedback")
    assert both["topic"] == one["topic"]
    assert sum(both["pack"].values()) == length(client, "topic=energy&topic=feedback") > sum(one["pack"].values())


def test_nothing_left(client):
    """Where nothing is left, what another choice would give is still there."""
    found = counted(client, "topic=none")
    assert found["topic"] == counted(client)["topic"]
    assert found["stage"] == found["audience"] == found["pack"] == {}


def test_not_unasked(client):
    """Nobody gets facets without asking for them, and the items are the same with them."""
    plain = client.get(LIST)
    assert set(plain.json) == {"items"}
    assert client.get(f"{LIST}?facets=false").json == plain.json
    assert client.get(f"{LIST}?facets=true").json["items"] == plain.json["items"]
    assert client.get(f"{LIST}?facets=true&fields=id").json["items"][0].keys() == {"id"}


def test_on_every_page(client):
    """Each page of a list has the facets of the whole, the Link leads on with them, and a cursor goes without too."""
    path, seen, counts = f"{LIST}?facets=true&limit=8", [], []
    while path:
        page = client.get(path)
        seen += [item["id"] for item in page.json["items"]]
        counts.append(page.json["facets"])
        path = page.headers["Link"].partition(">")[0][1:] if "Link" in page.headers else None
    assert seen == [item["id"] for item in client.get(f"{LIST}?limit=100").json["items"]]
    assert all(each == counts[0] for each in counts)
    cursor = client.get(f"{LIST}?facets=true&limit=8").headers["Link"].partition("cursor=")[2].partition(">")[0]
    assert client.get(f"{LIST}?limit=8&cursor={cursor}").status_code == 200


@pytest.mark.parametrize("folder", ["questionnaires", "templates", "checklists", "pathways"])
def test_every_kind(client, folder):
    """Every list has facets, of its own kind only, at the channel's address and at the edition's."""
    at_channel = client.get(f"/v1/orgs/northbridge/{folder}?facets=true")
    digest = at_channel.headers["CoachKit-Edition"]
    assert at_channel.json["facets"]["pack"] == [{"value": "example", "count": len(at_channel.json["items"])}]
    assert client.get(f"/v1/orgs/northbridge/editions/{digest}/{folder}?facets=true").json == at_channel.json


def test_kept(client):
    """A list with facets is kept beside the one without, under an ETag of its own."""
    plain, first, second = client.get(LIST), client.get(f"{LIST}?facets=true"), client.get(f"{LIST}?facets=true")
    assert second.headers["Cache-Status"] == "CoachKit; hit; detail=memory"
    assert first.headers["ETag"] == second.headers["ETag"] != plain.headers["ETag"]
    answer = client.get(f"{LIST}?facets=true", headers={"If-None-Match": first.headers["ETag"]})
    assert (answer.status_code, answer.data) == (304, b"")


@pytest.mark.parametrize("value", ["1", "yes", "True", ""])
def test_true_or_false(client, value):
    """There are two ways to say it, and no third."""
    answer = client.get(f"{LIST}?facets={value}")
    assert [each["parameter"] for each in answer.json["errors"]] == ["facets"]


def test_documents_have_none(client):
    """What is no list has no facets."""
    answer = client.get(f"{LIST}/first-hour?facets=true")
    assert [each["code"] for each in answer.json["errors"]] == ["unknown-parameter"]


def test_reference(client):
    """The reference has the shape, and the parameter with an example."""
    document = client.get("/openapi.json").json
    schema = {"$ref": "#/components/schemas/List", "components": document["components"]}
    check = Draft202012Validator(schema)
    assert list(check.iter_errors(client.get(f"{LIST}?facets=true").json)) == []
    assert list(check.iter_errors({"items": [], "facets": {"topic": [{"value": "a"}]}})) != []
    for path in ("/{kind}", "/editions/{digest}/{kind}"):
        route = document["paths"][f"/v1/orgs/{{organisation}}{path}"]["get"]
        (parameter,) = [each for each in route["parameters"] if each["name"] == "facets"]
        assert parameter["description"]
        assert parameter["schema"]["example"] is True
