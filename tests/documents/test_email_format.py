"""Documents as e-mail: whole pages that hold in any inbox, look like their organisation and tell nobody anything."""

import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from compiling import clean
from documentmaker import BASE, HOSTILE, checklist, contact, everything, module
from hypothesis import given
from hypothesis import strategies as st

from coachkit.documents.colours import GROUND, dark, lightened
from coachkit.documents.email_format import EMAIL, LIMIT, NAMED, render
from coachkit.documents.fill import Surroundings, Value, html
from coachkit.editions.contrast import DEFAULTS, ratio
from coachkit.hooks.types import Brand
from coachkit.packs.values import problem_with

VOID = {"br", "hr", "img", "meta"}
LAYOUT = {"html", "head", "body", "meta", "title", "style", "tbody", "thead", "tr", "td", "th", "table", "div"}
TEXTS = {"h1", "h2", "h3", "h4", "p", "ul", "ol", "li", "a", "strong", "em", "span", "br", "img", "blockquote", "code"}
OWN = "https://coaching.northbridge.example/v1/orgs/northbridge/"
LARGE = 18.66
"""CSS pixels from which bold text is large (WCAG 2.2: 14 points)."""
colours = st.builds("#{:02x}{:02x}{:02x}".format, *[st.integers(0, 255)] * 3)


class Page(HTMLParser):
    """A page's elements in order with their attributes, and the text, the language and the styles around each text."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.texts, self.comments, self.css, self.title, self._open = [], [], [], "", "", []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        assert len(attributes) == len(attrs)
        self.elements.append((tag, attributes))
        if tag not in VOID:
            self._open.append((tag, attributes))

    def handle_endtag(self, tag):
        assert self._open.pop()[0] == tag

    def handle_data(self, data):
        tags = [tag for tag, _ in self._open]
        if "style" in tags:
            self.css += data
        elif "title" in tags:
            self.title += data
        elif data.strip():
            self.texts.append((data, self._around("lang"), self._styles()))

    def handle_comment(self, data):
        self.comments.append(data)

    def _around(self, name):
        return next((attrs[name] for _, attrs in reversed(self._open) if name in attrs), None)

    def _styles(self):
        found = {}
        for tag, attrs in self._open:
            declared = dict(each.split(":", 1) for each in attrs.get("style", "").split(";") if each)
            found |= {name: value.strip() for name, value in declared.items()}
            found["large"] = "bold" in found.get("font-weight", "") and float(found["font-size"][:-2]) >= LARGE
            found["tag"] = tag
        return found

    def all(self, tag):
        return [attributes for each, attributes in self.elements if each == tag]

    @property
    def text(self):
        return "".join(text for text, _, _ in self.texts)


def page(document):
    return Page(render(document).decode())


def pages(client):
    """Every document of both organisations with its e-mail."""
    for organisation, locales in (("northbridge", ("en-GB", "cy")), ("harbour", ("en-GB",))):
        for document, text in everything(client, organisation, locales, "email"):
            yield document, text, Page(text)


@pytest.fixture(scope="module")
def all_pages(reader):
    return list(pages(reader))


def test_what_it_is():
    """E-mail is `text/html`, for all kinds, and comes only by its name."""
    assert (EMAIL.name, EMAIL.media_type, EMAIL.negotiable, len(EMAIL.kinds)) == ("email", "text/html", False, 5)


def test_a_whole_page(all_pages):
    """It has a doctype, a language, an encoding and a title, and says that it knows of dark."""
    for document, text, found in all_pages:
        assert text.startswith("<!DOCTYPE html>")
        assert text.index('<meta charset="utf-8">') < 100
        assert found.all("html") == [{"lang": document["locale"]}]
        assert found.title.startswith(f"{document['title']} \u2013 ")
        metas = {each.get("name"): each.get("content") for each in found.all("meta")}
        assert metas["color-scheme"] == metas["supported-color-schemes"] == "light dark"
        assert metas["viewport"] == "width=device-width, initial-scale=1"


def test_nothing_runs_and_nothing_is_fetched(all_pages):
    """No element but of texts and tables, no handler, no style sheet from elsewhere, nothing loaded by a style."""
    for _, _, found in all_pages:
        assert {tag for tag, _ in found.elements} <= LAYOUT | TEXTS
        names = {name for _, attributes in found.elements for name in attributes}
        assert not [name for name in names if name.startswith("on") or name in {"background", "srcset", "http-equiv"}]
        styles = found.css + "".join(each.get("style", "") for _, each in found.elements)
        assert not re.search(r"url\(|@import|expression|position", styles)
        assert all("<" not in each or "mso" in each for each in found.comments)


def test_pictures(all_pages):
    """Every picture has words in its stead and is the organisation's logo or from its own address; none is a pixel."""
    for _, _, found in all_pages:
        for each in found.all("img"):
            assert each["alt"]
            assert each["src"].startswith((f"{OWN}images/", "https://careers.northbridge.example/"))
            assert each.get("height") not in {"0", "1"}


