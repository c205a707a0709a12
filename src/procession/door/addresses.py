"""Which addresses count as one sender, for limits by address."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

# RFC 6177: the least that a household gets. Whoever has one address of it has 2**64.
V6_PREFIX_BITS = 64


@lru_cache(maxsize=4_096)
def sender(address: str) -> str:
    """The address of IPv4, also where it is written as one of IPv6; the network of IPv6; anything else as it is."""
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(known, ipaddress.IPv6Address):
        if known.ipv4_mapped is None:
            return str(ipaddress.ip_network((known, V6_PREFIX_BITS), strict=False))
        known = known.ipv4_mapped
    return str(known)
