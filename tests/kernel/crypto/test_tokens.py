"""Tokens: shown once, stored as digests, derived where a link must be shown again."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from kernel.crypto import tokens

OLD, NEW = "old-pepper-" + "o" * 40, "new-pepper-" + "n" * 40


@given(st.binary(min_size=1, max_size=64))
def test_base62_is_reversible_and_of_one_width(data):
    text = tokens.base62_encode(data)
    assert text.isalnum()
    assert text.isascii()
    assert len(text) == tokens.base62_width(len(data))
    assert tokens.base62_decode(text, len(data)) == data


@pytest.mark.parametrize(
    ("text", "why"), [("0", "width"), ("!" * 43, "digits"), ("z" * 43, "more")]
)
def test_other_texts_are_refused(text, why):
    with pytest.raises(ValueError, match=why):
        tokens.base62_decode(text, 32)


def test_the_same_parts_make_the_same_link_and_no_others_do(settings):
    token = tokens.derive("invitation", "ab", "c")
    assert len(token) == 43
    assert token == tokens.derive("invitation", "ab", "c")
    others = [("invitation", "a", "bc"), ("invitation", "abc"), ("reset", "ab", "c")]
    assert token not in {tokens.derive(*parts) for parts in others}


def test_a_pepper_can_be_rotated(settings):
    settings.STEWARD_KEY_PEPPERS = [OLD]
    token, stored = tokens.derive("p", "x"), tokens.digest("p", "t")
    settings.STEWARD_KEY_PEPPERS = [NEW, OLD]
    assert tokens.derive("p", "x") != token
    assert list(tokens.derivations("p", "x"))[1] == token
    assert stored in list(tokens.digests("p", "t"))
    assert tokens.digest("p", "t") != stored


def test_a_digest_is_of_one_purpose():
    assert tokens.digest("a", "t") != tokens.digest("b", "t")
    assert len(tokens.digest("a", "t")) == 64


@pytest.mark.parametrize("peppers", [[], [""], [NEW, ""]])
def test_peppers_are_needed(settings, peppers):
    settings.STEWARD_KEY_PEPPERS = peppers
    with pytest.raises(ImproperlyConfigured):
        tokens.digest("p", "t")


def test_texts_are_compared_whole():
    assert tokens.equal("päper", "päper")
    assert not tokens.equal("päper", "paper")


def test_a_checksum_has_six_characters_and_sees_every_change():
    body = "stw_ABCDEFGHIJ_" + "x" * 43
    checksum = tokens.crc32_base62(body)
    assert len(checksum) == 6
    assert tokens.crc32_base62(body[:-1] + "y") != checksum
