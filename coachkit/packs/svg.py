"""What an SVG may hold: shapes, text and what paints them; nothing that runs, moves or is fetched from elsewhere."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any
from xml.sax import SAXException
from xml.sax.handler import ContentHandler, feature_namespaces
from xml.sax.xmlreader import InputSource

from defusedxml.common import DefusedXmlException
from defusedxml.expatreader import DefusedExpatParser

from coachkit.packs.findings import Findings
from coachkit.packs.model import Place

SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"
XML = "http://www.w3.org/XML/1998/namespace"

ELEMENTS = frozenset(
    {
        "svg",
        "g",
        "defs",
        "symbol",
        "title",
        "desc",
        "path",
        "rect",
        "circle",
        "ellipse",
        "line",
        "polyline",
        "polygon",
        "text",
        "tspan",
        "linearGradient",
        "radialGradient",
        "stop",
        "marker",
        "clipPath",
        "use",
    }
)
ATTRIBUTES = frozenset(
    {
        "id",
        "role",
        "version",
        "viewBox",
        "preserveAspectRatio",
        "width",
        "height",
        "x",
        "y",
        "x1",
        "y1",
        "x2",
        "y2",
        "cx",
        "cy",
        "r",
        "rx",
        "ry",
        "fx",
        "fy",
        "fr",
        "dx",
        "dy",
        "d",
        "points",
        "pathLength",
        "transform",
        "rotate",
        "textLength",
        "lengthAdjust",
        "offset",
        "gradientUnits",
        "gradientTransform",
        "spreadMethod",
        "markerUnits",
        "markerWidth",
        "markerHeight",
        "refX",
        "refY",
        "orient",
        "clipPathUnits",
        "href",
        "lang",
        "aria-label",
        "aria-labelledby",
        "aria-describedby",
        "aria-hidden",
        "focusable",
        "fill",
        "fill-opacity",
        "fill-rule",
        "stroke",
        "stroke-width",
        "stroke-opacity",
        "stroke-linecap",
        "stroke-linejoin",
        "stroke-miterlimit",
        "stroke-dasharray",
        "stroke-dashoffset",
        "stop-color",
        "stop-opacity",
        "opacity",
        "color",
        "clip-path",
        "clip-rule",
        "marker-start",
        "marker-mid",
        "marker-end",
        "vector-effect",
        "paint-order",
        "display",
        "visibility",
        "font-family",
        "font-size",
        "font-style",
        "font-weight",
        "font-variant",
        "font-stretch",
        "letter-spacing",
        "word-spacing",
        "text-anchor",
        "text-decoration",
        "dominant-baseline",
        "alignment-baseline",
        "baseline-shift",
        "writing-mode",
    }
)
FUNCTIONS = frozenset({"rgb", "rgba", "hsl", "hsla", "matrix", "translate", "scale", "rotate", "skewx", "skewy"})
"""What may stand in an attribute's value with parentheses, beside url(#…)."""
MAX_ELEMENTS = 20_000
MAX_DEPTH = 100

_WITHOUT = "save the picture as plain SVG without it"

_CALL = re.compile(r"([A-Za-z_-]*)\s*\(\s*(['\"]?#[A-Za-z0-9_.-]+['\"]?\s*\))?")
_ENCODING = re.compile(rb"<\?xml[^>]*encoding\s*=\s*['\"]([^'\"]*)", re.IGNORECASE)


def check_svg(data: bytes, file: str, findings: Findings) -> tuple[str | None, str | None] | None:
    """Report everything in an SVG that is not allowed; its width and height as written, None if it cannot be read."""
    handler = _Check(file, findings)
    declared = _ENCODING.match(data[:200])
    if declared and declared[1].lower() != b"utf-8":
        findings.error(Place(file, 1, 1), "bad-image", "the SVG is not in UTF-8", "save it as UTF-8")
        return None
    parser = DefusedExpatParser(forbid_dtd=True)
    parser.setFeature(feature_namespaces, 1)
    parser.setContentHandler(handler)
    source = InputSource()
    source.setEncoding("utf-8")
    source.setByteStream(BytesIO(data))
    try:
        parser.parse(source)
    except DefusedXmlException:
        handler.refuse("a document type or an entity stands here", "delete it")
        return None
    except _Enough:
        return None
    except (SAXException, ValueError) as error:
        reason = getattr(error, "getMessage", lambda: "its text cannot be read")()
        handler.refuse(f"this is not XML: {str(reason)[:100]}", "save the picture again as plain SVG")
        return None
    return handler.size


