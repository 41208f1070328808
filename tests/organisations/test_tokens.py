"""What a key's token looks like, and that typing errors are refused without a look-up."""

import re
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coachkit.organisations import tokens
from coachkit.organisations.tokens import ENTROPY_BYTES, KINDS, Fault, make, parse

made = st.builds(make, st.sampled_from(KINDS), st.binary(min_size=ENTROPY_BYTES, max_size=ENTROPY_BYTES))
DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase


def test_enough_is_random():
    """A token holds at least 128 random bits."""
    assert ENTROPY_BYTES * 8 >= 128


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("entropy", [bytes(ENTROPY_BYTES), b"\xff" * ENTROPY_BYTES, bytes(range(ENTROPY_BYTES))])
def test_looks(kind, entropy):
    """A token says its kind and is otherwise letters and digits, always as many."""
    token = make(kind, entropy)
    assert re.fullmatch(rf"ck_{kind}_[0-9A-Za-z]{{33}}", token.text)
    assert token.kind == kind


def test_known_token():
    """Tokens stay as they are: one that was given out is read by every later version."""
    assert make("sec", bytes(range(ENTROPY_BYTES))).text == "ck_sec_0029sS3yqsuDyR1vGFhTuuRAq1b2cskJ2"


@pytest.mark.parametrize("length", [0, ENTROPY_BYTES - 1, ENTROPY_BYTES + 1])
def test_entropy_is_given_in_full(length):
    """Nothing is made from too few bytes, or from so many that some would be lost."""
    with pytest.raises(ValueError, match=str(ENTROPY_BYTES)):
        make("sec", bytes(length))


@given(made)
def test_what_was_made_is_read(token):
    """Every token that was made is one."""
    assert parse(token.text) == token


@given(st.binary(min_size=ENTROPY_BYTES, max_size=ENTROPY_BYTES), st.binary(min_size=20, max_size=20))
def test_other_bytes_other_token(one, other):
    """Only the same bytes give the same token, and the kinds differ."""
    assert (make("sec", one) == make("sec", other)) == (one == other)
    assert make("sec", one).text[7:] != make("pub", one).text[7:]


@given(made, st.data())
def test_every_single_change(token, data):
    """A token with any one character changed, to whatever, is none."""
    position = data.draw(st.integers(0, len(token.text) - 1))
    changed = data.draw(st.characters().filter(lambda character: character != token.text[position]))
    text = token.text[:position] + changed + token.text[position + 1 :]
    assert isinstance(parse(text), Fault)


@given(made)
def test_every_digit_for_every_digit(token):
    """None of the digits that look alike, nor any other, passes for the one that should stand there."""
    for position in range(len(token.text)):
        for digit in set(DIGITS) - {token.text[position]}:
            assert isinstance(parse(token.text[:position] + digit + token.text[position + 1 :]), Fault)


@given(made)
def test_every_neighbouring_swap(token):
    """A token with two neighbours swapped is none, unless they are the same character."""
    text = token.text
    for position in range(len(text) - 1):
        swapped = text[:position] + text[position + 1] + text[position] + text[position + 2 :]
        assert swapped == text or isinstance(parse(swapped), Fault)


@given(made, st.data())
def test_every_character_lost_or_added(token, data):
    """A token with a character lost, doubled or added, white space too, is none."""
    position = data.draw(st.integers(0, len(token.text)))
    added = data.draw(st.sampled_from([*DIGITS, " ", "\n", "\0", "é"]))
    assert isinstance(parse(token.text[:position] + added + token.text[position:]), Fault)
    assert isinstance(parse(token.text[:position] + token.text[position + 1 :] + " " * (position == 40)), Fault)


@given(st.text())
@example("")
@example("ck_sec_")
@example("ck_pub_\ud800")
@example("ck_pub_" + "é" * 33)
@example("ck_pub_" + "٣" * 33)
def test_any_text_has_an_answer(text):
    """Whatever is sent is answered, and nothing that was not made passes by chance."""
    assert parse(text) is (Fault.MISTYPED if re.match("ck_(pub|sec)_", text) else Fault.NO_KEY)


@given(made)
def test_never_shown(token):
    """What is printed of a token says only its kind."""
    assert repr(token) == str(token) == f"Token(kind={token.kind!r})"
    assert token.text[7:] not in f"{token} {[token]} {token!r:>50}"


@given(st.integers(0, 62**5 - 1))
def test_base_62(number):
    """A number has its digits, and others before them only as noughts."""
    written = tokens.base62(number, 6)
    assert len(written) == 6
    assert sum(DIGITS.index(digit) * 62**place for place, digit in enumerate(reversed(written))) == number
