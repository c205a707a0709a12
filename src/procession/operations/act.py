"""Who acts, when and where, in which transaction: the first argument of an operation."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from procession.model.people import Caller
    from procession.operations.resources import Resources
    from procession.store.database import Transaction


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """`now` is one moment for all that one act writes."""

    tx: Transaction
    # As they are in this transaction: read again in it, whatever was true when the request came.
    caller: Caller
    now: datetime
    resources: Resources

    @property
    def author(self) -> str:
        """The login name that stands beside what the act changes."""
        return self.caller.user.login
