"""Pictures of packs over HTTP: what they are, how long they hold, and that an opened SVG runs nothing."""

import hashlib
import re
import struct
import zlib

import pytest
from packmaker import PACK, replacing

IMAGES = "/v1/orgs/northbridge/images"
MODULE = "/v1/orgs/northbridge/modules/first-hour?format=html"
SOURCE = re.compile(r'<img src="([^"]+)"')


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


PNG = (
    b"\x89PNG\r\n\x1a\n"
    + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    + chunk(b"IDAT", zlib.compress(b"\x00\x10\x20\x30"))
    + chunk(b"IEND", b"")
)


@pytest.fixture
def client(house):
    """A client of a house whose pack has an SVG and a PNG."""
    house.publish(
        **{
            PACK: replacing("1.0.0", "1.1.0"),
            "images/dot.png": PNG,
            "modules/first-hour.md": replacing("Nothing needs", "![A dot](images/dot.png)\n\nNothing needs"),
        }
    )
    house.edition("northbridge")
    return house.client()


def pictures(client):
    found = SOURCE.findall(client.get(MODULE).text)
    assert len(found) == 2
    return {path.rpartition(".")[2]: path for path in found}


@pytest.mark.parametrize(("extension", "media_type"), [("svg", "image/svg+xml"), ("png", "image/png")])
def test_served(client, extension, media_type):
    """A picture is at the address that documents give, as what it is, by what it holds, for ever."""
    path = pictures(client)[extension]
    answer = client.get(path)
    assert (answer.status_code, answer.mimetype) == (200, media_type)
    assert path == f"{IMAGES}/{hashlib.sha256(answer.data).hexdigest()}.{extension}"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in answer.headers


def test_sandbox(client):
    """An SVG opened by itself can load nothing and run nothing."""
    policy = client.get(pictures(client)["svg"]).headers["Content-Security-Policy"]
    assert {part.strip() for part in policy.split(";")} >= {"default-src 'none'", "sandbox"}


def test_conditional(client):
    """A picture has a strong ETag, and who has it gets 304."""
    path = pictures(client)["svg"]
    tag = client.get(path).headers["ETag"]
    assert tag.startswith('"')
    again = client.get(path, headers={"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")
    head = client.head(path)
    assert (head.data, head.headers["ETag"]) == (b"", tag)


def test_whole(client):
    """A picture comes whole, whatever range is asked for."""
    path = pictures(client)["png"]
    assert client.get(path, headers={"Range": "bytes=0-3"}).data == PNG


@pytest.mark.parametrize(
    "path",
    [
        f"{IMAGES}/{'0' * 64}.svg",
        f"{IMAGES}/{'0' * 63}.svg",
        f"{IMAGES}/breathe.svg",
        f"{IMAGES}/..%2f..%2fetc%2fpasswd",
        f"{IMAGES}/",
        "/v1/orgs/nobody/images/{name}",
        "/v1/orgs/northbridge/images/{name}.png",
        "/v1/orgs/northbridge/images/{upper}",
    ],
)
def test_no_such_picture(client, path):
    """What is not there, or not this organisation's to show, is 404."""
    name = pictures(client)["svg"].rpartition("/")[2]
    digest, _, extension = name.partition(".")
    asked = path.format(name=name, upper=f"{digest.upper()}.{extension}")
    assert client.get(asked).status_code == 404