def test_addresses(all_pages):
    """Every link has a whole address that is the same for every reader, and what a document points at is linked."""
    for document, _, found in all_pages:
        links = [each["href"] for each in found.all("a")]
        assert [each for each in links if not each.startswith(("https://", "mailto:", "tel:"))] == []
        own = [each for each in links if each.startswith("https://coaching.northbridge.example/")]
        shape = r"https://[^/]+/v1/orgs/[a-z]+/[a-z]+/[a-z0-9-]+\?format=email&locale=(en-GB|cy)(#[a-z0-9-]+)?"
        assert [each for each in own if not re.fullmatch(shape, each)] == []
        assert {each["title"] for each in document["related"]} <= {
            text for text, _, around in found.texts if around["tag"] == "a"
        }


def test_layout_tables_say_so(all_pages):
    """A table is layout and says so, or holds an author's data and has headings that say what they head."""
    for document, text, found in all_pages:
        layout = [each for each in found.all("table") if each.get("role") == "presentation"]
        assert len(layout) == 2
        assert all({"width", "cellpadding", "cellspacing"} <= set(each) for each in layout)
        data = sum(section.get("html", "").count("<table") for section in document.get("sections", []))
        assert len(found.all("table")) == len(layout) + data
        assert all(each["scope"] in {"col", "row"} for each in found.all("th"))
        assert "max-width:600px" in text


def test_one_main_heading(all_pages):
    """The title is the one first heading, and no level is skipped on the way down."""
    for document, _, found in all_pages:
        levels = [int(tag[1]) for tag, _ in found.elements if re.fullmatch("h[1-6]", tag)]
        assert levels.count(1) == 1
        assert levels[0] == 1
        assert all(after - before <= 1 for before, after in pairwise(levels))
        titles = [text for text, _, around in found.texts if around["tag"] == "h2"]
        assert [each["title"] for each in document.get("sections", [])] == titles[: len(document.get("sections", []))]


def test_styles_are_inlined(all_pages):
    """Every text has its font, size, colour and ground from attributes; what is left of a sheet is for dark alone."""
    for _, _, found in all_pages:
        assert found.css.strip().startswith("@media (prefers-color-scheme: dark) {")
        assert found.css.count("@media") == 1
        for _, _, around in found.texts:
            assert {"font-family", "font-size", "color", "background-color"} <= set(around)


def test_contrast(all_pages):
    """Every text can be read on its ground (WCAG AA), also where a mail program turns all colours about."""
    for _, _, found in all_pages:
        for text, _, around in found.texts:
            colour, ground = around["color"], around["background-color"]
            least = 3.0 if around["large"] else 4.5
            assert ratio(colour, ground) >= least, text
            assert ratio(_turned(colour), _turned(ground)) >= least, text


def _turned(colour):
    return "#" + "".join(f"{255 - int(colour[at : at + 2], 16):02x}" for at in (1, 3, 5))


