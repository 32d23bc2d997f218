"""Addresses of the public Internet: what may be fetched on behalf of a caller."""

from __future__ import annotations

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Networks that Python's own tables count as global, but whose traffic may end inside a network.
# Sources: IANA's special-purpose address registries, RFC 3879, RFC 4291, RFC 6052, RFC 8215.
INSIDE = tuple(
    map(
        ipaddress.ip_network,
        (
            "::/96",  # IPv4-compatible addresses, deprecated
            "64:ff9b::/96",  # NAT64
            "64:ff9b:1::/48",  # NAT64 of a single network
            "fec0::/10",  # site-local addresses, deprecated
            "192.0.0.0/24",  # assigned to protocols
            "192.88.99.0/24",  # relays of 6to4, deprecated
        ),
    )
)


def is_public(text: str) -> bool:
    """Return whether an IP address, and every IPv4 address that it carries, is public.

    Raises ``ValueError`` for what is no IP address.
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return _is_global(address.ipv4_mapped)
        carried = [address.sixtofour, *(address.teredo or ())]
        if not all(_is_global(each) for each in carried if each is not None):
            return False
    return _is_global(address)


def _is_global(address: Address) -> bool:
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not any(address in network for network in INSIDE)
    )
