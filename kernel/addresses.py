"""Which network addresses are the public internet, and which lead home.

From the IANA special-purpose address registries (RFC 6890 and successors). IPv4 is a
list of what is not public; IPv6 is the one range of global unicast without its special
parts, so that what the registry will assign later is refused until it is known here.
"""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NOT_PUBLIC_4 = tuple(
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT; a cloud's metadata at 100.100.100.200
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's host agent, a public address that is not outside
        "169.254.0.0/16",  # link-local; metadata at 169.254.169.254
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; a cloud's metadata at 192.0.0.192
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
_GLOBAL_6 = ipaddress.IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(
    ipaddress.IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments, Teredo among them (it embeds IPv4)
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4 (it embeds IPv4, and nobody needs it any more)
        "3fff::/20",  # documentation
    )
)
# Networks without IPv4 reach IPv4 hosts by these, so the embedded address decides.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def is_public(text: str) -> bool:
    """Whether an IP address is on the public internet; anything unreadable is not."""
    address = _read(text)
    if isinstance(address, ipaddress.IPv6Address):
        return address in _GLOBAL_6 and not any(address in net for net in _NOT_PUBLIC_6)
    return address is not None and not any(address in net for net in _NOT_PUBLIC_4)


def is_loopback(text: str) -> bool:
    """Whether an IP address is this very machine."""
    address = _read(text)
    return address is not None and address.is_loopback


def is_within(text: str, networks: Iterable[str]) -> bool:
    """Whether an IP address lies in one of the networks (CIDR texts)."""
    address = _read(text)
    if address is None:
        return False
    candidates = (_network(network) for network in networks)
    return any(address in net for net in candidates if net.version == address.version)


def block_of(text: str) -> str:
    """Return the block of addresses that one customer of a network has: a /64, or one IPv4.

    Limits count by it: whoever has an IPv6 address has 2^64 of them. What is not an
    address stands for itself.
    """
    address = _read(text)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))
    return text if address is None else str(address)


def looks_numeric(host: str) -> bool:
    """Whether a host is an IPv4 address in disguise (decimal, octal, hex, shortened).

    The rule of the WHATWG URL standard: a name whose last label is a number is an
    address. Only the plain dotted form of those is accepted elsewhere.
    """
    last = host.rstrip(".").rsplit(".", 1)[-1].lower()
    if not (last.isdigit() or last.startswith("0x")):
        return False
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return True
    return False


def _read(text: str) -> Address | None:
    """Return the address that a text stands for, IPv4 taken out of its wrappings."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


@lru_cache(maxsize=64)
def _network(text: str) -> Network:
    return ipaddress.ip_network(text, strict=False)