@given(st.fixed_dictionaries(dict.fromkeys(DEFAULTS, colours)))
def test_dark(brand):
    """Whatever colours a brand has, on dark ground text, links, headings and borders can be read (WCAG AA)."""
    made = dark(brand)
    if made == brand:
        assert ratio(brand["background"], "#ffffff") > ratio(brand["background"], "#000000")
        return
    for role, least in {"text": 4.5, "link": 4.5, "heading": 4.5, "control": 3.0}.items():
        assert ratio(made[role], made["background"]) >= least


@given(colours)
def test_lightened_as_little_as_need_be(colour):
    """A colour that can be read on dark already stays as it is."""
    assert (lightened(colour, GROUND, 4.5) == colour) == (ratio(colour, GROUND) >= 4.5)


def test_languages(all_pages):
    """Each passage has its own language around it: the document's, or that from which it came."""
    for document, _, found in all_pages:
        languages = {text: language for text, language, _ in found.texts}
        for section in document.get("sections", []):
            locale = section.get(
                "locale", document["fallback"].get(f"sections/{section['id']}/title", document["locale"])
            )
            assert languages[section["title"]] == locale
        for step in document.get("steps", []):
            locale = document["fallback"].get(f"steps/{step['id']}/title", document["locale"])
            assert languages[step["title"]] == locale
        assert {language for _, language, _ in found.texts} <= {"en-GB", "cy"}


def test_size(all_pages):
    """Every document of the library is whole, well below the size at which mail programs cut."""
    for document, text, found in all_pages:
        assert len(text.encode()) < LIMIT == 60_000
        assert "There is more than fits" not in found.text
        assert all(each["title"] in found.text for each in document.get("sections", []))


