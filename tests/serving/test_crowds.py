"""How many connections may be open, and who gives way."""

from __future__ import annotations

import ipaddress

import pytest

from procession import config
from procession.serving import connections
from procession.serving.connections import Connections, Room

ROOM = Room(most=8, most_of_address=4, crowds=(ipaddress.ip_network("10.9.0.0/16"),))


class Held:
    def __init__(self, *, is_idle: bool = False) -> None:
        self._is_idle = is_idle
        self.has_ended = False

    def is_waiting(self) -> bool:
        return self._is_idle

    def give_way(self) -> None:
        self.has_ended = True


def fill(everybody: Connections, address: str, count: int, *, is_idle: bool = False) -> list[Held]:
    made = [Held(is_idle=is_idle) for _ in range(count)]
    assert [everybody.enter(one, address, 0.0) for one in made] == [None] * count
    return made


def test_an_address_has_so_many_and_others_still_get_in() -> None:
    everybody = Connections(room=ROOM)
    fill(everybody, "192.0.2.1", 4)

    assert "one address" in str(everybody.enter(Held(), "192.0.2.1", 0.0))
    assert everybody.enter(Held(), "192.0.2.2", 0.0) is None


def test_a_network_of_ipv6_is_one_address() -> None:
    everybody = Connections(room=ROOM)
    for number in range(4):
        assert everybody.enter(Held(), f"2001:db8::{number + 1}", 0.0) is None

    assert everybody.enter(Held(), "2001:db8::ffff", 0.0)
    assert everybody.enter(Held(), "2001:db8:0:1::1", 0.0) is None


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.9.1.1"])
def test_this_machine_and_trusted_proxies_leave_a_quarter(address: str) -> None:
    everybody = Connections(room=ROOM)
    fill(everybody, address, 6)

    assert everybody.enter(Held(), address, 0.0)
    assert everybody.enter(Held(), "192.0.2.1", 0.0) is None


def test_an_idle_connection_of_whoever_has_most_gives_way() -> None:
    everybody = Connections(room=ROOM)
    few = fill(everybody, "192.0.2.1", 3, is_idle=True)
    many = fill(everybody, "127.0.0.1", 5, is_idle=True)

    assert everybody.enter(Held(), "192.0.2.2", 0.0) is None
    assert [one.has_ended for one in few + many] == [False] * 3 + [True] + [False] * 4


def test_a_full_server_refuses_and_takes_again_what_has_left() -> None:
    everybody = Connections(room=ROOM)
    first = fill(everybody, "192.0.2.1", 4)[0]
    fill(everybody, "192.0.2.2", 4)

    assert "as it can hold" in str(everybody.enter(Held(), "192.0.2.3", 0.0))
    everybody.leave(first)
    everybody.leave(first)
    assert everybody.enter(Held(), "192.0.2.3", 0.0) is None


@pytest.mark.parametrize(("files", "most"), [(1_024, 256), (20_000, 4_096), (-1, 4_096), (64, 64)])
def test_there_are_no_more_than_files_for_them(files: int, most: int) -> None:
    found = connections.room(config.read({}), files)

    assert (found.most, found.most_of_address) == (most, min(most, 256))
