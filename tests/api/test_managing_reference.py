"""What the reference says of managing is how it is: bodies, preconditions, pages, and what is done once."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from appmaker import eventually, services_of
from creating import rows
from jsonschema import Draft202012Validator
from packmaker import module, replacing

from coachkit.organisations.keys import SCOPES

ORG = "/v1/orgs/northbridge"
BELOW = "/v1/orgs/{organisation}"
NEW = {"{resource_id}": "hardship-fund", "{kind}": "modules"}
"""The names of the resource that the reference has as its example."""
CREATE_NOTHING = {f"{BELOW}/templates/{{resource_id}}/fill", f"{BELOW}/channels/{{name}}/rollback"}
"""What is asked with POST and makes nothing that would be there twice."""
SQLITE = pytest.mark.parametrize("estate", ["sqlite"], indirect=True)


@pytest.fixture
def document(ask) -> dict[str, Any]:
    """The reference as data."""
    return services_of(ask.client.application).api.spec.to_dict()


def operations(document) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, address below the organisation's and description of everything that is managed."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method != "parameters" and operation.get("security"):
                yield method.upper(), path.removeprefix(BELOW), operation


def example(operation) -> dict[str, Any] | None:
    """The example of a body; None where there is no body."""
    body = operation.get("requestBody")
    return None if body is None else body["content"]["application/json"]["example"]


def headers_of(operation) -> set[str]:
    return {each["name"] for each in operation.get("parameters", []) if each["in"] == "header"}


def at(path: str, there: dict[str, str]) -> str:
    """An address with the names of things that are there."""
    for place, value in there.items():
        path = path.replace(place, value)
    return path


def test_examples_are_true(ask, estate, document):
    """Every body in the reference has an example that is accepted, and every answer has its shape."""
    there = {"{name}": "live", **NEW}
    tried = set()
    found = [each for each in operations(document) if "requestBody" in each[2]]
    for method, path, operation in sorted(found, key=lambda each: each[1].endswith("/decision")):
        if path.endswith("/decision"):
            estate.publish(
                **{
                    "pack.yaml": replacing("version: 1.0.0", "version: 1.1.0"),
                    "modules/first-hour.md": lambda text: re.sub(
                        r"(?m)^summary: .*$", "summary: Newer.", text, count=1
                    ),
                }
            )
        sent = true_here(example(operation), ask)
        new = {"If_None_Match": "*"} if "/resources/" in path else {}
        answer = ask(method, at(path, there), sent, match="*", **new)
        assert str(answer.status_code) in operation["responses"], (method, path, answer.text)
        assert answer.status_code in {200, 201, 204}, (method, path, answer.text)
        if path == "/overlay":
            there["{part_id}"] = answer.json["id"]
        if answer.status_code != 204:
            shape = operation["responses"][str(answer.status_code)]["content"]["application/json"]["schema"]
            whole = {**shape, "components": document["components"]}
            assert list(Draft202012Validator(whole).iter_errors(answer.json)) == [], (method, path)
        tried.add((method, path))
    assert {("PUT", "/resources/{kind}/{resource_id}"), ("PUT", "/overlay/{part_id}/decision")} < tried


def test_what_is_new_is_201(document):
    """What says that it makes what is not there yet (`If-None-Match: *`) says both of its answers."""
    makers = [operation for _, _, operation in operations(document) if "If-None-Match" in headers_of(operation)]
    assert len(makers) == 2
    assert all({"200", "201"} <= operation["responses"].keys() for operation in makers)


def true_here(example: dict[str, Any], ask) -> dict[str, Any]:
    """An example of the reference with this house's pack and edition in it, and a time to come."""
    sent = {**example}
    if "target" in sent:
        sent["target"] = sent["target"].replace("core:", "example:")
    if "edition" in sent:
        sent["edition"] = ask("GET", "/channels/live").json["edition"]
    if "local_time" in sent:
        sent["local_time"] = "2027-12-01T09:00"
    for merge in ask("GET", "/merges").json["items"] if "seen" in sent else ():
        sent["seen"] = merge["now"]
    if "packs" in sent:
        sent["packs"] = {"example": sent["packs"]["core"]}
    return sent