def words_of(count):
    return "".join(f"<p>{'advice ' * 50}</p>\n" for _ in range(count // 50))


def test_a_long_module_is_whole():
    """A module of 1,100 words in many short paragraphs is there whole."""
    sections = [(f"Part {at}", "<p>Ten words of advice that fit into a line.</p>" * 11, "") for at in range(10)]
    made = render(module(*sections))
    assert len(made) < LIMIT
    assert made.count(b"Ten words") == 110


@pytest.mark.parametrize("size", [500, 2_000, 12_000])
def test_what_does_not_fit(size):
    """A longer one keeps its contacts and its first parts whole, names the others and leads to all of it."""
    sections = [(f"Part {at}", words_of(size), "") for at in range(24)]
    related = [{"kind": "module", "id": "other", "title": "Another"}]
    made = render(module(*sections, support=[contact()], related=related))
    assert len(made) <= LIMIT
    found = Page(made.decode())
    whole = [text for text, _, around in found.texts if around["tag"] == "h2"]
    kept = [text for text in whole if text.startswith("Part")]
    assert kept == [f"Part {at}" for at in range(len(kept))]
    assert found.text.count("advice") == len(kept) * (size // 50) * 50
    assert "Samaritans" in found.text
    named = [text for text, _, around in found.texts if around["tag"] == "li" and text.startswith("Part")]
    assert named == [f"Part {at}" for at in range(len(kept), 24)][:NAMED]
    href = f"{BASE}/v1/orgs/riverside/modules/asking-why?format=html&locale=en-GB"
    assert [each["href"] for each in found.all("a")][-1] == href


def test_what_does_not_fit_at_all():
    """One whose only part is too long is its title, its summary and the way to the whole."""
    made = render(module(("All", words_of(100_000), ""), summary="What it is."))
    assert len(made) < LIMIT
    assert b"What it is." in made
    assert b"Read all of it on the web" in made


def test_long_names_of_what_does_not_fit():
    """Parts that did not fit are named as far as there is room, however long their names are."""
    made = render(module(*[("R&D " * 1_000, words_of(2_000), "") for _ in range(30)]))
    assert len(made) < LIMIT
    assert b"Read all of it on the web" in made


def test_what_does_not_fit_without_a_public_address():
    """Where there is no address to lead to, it says whom to ask."""
    made = page(module(("All", words_of(100_000), ""), base=None))
    assert "Ask Riverside College for the rest: careers@riverside.example" in made.text
    assert [each["href"] for each in made.all("a")] == ["mailto:careers@riverside.example"]
    nobody = page(module(("All", words_of(100_000), ""), base=None, brand=Brand("Riverside", DEFAULTS)))
    assert "Ask Riverside for the rest" in nobody.text
    assert nobody.all("a") == []


def test_more_is_left_out_before_too_much_is_said():
    """However much a document points at, the e-mail keeps to its size."""
    related = [{"kind": "module", "id": f"other-{at}", "title": "Words " * 33} for at in range(2_000)]
    people = [contact("Somebody " * 50) for _ in range(300)]
    assert len(render(module(("One", "<p>Text</p>", ""), related=related))) < LIMIT
    assert len(render(module(("One", "<p>Text</p>", ""), support=people))) < LIMIT


def test_without_a_public_address(nowhere):
    """Where the installation does not know its address, other resources are named and no dead link is made."""
    for document, text, found in pages(nowhere):
        assert "/v1/" not in text
        assert [each for each in found.all("a") if each["href"].startswith(("/", "#"))] == []
        assert all(each["title"] in found.text for each in document["related"])


def test_links_that_lead_nowhere_are_words():
    """In an author's text too: the words stay, with what is in them."""
    html = '<p>See <a href="/v1/x?a=1&amp;b" rel="noopener">the <em>other</em></a>, <a title="a > b" href="#">this</a>.'
    made = page(module(("One", f"{html}</p>", ""), base=None))
    assert "See the other, this." in made.text
    assert made.all("em") == [{}]
    assert made.all("a") == []


@pytest.mark.parametrize(
    ("source", "shown"), [(f"{BASE}/i/a.png", True), (f"{BASE}/i/a.svg", False), ("/i/a.png", False)]
)
def test_pictures_that_would_not_show_are_words(source, shown):
    """A picture without a whole address, or of a kind that mail programs leave out, is what it shows in words."""
    made = page(module(("One", f'<p><img src="{source}" alt="A &lt;calm&gt; circle"></p>', "")))
    assert [each["alt"] for each in made.all("img")] == (["A <calm> circle"] if shown else [])
    assert ("[Picture: A <calm> circle]" in made.text) == (not shown)


def test_brand():
    """It has the organisation's name, colours and fonts, and the logo with its words."""
    colours = {**DEFAULTS, "background": "#fffaf0", "text": "#101010", "heading": "#003300", "link": "#550055"}
    fonts = {"body_font": "Open Sans, serif", "heading_font": "Georgia"}
    logo = {"logo": "https://riverside.example/logo.png", "logo_alt": "A river"}
    html = '<p>Text, <a href="https://a.example">linked</a></p>'
    made = page(module(("One", html, ""), brand=Brand("Riverside <College>", colours, **fonts, **logo)))
    by_tag = {around["tag"]: around for _, _, around in made.texts}
    assert (by_tag["p"]["color"], by_tag["p"]["background-color"]) == ("#101010", "#fffaf0")
    assert (by_tag["h1"]["color"], by_tag["a"]["color"]) == ("#003300", "#550055")
    assert by_tag["p"]["font-family"] == "'Open Sans', serif"
    assert by_tag["h1"]["font-family"] == "'Georgia', Arial, sans-serif"
    assert [(each["src"], each["alt"]) for each in made.all("img")] == [(logo["logo"], "A river")]
    assert made.title == "Asking why \u2013 Riverside <College>"
    assert made.text.count("Riverside <College>") == 1


@pytest.mark.parametrize("logo", [None, "https://riverside.example/logo.svg", "https://riverside.example/LOGO.SVG?v=2"])
def test_name_for_a_logo(logo):
    """Without a logo, and for one that most mail programs leave out, the name stands in its place."""
    made = page(module(brand=Brand("Riverside", DEFAULTS, logo=logo, logo_alt="A river")))
    assert made.all("img") == []
    assert made.texts[0][0] == "Riverside"


@pytest.mark.parametrize("fonts", ["'", "a'; color: red", "Arial'", "</style><script>", ",,,", "", "a\\", "/*"])
def test_fonts_cannot_change_the_style(fonts):
    """Whatever a list of fonts holds, the texts have their colours and sizes, and a font that every machine has."""
    made = page(module(brand=Brand("Riverside", DEFAULTS, body_font=fonts)))
    assert made.all("script") == []
    for _, _, around in made.texts:
        assert around["color"] in DEFAULTS.values()
        assert around["font-family"].endswith("Arial, sans-serif")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words(text):
    """Names of organisations and resources, titles, items and contacts read as the words they are."""

    def written(said):
        brand = Brand(said, DEFAULTS, logo="https://riverside.example/logo.png", logo_alt=said)
        related = [{"kind": "module", "id": "other", "title": said}]
        return page(
            module(
                (said, "<p>Text.</p>", ""),
                title=said,
                summary=said,
                related=related,
                support=[contact(said)],
                brand=brand,
            )
        )

    made, plain = written(text), written("W")
    assert [tag for tag, _ in made.elements] == [tag for tag, _ in plain.elements]
    assert [set(attributes) for _, attributes in made.elements] == [set(attributes) for _, attributes in plain.elements]
    assert made.text.count(text) == 6
    assert made.title == f"{text} \u2013 {text}"
    assert page(checklist(text, text)).text.count(text) == 2


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp", "Zs"]), min_size=1, max_size=40))
def test_any_words(text):
    """Whatever a title says, it is that text, and the page is as any other."""
    made = page(module(title=text))
    assert [said for said, _, around in made.texts if around["tag"] == "h1"] == [text]
    assert [tag for tag, _ in made.elements] == [tag for tag, _ in page(module(title="W")).elements]


SOURCE = clean("Dear {{name}}, **{{name}}**, [for {{name}}](https://a.example), [ring]({{tel}}).\n\n- {{name}}\n").html


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=40).filter(lambda v: problem_with(v, "text") is None))
def test_any_value(value):
    """Whatever an organisation or a reader fills in, it is text, and the elements and addresses are as with a word."""

    def written(name):
        around = Surroundings("riverside", ("module", "x"), "en-GB", {"name": name, "tel": Value("116 123", "phone")})
        return page(module(("One", html(SOURCE, around), "")))

    made, plain = written(Value(value)), written(Value("WORD"))
    assert made.elements == plain.elements
    assert " ".join(made.text.split()) == " ".join(plain.text.replace("WORD", value).split())


def test_older_mail_programs():
    """Boxes are elements that every mail program styles, and the older ones are held to the width too."""
    made = page(module(("One", '<aside class="ck-box"><p>Tip</p></aside>', "")))
    (box,) = [each for each in made.all("div") if each.get("class") == "ck-box"]
    assert "border-left" in box["style"]
    assert made.comments[0].startswith('[if mso]><table role="presentation" width="600"')
    assert made.comments[1] == "[if mso]></td></tr></table><![endif]"


def test_notices(reader):
    """Drafts, fallbacks and contacts that nobody has verified say so, each in the reader's language."""
    first = Page(reader.get("/v1/orgs/northbridge/modules/first-hour?format=email&locale=cy").text)
    assert "Drafft yw\u2019r cyfieithiad hwn" in first.text
    assert "(heb ei wirio: gwiriwch cyn dibynnu arno)" in [
        text for text, _, around in first.texts if around["tag"] == "strong"
    ]
    week = Page(reader.get("/v1/orgs/northbridge/pathways/first-week?format=email&locale=cy").text)
    assert "Iaith y rhannau hynny: Saesneg." in week.text


def test_nothing_about_a_reader(reader):
    """It is the same for everybody: nothing of the request is in it."""
    path = "/v1/orgs/northbridge/modules/first-hour?format=email&locale=en-GB"
    headers = {
        "Host": "evil.example",
        "X-Forwarded-Host": "evil.example",
        "Referer": "https://x.example",
        "Cookie": "a=b",
    }
    made = [reader.get(path).data, reader.get(path, headers=headers).data]
    assert made[0] == made[1]
    assert b"evil.example" not in made[1]


def test_a_document_without_its_brand():
    """An e-mail is not made without a brand."""
    with pytest.raises(ValueError, match="brand"):
        render(module(brand=None))
