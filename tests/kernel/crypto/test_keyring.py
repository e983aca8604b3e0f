"""The key ring: the first key seals, all open, and a blob is bound to its place."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from kernel.crypto import keyring as module
from kernel.crypto.keyring import KeyMissing, KeyRing, Unreadable, is_sealed, new_key

OLD, NEW = new_key(), new_key()


@given(st.binary(max_size=200), st.binary(max_size=40))
def test_what_is_sealed_opens(plain, aad):
    ring = KeyRing([NEW])
    blob = ring.encrypt(plain, aad=aad)
    assert is_sealed(blob)
    assert ring.decrypt(blob, aad=aad) == plain


def test_the_same_text_is_never_sealed_alike():
    ring = KeyRing([NEW])
    assert ring.encrypt(b"x", aad=b"") != ring.encrypt(b"x", aad=b"")


def test_the_first_key_seals_and_all_open():
    blob = KeyRing([OLD]).encrypt(b"x", aad=b"a")
    ring = KeyRing([NEW, OLD])
    assert ring.decrypt(blob, aad=b"a") == b"x"
    assert ring.needs_rotation(blob)
    assert not ring.needs_rotation(ring.encrypt(b"x", aad=b"a"))


def test_a_missing_key_is_named():
    blob = KeyRing([OLD]).encrypt(b"x", aad=b"")
    with pytest.raises(KeyMissing) as caught:
        KeyRing([NEW]).decrypt(blob, aad=b"")
    assert caught.value.key_id == KeyRing([OLD]).primary_id
    assert caught.value.key_id in str(caught.value)


def test_another_place_does_not_open_it():
    ring = KeyRing([NEW])
    blob = ring.encrypt(b"x", aad=b"table|column|1")
    with pytest.raises(Unreadable, match="moved"):
        ring.decrypt(blob, aad=b"table|column|2")


def test_any_altered_character_is_noticed():
    ring = KeyRing([NEW])
    blob = ring.encrypt(b"some secret", aad=b"")
    # The last character of base64 has spare bits; changing it may not change a byte.
    for place in range(12, len(blob) - 1):
        other = "A" if blob[place] != "A" else "B"
        with pytest.raises(Unreadable):
            ring.decrypt(blob[:place] + other + blob[place + 1 :], aad=b"")


@pytest.mark.parametrize("text", ["", "plain", "e1.xx.yy", "e2.00000000." + "A" * 40])
def test_what_is_not_sealed_is_refused(text):
    with pytest.raises(Unreadable, match="not a sealed"):
        KeyRing([NEW]).decrypt(text, aad=b"")


def test_the_installed_ring_is_that_of_the_settings(settings):
    settings.STEWARD_ENCRYPTION_KEYS = [OLD]
    blob = module.encrypt(b"x", aad=b"")
    settings.STEWARD_ENCRYPTION_KEYS = [NEW, OLD]
    assert module.decrypt(blob, aad=b"") == b"x"
    assert module.needs_rotation(blob)


def test_url_safe_base64_is_the_same_key():
    url_safe = OLD.replace("+", "-").replace("/", "_").rstrip("=")
    assert KeyRing([url_safe]).primary_id == KeyRing([OLD]).primary_id


@pytest.mark.parametrize("bad", ["", "short", "not base64 at all!", "QUJD"])
def test_a_bad_key_is_refused_by_its_place_and_never_shown(bad):
    with pytest.raises(ImproperlyConfigured, match="Key 2 ") as caught:
        KeyRing([NEW, bad])
    assert not bad or bad not in str(caught.value)


def test_a_ring_without_keys_is_refused():
    with pytest.raises(ImproperlyConfigured, match="at least one"):
        KeyRing([])
