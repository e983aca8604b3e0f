"""Which addresses are public."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.addresses import is_loopback, is_public, is_within, looks_numeric


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "93.184.215.14", "172.32.0.1", "100.128.0.1", "2606:4700::1111",
     "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"],
)  # fmt: skip
def test_the_internet_is_public(address):
    assert is_public(address)


@pytest.mark.parametrize("text", ["", "localhost", "1.2.3", "1.2.3.4.5", "0x7f.1"])
def test_what_cannot_be_read_is_not_public(text):
    assert not is_public(text)
    assert not is_loopback(text)
    assert not is_within(text, ["0.0.0.0/0", "::/0"])


@given(st.ip_addresses(network="10.0.0.0/8") | st.ip_addresses(network="fc00::/7"))
def test_private_networks_are_not_public(address):
    assert not is_public(str(address))


@given(st.ip_addresses(v=4))
def test_wrapped_ipv4_is_judged_like_the_plain_one(address):
    for wrapped in (f"::ffff:{address}", f"64:ff9b::{address}"):
        assert is_public(wrapped) == is_public(str(address))


def test_loopback_in_every_form():
    assert all(map(is_loopback, ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"]))
    assert not is_loopback("10.0.0.1")


def test_networks_hold_their_addresses():
    assert is_within("10.1.2.3", ["192.168.0.0/16", "10.1.0.0/16"])
    assert is_within("10.1.2.3", ["10.1.2.3"])
    assert is_within("fd00::5", ["10.0.0.0/8", "fd00::/8"])
    assert is_within("::ffff:10.1.2.3", ["10.1.0.0/16"])
    assert not is_within("10.2.0.1", ["10.1.0.0/16", "fd00::/8"])
    assert not is_within("10.2.0.1", [])


@pytest.mark.parametrize(
    ("host", "numeric"),
    [("2130706433", True), ("0x7f000001", True), ("127.1", True), ("0177.0.0.1", True),
     ("1.2.3.4.", True), ("foo.0x10", True), ("1.2.3.4", False), ("example.com", False),
     ("1e100.net", False), ("7.example", False)],
)  # fmt: skip
def test_numbers_in_disguise_are_seen(host, numeric):
    assert looks_numeric(host) is numeric
