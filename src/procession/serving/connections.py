"""How many connections may be open, in all and of one address; who gives way where all are taken."""

from __future__ import annotations

import ipaddress
import logging
import resource
from dataclasses import dataclass, field
from typing import Protocol

from procession.config import Settings
from procession.door import addresses

log = logging.getLogger(__name__)

# What the server opens besides: the database, the files of steps, its processes, downloads under way.
FILES_KEPT = 512
CONNECTIONS_LEAST = 64
# This machine and trusted proxies ask for many: they may take all but this share.
SHARE_LEFT = 4
LOGGED_EVERY_SECONDS = 10.0  # refusals come by the thousand


class OpenConnection(Protocol):
    """A connection as it is counted."""

    def is_waiting(self) -> bool:
        """Its client keeps us waiting: for a request, or for the rest of one."""

    def give_way(self) -> None:
        """Ends at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """For how many connections."""

    most: int
    most_of_address: int
    crowds: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()  # addresses that ask for many

    def of(self, address: str) -> int:
        """How many connections it may have."""
        try:
            known = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return self.most_of_address
        known = getattr(known, "ipv4_mapped", None) or known
        if known.is_loopback or any(known in network for network in self.crowds):
            return self.most - self.most // SHARE_LEFT
        return self.most_of_address


def raise_open_files() -> int:
    """As many open files as the system lets us have; gives how many. What steps may open is limited apart."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def room(settings: Settings, open_files: int) -> Room:
    """By the settings, or fewer where there are not enough files: a request may open one besides its connection."""
    fitting = max(CONNECTIONS_LEAST, (open_files - FILES_KEPT) // 2)
    most = settings.connections_max if open_files < 0 else min(settings.connections_max, fitting)
    proxies = tuple(ipaddress.ip_network(part) for part in settings.trusted_proxies.split(",") if part)
    return Room(most=most, most_of_address=min(most, settings.connections_of_address_max), crowds=proxies)


@dataclass(slots=True)
class Connections:
    """All that are open, by sender. Of the event loop alone."""

    room: Room
    refused: set[object] = field(default_factory=set)  # which are still being told so
    _by_sender: dict[str, dict[OpenConnection, None]] = field(default_factory=dict)  # oldest first
    _senders: dict[OpenConnection, str] = field(default_factory=dict)
    _refusals: int = 0
    _logged_at: float | None = None

    def enter(self, connection: OpenConnection, address: str, now: float) -> str | None:
        """None when it may stay, else why not. When all are taken, one that is idle gives way."""
        sender = addresses.sender(address)
        if len(self._by_sender.get(sender, ())) >= self.room.of(address) and not self._end_idle(sender):
            self._count_refusal(now, sender)
            return f"{sender} has as many connections as one address may have"
        if len(self._senders) >= self.room.most and not self._end_idle(self._largest()):
            self._count_refusal(now, sender)
            return "the server has as many connections as it can hold"
        self._by_sender.setdefault(sender, {})[connection] = None
        self._senders[connection] = sender
        return None

    def leave(self, connection: OpenConnection) -> None:
        """Also what never entered, or has left."""
        sender = self._senders.pop(connection, None)
        if sender is not None:
            held = self._by_sender[sender]
            del held[connection]
            if not held:
                del self._by_sender[sender]

    def _largest(self) -> str:
        return max(self._by_sender, key=self._count)

    def _count(self, sender: str) -> int:
        return len(self._by_sender[sender])

    def _end_idle(self, sender: str) -> bool:
        """HTTP lets a server end a connection between two requests (RFC 9112 section 9.5)."""
        for connection in self._by_sender[sender]:
            if connection.is_waiting():
                self.leave(connection)
                connection.give_way()
                return True
        return False

    def _count_refusal(self, now: float, sender: str) -> None:
        self._refusals += 1
        if self._logged_at is None or now - self._logged_at >= LOGGED_EVERY_SECONDS:
            log.warning(
                "connections refused", extra={"refused": self._refusals, "open": len(self._senders), "of": sender}
            )
            self._refusals, self._logged_at = 0, now
