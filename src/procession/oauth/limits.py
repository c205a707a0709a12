"""How often somebody may try to sign in: an attempt is counted before it is made, and forgiven when it succeeds."""

from __future__ import annotations

import unicodedata
from datetime import datetime

from procession.door import addresses
from procession.door.limits import KEY_CHARACTERS_MAX, Counter, Limit
from procession.model.errors import TooMany
from procession.model.ids import UserId

# A password of 12 characters holds out against 960 guesses a day, and nobody is locked out for long.
SIGN_INS_OF_ACCOUNT = Limit(most=10, seconds=900)
# Several people behind one router mistype, too.
SIGN_INS_OF_ADDRESS = Limit(most=50, seconds=900)
# Of one browser in which the user has signed in before. It is counted apart: whoever guesses from elsewhere uses up the
# guesses of everybody else, and does not lock the user out.
SIGN_INS_OF_BROWSER = Limit(most=10, seconds=900)
# A secret of 256 bits cannot be guessed: this ends the noise of a script with an old one. By address too, so that
# nobody locks out somebody else's script.
FAILURES_OF_CLIENT = Limit(most=20, seconds=300)
# An address that tries many clients.
FAILURES_OF_ADDRESS = Limit(most=100, seconds=300)
# A script asks once an hour; ten a second for a minute is a script that forgets its token.
REQUESTS_OF_CLIENT = Limit(most=600, seconds=60)


def account(user: UserId | None, name: str) -> str:
    """What attempts are counted by: the user, whose login and email are two names of one; a stranger's name as read."""
    if user is not None:
        return str(user)
    # With a blank in front: nobody's name is the id of a user.
    return " " + unicodedata.normalize("NFKC", name[:KEY_CHARACTERS_MAX]).strip().casefold()


class OAuthLimits:
    """All limits of the door."""

    def __init__(self) -> None:
        self._accounts = Counter(SIGN_INS_OF_ACCOUNT)
        self._addresses = Counter(SIGN_INS_OF_ADDRESS)
        self._browsers = Counter(SIGN_INS_OF_BROWSER)
        self._clients = Counter(FAILURES_OF_CLIENT)
        self._client_addresses = Counter(FAILURES_OF_ADDRESS)
        self._requests = Counter(REQUESTS_OF_CLIENT)

    def admit_sign_in(self, account: str, address: str, now: datetime, *, mark: str = "") -> None:
        """`account` is as account() gives it; `mark` of a browser in which the user has signed in. Raises TooMany."""
        self._admit(self._counters(account, address, mark), now)

    def forgive_sign_in(self, account: str, address: str, *, mark: str = "") -> None:
        for counter, key in self._counters(account, address, mark):
            counter.forgive(key)

    def admit_trip(self, address: str, now: datetime) -> None:
        """A sign-in that somebody else vouches for: each costs a request to them. Raises TooMany."""
        self._admit(((self._addresses, addresses.sender(address)),), now)

    def forgive_trip(self, address: str) -> None:
        self._addresses.forgive(addresses.sender(address))

    def _counters(self, account: str, address: str, mark: str) -> tuple[tuple[Counter, str], ...]:
        if mark:
            return ((self._browsers, f"{account} {mark}"),)
        # The address first, so that one address uses up the guesses of few accounts.
        return ((self._addresses, addresses.sender(address)), (self._accounts, account))

    def admit_client(self, client_id: str, address: str, now: datetime) -> None:
        """Raises TooMany."""
        # With the address: whoever knows a client_id must not be able to stop its script.
        address = addresses.sender(address)
        key = f"{client_id[:100]} {address}"
        self._admit(((self._requests, key), (self._client_addresses, address), (self._clients, key)), now)

    def forgive_client(self, client_id: str, address: str) -> None:
        """The request stays counted, the failure does not."""
        address = addresses.sender(address)
        self._client_addresses.forgive(address)
        self._clients.forgive(f"{client_id[:100]} {address}")

    def _admit(self, counters: tuple[tuple[Counter, str], ...], now: datetime) -> None:
        for counter, key in counters:
            seconds = counter.take(key, now)
            if seconds:
                raise TooMany(f"too many attempts; try again in {seconds} s", seconds=seconds)
