"""The document, the browsable reference, and the pages that people open."""

import html
import json
import re
from html.parser import HTMLParser
from urllib.parse import urljoin

import flask
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from coachkit.api import pages, problems, reference
from coachkit.api.smorest import Api, Blueprint

PAGES = ["/", "/docs", "/problems", *(f"/problems/{slug}" for slug in problems.PROBLEMS)]


def things(name, path):
    blp = Blueprint(name, name, url_prefix="/v1")

    @blp.get(path)
    @blp.response(200)
    def show():
        """One of them."""
        return {}

    return blp


def client(order=("a", "b")):
    app = flask.Flask("reference")
    api = Api(app)
    for name in order:
        api.register_blueprint(things(name, f"/{name}"))
    app.register_blueprint(reference.blueprint(api))
    app.register_blueprint(pages.blueprint())
    return app.test_client()


class Page(HTMLParser):
    """What a page has in it: its elements with their attributes, and whether it opens and closes them evenly."""

    VOID = frozenset({"meta", "link", "br", "img"})

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.scripts = [], [], ""
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts += data

    @property
    def addresses(self):
        return [
            value for _, attributes in self.elements for name, value in attributes.items() if name in {"href", "src"}
        ]


def test_the_document_is_openapi_3_1():
    """The document is served as JSON and a third party's validator accepts it as OpenAPI 3.1."""
    answer = client().get("/openapi.json")
    assert answer.content_type == "application/json"
    assert list(OpenAPIV31SpecValidator(answer.get_json()).iter_errors()) == []
    assert set(answer.get_json()["paths"]) == {"/v1/a", "/v1/b"}


def test_the_documents_keys_are_sorted():
    """Objects are written in the order of their keys, so the same API gives the same bytes."""
    first, second = client().get("/openapi.json"), client().get("/openapi.json")
    assert first.data == second.data
    assert list(first.get_json()) == sorted(first.get_json())
    assert json.dumps(first.get_json()["paths"]) == json.dumps(
        client(("b", "a")).get("/openapi.json").get_json()["paths"]
    )


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/docs/start.js", "/docs/swagger-ui.css"])
def test_what_has_not_changed_is_not_sent_again(path):
    """The ETag is strong and answers a conditional request with 304 and no body."""
    browser = client()
    with browser.get(path) as first:
        etag = first.headers["ETag"]
    assert re.fullmatch('"[^"]+"', etag)
    with browser.get(path, headers={"If-None-Match": etag}) as again:
        assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_whole_and_say_their_language(path):
    """Each page is well nested HTML in English with a title, one first heading at most, and a main part."""
    page = Page(client().get(path).text)
    tags = [tag for tag, _ in page.elements]
    assert page.elements[0] == ("html", {"lang": "en"})
    assert tags.count("title") == tags.count("main") == 1
    assert tags.count("h1") == (path != "/docs")


@pytest.mark.parametrize("path", PAGES)
def test_titles_say_what_a_page_is_and_whose(path):
    """Each page has a title of its own that names CoachKit once."""
    titles = {each: re.search("<title>(.*)</title>", client().get(each).text)[1] for each in PAGES}
    assert titles[path].count("CoachKit") == 1
    assert list(titles.values()).count(titles[path]) == 1


@pytest.mark.parametrize("path", PAGES)
def test_pages_take_nothing_from_elsewhere(path):
    """No page has a script in it, names another host, or may be framed; its policy forbids what it does not have."""
    answer = client().get(path)
    page = Page(answer.text)
    policy = answer.headers["Content-Security-Policy"]
    assert page.scripts == ""
    assert not any(re.match("[a-z]+:|//", address) for address in page.addresses)
    assert not any(name.startswith("on") or name == "style" for _, names in page.elements for name in names)
    assert "frame-ancestors 'none'" in policy
    assert not re.search(r"https?:|unsafe|\*", policy)


@pytest.mark.parametrize("path", PAGES)
def test_every_link_leads_somewhere(path):
    """Whatever a page links to or loads is served, under any path that the application is mounted on."""
    browser = client()
    base = f"http://localhost{path}"
    for address in Page(browser.get(path).text).addresses:
        with browser.get(urljoin(base, address)) as answer:
            assert answer.status_code == 200, address
        assert not address.startswith("/")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("swagger-ui-bundle.js", "text/javascript"),
        ("swagger-ui.css", "text/css"),
        ("favicon-32x32.png", "image/png"),
        ("start.js", "text/javascript"),
    ],
)
def test_assets_are_served_by_us_with_their_type(name, kind):
    """The reference's assets come from here, with the type that nosniff asks for."""
    with client().get(f"/docs/{name}") as answer:
        assert answer.status_code == 200
        assert answer.content_type.split(";")[0] == kind
        assert len(answer.data) > 100


@pytest.mark.parametrize("name", ["index.html", "VERSION", "swagger-ui.js", "..%2f__init__.py", "%2e%2e", "LICENSE"])
def test_no_other_file_is_served(name):
    """Only the named assets are served, and nothing beside them."""
    assert client().get(f"/docs/{name}").status_code == 404


def test_the_assets_read_openapi_3_1():
    """The Swagger UI that is installed is of the line that knows OpenAPI 3.1."""
    with client().get("/docs/swagger-ui-bundle.js") as answer:
        assert b"https://spec.openapis.org/oas/3.1/dialect/base" in answer.data


def test_the_reference_asks_no_other_host():
    """The script that starts the reference turns the outside validator off and names no host."""
    script = client().get("/docs/start.js").text
    assert "validatorUrl: null" in script
    assert "//" not in script


@pytest.mark.parametrize("slug", sorted(problems.PROBLEMS))
def test_every_problem_has_its_page(slug):
    """The type of a problem is the address of a page that says its title, status and meaning."""
    text = html.unescape(client().get(f"/problems/{slug}").text)
    problem = problems.PROBLEMS[slug]
    assert problem.title in text
    assert str(problem.status) in text


def test_a_problem_that_is_not_listed_has_no_page():
    """The list is closed."""
    assert client().get("/problems/nonsense").status_code == 404


@pytest.mark.parametrize("code", sorted(problems.CODES))
def test_every_code_is_on_the_index(code):
    """Each error code is on the page /problems, at an anchor of its own."""
    assert ("dt", {"id": f"code-{code}"}) in Page(client().get("/problems").text).elements
