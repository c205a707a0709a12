"""What operations need besides their transaction; built once, by whoever puts the program together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from procession.actions.contract import Action
from procession.engine.options import log_path
from procession.engine.workbench import Workbench
from procession.model.errors import Unavailable
from procession.store.blobs import Blobs
from procession.store.chunks import Chunks


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """`logs` is the folder of step logs; `url` is our own address;
    `allows_network` says whether steps that ask for the network get it;
    `steady` gives the steady clock's seconds, and None while no server works on this home.

    `workbench` does the work on tables; commands have none.
    """

    actions: Mapping[str, Action]
    blobs: Blobs
    chunks: Chunks
    logs: Path
    steady: Callable[[], float | None]
    url: str = ""
    allows_network: bool = False
    workbench: Workbench | None = None

    @property
    def bench(self) -> Workbench:
        """Raises Unavailable where there is none."""
        if self.workbench is None:
            raise Unavailable("rows and columns of tables need a server")
        return self.workbench

    def log_path(self, step_attempt: int) -> Path:
        """Where the attempt with this row id writes its log."""
        return log_path(self.logs, step_attempt)
