"""What the handlers of the API are given besides their call: the office, the announcements, limits."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

from procession.door.contract import Call
from procession.engine.announcements import Announcements
from procession.model.ids import RunId
from procession.operations.office import Office


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """`hashing` runs what hashes passwords, and bounds how many at a time; `document` is openapi.json, encoded.

    `look_for_mail` tells whoever sends mail that there is some; None where none is sent.
    """

    office: Office
    announcements: Announcements
    upload_bytes_max: int
    hashing: Executor
    document: bytes
    look_for_mail: Callable[[], None] | None


def announce(call: Call, run: RunId | None) -> None:
    """Once this change is durable, tell those who wait for news of the run."""
    if run is not None:
        call.tx.after_commit(lambda: call.parts.announcements.ring(run))
