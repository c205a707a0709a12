"""The engine's settings and dependencies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from procession.actions.contract import Action
from procession.clock import Clock
from procession.engine.announcements import Announcements
from procession.engine.isolation.contract import Isolation, Limits
from procession.engine.step_approvals import StepApprovals
from procession.engine.step_connections import StepConnections
from procession.engine.step_runs import StepRuns
from procession.engine.step_tables import StepTables
from procession.shortages import PATIENCE_SECONDS, REST_SECONDS
from procession.store.blobs import Blobs
from procession.store.database import Database
from procession.store.identity import AttemptHomes
from procession.store.step_logs import StepLogs


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What one step may take of the disk, and how much room steps leave there for the server."""

    step_bytes_max: int = 8 * 2**30
    step_files_max: int = 100_000
    free_bytes_min: int = 512 * 2**20  # or a twentieth of a smaller disk


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """Limits of one engine; all times in seconds."""

    workers_max: int = 16  # concurrent steps
    runs_max: int = 64  # active runs; the others wait in the store
    user_steps_max: int = 1_024  # concurrent steps of one user; further ones wait for a turn
    user_runs_max: int = 1_024  # active runs of one user; further ones wait in the store
    grace_seconds: float = 5.0  # between TERM and KILL
    beat_seconds: float = 1.0  # the most of a run's duration that a crash may lose
    scan_seconds: float = 5.0  # how soon a lost announcement is made up for
    progress_seconds: float = 0.25  # shortest time between writes of a step's progress
    short_seconds: float = REST_SECONDS  # wait before a retry after a shortage
    patience_seconds: float = PATIENCE_SECONDS  # how long a step waits out a shortage before it fails
    public_url: str = ""  # where users reach the server, for links; "": it has no such address
    limits: Limits = field(default_factory=Limits)
    quota: Quota = field(default_factory=Quota)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineResources:
    """What the engine works with; serving/ builds it."""

    database: Database
    blobs: Blobs
    isolation: Isolation
    actions: Mapping[str, Action]
    announcements: Announcements
    clock: Clock
    work: Path  # folders of attempts under way
    step_logs: StepLogs
    homes: AttemptHomes
    settings: EngineSettings
    tables: StepTables | None = None  # None: no step may name one
    connections: StepConnections | None = None  # the same
    approvals: StepApprovals | None = None  # None: no step may ask people
    child_runs: StepRuns | None = None  # None: no step may start a run
