"""Which addresses a step may connect to: names are looked up once, and the address that was checked is connected to.

So no name that means another address a moment later, and no spelling of an address, leads into this machine or its
network. trust.md, rule 7. Every action that reaches outside goes this way, and no library looks a name up by itself.
"""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from procession.actions.problems import Problem
from procession.actions.reaching import host_names

ADDRESSES_MAX = 16  # of a name
NAME_SECONDS_MAX = 15.0  # to look a name up

IPAddress = IPv4Address | IPv6Address

# Written out and not asked of `ipaddress`, whose answers differ between releases of Python (CVE-2024-4032).
# Source: the special-purpose registries of IANA, RFC 6890.
_PRIVATE_4 = tuple(
    map(
        IPv4Network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
            *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24"),
            *("203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        ),
    )
)
# Of IPv6 only this part is given to anybody, and of it not these.
_GIVEN_6 = IPv6Network("2000::/3")
_PRIVATE_6 = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "3fff::/20")))
# Addresses that hold one of IPv4, and at which bit from the right it begins: whoever translates connects to that.
_HOLDING_4 = (
    (IPv6Network("::ffff:0:0/96"), 0),
    (IPv6Network("::/96"), 0),
    (IPv6Network("::ffff:0:0:0/96"), 0),  # SIIT, RFC 7915
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64, RFC 6052
    (IPv6Network("64:ff9b:1::/48"), 0),  # the same within a network, RFC 8215
    (IPv6Network("2002::/16"), 80),  # 6to4
)
# Where in it the other address lies is for its network to say: no answer to whether that one is public can be trusted.
_OF_A_NETWORK = IPv6Network("64:ff9b:1::/48")
# Where clouds give the credentials of the machine to whoever asks it: nobody's business, whoever allows what.
_METADATA = frozenset(
    map(
        ip_address,
        (
            *("169.254.169.254", "169.254.170.2", "169.254.170.23", "fd00:ec2::254", "fd00:ec2::23"),  # Amazon
            *("100.100.100.200", "168.63.129.16", "192.0.0.192", "169.254.0.23"),  # Alibaba, Azure, Oracle, Tencent
            *("fd20:ce::254", "fe80::a9fe:a9fe"),  # Google, OpenStack
        ),
    )
)
# Addresses as only the C library reads them: 2130706433, 0x7f.1, 0177.0.0.1, 127.1.
_NUMERIC = re.compile(r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+))*\.?", re.IGNORECASE)
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_.])?", re.IGNORECASE)


class AddressRefused(Problem):
    """It may not be connected to, or there is nothing to connect to; complete, in the user's words."""


@dataclass(frozen=True, slots=True)
class CheckedAddress:
    """An address that was checked; `host` is the name it was found by, for certificates and messages."""

    host: str
    address: IPAddress
    port: int


def find(host: str, port: int, *, private_hosts: bool) -> tuple[CheckedAddress, ...]:
    """The addresses of a host that a step may connect to, at least one. Raises AddressRefused.

    Unless `private_hosts`, none of this machine, of a private network or of a link; never one for many receivers.
    """
    # As options and addresses of the web have those of IPv6.
    name = host.removeprefix("[").removesuffix("]")
    found = tuple(dict.fromkeys(_look_up(name, port)))[:ADDRESSES_MAX]
    allowed = tuple(CheckedAddress(name, one, port) for one in found if is_allowed(one, private_hosts=private_hosts))
    if allowed:
        return allowed
    if any(is_allowed(one, private_hosts=True) for one in found):
        raise AddressRefused(
            f"{name} is an address of this machine or of a private network ({found[0]}); an administrator can allow"
            " private hosts to the connection"
        )
    raise AddressRefused(f"{name} is no address that a step may connect to ({found[0]})")


def is_allowed(address: IPAddress, *, private_hosts: bool) -> bool:
    if address in _OF_A_NETWORK and not private_hosts:
        return False
    inner = _held(address)
    if inner is not None:
        return is_allowed(inner, private_hosts=private_hosts)
    if address in _METADATA or address.is_multicast or address.is_unspecified or address == IPv4Address(2**32 - 1):
        return False
    return private_hosts or is_public(address)


def is_public(address: IPAddress) -> bool:
    """Whether it is an address that anybody on the Internet may have."""
    inner = _held(address)
    if inner is not None:
        return address not in _OF_A_NETWORK and is_public(inner)
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _PRIVATE_4) and address not in _METADATA
    return address in _GIVEN_6 and not any(address in network for network in _PRIVATE_6)


def _held(address: IPAddress) -> IPv4Address | None:
    if isinstance(address, IPv4Address) or address in (IPv6Address("::"), IPv6Address("::1")):
        return None
    for network, shift in _HOLDING_4:
        if address in network:
            return IPv4Address(int(address) >> shift & 0xFFFFFFFF)
    return None


def _look_up(name: str, port: int) -> list[IPAddress]:
    with suppress(ValueError):
        # With a zone ("fe80::1%eth0") it is an address of a link, and of one machine's names for them.
        if "%" not in name:
            return [ip_address(name)]
    if _NUMERIC.fullmatch(name):
        raise AddressRefused(f'"{name}" is no address; write four numbers, such as 192.0.2.1')
    try:
        # As certificates have it. What has no such form is no name of a host.
        ascii_name = host_names.as_ascii(name)
    except UnicodeError:
        ascii_name = ""
    if not _NAME.fullmatch(ascii_name):
        raise AddressRefused(f'"{name}" is no name of a host')
    return _ask(ascii_name, port)


def _ask(name: str, port: int) -> list[IPAddress]:
    """The resolver of the system, which has no limit of time of its own."""
    answers: list[IPAddress] = []
    errors: list[OSError] = []

    def ask() -> None:
        try:
            found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
            answers.extend(ip_address(str(one[4][0]).partition("%")[0]) for one in found)
        except OSError as error:
            errors.append(error)

    # Given up, it goes on until the resolver answers; the process of one attempt ends before that matters.
    thread = threading.Thread(target=ask, name="resolver", daemon=True)
    thread.start()
    thread.join(NAME_SECONDS_MAX)
    if answers:
        return answers
    why = errors[0].strerror or str(errors[0]) if errors else f"no answer within {NAME_SECONDS_MAX:g} s"
    raise AddressRefused(f"the address of {name} cannot be found ({why})")


def connect(places: tuple[CheckedAddress, ...], *, seconds_max: float) -> socket.socket:
    """A connection to the first that takes it, within the time in all. Raises OSError of the last."""
    end_at, last = time.monotonic() + seconds_max, OSError("nobody answers")
    for place in places:
        left = end_at - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"no answer within {seconds_max:g} s")
        try:
            return socket.create_connection((str(place.address), place.port), timeout=left)
        except OSError as error:
            last = error
    raise last


def reachable(host: str, port: int, *, private_hosts: bool) -> Iterator[tuple[str, int]]:
    """Addresses and ports as texts, for libraries that connect by themselves: give them these, and never the name."""
    for place in find(host, port, private_hosts=private_hosts):
        yield str(place.address), place.port
