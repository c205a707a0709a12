"""Dependencies of all handlers: the resources, announcements, limits."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial

from procession.door.limits import Arriving, UserLimits
from procession.door.parsing import Parsing
from procession.door.recent import Recent
from procession.engine.announcements import Announcements
from procession.model.ids import RunId
from procession.operations.resources import Resources
from procession.store.database import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerContext:
    """`hashing` runs what hashes passwords, and bounds how many at a time; `parsing` reads process files;
    `document` gives openapi.json, encoded.

    `look_for_mail` tells whoever sends mail that there is some; None where none is sent.
    """

    resources: Resources
    announcements: Announcements
    upload_bytes_max: int
    limits: UserLimits
    arriving: Arriving
    hashing: Executor
    parsing: Parsing
    document: Callable[[], bytes]
    look_for_mail: Callable[[], None] | None
    recent: Recent = field(default_factory=Recent)  # what several open pages are told

    def announce(self, tx: Transaction, run: RunId | None) -> None:
        """Wakes the run's listeners once this change is durable."""
        if run is not None:
            tx.after_commit(partial(self.announcements.ring, run))