def test_what_a_change_is_based_on(ask, document):
    """In the reference each change names its scope, and If-Match exactly where it is refused without."""
    changes = {(method, path): each for method, path, each in operations(document) if method != "GET"}
    there = {
        "/channels/{name}": "/channels/live",
        "/hostnames/{name}": "/hostnames/coaching.northbridge.example",
        **NEW,
    }
    put = ask("PUT", at("/resources/{kind}/{resource_id}", there), _resource(changes), If_None_Match="*")
    assert put.status_code == 201, put.text
    for path, place in (
        ("/overlay", "{part_id}"),
        ("/keys", "{key_id}"),
        ("/schedules", "{schedule_id}"),
        ("/hostnames", "{name}"),
    ):
        made = ask("POST", path, true_here(example(changes["POST", path]), ask), match="*")
        assert made.status_code == 201, made.json
        there[place] = made.headers["Location"].rpartition("/")[2]
    assert len(changes) > 15
    for (method, path), operation in changes.items():
        (wanted,) = operation["security"]
        assert set(wanted["key"]) <= set(SCOPES)
        assert {"401", "403"} <= operation["responses"].keys()
        body = example(operation)
        based = "If-Match" in headers_of(operation)
        answer = ask(method, at(path, there), None if body is None else true_here(body, ask))
        assert (answer.status_code == 428) == based, (method, path, answer.text)
        assert ("428" in operation["responses"]) == based


def _resource(changes) -> dict[str, Any]:
    return example(changes["PUT", "/resources/{kind}/{resource_id}"])


def test_what_creates_is_done_once(document):
    """Whatever is asked with POST takes an Idempotency-Key, or is known to create nothing."""
    posted = {path: item["post"] for path, item in document["paths"].items() if "post" in item}
    without = {path for path, operation in posted.items() if "Idempotency-Key" not in headers_of(operation)}
    assert without == CREATE_NOTHING
    assert len(posted) > len(without) + 5


@SQLITE
def test_filling_creates_nothing(ask, estate):
    """A template that is filled twice with one Idempotency-Key is filled twice, and nothing is remembered of it."""
    said = []
    for name in ("Sam", "Alex"):
        values = {"values": {"interviewer_name": name}}
        answer = ask("POST", "/templates/thank-you/fill", values, Idempotency_Key="fill-1")
        assert answer.status_code == 200, answer.text
        assert "Idempotent-Replayed" not in answer.headers
        said.append(answer.text)
    assert "Sam" in said[0]
    assert "Alex" in said[1]
    assert rows(estate.database) == []


def test_lists_are_walked_to_their_end(ask, estate, document):
    """Every managed list, entry by entry, has each entry once, in the order of the whole list."""
    _two_of_each(ask, estate)
    lists = [
        at(path, {"{name}": "live"})
        for method, path, operation in operations(document)
        if method == "GET" and "cursor" in {each["name"] for each in operation.get("parameters", [])}
    ]
    assert len(lists) >= 10
    for path in [*lists, "/audit?order=newest"]:
        joined = "&" if "?" in path else "?"
        whole = ask("GET", f"{path}{joined}limit=100")
        expected = [_what(each) for each in whole.json["items"]]
        assert len(expected) >= 2, path
        assert "Link" not in whole.headers
        walked, following = [], f"{path}{joined}limit=1"
        while following and len(walked) <= len(expected):
            page = ask("GET", following)
            assert page.status_code == 200, (following, page.text)
            walked += [_what(each) for each in page.json["items"]]
            following = page.headers.get("Link", "").partition("<")[2].partition(">")[0].removeprefix(ORG)
        assert walked == expected, path


def _what(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry without what may change at any moment."""
    return {name: value for name, value in entry.items() if name != "last_used_on"}


def _two_of_each(ask, estate) -> None:
    """Two of everything there is a list of, and an audit of more."""
    first = ask("GET", "/channels/live").json["edition"]
    for field in ("title", "summary"):
        part = {
            "op": "replace",
            "target": "example:module/first-hour",
            "locale": "en-GB",
            "field": field,
            "text": "Ours",
        }
        _made(ask("POST", "/overlay", part, match="*"))
    for number in (1, 2):
        own = {"kind": "module", "id": f"own-{number}", "source": {"en-GB": module("Own")}}
        _made(ask("PUT", f"/resources/modules/own-{number}", own, If_None_Match="*"))
        _made(ask("POST", "/keys", {"kind": "pub", "name": f"Page {number}"}))
        _made(ask("POST", "/schedules", {"local_time": f"2027-0{number}-01T09:00"}, match="*"))
        _made(ask("POST", "/hostnames", {"name": f"coach{number}.northbridge.example"}))
    _made(ask("PUT", "/channels/autumn", {"edition": first}, If_None_Match="*"))
    published = ask("POST", "/editions", {}, match="*")
    assert published.status_code in {200, 201}, published.text
    estate.publish(
        **{
            "pack.yaml": replacing("version: 1.0.0", "version: 1.1.0"),
            "modules/first-hour.md": lambda text: re.sub(r"(?m)^(title|summary): .*$", r"\1: Newer.", text, count=2),
        }
    )
    eventually(lambda: len(ask("GET", "/merges").json["items"]) == 2)


def _made(answer) -> None:
    assert answer.status_code == 201, answer.text
