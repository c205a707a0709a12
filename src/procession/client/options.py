"""Options of the client; the defaults suit a script on another machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

from procession.client.timing import SystemTiming, Timing


class RestartWishes(TypedDict, total=False):
    """What a restart may be asked for.

    `release` are keys or ids of `once` steps that may happen a second time. `latest`: go on with the newest version of
    the process. `latest_tables`: read the present versions of tables, not those that the steps have read before.
    """

    reason: str | None
    release: Sequence[str]
    latest: bool
    latest_tables: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Times are seconds.

    `scope` None asks for all that the application has. `ca_file` is a PEM of the authorities to trust instead of the
    usual ones. `on_refresh_token` is told each new refresh token, because the one before it is used up.
    """

    scope: str | None = None
    ca_file: Path | None = None
    connect_seconds: float = 10.0
    read_seconds: float = 60.0  # for the next bytes of an answer, not for all of it
    write_seconds: float = 60.0
    attempts_max: int = 6  # with the back-off below: about 15 s without the server
    backoff_seconds: float = 0.5  # before the second attempt; doubled each time
    backoff_seconds_max: float = 20.0
    retry_after_seconds_max: float = 120.0  # a server that asks for more gets no further attempt
    # Kept out of repr(): options end up in logs.
    on_refresh_token: Callable[[str], None] | None = field(default=None, repr=False)
    timing: Timing = field(default_factory=SystemTiming, repr=False)

    def backoff(self, attempt: int) -> float:
        """Seconds to wait after the attempt with this number, from 1."""
        # With jitter, or all clients of a server that restarts come back in the same second.
        return min(self.backoff_seconds * 2.0 ** (attempt - 1), self.backoff_seconds_max) * self.timing.jitter()
