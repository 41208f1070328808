"""What a route answers plainly, in the fast lane, is what Flask answers: the same status, headers and bytes."""

from functools import partial

import flask
import pytest
from addresses import RESOURCES, addresses
from appmaker import services_of
from werkzeug.test import Client

from coachkit.api import answers
from coachkit.api.fastlane import Fastlane
from coachkit.cache.store import MemoryStore
from coachkit.packs.model import FOLDERS


class Lanes:
    """Two lanes over one app, neither of which keeps anything: one as it is, and one in which Flask answers all."""

    def __init__(self, app):
        self.parts = services_of(app)
        self.plainly = 0
        self.flask = partial(flask.Flask.wsgi_app, app)
        self.plain = self._lane(self._plainly)
        self.through_flask = self._lane(lambda *_: None)

    def _lane(self, plainly):
        return Client(
            Fastlane(self.flask, self.parts.routes, self.parts.reader, MemoryStore(0), self.parts.gate, plainly=plainly)
        )

    def _plainly(self, *asked):
        answered = answers.plainly(self.parts, *asked)
        self.plainly += answered is not None
        return answered


@pytest.fixture(scope="module")
def lanes(portal):
    return Lanes(portal.app())


def whole(response):
    return response.status, sorted(response.headers.items()), response.data


def test_the_same_bytes_and_headers(lanes, portal):
    """At every address, in every format and language: the same answer plainly and through Flask, and the same 304."""
    edition = lanes.parts.reader.live("northbridge").digest
    paths = addresses("northbridge", edition)
    for path in paths:
        answer = lanes.plain.get(path)
        assert whole(answer) == whole(lanes.through_flask.get(path)), path
        asked = {"If-None-Match": answer.headers["ETag"]}
        assert whole(lanes.plain.get(path, headers=asked)) == whole(lanes.through_flask.get(path, headers=asked)), path
    assert lanes.plainly > len(paths)


@pytest.mark.parametrize(
    "path", ["modules/nothing", "modules/first-hour?format=nothing", "modules/first-hour?locale=de"]
)
def test_refusals_are_flasks(lanes, path):
    """What cannot be answered is refused by Flask, in the same words."""
    plain, flasks = (lane.get(f"/v1/orgs/northbridge/{path}") for lane in (lanes.plain, lanes.through_flask))
    assert plain.status_code in {400, 404}
    assert whole(plain) == whole(flasks)


@pytest.mark.parametrize("folder", FOLDERS.values())
def test_documents_are_answered_plainly(lanes, folder):
    """A document of each kind of which nothing more was asked does not enter Flask; chosen fields do."""
    name = RESOURCES[folder][0]
    before = lanes.plainly
    assert lanes.plain.get(f"/v1/orgs/northbridge/{folder}/{name}").status_code == 200
    assert lanes.plainly == before + 1
    assert lanes.plain.get(f"/v1/orgs/northbridge/{folder}/{name}?fields=id").status_code == 200
    assert lanes.plainly == before + 1
