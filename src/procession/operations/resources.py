"""What operations need besides their transaction; built once, in serving/."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from procession.actions.contract import Action
from procession.disk import Reserve
from procession.engine.table_workers import TableWorkers
from procession.model.errors import Unavailable
from procession.operations.home_time import HomeClock
from procession.operations.seen_files import SeenFiles
from procession.store.blobs import Blobs
from procession.store.chunks import Chunks
from procession.store.keyring import Keyring
from procession.store.step_logs import StepLogs

NEARLY_FULL = (
    "nothing was saved: the server's disk is nearly full, and what is left is kept for what is under way; "
    "try again when its operator has made room"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """`url` is our own address;
    `allows_network` says whether steps that ask for the network get it;
    `steady` gives the steady clock's seconds, and None while no server works on this home; `home_clock` says what has
    ended.

    `workers` does the work on tables and looks at files, `trials` runs single steps that are tried,
    `followers` what steps ask for once their ends are on disk; most commands have none. `previews` is what was seen of
    files.
    """

    actions: Mapping[str, Action]
    blobs: Blobs
    chunks: Chunks
    step_logs: StepLogs
    # None keeps a command beside no server from counting hours in which nobody worked.
    steady: Callable[[], float | None]
    home_clock: HomeClock
    # None for commands: an operator makes room with them.
    reserve: Reserve | None = None
    url: str = ""
    allows_network: bool = False
    # A command would start a fork server for one read.
    workers: TableWorkers | None = None
    trials: TableWorkers | None = None
    followers: TableWorkers | None = None
    keyring: Keyring | None = None  # opens the secrets of connections; None where there can be none
    previews: SeenFiles = field(default_factory=SeenFiles)

    def require_room(self) -> None:
        """Before new work and uploads, never before what ends something. Raises Unavailable below the reserve."""
        if self.reserve is None:
            return
        try:
            missing_bytes = self.reserve.missing_bytes()
        except OSError:
            return  # the write itself says what is wrong
        if missing_bytes:
            raise Unavailable(NEARLY_FULL)

    @property
    def table_workers(self) -> TableWorkers:
        """Raises Unavailable where there is none."""
        if self.workers is None:
            raise Unavailable("rows and columns of tables need a server")
        return self.workers

    @property
    def trial_workers(self) -> TableWorkers:
        """Raises Unavailable where there is none."""
        if self.trials is None:
            raise Unavailable("steps cannot be tried here")
        return self.trials
