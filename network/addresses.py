"""Addresses of the public Internet: what may be fetched on behalf of a caller."""

from __future__ import annotations

import ipaddress

import httpx

# Ports of web servers; others belong to services that a request may harm.
WEB_PORTS = (80, 443, 8080, 8443)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

MOST_PORT = 65_535

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


def read_url(text: str, base: httpx.URL | None = None) -> httpx.URL:
    """Return the URL in ``text``, which may be relative to ``base``.

    Raises ``ValueError`` also for an encoded host or a port that cannot exist: ``httpx.URL``
    reads the first only when it is used, and never checks the second.
    """
    try:
        url = httpx.URL(text) if base is None else base.join(text)
    except httpx.InvalidURL as error:
        raise ValueError(str(error)) from error
    if url.host and url.port is not None and not 0 < url.port <= MOST_PORT:
        raise ValueError(f"there is no port {url.port}")
    return url


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
