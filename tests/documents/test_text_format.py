"""Documents as plain text: the words of the page in their order, addresses that hold, and no marks but of lists."""

import re

import pytest
from compiling import clean
from documentmaker import BASE, HOSTILE, checklist, contact, everything, module
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from coachkit.documents.fill import Surroundings, Value, html
from coachkit.documents.plain import Linker, plain_text
from coachkit.documents.text_format import TEXT, render
from coachkit.packs.values import problem_with

LINKER = Linker(f"{BASE}/v1/orgs/riverside/modules/asking-why", "Picture: {alt}")
words = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp", "Zs"]), min_size=1, max_size=60)


def text_of(document):
    return render(document).decode()


def test_what_it_is():
    """Text is `text/plain`, for all kinds, and Accept may ask for it."""
    assert (TEXT.name, TEXT.media_type, TEXT.negotiable, len(TEXT.kinds)) == ("text", "text/plain", True, 5)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One\nline</p>\n<p>Two</p>", "One line\n\nTwo"),
        ("<p>Sam<br>\nPrice</p>", "Sam\nPrice"),
        ("<p>a <em>b</em> <strong>c</strong> <code>d</code></p>", "a b c d"),
        ("<h3>Small</h3><p>Text</p>", "Small\n\nText"),
        ("<ul>\n<li>One</li>\n<li>Two</li>\n</ul>", "- One\n- Two"),
        ('<ol start="3"><li>One</li><li>Two</li></ol>', "3. One\n4. Two"),
        (
            "<ul><li>One<ul><li>Inner</li></ul></li><li><p>Two</p><p>More</p></li></ul>",
            "- One\n  - Inner\n- Two\n  More",
        ),
        ("<blockquote><p>Said</p></blockquote>", "  Said"),
        (
            "<aside><p><strong>Tip: Tea</strong></p><p>Kettle</p><p>On</p></aside><p>After</p>",
            "Tip: Tea\n\n  Kettle\n\n  On\n\nAfter",
        ),
        ("<pre><code>a\n  b\n</code></pre>", "a\n  b"),
        ("<p>a</p><hr><p>b</p>", "a\n\nb"),
        ("<div>Loose <p>set</p> again</div>", "Loose\n\nset\n\nagain"),
        ('<p><img src="/x.png" alt="A calm circle"></p>', "[Picture: A calm circle]"),
        ("<p>&lt;b&gt; &amp; 5 &gt; 3</p>", "<b> & 5 > 3"),
    ],
)
def test_html_as_text(html, text):
    """Each element as plain text: a paragraph on one line, lists by marks, what is set apart set in."""
    assert plain_text(html, LINKER) == text


def test_tables():
    """A row of a table is one line, each cell after its column's heading, so that it can be heard."""
    head = '<thead><tr><th scope="col">When</th><th scope="col">Why?</th><th></th></tr></thead>'
    rows = "<tr><td>Same day</td><td>Fresh<br>still</td><td>x</td></tr><tr><td></td><td></td><td></td></tr>"
    assert plain_text(f"<table>{head}<tbody>{rows}</tbody></table>", LINKER) == "- When: Same day; Why? Fresh still; x"
    assert plain_text("<table><tr><td>a</td><td>b</td></tr></table>", LINKER) == "- a; b"


@pytest.mark.parametrize(
    ("href", "words", "text"),
    [
        ("https://a.example/x?b=c&amp;d", "Words", "Words (https://a.example/x?b=c&d)"),
        ("https://a.example", "https://a.example", "https://a.example"),
        ("mailto:a+b@a.example", "Write", "Write (a+b@a.example)"),
        ("mailto:a%27b@a.example", "a'b@a.example", "a'b@a.example"),
        ("tel:+4429201800", "Ring", "Ring (+4429201800)"),
        ("tel:116123", "116 123", "116 123"),
        ("#feel", "back", "back"),
        ("/v1/orgs/riverside/modules/other?format=html", "Other", "Other"),
        (f"{BASE}/v1/orgs/riverside/modules/asking-why?format=email&amp;locale=en-GB#s1", "back", "back"),
    ],
)
def test_links(href, words, text):
    """A link is its words and then its address, unless that holds nowhere, is this text, or has been said."""
    assert plain_text(f'<p><a href="{href}" rel="noopener">{words}</a></p>', LINKER) == text


@given(words)
def test_any_words(text):
    """Whatever a text says it says as plain text too."""
    assert plain_text(f"<p>{escape(text)}</p>", LINKER) == text


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=40).filter(lambda v: problem_with(v, "text") is None))
def test_any_value(value):
    """Whatever an organisation or a reader fills in stands on its own line as it is, but for its white space."""
    source = clean("Dear {{name}},\n\n- {{name}}\n\n**{{name}}**.").html
    around = Surroundings("riverside", ("module", "x"), "en-GB", {"name": Value(value)})
    lines = plain_text(html(source, around), LINKER).split("\n\n")
    assert lines == [
        re.sub(r"[ \t\r\n]+", " ", each).strip(" ") for each in (f"Dear {value},", f"- {value}", f"{value}.")
    ]


