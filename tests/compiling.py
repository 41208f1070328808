"""Small packs in memory, and what their compiled texts look like when they are filled and parsed again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from html.parser import HTMLParser

from markupsafe import escape

from coachkit.packs.compile import compile_pack
from coachkit.packs.destinations import parse_reference
from coachkit.packs.directives import Directive
from coachkit.packs.findings import Findings
from coachkit.packs.html import ATTRIBUTES, ELEMENTS
from coachkit.packs.markdown import Written, section
from coachkit.packs.markdown_check import Surroundings
from coachkit.packs.model import (
    Compiled,
    Fill,
    Image,
    Kind,
    Line,
    Link,
    Manifest,
    MarkdownText,
    Pack,
    Part,
    Parts,
    Picture,
    Place,
    Placeholder,
    Reference,
    SourceResource,
)

DIRECTIVES = tuple(
    ("coachkit-core@1.0.0", directive)
    for directive in (
        Directive("tip", {"en": "Tip", "cy": "Awgrym"}),
        Directive("try-this", {"en": "Try this"}),
        Directive("support", {"cy": "Cymorth"}),
    )
)
PLACEHOLDERS: Mapping[str, Placeholder] = {
    name: Placeholder(name, type_, {"en-GB": name})
    for name, type_ in {"name": "text", "mail": "email", "site": "url", "tel": "phone", "day": "date"}.items()
}
PICTURE = "f" * 64 + ".png"
AROUND = Surroundings(
    Reference("example", "module", "first-hour"),
    "en-GB",
    {name: placeholder.type for name, placeholder in PLACEHOLDERS.items()},
    {"images/calm.png": PICTURE},
    {directive.name: directive for _maker, directive in DIRECTIVES},
)
HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{mail}} javascript:alert(1)"


def written(markdown: str, around: Surroundings = AROUND, line: int = 1) -> tuple[Written, Findings]:
    """One section compiled, with what was found."""
    findings = Findings()
    return section(MarkdownText("feel", "Feel", markdown, Place("m.md", line, 1)), around, findings), findings


def found(markdown: str, around: Surroundings = AROUND) -> list[tuple[str, int | None, int | None]]:
    """Code, line and column of each problem of a section."""
    _, findings = written(markdown, around)
    return [(problem.code, problem.line, problem.column) for problem in findings.problems]


def clean(markdown: str, around: Surroundings = AROUND) -> Written:
    """A section compiled, which must be without problems."""
    compiled, findings = written(markdown, around)
    assert findings.problems == ()
    return compiled


def shown(parts: Parts) -> str:
    """A text with its values to come in a short form, for comparing."""
    return "".join(map(_shown, parts))


def filled(parts: Parts, value: str = HOSTILE) -> str:
    """The HTML with every value filled as documents fill it: this value in text, escaped; safe addresses elsewhere."""
    return "".join(_filled(part, value) for part in parts)


def _shown(part: Part) -> str:
    match part:
        case str():
            return part
        case Fill(name, "text"):
            return f"⟨{name}⟩"
        case Fill(name, _):
            return f"⟨@{name}⟩"
        case Link(target):
            return f"⟨→{target}⟩"
        case Picture(name):
            return f"⟨{name[:2]}…{name[-4:]}⟩"


def _filled(part: Part, value: str) -> str:
    match part:
        case str():
            return part
        case Fill(_, "text"):
            return str(escape(value))
        case Fill(_, _):
            return str(escape("https://example.org/?a=1&b=\"'<>"))
        case Link(target):
            return str(escape(f"/v1/{target}"))
        case Picture(name):
            return str(escape(f"/v1/images/{name}"))


class _Offences(HTMLParser):
    """Collects what stands in HTML and is not on the lists."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ELEMENTS:
            self.found.append(f"<{tag}>")
        for name, value in attrs:
            self._attribute(tag, name, value or "")

    def _attribute(self, tag: str, name: str, value: str) -> None:
        if name not in ATTRIBUTES["*"] | ATTRIBUTES.get(tag, set()) | ({"rel"} if tag == "a" else set()):
            self.found.append(f"<{tag} {name}>")
        if name == "href" and not value.startswith(("https://", "mailto:", "tel:", "/v1/")):
            self.found.append(f"<{tag} href={value}>")
        if name == "src" and not value.startswith("/v1/images/"):
            self.found.append(f"<{tag} src={value}>")
        if name == "class" and not all(one.startswith("ck-") for one in value.split()):
            self.found.append(f"<{tag} class={value}>")

    def handle_comment(self, data: str) -> None:
        self.found.append(f"<!--{data}-->")

    def handle_decl(self, decl: str) -> None:
        self.found.append(f"<!{decl}>")

    def handle_pi(self, data: str) -> None:
        self.found.append(f"<?{data}>")


def offences(html: str) -> list[str]:
    """Every element, attribute, address or comment in the HTML that may not be served."""
    parser = _Offences()
    parser.feed(html)
    parser.close()
    return parser.found


# --- packs --------------------------------------------------------------------------------------


def manifest(**changes: object) -> Manifest:
    """The manifest of a pack named `example` in British English and Welsh."""
    plain = Manifest(
        id="example",
        version="1.1.0",
        title="Example",
        description="A pack.",
        licence="CC-BY-4.0",
        authors=({"role": "careers adviser"},),
        default_locale="en-GB",
        locales=("en-GB", "cy"),
        coachkit=">=0.1",
        requires={"other": ">=1"},
        placeholders=PLACEHOLDERS,
    )
    return replace(plain, **changes)


def resource(
    kind: Kind = "module",
    id_: str = "first-hour",
    text: str | Mapping[str, str] = "Hello {{name}} {{day}} [a]({{mail}}) [b]({{site}}) [c]({{tel}}).",
    *,
    lines: Mapping[str, Line | str] | None = None,
    facts: Mapping[str, object] | None = None,
    references: tuple[str, ...] = (),
    cy: str | None = None,
) -> SourceResource:
    """One resource; `text` is its only section `feel`, or its sections by id, `cy` the first of them in Welsh."""
    file = f"{kind}s/{id_}.md"
    texts = {"body" if kind == "template" else "feel": text} if isinstance(text, str) else text
    sections = tuple(
        MarkdownText(one, one.title(), markdown, Place(file, 10 * number, 1))
        for number, (one, markdown) in enumerate(texts.items(), 1)
    )
    here = {
        path: line if isinstance(line, Line) else Line(line, Place(file, 2, 8))
        for path, line in (lines or {"title": "A title"}).items()
    }
    places = tuple((parse_reference(text), Place(file, 5, 10)) for text in references)
    by_locale = {"en-GB": sections}
    if cy is not None:
        by_locale["cy"] = (replace(sections[0], markdown=cy, place=Place(f"locales/cy/{file}", 4, 1)),)
    return SourceResource(kind, id_, facts or {}, {"en-GB": here}, by_locale, places, Place(file))


def pack(*resources: SourceResource, change: Callable[[Manifest], Manifest] = lambda plain: plain) -> Pack:
    """A pack of these resources, with one image."""
    image = Image("images/calm.png", "image/png", b"calm")
    return Pack(change(manifest()), resources or (resource(),), {image.path: image})


def compiled(*resources: SourceResource, change: Callable[[Manifest], Manifest] = lambda plain: plain) -> Compiled:
    """The pack of these resources compiled, which must be without errors."""
    findings = Findings()
    release = compile_pack(pack(*resources, change=change), DIRECTIVES, findings)
    assert not findings.failed, findings.problems
    return release
