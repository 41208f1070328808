"""Names of hosts: one form for each, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachkit.organisations.dnsnames import LONGEST, NotAHostnameError, canonical


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("careers.northbridge.example", "careers.northbridge.example"),
        ("Careers.Northbridge.EXAMPLE.", "careers.northbridge.example"),
        ("a-b.c1.example", "a-b.c1.example"),
        ("1.example", "1.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("bu\u0308cher.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("straße.example", "xn--strae-oqa.example"),
        ("βόλος.example", "xn--nxasmm1c.example"),
        ("日本語.jp", "xn--wgv71a119e.jp"),
        ("gyrfaoedd.tŷ.cymru", "gyrfaoedd.xn--t-foa.cymru"),
        ("xn--4gbrim.example", "xn--4gbrim.example"),
        ("example.xn--p1ai", "example.xn--p1ai"),
    ],
)
def test_one_form(text, name):
    """A name is stored in lower case, without a dot at the end, other scripts as A-labels of IDNA 2008."""
    assert canonical(text) == name
    assert canonical(name) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "localhost",
        "careers",
        "a..example",
        ".example.org",
        "example.org..",
        "-a.example",
        "a-.example",
        "a_b.example",
        "_coachkit.example",
        "ab--cd.example",
        "xn--.example",
        "xn--a.example",
        f"xn--{'Ü'.encode('punycode').decode()}.example",
        "xn--abc-.example",
        "127.0.0.1",
        "1.2.3.0x7f",
        "0x7f.1",
        "[::1]",
        "::1",
        "2001:db8::1",
        "a.example:8080",
        "https://a.example",
        "a.example/path",
        "user@a.example",
        "*.example.org",
        "a .example",
        "a.example\n",
        "a\0b.example",
        "a\u200db.example",
        "l·l.example",
        "שלום.example",
        "٣.example",
        "\uff41.example",
        "ﬁ.example",
        "♥.example",
        "\u0301a.example",
        "ü-.example",
        "日本--語.example",
        "a" * 64 + ".example",
        "ü" * 62 + ".example",
        "a.example。org",
        ".".join(["a" * 50] * 5) + ".example",
        "a." * 5_000 + "example",
    ],
)
def test_no_names(text):
    """Addresses, ports, wildcards, single labels and what no registry would take are refused in words."""
    with pytest.raises(NotAHostnameError):
        canonical(text)


def test_longest():
    """With the name of its record in front it still is a name of the DNS: 253 characters."""
    name = ".".join(["a" * 58] * 4) + ".example"
    assert canonical(name[-LONGEST:].lstrip(".")) == name[-LONGEST:].lstrip(".")
    assert len("_coachkit.") + LONGEST == 253


@given(st.one_of(st.text(), st.text(alphabet="ab-.xn0ü日\u0661\u200dA", max_size=30)))
def test_any_text(text):
    """Whatever is given is refused, or comes to a name that is its own only form."""
    try:
        name = canonical(text)
    except NotAHostnameError:
        return
    assert canonical(name) == name
    assert name.isascii()
    assert name == name.lower()
    assert all(1 <= len(label) <= 63 for label in name.split("."))