def test_deep_nesting():
    """However deep a plugin's box nests, its text is there, and the order is right."""
    assert plain_text("<div>" * 5_000 + "in" + "</div>" * 5_000 + "<p>out</p>", LINKER) == "in\n\nout"


def test_the_library(reader):
    """Every document says its title first, then all its sections in their order, with blank lines between its parts."""
    for document, text in everything(reader, "northbridge", ("en-GB", "cy"), "text"):
        assert text.startswith(f"{document['title']}\n\n{document['summary']}\n")
        titles = [each["title"] for each in document.get("sections", [])]
        found = [part.split("\n")[0] for part in text.split("\n\n\n")]
        assert [each for each in found if each in titles] == titles
        assert "\n\n\n\n" not in text
        assert not any(line != line.rstrip() for line in text.split("\n"))


def test_no_marks(reader):
    """Nothing of Markdown or HTML is left, in any document."""
    marks = re.compile(r"\*\*|\]\(|^#|^>|</?[a-z]+[ >]|&[a-z]+;|\\[*_.\[]|\|", re.MULTILINE)
    for _, text in everything(reader, "northbridge", ("en-GB", "cy"), "text"):
        assert marks.findall(text) == []


def test_addresses_hold_anywhere(reader):
    """With a public address every address is whole; what a document points at is there with its own."""
    for document, text in everything(reader, "northbridge", ("en-GB", "cy"), "text"):
        assert not re.search(r"[( ]/v1/", text)
        for each in document["related"]:
            path = f"/v1/orgs/northbridge/{each['kind']}s/{each['id']}?format=email&locale={document['locale']}"
            assert f"- {each['title']} (https://coaching.northbridge.example{path})" in text


def test_without_a_public_address(nowhere):
    """Where the installation does not know its address, other resources are named and no dead address is given."""
    for document, text in everything(nowhere, "northbridge", ("en-GB", "cy"), "text"):
        assert "/v1/" not in text
        assert all(f"- {each['title']}\n" in text for each in document["related"])


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words(text):
    """Titles, summaries, items, contacts and names of other resources stand as the words they are."""
    related = [{"kind": "module", "id": "other", "title": text}]
    made = module((text, "<p>Text.</p>", ""), title=text, summary=text, related=related, support=[contact(text)])
    assert text_of(made).count(text) == 5
    assert text_of(checklist(text, text)).count(text) == 2


def test_words_cannot_begin_a_part():
    """Line ends in a title or a summary are spaces, so that nobody's words pass for a heading of ours."""
    assert text_of(module(summary="One\n\n\nSomeone to turn to\r\nTwo")).startswith(
        "Asking why\n\nOne Someone to turn to Two\n"
    )


def test_contacts(reader):
    """A contact is one line with its address, number and hours, and says where nobody has verified it."""
    known = contact(verified_on="2026-01-05", phone="116 123", url="https://a.example", hours="Every day")
    assert "- Samaritans (https://a.example), 116 123, Every day\n" in text_of(module(support=[known]))
    text = reader.get("/v1/orgs/northbridge/modules/first-hour?format=text&locale=cy").text
    assert text.count("(heb ei wirio: gwiriwch cyn dibynnu arno)") == text.count("https://www.samaritans.org/cymru") + 2


def test_a_pathway(reader):
    """A step says its day and its title, and a choice says to which step it leads."""
    text = reader.get("/v1/orgs/northbridge/pathways/first-week?format=text").text
    assert "\n\n\nDay 0: Let it land\n\n" in text
    assert "\nChoose what fits\n\n- This is one of several, and I am worn out (go to: Day 6, Check your load)\n" in text
    assert "\n\n\nThe end of this pathway\n\n\n" in text


def test_a_checklist_and_a_questionnaire(reader):
    """An item has its reason below it; a question has its number, and says where it may be left out."""
    text = reader.get("/v1/orgs/northbridge/checklists/before-you-reply?format=text").text
    assert "\n- It begins with thanks.\n  Why: People read the rest more kindly, and it costs you nothing.\n" in text
    text = reader.get("/v1/orgs/northbridge/questionnaires/after-the-interview?format=text").text
    assert re.search(r"\n1\. .+\n2\. ", text)
    assert "(optional)" in text


def test_a_template(reader):
    """A message has its subject first, and names in brackets what somebody is to fill in."""
    text = reader.get("/v1/orgs/northbridge/templates/feedback-request?format=text").text
    assert (
        "\n\n\nSubject: Thank you, and one question about the [The job you applied for] interview\n\n\nDear [" in text
    )


def test_fallbacks_are_marked(reader):
    """A document with texts in another language says so, in the reader's."""
    path = "/v1/orgs/northbridge/pathways/first-week?format=text&locale="
    assert (
        "\n\nNid yw rhannau o hyn wedi\u2019u cyfieithu eto. Iaith y rhannau hynny: Saesneg.\n\n"
        in reader.get(f"{path}cy").text
    )
    assert "not translated" not in reader.get(f"{path}en-GB").text


def test_drafts_say_so(reader):
    """A translation that no speaker has signed off says so at its beginning."""
    assert (
        "\n\nDrafft yw\u2019r cyfieithiad hwn"
        in reader.get("/v1/orgs/northbridge/modules/first-hour?format=text&locale=cy").text
    )
