from pathlib import Path

from coachkit.organisations import peppers, tokens
from coachkit.organisations.peppers import Pepper
from coachkit.settings import Settings

KEY = bytes(range(32))
TOKEN = tokens.make("sec", bytes(tokens.ENTROPY_BYTES))


def of(*given, secret_key=KEY):
    return peppers.of(Settings("sqlite:///x", secret_key, key_peppers=given or (None,), data_dir=Path()))


def test_made_from_the_secret_key():
    """Without peppers of its own an installation has one that its secret key makes, and is not that key."""
    (pepper,) = of()
    assert pepper == of()[0]
    assert pepper != of(secret_key=KEY[::-1])[0]
    assert pepper.secret != KEY
    assert pepper.hash(TOKEN) != Pepper(KEY).hash(TOKEN)


def test_given():
    """Peppers are used in their order, each once, the secret key's own where it is named."""
    one, other = b"1" * 32, b"2" * 64
    assert of(one, None, other, one) == (Pepper(one), *of(), Pepper(other))


def test_hash():
    """Each token has with each pepper another hash, of 256 bits, and always the same one."""
    both, another = of(b"1" * 32, b"2" * 64), tokens.make("pub", bytes(tokens.ENTROPY_BYTES))
    hashes = [pepper.hash(token) for pepper in both for token in (TOKEN, another)]
    assert len({*hashes}) == 4
    assert {len(bytes.fromhex(each)) for each in hashes} == {32}
    assert hashes == [pepper.hash(token) for pepper in both for token in (TOKEN, another)]


def test_known_hash():
    """Hashes stay as they are: a key that is stored is found by every later version."""
    assert of()[0].hash(TOKEN) == "1d2b38104c6dfc7bfe7edae01d544e50d227b2c535422fd23ab704e49191e6f9"
    assert of()[0].name == "713d487d"


def test_never_shown():
    """What is printed of a pepper has neither its secret nor a part of it, and its name is short and another."""
    (pepper,) = of(b"\xab" * 32)
    assert repr(pepper) == "Pepper()"
    assert len(pepper.name) == 8
    assert pepper.name not in pepper.secret.hex()
    assert pepper.name != of()[0].name