class _Enough(Exception):
    """Reading on makes no sense; why has been reported."""


class _Check(ContentHandler):
    """Reports each element and attribute that is not on the list, while the parser goes through the file."""

    def __init__(self, file: str, findings: Findings) -> None:
        super().__init__()
        self._file = file
        self._findings = findings
        self._locator: Any = None
        self._depth = 0
        self._elements = 0
        self._open: list[str] = []
        self.size: tuple[str | None, str | None] = (None, None)

    def setDocumentLocator(self, locator: Any) -> None:  # noqa: N802 - SAX's name
        """Keep what knows where the parser is."""
        self._locator = locator

    def refuse(self, message: str, hint: str) -> None:
        """Report something at the place the parser has come to."""
        line, column = self._locator.getLineNumber(), self._locator.getColumnNumber()
        self._findings.error(Place(self._file, line, column + 1), "bad-image", message, hint)

    def startElementNS(self, name: tuple[str | None, str], qname: str | None, attrs: Any) -> None:  # noqa: N802
        """Check one element and its attributes."""
        del qname
        self._elements += 1
        self._depth += 1
        if self._elements > MAX_ELEMENTS or self._depth > MAX_DEPTH:
            self.refuse("the SVG has too many elements", f"at most {MAX_ELEMENTS}, nested at most {MAX_DEPTH} deep")
            raise _Enough
        if name[0] != SVG or name[1] not in ELEMENTS or (self._depth == 1 and name[1] != "svg"):
            self.refuse(f"an SVG's <{name[1][:40]}> is not served", _WITHOUT)
        values = dict(attrs.items())
        self._nesting(name[1], values)
        if self._depth == 1:
            self.size = (values.get((None, "width")), values.get((None, "height")))
        for (space, attribute), value in values.items():
            self._attribute(space, attribute, value)

    def _nesting(self, name: str, values: dict[tuple[str | None, str], str]) -> None:
        """Refuse repetition inside what is repeated: a few lines of it make a picture that never ends."""
        if name == "use" and {"#", "marker"} & set(self._open[1:]):
            self.refuse("<use> stands inside something that has an id", "draw the shape itself there")
        if "marker" in self._open and any(attribute.startswith("marker-") for _, attribute in values):
            self.refuse("a marker stands inside a marker", "draw the shape itself there")
        self._open.append("marker" if name == "marker" else "#" if (None, "id") in values else name)

    def endElementNS(self, name: Any, qname: str | None) -> None:  # noqa: N802 - SAX's name
        """Leave the element."""
        del name, qname
        self._depth -= 1
        self._open.pop()

    def processingInstruction(self, target: str, data: str) -> None:  # noqa: N802 - SAX's name
        """Refuse style sheets and the like."""
        del data
        self.refuse(f"<?{target[:40]}?> is not served", "delete it")

    def _attribute(self, space: str | None, name: str, value: str) -> None:
        known = (
            (space is None and name in ATTRIBUTES)
            or (space, name) == (XLINK, "href")
            or (space == XML and name in ("space", "lang"))
        )
        if not known:
            hint = "write each property as an attribute: fill, stroke" if name == "style" else _WITHOUT
            self.refuse(f"the attribute “{name[:40]}” is not served", hint)
        elif name == "href" and not re.fullmatch(r"#[A-Za-z0-9_.-]+", value):
            self.refuse(f"“{value[:60]}” is outside the picture", "refer to #id of the same picture only")
        elif not _harmless(value):
            self.refuse(f"“{value[:60]}” is not served in “{name}”", "write plain values and url(#id) only")


def _harmless(value: str) -> bool:
    """Whether an attribute's value calls nothing but colours, transforms and url(#…); CSS escapes could hide a call."""
    if "\\" in value or "/*" in value:
        return False
    return all(
        (match[1].lower() == "url" and match[2]) or match[1].lower() in FUNCTIONS for match in _CALL.finditer(value)
    )
