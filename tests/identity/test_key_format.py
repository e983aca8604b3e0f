import re
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity import key_format

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def documented_checksum(body: str) -> str:
    """Compute the checksum as docs/api-keys.md describes it, without our code."""
    number, letters = zlib.crc32(body.encode()), ""
    for _ in range(6):
        number, rest = divmod(number, 62)
        letters = ALPHABET[rest] + letters
    return letters


def test_a_key_has_the_documented_form():
    key = key_format.make()
    assert re.fullmatch(r"stw_[0-9A-Za-z]{10}_[0-9A-Za-z]{49}", key.text)
    assert len(key.text) == 64
    assert key.text.split("_")[1] == key.key_id
    assert key.text[-6:] == documented_checksum(key.text[:-6])


def test_a_key_passes_the_clients_rules():
    key = key_format.make().text
    assert re.fullmatch(r"[\w-]+", key)
    rest = key.split("-", 1)[-1]
    assert len(rest) >= 40


def test_the_legacy_form_is_forty_characters():
    key = key_format.make(legacy=True)
    assert re.fullmatch(r"[0-9a-f]{40}", key.text)
    assert key_format.is_well_formed(key.text)


def test_the_secret_does_not_show_in_a_representation():
    key = key_format.make()
    assert key.text not in repr(key)


def test_keys_differ():
    assert len({key_format.make().text for _ in range(200)}) == 200


@given(st.integers(0, 63), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_noticed_offline(position, letter):
    text = key_format.make().text
    changed = text[:position] + letter + text[position + 1 :]
    assert key_format.is_well_formed(changed) == (changed == text)


@pytest.mark.parametrize("text", ["", "stw_", "stw_short_x", "x" * 64, "A" * 40, "é" * 64, "\x00"])
def test_other_texts_are_no_keys(text):
    assert not key_format.is_well_formed(text)
