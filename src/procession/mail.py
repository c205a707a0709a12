"""The mail that a server sends, if it has a mail server."""

from __future__ import annotations

from functools import partial

from procession.clock import Clock
from procession.config import Settings
from procession.loops import TickLoop
from procession.operations import letters
from procession.operations.home_time import HomeClock
from procession.store.database import Database

REST_SECONDS = 5.0  # between two looks for mail that a command has left, or that is due again


def loop(
    settings: Settings, database: Database, clock: Clock, home_clock: HomeClock, *, address: str
) -> TickLoop | None:
    """The loop that sends mail; None if no mail is sent. Mail interrupted by the server's end is sent again."""
    found = sending(settings, database, clock, home_clock, address=address)
    return None if found is None else TickLoop("mail", partial(letters.tick, found), rest_seconds=REST_SECONDS)


def sending(
    settings: Settings, database: Database, clock: Clock, home_clock: HomeClock, *, address: str
) -> letters.Sending | None:
    """Settings for sending; None without a mail server. `address`: for links if no public URL is set."""
    server = settings.smtp
    if server is None:
        return None
    from procession import smtp

    return letters.Sending(
        database=database,
        send=partial(smtp.send, server),
        public_url=settings.public_url or address,
        clock=clock.now,
        home_clock=home_clock,
    )
