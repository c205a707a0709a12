"""Where a step may connect to: every way that is known to say an address of this machine, and what is let through."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procession.actions.reaching import addresses, urls
from procession.actions.reaching.addresses import AddressRefused

INSIDE = [
    *("127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"),  # noqa: S104
    *("100.64.0.1", "169.254.169.254", "169.254.1.1", "192.0.0.8", "192.0.2.1", "198.18.0.1", "198.51.100.7"),
    *("203.0.113.9", "192.88.99.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "168.63.129.16"),
    *("::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1", "2001:db8::1", "2001::1", "3fff::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:7f00:1", "::127.0.0.1", "::ffff:0:127.0.0.1"),
    *(
        "64:ff9b::127.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::10.0.0.1",
        "64:ff9b:1:7f00:0:100:808:808",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
    ),
    *("100::1", "5f00::1", "4000::1", "[::1]", "[::ffff:169.254.169.254]"),
]
SPELLED = [
    *("2130706433", "017700000001", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "127.1", "127.0.1", "0", "10.1"),
    *("0x7f.1", "127.0.0.1.", "0x", "00000177.0.0.1", "3232235777", "1.1", "127.0.0.01", "127.00.0.1"),
]
NO_NAMES = [
    "",
    " ",
    "a b",
    "a\nb",
    "a\0b",
    "a/b",
    "user@host",
    "host:80",
    "fe80::1%lo",
    "fe80::1%25lo",
    "a" * 300,
    "-a",
]


@pytest.mark.parametrize("host", INSIDE)
def test_no_address_of_this_machine_or_its_network_is_let_through(host: str) -> None:
    with pytest.raises(AddressRefused):
        addresses.find(host, 80, private_hosts=False)


@pytest.mark.parametrize("host", SPELLED)
@pytest.mark.parametrize("private_hosts", [True, False])
def test_an_address_that_only_the_c_library_reads_is_refused(host: str, private_hosts: bool) -> None:
    with pytest.raises(AddressRefused, match=r"is no address; write four numbers|private network"):
        addresses.find(host, 80, private_hosts=private_hosts)


@pytest.mark.parametrize("host", NO_NAMES)
def test_what_is_no_name_is_not_looked_up(host: str) -> None:
    with pytest.raises(AddressRefused, match=r"is no name of a host|is no address"):
        addresses.find(host, 80, private_hosts=True)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST"])
def test_a_name_is_judged_by_its_address(host: str) -> None:
    with pytest.raises(AddressRefused, match="an administrator can allow private hosts"):
        addresses.find(host, 80, private_hosts=False)

    assert all(place.address.is_loopback for place in addresses.find(host, 80, private_hosts=True))


@pytest.mark.parametrize(
    "host", ["8.8.8.8", "2606:4700::1111", "[2606:4700::1111]", "64:ff9b::8.8.8.8", "2002:808:808::1"]
)
def test_public_addresses_are_let_through(host: str) -> None:
    [place] = addresses.find(host, 443, private_hosts=False)

    assert place.address == ip_address(host.strip("[]"))


@pytest.mark.parametrize(
    "host",
    [
        *("169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::169.254.169.254", "fd00:ec2::254", "100.100.100.200"),
        *("168.63.129.16", "224.0.0.1", "ff02::1", "0.0.0.0", "::", "255.255.255.255", "169.254.170.2"),  # noqa: S104
        *("169.254.170.23", "fd00:ec2::23", "fd20:ce::254", "192.0.0.192", "64:ff9b:1::a9fe:a9fe"),
    ],
)
def test_what_gives_credentials_of_the_machine_or_has_many_receivers_is_refused_to_everybody(host: str) -> None:
    with pytest.raises(AddressRefused, match=r"is no address that a step may connect to"):
        addresses.find(host, 80, private_hosts=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "10.1.2.3", "192.168.0.1", "fd00::1", "169.254.1.1"])
def test_an_administrator_can_allow_the_rest(host: str) -> None:
    assert [str(place.address) for place in addresses.find(host, 80, private_hosts=True)] == [host]


@given(number=st.integers(0, 2**32 - 1))
def test_an_address_within_another_is_judged_like_itself(number: int) -> None:
    plain = IPv4Address(number)

    for written in (f"::ffff:{plain}", f"64:ff9b::{plain}", str(IPv6Address(0x2002 << 112 | number << 80 | 1))):
        for private_hosts in (True, False):
            inner = addresses.is_allowed(plain, private_hosts=private_hosts)
            assert addresses.is_allowed(IPv6Address(written), private_hosts=private_hosts) == inner


@given(number=st.integers(0, 2**128 - 1))
def test_what_python_calls_private_is_never_public_here(number: int) -> None:
    address = IPv6Address(number)

    if address.is_private or address.is_link_local or address.is_multicast or address.is_loopback:
        assert not addresses.is_public(address)


def test_a_name_of_many_addresses_is_connected_to_by_those_that_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that means something public and something private: a resolver of the test's own, in the C library's place."""
    answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 80)) for one in ("10.0.0.1", "8.8.8.8", "8.8.8.8")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers)

    assert [str(one.address) for one in addresses.find("both.example", 80, private_hosts=False)] == ["8.8.8.8"]


def test_a_name_that_means_something_else_the_second_time_is_connected_to_as_it_was_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """DNS rebinding: the first answer is checked, and nobody asks again."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port, asked = server.getsockname()[1], list[str]()

        def answer(name: str, *_: object, **__: object) -> list[object]:
            asked.append(name)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1" if len(asked) == 1 else "10.9.9.9", port))]

        with monkeypatch.context() as patched:
            patched.setattr(socket, "getaddrinfo", answer)
            places = addresses.find("turns.example", port, private_hosts=True)
        with addresses.connect(places, seconds_max=5) as made:
            peer = made.getpeername()[0]

    assert (asked, peer) == (["turns.example"], "127.0.0.1")


def test_a_name_that_nobody_has_is_told() -> None:
    with pytest.raises(AddressRefused, match=r"the address of nobody\.invalid cannot be found"):
        addresses.find("nobody.invalid", 80, private_hosts=False)


def test_a_port_that_nobody_listens_at_is_an_error_of_the_system() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        addresses.connect(addresses.find("127.0.0.1", port, private_hosts=True), seconds_max=5)


def test_libraries_that_connect_by_themselves_get_addresses() -> None:
    assert list(addresses.reachable("127.0.0.1", 5432, private_hosts=True)) == [("127.0.0.1", 5432)]


def test_a_name_of_other_letters_is_looked_up_by_the_newer_rules() -> None:
    assert urls.parse("https://faß.de/x").host == "xn--fa-hia.de"
