"""The port between the engine and stored connections: what a step that reaches outside is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from procession.actions.contract import ConnectionInput
from procession.model.people import User
from procession.model.runs import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionUse:
    """A step that is about to get its job, and the connection that its settings name."""

    name: str
    kinds: frozenset[str]  # those that its action can use
    run: Run  # its process and version say who published the step
    user: User  # who started the run


class StepConnections(Protocol):
    def open(self, use: ConnectionUse) -> ConnectionInput:
        """The connection with its secrets decrypted, as it is now: once an attempt, right before its job is sent.

        Called by the engine's thread, outside any transaction: it may read, and must not wait. What it gives is never
        written. Raises Invalid, in the user's words, where there is no such connection, where it is of none of these
        kinds, or where neither who published the step nor who started the run may use it now; Unavailable and
        OSError where it may be tried again.
        """
