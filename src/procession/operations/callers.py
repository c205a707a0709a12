"""Who sends an access token. What was proved once holds while the store says that nothing it rests on has changed."""

from __future__ import annotations

import hashlib
from datetime import datetime

from procession.model.errors import Unauthorized
from procession.model.people import Caller, Token, with_implied
from procession.store import applications
from procession.store.database import Transaction

# A bound against clients that fetch a token for each request.
KEPT_MAX = 10_000  # about 2 kB each


class Callers:
    """For any thread. Whatever ends a token or changes a user counts at once, also when another process does it."""

    def __init__(self) -> None:
        # By the hash: a core dump must not hold a token.
        self._kept: dict[bytes, tuple[int, Token, Caller]] = {}

    def authenticate(self, tx: Transaction, token: str, now: datetime) -> Caller:
        """With which scopes, too. Raises Unauthorized."""
        # Read before the token is: what is kept under a state is never older than it.
        digest, state = hashlib.sha256(token.encode()).digest(), applications.proof_state(tx)
        kept = self._kept.get(digest)
        # The expiry is asked here, because time passes without changing any row.
        if kept is not None and kept[0] == state and kept[1].expires_at > now:
            return kept[2]
        found = applications.token(tx, digest.hex(), now)
        if found is None:
            raise Unauthorized("the access token is unknown, expired or revoked; ask for a new one at /oauth/token")
        caller = Caller(user=found.user, scopes=with_implied(found.scopes), until=found.expires_at)
        self._keep(digest, (state, found, caller))
        return caller

    def _keep(self, digest: bytes, proved: tuple[int, Token, Caller]) -> None:
        # Everything at once: an order of use would cost a lock at each request, and filling again is one statement a
        # token.
        if len(self._kept) >= KEPT_MAX:
            self._kept.clear()
        self._kept[digest] = proved
