import pytest

from coachkit.organisations.origins import is_origin


@pytest.mark.parametrize(
    "text",
    [
        "https://careers.example.org",
        "https://careers",
        "https://xn--gyrfa-xyz.example",
        "https://careers.example:8443",
        "https://192.0.2.1",
        "http://localhost",
        "http://localhost:5173",
        "http://127.0.0.1:8000",
        "http://[::1]:8000",
    ],
)
def test_origins(text):
    """What a browser sends for an encrypted page, or for one on its own machine, is an origin."""
    assert is_origin(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "null",
        "careers.example",
        "http://careers.example",
        "https://",
        "https://Careers.example",
        "https://careers.example/",
        "https://careers.example.",
        "https://careers..example",
        "https://-careers.example",
        "https://me@careers.example",
        "https://careers.example:443",
        "http://localhost:80",
        "https://careers.example:0",
        "https://careers.example:65536",
        "https://careers.example:٨٤٤٣",
        "https://careers.example?a",
        "https://careers.example\n",
        "https://gyrfâu.example",
        "https://*.example",
        "https://localhost@evil.example",
        "http://localhost.evil.example",
        "chrome-extension://abcdef",
        "https://" + ".".join(["a" * 60] * 5),
    ],
)
def test_no_origins(text):
    """What no browser sends so, what is not encrypted and what means several pages is none."""
    assert not is_origin(text)
